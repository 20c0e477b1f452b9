"""The catalog of the lake's tables: the folder itself, or the Glue Data Catalog's database for a lake in S3.

A folder has Iceberg's layout for Hadoop, so that Spark, Trino and others open the same tables: the highest
`metadata/vN.metadata.json` is the table, and a commit is the creation of the next one.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationError
from pyiceberg.io import PY_IO_IMPL
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table import CommitTableResponse, Table
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.table.update import AddSnapshotUpdate, TableRequirement, TableUpdate, update_table_metadata
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

from vendas.errors import VendasError
from vendas.lake.file_io import LakeFileIO
from vendas.lake.metadata_files import HINT, current_metadata, version_of
from vendas.storage import Location, S3Lake, as_folder, client, location as location_of, sync

_FILE_IO = {PY_IO_IMPL: f"{LakeFileIO.__module__}.{LakeFileIO.__name__}"}


class FolderCatalog(NoopCatalog):
    """The tables of a lake in a folder, each named by its own folder's name."""

    def __init__(self, lake: Path):
        super().__init__("lago", **_FILE_IO)
        self._lake = lake

    def load_table(self, identifier: str | Identifier) -> Table:
        """Return the table as it is now.

        Raises: NoSuchTableError if there is none; VendasError if its newest metadata file is damaged.
        """
        (name,) = self.identifier_to_tuple(identifier)
        folder, io = self._lake / name / "metadata", LakeFileIO()
        while found := current_metadata(folder):
            try:
                metadata = FromInputFile.table_metadata(io.new_input(str(found)))
            except FileNotFoundError:  # upkeep may have just deleted it; a newer version exists then
                if found == current_metadata(folder):
                    raise
            except (ValueError, ValidationError) as error:
                raise _damaged(found) from error
            else:
                return Table((name,), metadata, str(found), io, self)
        raise NoSuchTableError(f"{self._lake} has no table {name}")

    def create_table(
        self,
        identifier: str | Identifier,
        schema: Schema,
        location: str | None = None,
        partition_spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC,
        sort_order: SortOrder = UNSORTED_SORT_ORDER,
        properties: Properties = EMPTY_DICT,
    ) -> Table:
        """Create a table. Raises: CommitFailedException if another process has just created it."""
        (name,) = self.identifier_to_tuple(identifier)
        place = str(self._lake / name)
        metadata = new_table_metadata(schema, partition_spec, sort_order, place, dict(properties))
        return Table((name,), metadata, self._publish(name, metadata, None), LakeFileIO(), self)

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Apply updates to the table as it is now, if it meets the requirements.

        Its times are never before the last change's: after a clock was set back, Iceberg's Java would refuse the table.
        Raises: CommitFailedException if it does not, or another process commits at the same time.
        """
        now = self.load_table(table.name())
        for requirement in requirements:
            requirement.validate(now.metadata)
        last = now.metadata.last_updated_ms
        in_order = tuple(_not_before(last, update) for update in updates)
        made = update_table_metadata(now.metadata, in_order, metadata_location=now.metadata_location)
        metadata = made.model_copy(update={"last_updated_ms": max(last, made.last_updated_ms)})
        (name,) = table.name()
        location = self._publish(name, metadata, Path(now.metadata_location))
        return CommitTableResponse(metadata=metadata, metadata_location=location)

    def _publish(self, name: str, metadata: TableMetadata, base: Path | None) -> str:
        """Write the metadata as the version after `base`, which must still be the newest; return its address."""
        folder = self._lake / name / "metadata"
        version = 1 if base is None else version_of(base) + 1
        place, aside = folder / f"v{version}.metadata.json", folder / f"{uuid4()}.metadata.json"
        ToOutputFile.table_metadata(metadata, LakeFileIO().new_output(str(aside)), overwrite=True)
        try:
            with _alone(folder):
                # A name can be free again: old versions are deleted.
                if current_metadata(folder) != base:
                    raise FileExistsError
                _rename_to_new(aside, place)
                sync(folder)
                _tell(folder, version)
        except FileExistsError:
            raise CommitFailedException(f"another process has written {place}") from None
        finally:
            aside.unlink(missing_ok=True)
        return str(place)


def _not_before(last: int, update: TableUpdate) -> TableUpdate:
    if not isinstance(update, AddSnapshotUpdate):
        return update
    moment = max(last, update.snapshot.timestamp_ms)
    return AddSnapshotUpdate(snapshot=update.snapshot.model_copy(update={"timestamp_ms": moment}))


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Let no other process of this project commit to a table; the kernel ends this when the process ends."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _rename_to_new(path: Path, new: Path) -> None:
    """Give the file a name that no other has, also none by another program. Raises: FileExistsError if one has it."""
    try:
        os.link(path, new)
    except FileExistsError:
        if not new.samefile(path):  # else a network file system has missed an answer, and asked again
            raise
    except OSError:  # a file system without links, as of a memory stick
        if new.exists():
            raise FileExistsError(new) from None
        path.rename(new)


def _damaged(metadata: Path) -> VendasError:
    before = metadata.with_name(f"v{version_of(metadata) - 1}.metadata.json")
    return VendasError(
        f"The table in {metadata.parents[1]} cannot be read: its newest metadata, {metadata}, is damaged "
        f"({metadata.stat().st_size} bytes).\nPut that file back from a copy. Without one, move it away: the table is "
        f"then what the commit before left ({before.name}), and `vendas replay FILE` brings back rows that it lacks."
    )


def _tell(folder: Path, version: int) -> None:
    """Write the hint by which other engines find the newest version; they look for newer ones from there on."""
    aside = folder / f"{uuid4()}.hint"
    with suppress(OSError):  # the commit is done
        aside.write_text(str(version))
        aside.replace(folder / HINT)
        (folder / f".{HINT}.crc").unlink(missing_ok=True)  # of a hint that version 0.1.0 wrote


def catalog_of(lake: Location) -> Catalog:
    """Return the catalog of a lake's tables."""
    if not isinstance(lake, S3Lake):
        return FolderCatalog(as_folder(lake))
    from vendas.lake.glue_catalog import LakeGlueCatalog

    return LakeGlueCatalog("glue", client("glue"), **_FILE_IO)


def name_of(lake: Location, table: str) -> Identifier:
    """Return the name by which the catalog knows a table."""
    return (lake.database, table) if isinstance(lake, S3Lake) else (table,)


def open_table(lake: Location, table: str) -> Table | None:
    """Return a lake's table as it is now; None if it does not exist yet.

    Raises: VendasError if it was copied from another place: its files are those of the original, whose upkeep would
    delete what a run of the copy adds to them.
    """
    try:
        opened = catalog_of(lake).load_table(name_of(lake, table))
    except NoSuchTableError:
        return None
    if not _is_same(location_of(opened.location()), lake / table):
        raise VendasError(
            f"The table in {lake / table} was made as {opened.location()}, and its files are looked for there.\n"
            "Move the lake back there, or make a new one from the bronze files. Nothing was done."
        )
    return opened


def _is_same(place: Location, other: Location) -> bool:
    if isinstance(place, Path) and isinstance(other, Path):
        return place.exists() and place.samefile(other)  # a lake that was moved behind a link is the same
    return place == other
