"""Parquet files of the lake: written and read by whoever has the rows or wants them, Spark's Python workers above all.

A data file is part of its table once the table's metadata names it (`vendas.lake.tables`); until then nobody sees it.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vendas.declaration_types import Column
from vendas.schema import EMAIL, TELEFONE, TIMESTAMP, arrow_schema
from vendas.storage import Location, location
from vendas.tuning import ROW_GROUP_ROWS

# Written as they are, for a dictionary of these would be as long; moments, which are sorted, as what each adds.
TIMESTAMP_COLUMNS = {TIMESTAMP.name, "timestamp_do_registro"}
MOSTLY_UNIQUE_COLUMNS = TIMESTAMP_COLUMNS | {EMAIL.name, TELEFONE.name, "email", "telefone"}
_NUMBER = b"PARQUET:field_id"  # where pyarrow keeps the number by which Iceberg knows a column
_DEFAULT = b"vendas:default"  # what rows written before the column was declared have in it

Condition = Callable[[pa.ChunkedArray], pa.ChunkedArray]  # of a column's values: for which of them it holds


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written: its address and its size."""

    path: str
    bytes: int


@dataclass(frozen=True)
class DataFile(WrittenFile):
    """A file with rows of a table; `ano` is the year that all of them are of (None: any)."""

    ano: int | None


@dataclass(frozen=True)
class Target:
    """Where the data files of a table go, and its columns, numbered as the table numbers them."""

    folder: Location
    columns: pa.Schema

    def write(self, rows: pa.Table, ano: int | None = None) -> DataFile:
        """A new file of these rows, whatever other files there are; rows of a partitioned table are of one year."""
        folder = self.folder if ano is None else self.folder / f"ano={ano}"
        rows = pa.table(rows.select(self.columns.names).columns, schema=self.columns)
        path = folder / f"{uuid4()}.parquet"
        return DataFile(str(path), write_rows(path, rows, "zstd"), ano)


@dataclass(frozen=True)
class HeldFile:
    """A file with rows, to be read; `columns` are those of its table, as `Target` has them.

    `first` and `last` bound its moments (microseconds since 1970, wall clock), if that is known.
    """

    path: Location
    columns: pa.Schema
    ano: int | None = None
    first: int | None = None
    last: int | None = None

    def rows_where(
        self, conditions: dict[str, Condition], lowest: object = None, highest: object = None
    ) -> Iterator[pa.Table]:
        """The rows whose columns satisfy their conditions, all of them, by row group.

        A row group whose values of the first of these columns all lie outside `lowest` and `highest` is passed over,
        and of one without such rows no more is read than the columns that show it.
        """
        with self._opened() as (file, named):
            place = file.schema_arrow.get_field_index(named[next(iter(conditions))])
            for group in range(file.num_row_groups):
                known = file.metadata.row_group(group).column(place).statistics
                if lowest is not None and known and known.has_min_max and (known.max < lowest or known.min > highest):
                    continue
                found = _satisfying(file, group, {named[name]: holds for name, holds in conditions.items()})
                if found is not None:
                    held = file.read_row_group(group, list(named.values()), use_threads=False)
                    rows = self._named(held, named)
                    yield rows if pc.all(found).as_py() else rows.filter(found)

    def _named(self, held: pa.Table, named: dict[str, str]) -> pa.Table:
        """Return the table's columns; one that the file lacks, because it is older, holds its default or null."""
        there = set(held.column_names)
        columns = [
            held[named[field.name]] if named[field.name] in there else pa.nulls(len(held), field.type)
            for field in self.columns
        ]
        return fill_defaults(pa.table(columns, names=self.columns.names).cast(self.columns))

    def rows(self) -> pa.Table:
        """Return all rows; a column that the file lacks, because it is older, holds the column's default."""
        with self._opened() as (file, named):
            return self._named(file.read(use_threads=False), named)

    def count_values(self, column: str) -> Counter[str]:
        """How often the file has each text of a column."""
        counted: Counter[str] = Counter()
        with self._opened() as (file, named):
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, [named[column]], use_threads=False).column(0).value_counts()
                counted.update({row["values"]: row["counts"] for row in found.to_pylist()})
        return counted

    @contextmanager
    def _opened(self) -> Generator[tuple[pq.ParquetFile, dict[str, str]]]:
        """The file, and what it calls the columns. It gives texts that repeat as dictionaries, as it has them.

        Iceberg knows columns by their numbers, and writes `Arquivo_x20de_x20Origem`.
        """
        with self.path.open("rb") as opened:
            footer = pq.read_metadata(opened)
            held = footer.schema.to_arrow_schema()
            by_number = {_number(field): field.name for field in held if _number(field)}
            named = {field.name: by_number.get(_number(field), field.name) for field in self.columns}
            repeated = [
                named[field.name]
                for field in self.columns
                if pa.types.is_string(field.type)
                and field.name not in MOSTLY_UNIQUE_COLUMNS
                and named[field.name] in held.names
            ]
            with pq.ParquetFile(opened, metadata=footer, read_dictionary=repeated) as file:
                yield file, named


def _satisfying(file: pq.ParquetFile, group: int, conditions: dict[str, Condition]) -> pa.ChunkedArray | None:
    """Which rows of a row group satisfy the conditions; None: no row does."""
    found = None
    for name, holds in conditions.items():
        here = holds(file.read_row_group(group, [name], use_threads=False).column(0))
        found = here if found is None else pc.and_(found, here)
        if not pc.any(found).as_py():
            return None
    return found


def one_of(values: pa.Array) -> Condition:
    """Holds for these values; of a dictionary each is looked at once."""

    def holds(found: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_dictionary(found.type):
            return pc.is_in(found, values)
        chunks = [pc.is_in(chunk.dictionary, values).take(chunk.indices) for chunk in found.chunks]
        return pa.chunked_array(chunks, pa.bool_())

    return holds


def rebatch(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of at least so many each, but for the last."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def write_rows(path: Location, rows: pa.Table, compression: str, group_rows: int = ROW_GROUP_ROWS) -> int:
    """Writes a Parquet file; its bytes. Its folder is made if it is missing."""
    encoded = pa.BufferOutputStream()
    pq.write_table(
        rows,
        encoded,
        compression=compression,
        row_group_size=group_rows,
        use_dictionary=[name for name in rows.column_names if name not in MOSTLY_UNIQUE_COLUMNS],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in rows.column_names if name in TIMESTAMP_COLUMNS},
        store_decimal_as_integer=True,
    )
    return write_file(path, encoded.getvalue())


def write_file(path: Location, content: pa.Buffer) -> int:
    """Writes a file; its bytes. Its folder is made if it is missing."""
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(content)


def delete_files(folder: Location, paths: Iterable[str]) -> None:
    """Deletes these files, and their folder where there are folders."""
    for path in set(paths):
        location(path).unlink(missing_ok=True)
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)


def fill_defaults(rows: pa.Table) -> pa.Table:
    """Fill the nulls of columns that have a default, by `_DEFAULT` in their field's metadata.

    Only rows written before the column was declared have nulls there.
    """
    for place, field in enumerate(rows.schema):
        default = (field.metadata or {}).get(_DEFAULT)
        if default is not None and rows.column(place).null_count:
            filled = pc.fill_null(rows.column(place), pa.scalar(default.decode()).cast(field.type))
            rows = rows.set_column(place, field, filled)
    return rows


def with_field_ids(columns: tuple[Column, ...], numbers: dict[str, int], elements: dict[str, int]) -> pa.Schema:
    """Return the columns' Arrow schema, with their field ids in a table, those of lists' elements, and defaults."""
    return pa.schema(
        [
            _with_metadata(field, column, numbers[column.name], elements.get(column.name))
            for field, column in zip(arrow_schema(columns), columns, strict=True)
        ]
    )


def _with_metadata(field: pa.Field, column: Column, number: int, element: int | None) -> pa.Field:
    type = field.type
    if element is not None:
        type = pa.list_(pa.field("element", type.value_type, metadata={_NUMBER: str(element)}))
    default = {} if column.default is None else {_DEFAULT: column.default}
    return pa.field(field.name, type, metadata={_NUMBER: str(number)} | default)


def _number(field: pa.Field) -> bytes | None:
    return (field.metadata or {}).get(_NUMBER)
