"""The lake's tables: Apache Iceberg, written by pyiceberg; the rows themselves are read and written by workers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.declaration_types import Column
from vendas.errors import ConcurrentChange, DeclarationError
from vendas.lake.data_files import DataFile, HeldFile, Target, one_of
from vendas.lake.table_reader import (
    Shape,
    add_counts,
    added_when,
    columns_of_opened,
    count_by_file,
    count_each,
    count_rows,
    held_files,
    held_in,
    is_between,
    is_one_of,
    opened_table,
    planned,
    shape,
    stored_columns,
)
from vendas.lake.workers import Workers
from vendas.retries import retry_on
from vendas.storage import Location, location
from vendas.text import normalize_name
from vendas.tuning import LEDGER_CONFLICT_PAUSES, LEDGER_SMALL_FILE_BYTES

if TYPE_CHECKING:
    from pyiceberg.table import Table

SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, LEDGER_TABLE = schema.TABLES

_PROPERTIES = {
    # For other engines that write here: so that reading a few rows reads few others.
    "write.parquet.compression-codec": "zstd",
    "write.parquet.row-group-size-bytes": str(4 << 20),
    # Each commit rewrites all of a table's metadata; keep the last few versions for readers that are using them.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}
TIMESTAMPS = {SILVER_TABLE: schema.TIMESTAMP.name, GOLD_TABLE: "timestamp_do_registro"}
PLACES = {
    SILVER_TABLE: (schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name),
    GOLD_TABLE: (schema.ARQUIVO.gold_name, schema.LINHA_DO_ARQUIVO.gold_name),
    QUARANTINE_TABLE: ("arquivo", "linha"),
    RESUBMITTED_TABLE: ("arquivo", "linha"),
}
"""The columns in which each table has the bronze file of a row, and the line in it."""

FILE_COLUMNS = {table: file for table, (file, _) in PLACES.items()}
Audit = Callable[[dict[str, int]], None]


def pass_any(held: dict[str, int]) -> None:
    """Accept any counts: the audit where there is nothing to compare them with."""


def properties(table: str) -> dict[str, str]:
    """Return the properties of a new table.

    Keep full bounds of bronze files' names: Iceberg truncates to 16 characters, which drops the timestamp.
    """
    whole = {f"write.metadata.metrics.column.{FILE_COLUMNS[table]}": "full"} if table in FILE_COLUMNS else {}
    return _PROPERTIES | whole


class Lake:
    """The lake's tables, with the workers that read and write their rows."""

    publishes = True

    def __init__(self, place: Location, workers: Workers):
        self.place, self.workers = place, workers
        self.opened_at = datetime.now(UTC).replace(tzinfo=None)  # when the work on these tables began

    @property
    def staging(self) -> Location:
        """The folder of a run's temporary files."""
        return self.place / "staging"

    def create_tables(self) -> None:
        """Create the tables that do not exist yet, and update the others.

        Sales are partitioned by year and sorted by time within a file.
        Raises: DeclarationError if a column is there with another type than the declared one.
        """
        for table, columns in schema.TABLES.items():
            if there := shape(self.place, table):
                self._update_table(table, columns, there)
            else:
                from vendas.lake.commits import create_table

                year = schema.ANO.name if table in TIMESTAMPS else None
                create_table(self.place, table, columns, year, TIMESTAMPS.get(table), properties(table))

    def update_tables(self) -> None:
        """Rename columns that the existing tables have by another name, and add those that they lack.

        Raises: DeclarationError if a column is there with another type than the declared one.
        """
        for table, columns in schema.TABLES.items():
            if there := shape(self.place, table):
                self._update_table(table, columns, there)

    def _update_table(self, table: str, columns: Sequence[Column], there: Shape) -> None:
        _check_types(table, columns, there)
        renamed = find_renamed(columns, there)
        if {*schema.names(columns)} <= there.columns.keys() and (there.is_sorted or table not in TIMESTAMPS):
            return
        from vendas.lake.commits import update_columns

        update_columns(opened_table(self.place, table), columns, renamed, TIMESTAMPS.get(table))

    def files_of(self, table: str, files: Collection[str]) -> list[HeldFile]:
        """Return the data files that can hold rows of these bronze files."""
        return held_files(self.place, table, is_one_of(FILE_COLUMNS[table], files)) if files else []

    def target(self, table: str) -> Target:
        """Return the target that data files of the table are written to."""
        return _target(opened_table(self.place, table), table)

    def count_by_file(self, table: str, files: Collection[str]) -> dict[str, int]:
        """Count the rows that the table holds of each of these bronze files; 0 if none."""
        return count_by_file(self.place, table, FILE_COLUMNS[table], files)

    def record(self, rows: pa.Table) -> None:
        """Add rows to the ledger in one commit, merged with its small files into one file.

        All stages of all runs read the whole ledger: with a file per stage, each run would take longer than the last.
        If others commit at the same time, begin again. Raises: ConcurrentChange if that happens several times.
        """
        retry_on(ConcurrentChange, LEDGER_CONFLICT_PAUSES, partial(self._record, rows))

    def _record(self, rows: pa.Table) -> None:
        from vendas.lake.commits import replace_files

        opened = opened_table(self.place, LEDGER_TABLE)
        target = _target(opened, LEDGER_TABLE)
        there = planned(opened, LEDGER_TABLE)
        small = [found for found in there if found[1].file_size_in_bytes <= LEDGER_SMALL_FILE_BYTES]
        merged = target.write(_joined([*(held.rows() for held, _ in small), rows]))
        try:
            replace_files(opened, [merged], [file for _, file in small])
        except ConcurrentChange:
            location(merged.path).unlink(missing_ok=True)
            raise

    def swap_files(self, table: str, swapped: Mapping[str, DataFile]) -> None:
        """Replace data files, each named by its path, by files with as many rows of the same bronze files.

        One commit, so that readers see all old or all new values. Without files, do nothing; the table need not exist.
        Raises: ConcurrentChange if one of them is no longer part of the table.
        """
        if not swapped:
            return
        from vendas.lake.commits import replace_files

        opened = opened_table(self.place, table)
        there = {str(held.path): file for held, file in planned(opened, table)}
        if not swapped.keys() <= there.keys():
            raise ConcurrentChange(f"The table {table} was changed meanwhile by another program. Run again.")
        replace_files(opened, swapped.values(), [there[path] for path in swapped])

    def total(self, table: str) -> int:
        """Return how many rows the table holds, from its metadata alone."""
        return count_rows(self.place, table)

    def change(self, table: str) -> "Change":
        """Begin a change to the table's current state."""
        return Change(self, table)

    def replace(
        self, table: str, rows: Sequence[DataFile], files: Collection[str], audit: Audit = pass_any
    ) -> dict[str, int]:
        """Replace all rows of these bronze files by `rows`; doing it again changes nothing."""
        return self.change(table).publish(rows, files, replaced=files, audit=audit)


class Change:
    """A change to a table, invisible until it is published, and then visible at once.

    Write, audit, publish: data files are written, their rows counted as they lie there, and named by the table in one
    commit. The table must not have changed since this change began, so that conclusions from what it held then still
    hold.
    """

    def __init__(self, lake: Lake, table: str):
        self._lake, self._table = lake, table
        self._opened = opened_table(lake.place, table)

    def files(self) -> list[HeldFile]:
        """Return the table's data files as of the start of this change."""
        return held_in(self._opened, self._table)

    def added_when(self) -> dict[Location, int]:
        """Return by data file the number of the commit that added it; later ones have higher numbers."""
        return added_when(self._opened)

    def files_between(self, first: datetime, last: datetime) -> list[HeldFile]:
        """Return the data files, as of the start of this change, that can hold sales from `first` to `last`."""
        return held_in(self._opened, self._table, is_between(TIMESTAMPS[self._table], first, last))

    def publish(
        self,
        rows: Sequence[DataFile],
        files: Collection[str],
        replaced: Collection[str] = (),
        audit: Audit = pass_any,
    ) -> dict[str, int]:
        """Add rows of these bronze files in one commit, after `audit` has accepted what was written.

        The same commit deletes the table's rows of the files in `replaced`. `audit` gets the number of rows that the
        table is about to hold, by file; whatever it raises leaves the table unchanged. Return these counts. Without
        files, do nothing.
        Raises: ConcurrentChange if the table has changed since this change began.
        """
        if not files:
            return {}
        from vendas.lake.commits import check_unchanged, replace_files

        column, target = FILE_COLUMNS[self._table], stored_target(self._opened, self._table)
        there = planned(self._opened, self._table, is_one_of(column, {*files, *replaced}))
        counts = count_each([held for held, _ in there], column)
        touched = [
            found for found, of_file in zip(there, counts, strict=True) if not of_file.keys().isdisjoint(replaced)
        ]
        without = partial(_without, column=column, files=[*replaced], target=target)
        left = self._lake.workers.map(without, [held for held, _ in touched])
        new = count_each([HeldFile(location(file.path), target.columns) for file in rows], column)
        gone, counted = set(replaced), add_counts(new)
        counted.update({file: rows for file, rows in add_counts(counts).items() if file not in gone})
        held = {file: counted[file] for file in files}
        audit(held)
        if rows or touched:
            replace_files(self._opened, [*rows, *filter(None, left)], [file for _, file in touched])
        else:
            check_unchanged(self._lake.place, self._opened)
        return held


def _check_types(table: str, columns: Iterable[Column], there: Shape) -> None:
    for column in columns:
        if there.columns.get(column.name, column.type) != column.type:
            raise DeclarationError(
                f"The column {column.name!r} is {there.columns[column.name]} in this lake's {table}, and declared as "
                f"{column.type}. A column keeps its type; nothing was changed.\nGive the declared column another name, "
                f"with other_names=({column.name!r},) for files; `vendas replay --outdated` then reads older ones, too."
            )


def find_renamed(columns: Sequence[Column], there: Shape) -> dict[str, str]:
    """Return by declared name what a table calls a column that it has by another name or spelling, and of its type."""
    declared = schema.names(columns)
    former = {normalize_name(name): name for name in there.columns if name not in declared}
    renamed: dict[str, str] = {}
    for column in columns:
        for name in map(normalize_name, (column.name, *column.other_names)):
            if column.name not in there.columns and there.columns.get(former.get(name, "")) == column.type:
                renamed.setdefault(column.name, former[name])
    return renamed


def _target(opened: "Table", table: str) -> Target:
    return Target(_data_folder(opened), columns_of_opened(opened, table))


def stored_target(opened: "Table", table: str) -> Target:
    """Return the target of rows that are rewritten as they are stored: nothing replaces what they lack."""
    return Target(_data_folder(opened), stored_columns(opened, table))


def _data_folder(opened: "Table") -> Location:
    return location(opened.location()) / "data"


def _without(held: HeldFile, column: str, files: list[str], target: Target) -> DataFile | None:
    """Write a data file's rows of other bronze files than these to a new one, and return it; None if there are none."""
    rows = replace(held, columns=target.columns).rows()
    kept = rows.filter(pc.invert(one_of(pa.array(files, pa.string()))(rows[column])))
    return target.write(kept, held.ano) if len(kept) else None


def _joined(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the tables concatenated; each may have columns that others lack."""
    return pa.concat_tables(tables, promote_options="permissive")
