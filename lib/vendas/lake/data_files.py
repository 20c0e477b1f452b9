"""The lake's Parquet files, written and read by whichever process has or needs the rows, mostly workers.

A data file is part of its table once the table's metadata names it (`vendas.lake.tables`); no reader sees it earlier.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vendas.declaration_types import Column
from vendas.errors import VendasError
from vendas.schema import EMAIL, LINHA_DO_ARQUIVO, TELEFONE, TIMESTAMP, arrow_schema
from vendas.storage import Location, location, sync, write_file
from vendas.tuning import PAGE_BYTES, ROW_GROUP_ROWS, ZSTD_LEVEL

# No dictionary encoding for these: it would be as long as the column. Rows are sorted by time, mostly also the order of
# their lines, so these two are stored as differences.
ORDERED_COLUMNS = {name for column in (TIMESTAMP, LINHA_DO_ARQUIVO) for name in (column.name, column.gold_name)}
MOSTLY_UNIQUE_COLUMNS = ORDERED_COLUMNS | {EMAIL.name, TELEFONE.name, "email", "telefone"}
_NUMBER = b"PARQUET:field_id"  # where pyarrow keeps a column's Iceberg field id
_DEFAULT = b"vendas:default"  # the value for rows written before the column was declared

Condition = Callable[[pa.ChunkedArray], pa.ChunkedArray]  # maps a column's values to whether each one satisfies it


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written: its address and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True)
class DataFile(WrittenFile):
    """A file with rows of a table; `ano` is the year of all its rows (None: any year)."""

    ano: int | None


@dataclass(frozen=True)
class Target:
    """Where a table's data files are written, and its columns with the table's field ids."""

    folder: Location
    columns: pa.Schema

    def write(self, rows: pa.Table, ano: int | None = None) -> DataFile:
        """Write the rows to a new file and return it; `ano` is the year of all rows if the table is partitioned."""
        folder = self.folder if ano is None else self.folder / f"ano={ano}"
        rows = pa.table(rows.select(self.columns.names).columns, schema=self.columns)
        path = folder / f"{uuid4()}.parquet"
        size = write_rows(path, rows, "zstd")
        sync(path)  # before its table names it
        return DataFile(str(path), size, ano)


@dataclass(frozen=True)
class HeldFile:
    """A file with rows, to be read; `columns` are those of its table, as in `Target`.

    `first` and `last` are the bounds of its timestamps (wall clock, in microseconds since 1970), `count` is the number
    of its rows, if known.
    """

    path: Location
    columns: pa.Schema
    ano: int | None = None
    first: int | None = None
    last: int | None = None
    count: int | None = None

    def rows_where(
        self, conditions: dict[str, Condition], lowest: object = None, highest: object = None
    ) -> Iterator[pa.Table]:
        """Yield the rows that satisfy every column's condition, by row group.

        Skip a row group if the statistics of the first of these columns show that all its values are outside `lowest`
        to `highest`. Of a row group without matching rows, read only the columns that decide this.
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

    def meets(self, first: int | None, end: int | None) -> bool:
        """Return whether it can hold a timestamp from `first` to before `end`, as in `rows_between`."""
        begins_before = end is None or self.first is None or self.first < end
        return begins_before and (first is None or self.last is None or self.last >= first)

    def rows_between(
        self, column: str, first: int | None, end: int | None, also: Mapping[str, Condition] | None = None
    ) -> Iterator[pa.Table]:
        """Yield the rows with a timestamp in `column` from `first` to before `end`, by row group.

        These are in microseconds since 1970; None is no bound. The rows satisfy the conditions in `also`, too.
        """
        begin, stop = (None if bound is None else pa.scalar(bound, pa.timestamp("us")) for bound in (first, end))

        def within(moments: pa.ChunkedArray) -> pa.ChunkedArray:
            not_before = True if begin is None else pc.greater_equal(moments, begin)
            return pc.and_(not_before, True if stop is None else pc.less(moments, stop))

        lowest = datetime.min if begin is None else begin.as_py()
        highest = datetime.max if stop is None else stop.as_py()
        return self.rows_where({column: within, **(also or {})}, lowest, highest)

    def _named(self, held: pa.Table, named: dict[str, str]) -> pa.Table:
        """Return the rows with the table's columns; a column that an older file lacks gets its default or null."""
        there = set(held.column_names)
        columns = [
            held[named[field.name]] if named[field.name] in there else pa.nulls(len(held), field.type)
            for field in self.columns
        ]
        defaults = {field.name: given.decode() for field in self.columns if (given := _metadata(field, _DEFAULT))}
        return fill_defaults(pa.table(columns, names=self.columns.names).cast(self.columns), defaults)

    def rows(self) -> pa.Table:
        """Return all rows; a column that an older file lacks gets its default or null."""
        with self._opened() as (file, named):
            return self._named(file.read(use_threads=False), named)

    def count_values(self, column: str) -> Counter[str]:
        """Count how often each text occurs in a column."""
        counted: Counter[str] = Counter()
        with self._opened() as (file, named):
            for group in range(file.num_row_groups):
                found = file.read_row_group(group, [named[column]], use_threads=False).column(0).value_counts()
                counted.update({row["values"]: row["counts"] for row in found.to_pylist()})
        return counted

    @contextmanager
    def _opened(self) -> Generator[tuple[pq.ParquetFile, dict[str, str]]]:
        """Open the file; yield it and a map from the table's column names to the file's.

        Iceberg identifies columns by field id, and writes names such as `Arquivo_x20de_x20Origem`. Texts that repeat
        are read as dictionaries, as they are stored.

        Raises: VendasError if the file is damaged.
        """
        with self.path.open("rb") as opened:
            try:
                footer = pq.read_metadata(opened)
            except (pa.ArrowInvalid, OSError) as error:
                raise VendasError(
                    f"The data file {self.path} cannot be read, most likely because it is damaged: {error}\n"
                    "Put it back from a copy, or make a new lake from the bronze files."
                ) from error
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
    """Return which rows of a row group satisfy the conditions; None if no row does."""
    found = None
    for name, holds in conditions.items():
        here = holds(file.read_row_group(group, [name], use_threads=False).column(0))
        found = here if found is None else pc.and_(found, here)
        if not pc.any(found).as_py():
            return None
    return found


def one_of(values: pa.Array) -> Condition:
    """Return a condition that holds for these values; each value of a dictionary is tested once."""

    def holds(found: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_dictionary(found.type):
            return pc.is_in(found, values)
        chunks = [pc.is_in(chunk.dictionary, values).take(chunk.indices) for chunk in found.chunks]
        return pa.chunked_array(chunks, pa.bool_())

    return holds


def rebatch(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of at least `rows` rows each; the last may have fewer."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def write_rows(path: Location, rows: pa.Table, compression: str, group_rows: int = ROW_GROUP_ROWS) -> int:
    """Write a Parquet file, and its folder if that is missing; return the file's size in bytes."""
    encoded = pa.BufferOutputStream()
    pq.write_table(
        rows,
        encoded,
        compression=compression,
        compression_level=ZSTD_LEVEL if compression == "zstd" else None,
        row_group_size=group_rows,
        data_page_size=PAGE_BYTES,
        use_dictionary=[name for name in rows.column_names if name not in MOSTLY_UNIQUE_COLUMNS],
        column_encoding={name: "DELTA_BINARY_PACKED" for name in rows.column_names if name in ORDERED_COLUMNS},
        store_decimal_as_integer=True,
    )
    return write_file(path, encoded.getvalue())


def delete_files(folder: Location, paths: Iterable[str]) -> None:
    """Delete these files; delete `folder` too if it is a local one."""
    for path in set(paths):
        location(path).unlink(missing_ok=True)
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)


def fill_defaults(rows: pa.Table, defaults: Mapping[str, str]) -> pa.Table:
    """Fill the nulls of columns that have a default, given by column as a text.

    Only rows written before the column was declared have nulls there.
    """
    for place, field in enumerate(rows.schema):
        if field.name in defaults and rows.column(place).null_count:
            filled = pc.fill_null(rows.column(place), pa.scalar(defaults[field.name]).cast(field.type))
            rows = rows.set_column(place, field, filled)
    return rows


def with_field_ids(columns: tuple[Column, ...], numbers: dict[str, int], elements: dict[str, int]) -> pa.Schema:
    """Return the columns' Arrow schema with the table's field ids, those of list elements, and defaults as metadata.

    A column that was declared after the table's last run has no id.
    """
    return pa.schema(
        [
            _with_metadata(field, column, numbers.get(column.name), elements.get(column.name))
            for field, column in zip(arrow_schema(columns), columns, strict=True)
        ]
    )


def without_defaults(columns: Iterable[pa.Field]) -> pa.Schema:
    """Return these columns with their field ids alone, so that what an older file lacks stays null."""
    return pa.schema([field.with_metadata({_NUMBER: _number(field)}) for field in columns])


def _with_metadata(field: pa.Field, column: Column, number: int | None, element: int | None) -> pa.Field:
    type = field.type
    if element is not None:
        type = pa.list_(pa.field("element", type.value_type, metadata={_NUMBER: str(element)}))
    default = {} if column.default is None else {_DEFAULT: column.default}
    known = {} if number is None else {_NUMBER: str(number)}
    return pa.field(field.name, type, metadata=known | default)


def _number(field: pa.Field) -> bytes | None:
    return _metadata(field, _NUMBER)


def _metadata(field: pa.Field, key: bytes) -> bytes | None:
    return (field.metadata or {}).get(key)
