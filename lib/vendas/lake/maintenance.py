"""Upkeep of the lake's tables: compact small files, and delete files that no reader needs any more.

Each step is one Iceberg commit, or deletes files that the previous commit released. After a kill the table is intact,
and the next upkeep finishes the work. From what size on, and for how long, is in `tuning`.
"""

import shutil
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vendas.errors import UpkeepError, without_java_frames
from vendas.lake.compaction import apply_deletes, compact
from vendas.lake.lock import hold_lake
from vendas.lake.table_files import delete_orphans, stored_files
from vendas.lake.table_reader import opened_table, table_exists
from vendas.lake.tables import properties
from vendas.lake.workers import Workers
from vendas.schema import TABLES
from vendas.settings import Settings
from vendas.storage import Location

if TYPE_CHECKING:
    from pyiceberg.table import Table


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
    open_workers: Callable[[Settings], AbstractContextManager[Workers]],
    waiting: Callable[[], None],
    done: Callable[[str], None] = lambda table: None,
) -> list[Upkeep]:
    """Compact every existing table, expire old snapshots and delete unreferenced files; no row changes.

    `keep` is for how long a snapshot is kept that is no longer the table. Hold the lake; call `waiting` if a run must
    end first, and `done` with each finished table's name. Without tables, do nothing and return an empty list.
    Raises: UpkeepError if a table cannot be maintained; VendasError if it cannot be read, or was copied.
    """
    tables = [table for table in TABLES if table_exists(settings.lake, table)]
    if not tables:
        return []
    with hold_lake(settings.lake, waiting), open_workers(settings) as workers:
        if isinstance(settings.staging, Path):  # in S3 a lifecycle rule deletes what killed runs left
            shutil.rmtree(settings.staging, ignore_errors=True)
        upkeeps = []
        for table in tables:
            upkeeps.append(maintain_table(settings.lake, workers, table, keep))
            done(table)
        return upkeeps


def as_json(upkeeps: list[Upkeep]) -> dict:
    """Return the document that `vendas maintain --json` prints."""
    return {"tables": [asdict(upkeep) for upkeep in upkeeps]}


def maintain_table(lake: Location, workers: Workers, name: str, keep: timedelta) -> Upkeep:
    """Compact a table, expire what it was longer than `keep` ago, and delete unreferenced files.

    The caller holds the lake.
    Raises: UpkeepError if the table cannot be maintained; VendasError if it cannot be read, or was copied.
    """
    with _opened(lake, name) as table:
        from vendas.lake.commits import merge_manifests, set_properties

        before = _size(table, lake / name)
        set_properties(table, properties(name))  # a table made by an older version has others
        apply_deletes(table, name)
        compact(table, name, workers)
        merge_manifests(table)
        _delete_old(lake, table, name, keep)
        return Upkeep(name, before, _size(table, lake / name))


def delete_old_versions(lake: Location, name: str) -> None:
    """Expire all snapshots of a table but the current one, and delete unreferenced files; the caller holds the lake.

    The table then tells nothing of its former files, whose statistics hold values.

    Raises: UpkeepError if that fails; VendasError if the table cannot be read, or was copied.
    """
    with _opened(lake, name) as table:
        from vendas.lake.commits import forget_deleted

        forget_deleted(table)
        _delete_old(lake, table, name, timedelta(0))


@contextmanager
def _opened(lake: Location, name: str) -> Generator["Table"]:
    """Yield a table; any failure in the block is explained.

    Raises: UpkeepError if the block fails; VendasError if the table cannot be read, or was copied from another place.
    """
    table = opened_table(lake, name)
    try:
        yield table
    except UpkeepError:
        raise
    except Exception as error:
        raise UpkeepError(
            f"The upkeep of {lake / name} failed: {without_java_frames(str(error))}\n"
            "No row of it changed, and the tables before it are done. Mend what is named, and run it again."
        ) from error


def _size(table: "Table", folder: Location) -> Size:
    now = table.current_snapshot()
    summary = now.summary.additional_properties if now and now.summary else {}
    return Size(
        int(summary.get("total-data-files", 0)),
        int(summary.get("total-files-size", 0)),
        len(table.snapshots()),
        sum(file.size for file in stored_files(folder)),
    )


def _delete_old(lake: Location, table: "Table", name: str, keep: timedelta) -> None:
    """Delete snapshots and files that have not been part of the table for as long as `keep`, and all branches.

    Older versions wrote to branches; those of killed runs would keep old files alive.
    """
    from vendas.lake.commits import expire_snapshots

    last = datetime.fromtimestamp(table.metadata.last_updated_ms / 1000, UTC)
    oldest = max(datetime.now(UTC), last) - keep  # the table's last change is in the future if a clock was set back
    expire_snapshots(table, oldest)
    delete_orphans(lake, name, oldest)
