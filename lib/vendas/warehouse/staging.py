"""Stage gold's and the star's rows in files for COPY, written by Spark's Python workers."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import WarehouseError
from vendas.lake.data_files import HeldFile, WrittenFile, delete_files, one_of, rebatch, write_file
from vendas.lake.spark import map_on_workers
from vendas.storage import Location
from vendas.tuning import WAREHOUSE_BATCH_ROWS
from vendas.warehouse.engines import Engine
from vendas.warehouse.jdbc import Transaction
from vendas.warehouse.star import RECORDS_TABLE
from vendas.warehouse.star_rows import to_star

VALUE_SHOWN = 60  # characters shown of a text that is too long
_WIDE = pa.decimal128(38, 2)  # holds the sum of any measure

Total = int | Decimal
Totals = tuple[Total, ...]  # rows, then the sum of each measure
NOTHING: Totals = (0, *(Decimal(0) for _ in schema.SALES.measures))


@dataclass(frozen=True)
class StagedRows:
    """Files of rows for COPY, by table, and totals by bronze file; or the problem that prevented them."""

    files: dict[str, list[WrittenFile]] = field(default_factory=partial(defaultdict, list))
    totals: dict[str, Totals] = field(default_factory=dict)
    problem: str | None = None


@contextmanager
def stage_rows(
    opened: Transaction, gold: Sequence[HeldFile], files: Sequence[str], folder: Location
) -> Generator[StagedRows]:
    """Stage the rows that gold's data files hold of these bronze files, for each table, while the block lasts.

    `folder` is for this load alone.
    Raises: WarehouseError if a row does not fit the table.
    """
    limits = opened.engine.limits(opened, RECORDS_TABLE, folder)
    work = partial(_stage, arquivos=list(files), folder=folder, engine=opened.engine, limits=limits)
    staged = StagedRows()
    try:
        parts = map_on_workers(opened.spark, list(gold), work)
        for part in parts:
            for table, written in part.files.items():
                staged.files[table] += written
        if problems := [part.problem for part in parts if part.problem]:
            raise WarehouseError(problems[0])
        staged.totals.update((file, _sum(part.totals.get(file, NOTHING) for part in parts)) for file in files)
        yield staged
    finally:
        delete_files(folder, (file.path for written in staged.files.values() for file in written))


def _stage(gold: HeldFile, arquivos: list[str], folder: Location, engine: Engine, limits: dict[str, int]) -> StagedRows:
    staged = StagedRows()
    for rows in rebatch(
        gold.rows_where({"arquivo_de_origem": one_of(pa.array(arquivos, pa.string()))}), WAREHOUSE_BATCH_ROWS
    ):
        if problem := _missing(rows) or _too_long(rows, limits):
            return replace(staged, problem=problem)
        for table, of_table in to_star(rows).items():
            path = folder / uuid4().hex
            staged.files[table].append(WrittenFile(str(path), write_file(path, engine.encode(of_table))))
        for file, totals in _totals(rows).items():
            staged.totals[file] = _sum([staged.totals.get(file, NOTHING), totals])
    return staged


def _missing(rows: pa.Table) -> str | None:
    names = [name for name in rows.column_names if rows[name].null_count]
    return f"gold holds a sale without {names[0]}. Nothing was loaded." if names else None


def _too_long(rows: pa.Table, limits: dict[str, int]) -> str | None:
    for name, limit in limits.items():
        lengths = pc.binary_length(rows[name])
        longest = pc.max(lengths).as_py() or 0
        if longest > limit:
            row = rows.slice(pc.index(lengths, longest).as_py(), 1).to_pylist()[0]
            return (
                f"registros_vendas.{name} takes {limit} bytes, and {row['arquivo_de_origem']} has a text of {longest}: "
                f"{row[name][:VALUE_SHOWN]!r}…\n"
                "Shorten it in the file and send that again, or declare the column wider; nothing was loaded."
            )
    return None


def _totals(rows: pa.Table) -> dict[str, Totals]:
    """Return the number of rows and the sum of each measure by bronze file, in a type wide enough for the sums."""
    measures, file = schema.SALES.measures, "arquivo_de_origem"
    wide = pa.table([rows[file], *(rows[name].cast(_WIDE) for name in measures)], names=[file, *measures])
    summed = wide.group_by(file, use_threads=False).aggregate(
        [([], "count_all"), *((name, "sum") for name in measures)]
    )
    return {row[file]: (row["count_all"], *(row[f"{name}_sum"] for name in measures)) for row in summed.to_pylist()}


def _sum(totals: Iterable[Totals]) -> Totals:
    return tuple(map(sum, zip(NOTHING, *totals, strict=True)))
