"""The bronze files whose content was changed to erase a person, so that it no longer is the content that named them."""

import json
from pathlib import Path

PRIVACY = "privacy"  # the folder in a lake with what is kept of erased people
LINES = f"{PRIVACY}/lines.json"  # by bronze file and line a hash of the values that stood there


def anonymized_files(lake: Path) -> dict[str, dict[str, str]]:
    """Return by bronze file and line the hash of the values that the token replaced; lines are texts."""
    path = lake / LINES
    return json.loads(path.read_bytes()) if path.exists() else {}


def is_anonymized(path: Path) -> bool:
    """Return whether this bronze file exists and its content was changed to erase a person."""
    return path.exists() and path.name in anonymized_files(path.parent.parent)
