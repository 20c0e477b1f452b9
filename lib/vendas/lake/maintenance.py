"""Upkeep of the lake's tables: compact small files, and delete files that no reader needs any more.

Each step is one Iceberg commit, or deletes files that the previous commit released. After a kill the table is intact,
and the next upkeep finishes the work.
"""

import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from vendas.errors import UpkeepError, without_java_frames
from vendas.lake.lock import hold_lake
from vendas.lake.spark import CATALOG, lake_of, table_name
from vendas.lake.table_files import delete_orphans, stored_files
from vendas.lake.table_reader import table_exists
from vendas.lake.tables import iceberg_table, properties
from vendas.schema import TABLES
from vendas.settings import Settings
from vendas.storage import Location
from vendas.tuning import COMPACTED_FROM_FILES

_MAIN = "main"  # the branch that readers see as the table


@dataclass(frozen=True)
class Size:
    """The table's current data files and their bytes, its readable snapshots, and all bytes stored for it."""

    data_files: int
    data_bytes: int
    snapshots: int
    disk_bytes: int


@dataclass(frozen=True)
class Upkeep:
    """A table's size before and after its upkeep."""

    table: str
    before: Size
    after: Size


def maintain_tables(
    settings: Settings,
    keep: timedelta,
    open_session: Callable[[Settings], AbstractContextManager[SparkSession]],
    waiting: Callable[[], None],
    done: Callable[[str], None] = lambda table: None,
) -> list[Upkeep]:
    """Compact every existing table, expire old snapshots and delete unreferenced files; no row changes.

    `keep` is how long snapshots are kept. Hold the lake; call `waiting` if a run must end first, and `done` with each
    finished table's name. Without tables, do nothing and return an empty list.
    Raises: UpkeepError if a table cannot be maintained, or was copied from another place.
    """
    tables = [table for table in TABLES if table_exists(settings.lake, table)]
    if not tables:
        return []
    with hold_lake(settings.lake, waiting), open_session(settings) as spark:
        if isinstance(settings.staging, Path):  # in S3 a lifecycle rule deletes what killed runs left
            shutil.rmtree(settings.staging, ignore_errors=True)
        upkeeps = []
        for table in tables:
            upkeeps.append(maintain_table(spark, table, keep))
            done(table)
        return upkeeps


def as_json(upkeeps: list[Upkeep]) -> dict:
    """Return the document that `vendas maintain --json` prints."""
    return {"tables": [asdict(upkeep) for upkeep in upkeeps]}


def maintain_table(spark: SparkSession, name: str, keep: timedelta) -> Upkeep:
    """Compact a table, expire snapshots older than `keep`, and delete unreferenced files; the caller holds the lake.

    Raises: UpkeepError if the table cannot be maintained, or was copied from another place.
    """
    with _opened(spark, name) as (table, folder):
        before = _size(table, folder)
        _set_properties(table, properties(name))
        _compact(spark, name, is_sorted=table.sortOrder().isSorted())
        table.refresh()  # the procedures changed the table through an object of their own
        _delete_before(spark, table, name, datetime.now(UTC) - keep)
        return Upkeep(name, before, _size(table, folder))


def delete_old_versions(spark: SparkSession, name: str) -> None:
    """Expire all snapshots of a table but the current one, and delete unreferenced files; the caller holds the lake.

    Raises: UpkeepError if that fails, or the table was copied from another place.
    """
    with _opened(spark, name) as (table, _):
        _delete_before(spark, table, name, datetime.now(UTC))


@contextmanager
def _opened(spark: SparkSession, name: str) -> Generator[tuple[JavaObject, Location]]:
    """Yield Iceberg's object for a table, and its folder, in which it was made; any failure in the block is explained.

    Raises: UpkeepError if the block fails, or the table was copied from another place.
    """
    folder = lake_of(spark) / name
    try:
        table = iceberg_table(spark, name)
        _refuse_foreign(table, folder)
        yield table, folder
    except (Py4JError, PySparkException, FileNotFoundError) as error:
        raise UpkeepError(
            f"The upkeep of {folder} failed: {without_java_frames(str(error))}\n"
            "No row of it changed, and the tables before it are done. Mend what is named, and run it again."
        ) from error


def _refuse_foreign(table: JavaObject, folder: Location) -> None:
    """Refuse a copied lake: a table refers to its files by absolute paths, so a copy refers to the original's files.

    Raises: UpkeepError if the table was made at another place.
    """
    if table.location() != str(folder):
        raise UpkeepError(
            f"The table in {folder} was made as {table.location()}, and its files are looked for there.\n"
            "Move the lake back there, or make a new one from the bronze files. Nothing was done."
        )


def _size(table: JavaObject, folder: Location) -> Size:
    now = table.currentSnapshot()
    summary = now.summary() if now else {}
    return Size(
        int(summary.get("total-data-files") or 0),
        int(summary.get("total-files-size") or 0),
        sum(1 for _ in table.snapshots()),
        sum(file.size for file in stored_files(folder)),
    )


def _drop_stale_branches(table: JavaObject) -> None:
    """Remove the branches that ended or killed runs left; no later run uses them, and they keep old files alive."""
    for name in [name for name in table.refs() if name != _MAIN]:
        table.manageSnapshots().removeBranch(name).commit()


def _set_properties(table: JavaObject, wanted: dict[str, str]) -> None:
    """Set on a table made by an older version the properties that a new table gets."""
    if any(table.properties().get(key) != value for key, value in wanted.items()):
        update = table.updateProperties()
        for key, value in wanted.items():
            update.set(key, value)
        update.commit()


def _compact(spark: SparkSession, name: str, is_sorted: bool) -> None:
    strategy = "sort" if is_sorted else "binpack"  # in the table's own sort order
    options = f"options => map('min-input-files', '{COMPACTED_FROM_FILES}')"
    _call(spark, "rewrite_data_files", name, f"strategy => '{strategy}'", options)
    _call(spark, "rewrite_manifests", name)


def _call(spark: SparkSession, procedure: str, table: str, *arguments: str) -> None:
    given = ", ".join([f"table => '{table_name(spark, table)}'", *arguments])
    spark.sql(f"CALL {CATALOG}.system.{procedure}({given})")


def _delete_before(spark: SparkSession, table: JavaObject, name: str, oldest: datetime) -> None:
    """Delete what is older than `oldest` and not part of the table now: branches, snapshots and files.

    Snapshots expire by the table's own operation: Iceberg's procedure compares all files of all snapshots in jobs of
    Spark, which takes a small table a second longer.
    """
    _drop_stale_branches(table)
    table.expireSnapshots().expireOlderThan(int(oldest.timestamp() * 1000)).retainLast(1).commit()
    delete_orphans(lake_of(spark), name, oldest)
