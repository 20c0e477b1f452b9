"""The location of files that the package uses but Python does not import: SQL and notebooks."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parents[1]


def folder(name: str) -> Path:
    """Return the folder `sql` or `notebooks`: inside the package (wheel), else beside lib/ (editable install)."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else REPOSITORY / name
