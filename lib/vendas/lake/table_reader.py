"""Read lake tables with pyiceberg: their rows, and what their metadata tells of their files."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from vendas.declaration_types import Type
from vendas.errors import VendasError
from vendas.lake.data_files import Condition, HeldFile, with_field_ids, without_defaults
from vendas.lake.metadata_files import current_metadata
from vendas.schema import TABLES, arrow_schema
from vendas.storage import Location, S3Lake, as_folder, location

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile as TableFile, ManifestEntry
    from pyiceberg.table import FileScanTask, Table

T = TypeVar("T")
# By Iceberg's name, where it is another.
_DECLARED_TYPES = {"long": Type.WHOLE, "timestamp": Type.TIMESTAMP, "list<string>": "array<string>"}


@dataclass(frozen=True)
class Shape:
    """The type of each of a table's columns, as in a declaration, and whether it has a sort order for its files."""

    columns: Mapping[str, str]
    is_sorted: bool


@dataclass(frozen=True)
class NamedFiles:
    """The files that a table names: metadata and statistics, and what its readable snapshots consist of."""

    by_metadata: frozenset[Location]
    by_snapshots: frozenset[Location]

    @cached_property
    def all(self) -> frozenset[Location]:
        """All of them."""
        return self.by_metadata | self.by_snapshots


def shape(lake: Location, table: str) -> Shape | None:
    """Return the shape of a lake's table; None if the table does not exist yet."""

    def read(opened: "Table") -> Shape:
        columns = {field.name: _declared_type(str(field.field_type)) for field in opened.schema().fields}
        return Shape(columns, not opened.sort_order().is_unsorted)

    return _open_table(lake, table, read)


def _declared_type(type: str) -> str:
    return _DECLARED_TYPES.get(type, type.replace(", ", ","))


def table_exists(lake: Location, table: str) -> bool:
    """Return whether a lake's table exists, readable or not."""
    if isinstance(lake, S3Lake):
        return _find(lake, table) is not None
    return current_metadata(as_folder(lake / table / "metadata")) is not None


def columns_of(lake: Location, table: str) -> pa.Schema:
    """Return the columns of a lake's table, with their field ids."""
    return columns_of_opened(opened_table(lake, table), table)


def read_table(lake: Location, table: str) -> pa.Table:
    """Return a lake's table as Arrow, in under a second; no rows if the table does not exist yet."""
    return read_kept(lake, table, HeldFile.rows)


def read_kept(lake: Location, table: str, rows_of: Callable[[HeldFile], pa.Table]) -> pa.Table:
    """Return a lake's table as `read_table` does; `rows_of` returns the rows of a data file, which never change."""
    nothing = arrow_schema(TABLES[table]).empty_table()
    held = _open_table(lake, table, lambda opened: held_in(opened, table)) or []
    return pa.concat_tables([nothing, *(rows_of(file).cast(nothing.schema) for file in held)])


def read_rows_with(lake: Location, table: str, values: Mapping[str, Any]) -> pa.Table:
    """Return the rows of a table that have these values, by column.

    A table of an older version, which lacks one of the columns, has no such rows.
    """
    nothing = arrow_schema(TABLES[table]).empty_table()

    def find(opened: "Table") -> list[HeldFile]:
        from pyiceberg.expressions import AlwaysTrue, And, EqualTo, Reference, literal

        if not values.keys() <= set(opened.schema().column_names):
            return []
        each = [EqualTo(term=Reference(name), value=literal(value)) for name, value in values.items()]
        return held_in(opened, table, reduce(And, each, AlwaysTrue()))

    held = _open_table(lake, table, find) or []
    equal = {name: _equals(value) for name, value in values.items()}
    rows = (found.cast(nothing.schema) for file in held for found in file.rows_where(equal))
    return pa.concat_tables([nothing, *rows])


def _equals(value: Any) -> Condition:
    return lambda found: pc.equal(found, value)


def count_rows(lake: Location, table: str) -> int:
    """Return how many rows a lake's table holds, as `Lake.total` does."""
    snapshot = _open_table(lake, table, lambda opened: opened.current_snapshot())
    if snapshot is None:
        return 0
    assert snapshot.summary is not None  # this project's writers and Iceberg's all write one
    return int(snapshot.summary.additional_properties["total-records"])


def held_files(lake: Location, table: str, where: "BooleanExpression") -> list[HeldFile]:
    """Return the data files of a table that can hold such rows according to their statistics.

    Raises: VendasError if the table has delete files, as other programs write them.
    """
    return _open_table(lake, table, lambda opened: held_in(opened, table, where)) or []


def named_files(lake: Location, table: str) -> NamedFiles:
    """Return the files that a lake's table names; of its older metadata files some may be gone.

    Snapshots consist of manifest lists, manifests, data files and delete files. The table must exist.
    """

    def read(opened: "Table") -> NamedFiles:
        origin, here = location(opened.location()), lake / table

        def place(address: str) -> Location:
            named = location(address)
            if origin == here or not (isinstance(named, Path) and named.is_relative_to(as_folder(origin))):
                return named
            return here / str(named.relative_to(as_folder(origin)))  # the lake was moved behind a link

        metadata, lists = opened.metadata, [snapshot.manifest_list for snapshot in opened.metadata.snapshots]
        with ThreadPoolExecutor() as threads:
            of_snapshots = threads.map(lambda snapshot: snapshot.manifests(opened.io), metadata.snapshots)
            manifests = {one.manifest_path: one for listed in of_snapshots for one in listed}
            entries = threads.map(lambda one: one.fetch_manifest_entry(opened.io), manifests.values())
            data = [entry.data_file.file_path for of_manifest in entries for entry in of_manifest]
        older = [log.metadata_file for log in metadata.metadata_log]
        statistics = [one.statistics_path for one in (*metadata.statistics, *metadata.partition_statistics)]
        return NamedFiles(
            frozenset(map(place, [opened.metadata_location, *older, *statistics])),
            frozenset(map(place, [*lists, *manifests, *data])),
        )

    named = _open_table(lake, table, read)
    assert named is not None
    return named


def files_between(lake: Location, table: str, column: str, first: datetime, last: datetime) -> list[HeldFile]:
    """Return the data files of a table that can hold rows whose timestamp in `column` is from `first` to `last`."""
    return held_files(lake, table, is_between(column, first, last))


def is_between(column: str, first: datetime, last: datetime) -> "BooleanExpression":
    """Return the condition that a column has a moment from `first` to `last`."""
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThanOrEqual, Reference, literal

    moment = Reference(column)
    return And(
        GreaterThanOrEqual(term=moment, value=literal(first.isoformat())),
        LessThanOrEqual(term=moment, value=literal(last.isoformat())),
    )


def count_by_file(lake: Location, table: str, column: str, files: Collection[str]) -> dict[str, int]:
    """Count the rows that a table holds of each bronze file, 0 if none; `column` is the one with the file's name."""
    if not files:
        return {}
    counted = add_counts(count_each(held_files(lake, table, is_one_of(column, files)), column))
    return {file: counted[file] for file in files}


def count_each(held: Sequence[HeldFile], column: str) -> list[Counter[str]]:
    """Count the texts of a column in each of these data files."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda file: file.count_values(column), held))


def add_counts(counts: Iterable[Counter[str]]) -> Counter[str]:
    """Return the sum of these counts; `sum` would copy what it has for each of them."""
    added: Counter[str] = Counter()
    for count in counts:
        added.update(count)
    return added


def is_one_of(column: str, files: Collection[str]) -> "BooleanExpression":
    """Return the condition that a column has the name of one of these bronze files."""
    from pyiceberg.expressions import In, Reference, literal

    return In(term=Reference(column), values={literal(file) for file in files})


def held_in(opened: "Table", table: str, where: "BooleanExpression | None" = None) -> list[HeldFile]:
    """Return the data files of an opened table that can hold such rows, as `held_files` does; without `where`, all."""
    return [file for file, _ in planned(opened, table, where)]


def planned(
    opened: "Table", table: str, where: "BooleanExpression | None" = None
) -> list[tuple[HeldFile, "TableFile"]]:
    """Return the data files of an opened table that can hold such rows, each with Iceberg's own description."""
    columns, files = columns_of_opened(opened, table), []
    moment = next(
        (field.field_id for field in opened.schema().fields if str(field.field_type) == "timestamp"),
        -1,  # no column has this id
    )
    for task in scan_tasks(opened, table, where):
        if task.delete_files:
            raise VendasError(
                f"The table {table} in {opened.location()} has delete files, which this project neither writes nor "
                "reads.\nAnother program made them; `vendas maintain` makes them part of the table's data files."
            )
        file = task.file
        ano = year_of(opened, file)
        first, last = (_as_number(bounds.get(moment)) for bounds in (file.lower_bounds, file.upper_bounds))
        files.append((HeldFile(location(file.file_path), columns, ano, first, last, file.record_count), file))
    return sorted(files, key=lambda found: str(found[0].path))


def year_of(opened: "Table", file: "TableFile") -> int | None:
    """Return the year that a data file of an opened table is of; None if the table is not partitioned."""
    return file.partition[0] if len(opened.spec().fields) else None


def scan_tasks(opened: "Table", table: str, where: "BooleanExpression | None" = None) -> list["FileScanTask"]:
    """Return the data files of an opened table that can hold such rows, each with the files of rows deleted from it.

    Raises: VendasError if rows were deleted in a way that cannot be read.
    """
    from pyiceberg.expressions import AlwaysTrue

    try:
        return [*opened.scan(AlwaysTrue() if where is None else where, case_sensitive=True).plan_files()]
    except ValueError as error:
        if "equality deletes" not in str(error):
            raise
        raise VendasError(
            f"The table {table} in {opened.location()} has equality deletes, which cannot be read here.\n"
            "Another program made them. Let a program that reads them write the table's rows anew: "
            "INSERT OVERWRITE of the table by a SELECT of itself."
        ) from error


def entries_of(opened: "Table") -> list["ManifestEntry"]:
    """Return the entries of an opened table's data files and delete files."""
    snapshot = opened.current_snapshot()
    manifests = snapshot.manifests(opened.io) if snapshot else []
    with ThreadPoolExecutor() as threads:
        found = threads.map(lambda manifest: manifest.fetch_manifest_entry(opened.io), manifests)
        return [entry for entries in found for entry in entries]


def added_when(opened: "Table") -> dict[Location, int]:
    """Return by data file of an opened table the number of the commit that added it; later ones have higher numbers."""
    return {location(entry.data_file.file_path): entry.sequence_number or 0 for entry in entries_of(opened)}


def stored_columns(opened: "Table", table: str) -> pa.Schema:
    """Return all columns that an opened table has, also those not declared, to rewrite its rows as they are stored."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    declared = columns_of_opened(opened, table)
    there = schema_to_pyarrow(opened.schema())
    return without_defaults([declared.field(f.name) if f.name in declared.names else f for f in there])


def columns_of_opened(opened: "Table", table: str) -> pa.Schema:
    """Return the columns of an opened table, with their field ids."""
    from pyiceberg.types import ListType

    fields = {field.name: field for field in opened.schema().fields}
    numbers = {name: field.field_id for name, field in fields.items()}
    types = {name: field.field_type for name, field in fields.items()}
    lists = {name: type.element_id for name, type in types.items() if isinstance(type, ListType)}
    return with_field_ids(TABLES[table], numbers, lists)


def _as_number(bound: bytes | None) -> int | None:
    return None if bound is None else int.from_bytes(bound, "little", signed=True)


def opened_table(lake: Location, table: str) -> "Table":
    """Return a lake's table as it is now. Raises: VendasError if it does not exist."""
    opened = _find(lake, table)
    if opened is None:
        raise VendasError(f"The lake {lake} has no table {table}; a run makes it. Run `vendas run`.")
    return opened


def _open_table(lake: Location, table: str, read: Callable[["Table"], T]) -> T | None:
    opened = _find(lake, table)
    return None if opened is None else read(opened)


def _find(lake: Location, table: str) -> "Table | None":
    if not isinstance(lake, S3Lake) and current_metadata(as_folder(lake / table / "metadata")) is None:
        return None
    from vendas.lake.catalog import open_table  # here, because it takes half a second to import

    return open_table(lake, table)
