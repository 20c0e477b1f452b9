"""Read lake tables with pyiceberg, without Spark, whose first query takes seconds."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from vendas.declaration_types import Type
from vendas.errors import VendasError
from vendas.lake.data_files import HeldFile, fill_defaults, with_field_ids
from vendas.schema import TABLES, arrow_schema, names
from vendas.storage import Location, S3Lake, as_folder, client, location

if TYPE_CHECKING:
    from pyiceberg.catalog.glue import GlueCatalog
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.table import DataScan, Table

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
        return _in_glue(lake, table) is not None
    return _current_metadata(as_folder(lake / table / "metadata")) is not None


def columns_of(lake: Location, table: str) -> pa.Schema:
    """Return the columns of a lake's table, with their field ids."""
    return _open_table(lake, table, lambda opened: _columns(opened, table))


def read_table(lake: Location, table: str) -> pa.Table:
    """Return a lake's table as Arrow, in under a second; no rows if the table does not exist yet."""
    rows = _open_table(lake, table, lambda opened: _with_defaults(opened.scan().to_arrow(), table))
    return pa.table({name: [] for name in names(TABLES[table])}) if rows is None else rows


def read_kept(lake: Location, table: str, rows_of: Callable[[HeldFile], pa.Table]) -> pa.Table:
    """Return a lake's table as `read_table` does; `rows_of` returns the rows of a data file, which never change."""
    nothing = arrow_schema(TABLES[table]).empty_table()

    def read(opened: "Table") -> pa.Table:
        return pa.concat_tables([nothing, *map(rows_of, _plan(opened.scan(), opened, table))])

    rows = _open_table(lake, table, read)
    return nothing if rows is None else rows


def read_rows_with(lake: Location, table: str, values: Mapping[str, Any]) -> pa.Table:
    """Return the rows of a table that have these values, by column.

    A table of an older version, which lacks one of the columns, has no such rows.
    """

    def scan(opened: "Table") -> pa.Table:
        from pyiceberg.expressions import AlwaysTrue, And, EqualTo, Reference, literal

        if not values.keys() <= set(opened.schema().column_names):
            return opened.schema().as_arrow().empty_table()
        each = [EqualTo(term=Reference(name), value=literal(value)) for name, value in values.items()]
        return _with_defaults(opened.scan(reduce(And, each, AlwaysTrue())).to_arrow(), table)

    rows = _open_table(lake, table, scan)
    return pa.table({name: [] for name in names(TABLES[table])}) if rows is None else rows


def count_rows(lake: Location, table: str) -> int:
    """Return how many rows a lake's table holds, as `Lake.total` does."""
    snapshot = _open_table(lake, table, lambda opened: opened.current_snapshot())
    if snapshot is None:
        return 0
    assert snapshot.summary is not None  # this project's writers and Iceberg's all write one
    return int(snapshot.summary.additional_properties["total-records"])


def held_files(
    lake: Location, table: str, where: "BooleanExpression", snapshot: int | None = None, branch: str | None = None
) -> list[HeldFile]:
    """Return the data files of a table that can hold such rows according to their statistics.

    The table is read as it is now, at a snapshot, or on a branch.
    Raises: VendasError if the table has delete files, as other programs write them.
    """

    def plan(opened: "Table") -> list[HeldFile]:
        scan = opened.scan(where, snapshot_id=snapshot, case_sensitive=True)
        return _plan(scan.use_ref(branch) if branch else scan, opened, table)

    return _open_table(lake, table, plan) or []


def named_files(lake: Location, table: str) -> NamedFiles:
    """Return the files that a lake's table names; of its older metadata files some may be gone.

    Snapshots consist of manifest lists, manifests, data files and delete files. The table must exist.
    """

    def read(opened: "Table") -> NamedFiles:
        metadata, lists = opened.metadata, [snapshot.manifest_list for snapshot in opened.metadata.snapshots]
        with ThreadPoolExecutor() as threads:
            of_snapshots = threads.map(lambda snapshot: snapshot.manifests(opened.io), metadata.snapshots)
            manifests = {one.manifest_path: one for listed in of_snapshots for one in listed}
            entries = threads.map(lambda one: one.fetch_manifest_entry(opened.io), manifests.values())
            data = [entry.data_file.file_path for of_manifest in entries for entry in of_manifest]
        older = [log.metadata_file for log in metadata.metadata_log]
        statistics = [one.statistics_path for one in (*metadata.statistics, *metadata.partition_statistics)]
        return NamedFiles(
            frozenset(map(location, [opened.metadata_location, *older, *statistics])),
            frozenset(map(location, [*lists, *manifests, *data])),
        )

    named = _open_table(lake, table, read)
    assert named is not None
    return named


def files_between(
    lake: Location, table: str, column: str, first: datetime, last: datetime, snapshot: int | None = None
) -> list[HeldFile]:
    """Return the data files of a table that can hold rows whose timestamp in `column` is from `first` to `last`."""
    from pyiceberg.expressions import And, GreaterThanOrEqual, LessThanOrEqual, Reference, literal

    moment = Reference(column)
    between = And(
        GreaterThanOrEqual(term=moment, value=literal(first.isoformat())),
        LessThanOrEqual(term=moment, value=literal(last.isoformat())),
    )
    return held_files(lake, table, between, snapshot=snapshot)


def count_by_file(
    lake: Location, table: str, column: str, files: Collection[str], branch: str | None = None
) -> dict[str, int]:
    """Count the rows that a table holds of each bronze file, 0 if none; `column` is the one with the file's name."""
    if not files:
        return {}
    held = held_files(lake, table, is_one_of(column, files), branch=branch)
    counted: Counter[str] = Counter()
    with ThreadPoolExecutor() as threads:
        for found in threads.map(lambda file: file.count_values(column), held):
            counted.update(found)
    return {file: counted[file] for file in files}


def is_one_of(column: str, files: Collection[str]) -> "BooleanExpression":
    """Return the condition that a column has the name of one of these bronze files."""
    from pyiceberg.expressions import In, Reference, literal

    return In(term=Reference(column), values={literal(file) for file in files})


def _plan(scan: "DataScan", opened: "Table", table: str) -> list[HeldFile]:
    columns, files = _columns(opened, table), []
    moment = next(
        (field.field_id for field in opened.schema().fields if str(field.field_type) == "timestamp"),
        -1,  # no column has this id
    )
    for task in scan.plan_files():
        if task.delete_files:
            raise VendasError(
                f"The table {table} in {opened.location()} has delete files, which this project neither writes nor "
                "reads.\nAnother program made them; `vendas maintain` makes them part of the table's data files."
            )
        file = task.file
        ano = file.partition[0] if len(opened.spec().fields) else None
        first, last = (_as_number(bounds.get(moment)) for bounds in (file.lower_bounds, file.upper_bounds))
        files.append(HeldFile(location(file.file_path), columns, ano, first, last, file.record_count))
    return sorted(files, key=lambda file: str(file.path))


def _columns(opened: "Table", table: str) -> pa.Schema:
    from pyiceberg.types import ListType

    fields = {field.name: field for field in opened.schema().fields}
    numbers = {name: field.field_id for name, field in fields.items()}
    types = {name: field.field_type for name, field in fields.items()}
    lists = {name: type.element_id for name, type in types.items() if isinstance(type, ListType)}
    return with_field_ids(TABLES[table], numbers, lists)


def _with_defaults(rows: pa.Table, table: str) -> pa.Table:
    """Return rows with defaults for the columns, or values, that are missing because they were declared later."""
    defaults = {column.name: column.default for column in TABLES[table] if column.default is not None}
    for field in arrow_schema(TABLES[table]):
        if field.name in defaults and field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    return fill_defaults(rows, defaults)


def _as_number(bound: bytes | None) -> int | None:
    return None if bound is None else int.from_bytes(bound, "little", signed=True)


def _open_table(lake: Location, table: str, read: Callable[["Table"], T]) -> T | None:
    if isinstance(lake, S3Lake):
        opened = _in_glue(lake, table)
        return read(opened) if opened else None
    from pyiceberg.table import StaticTable  # here, because it takes half a second to import

    while metadata := _current_metadata(as_folder(lake / table / "metadata")):
        try:
            return read(StaticTable.from_metadata(str(metadata)))
        except FileNotFoundError:  # upkeep may have just deleted it; a newer version exists then
            if metadata == _current_metadata(metadata.parent):
                raise
    return None


def _in_glue(lake: S3Lake, table: str) -> "Table | None":
    import boto3
    from botocore.exceptions import NoCredentialsError
    from pyiceberg.exceptions import NoSuchTableError

    # Without these, pyarrow, which reads the files, would find credentials, region and address in other ways.
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    frozen = credentials.get_frozen_credentials()
    found = {
        "s3.access-key-id": frozen.access_key,
        "s3.secret-access-key": frozen.secret_key,
        "s3.session-token": frozen.token,
        "s3.region": session.region_name,
        "s3.endpoint": client("s3").meta.endpoint_url,
    }
    try:
        return _glue_catalog(frozenset(found.items())).load_table((lake.database, table))
    except NoSuchTableError:
        return None


@lru_cache(maxsize=1)
def _glue_catalog(options: frozenset[tuple[str, str | None]]) -> "GlueCatalog":
    """Return the catalog with these options; the last is kept, as its client takes longer to create than most calls."""
    from pyiceberg.catalog.glue import GlueCatalog

    return GlueCatalog("glue", **{name: value for name, value in options if value})


def _current_metadata(folder: Path) -> Path | None:
    """Return the newest metadata file. Iceberg's hint can lag behind it, and old versions are deleted in time."""
    return max(folder.glob("v*.metadata.json"), key=_version, default=None)


def _version(metadata: Path) -> int:
    return int(metadata.name.removeprefix("v").removesuffix(".metadata.json"))
