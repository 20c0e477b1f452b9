"""The metadata files of a table in a folder, by Iceberg's layout for Hadoop: the highest version is the table."""

import re
from pathlib import Path

HINT = "version-hint.text"  # which version is the current one, or a little older
_NAME = re.compile(r"v(\d+)(\.gz)?\.metadata\.json")  # other programs can compress a version


def current_metadata(folder: Path) -> Path | None:
    """Return the newest metadata file of a table's folder of metadata. The hint can lag; old versions are deleted."""
    versions = (path for path in folder.glob("v*.metadata.json") if _NAME.fullmatch(path.name))
    return max(versions, key=version_of, default=None)


def version_of(metadata: Path) -> int:
    """Return the version that a metadata file is of."""
    return int(metadata.name.removeprefix("v").partition(".")[0])
