"""The files in a table's folder: what is stored, and the orphans among it, which the table does not need."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vendas.errors import UpkeepError
from vendas.lake.metadata_files import HINT
from vendas.lake.table_reader import NamedFiles, named_files
from vendas.landing.s3_objects import list_below
from vendas.storage import Location, S3Path, client

_CHECKSUMS = re.compile(r"\.(.+)\.crc")  # Hadoop's name for the checksums of a file beside it


@dataclass(frozen=True)
class StoredFile:
    """A file of a table's folder, its size in bytes, and when it was written."""

    place: Location
    size: int
    written: datetime


def stored_files(folder: Location) -> Iterator[StoredFile]:
    """List all files of a table's folder, at any depth."""
    if isinstance(folder, S3Path):
        yield from (StoredFile(*found) for found in list_below(client("s3"), folder))
        return
    for path in folder.rglob("*"):
        if path.is_file():
            facts = path.stat()
            yield StoredFile(path, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))


def delete_orphans(lake: Location, table: str, oldest: datetime) -> None:
    """Delete the files written before `oldest` that the table does not name; the caller holds the lake.

    Iceberg's action compares the same two lists in jobs of Spark, which take a small table a second. That a file is
    missing stops the upkeep: a path that is written in two ways would look like a missing file and an orphan. Of hidden
    files only checksums are deleted: version 0.1.0 wrote them, and nobody deletes them with the file that they are of.
    Raises: UpkeepError if a file that a snapshot names is not there; then nothing is deleted.
    """
    named = named_files(lake, table)  # first: a file that another program adds from now on is not old enough
    stored = {file.place: file for file in stored_files(lake / table)}
    if lost := named.by_snapshots - stored.keys():
        raise UpkeepError(
            f"The table in {lake / table} needs {len(lost)} files that are not there, {min(map(str, lost))} for one.\n"
            "Put them back from a copy. No file of the table's was deleted."
        )
    for place, file in stored.items():
        if file.written < oldest and _is_orphan(place, named):
            place.unlink()


def _is_orphan(place: Location, named: NamedFiles) -> bool:
    if not place.name.startswith("."):
        return place not in named.all and place.name != HINT
    checked = _CHECKSUMS.fullmatch(place.name)
    return isinstance(place, Path) and checked is not None and place.with_name(checked[1]) not in named.all
