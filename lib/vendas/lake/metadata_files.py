"""The metadata files of a table in a folder, by Iceberg's layout for Hadoop: the highest version is the table."""

from pathlib import Path

HINT = "version-hint.text"  # which version is the current one, or a little older


def current_metadata(folder: Path) -> Path | None:
    """Return the newest metadata file of a table's folder of metadata. The hint can lag; old versions are deleted."""
    return max(folder.glob("v[0-9]*.metadata.json"), key=version_of, default=None)


def version_of(metadata: Path) -> int:
    """Return the version that a metadata file is of; other programs can compress it, as `v7.gz.metadata.json`."""
    return int(metadata.name.removeprefix("v").partition(".")[0])
