"""Gold's rows in files that COPY takes, put there by Spark's Python workers."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from vendas.errors import WarehouseError
from vendas.lake.data_files import HeldFile, WrittenFile, delete_files, one_of, rebatch, write_file
from vendas.lake.spark import map_on_workers
from vendas.limits import WAREHOUSE_BATCH_ROWS
from vendas.storage import Location
from vendas.warehouse.engines import Engine
from vendas.warehouse.jdbc import Transaction

VALUE_SHOWN = 60  # characters of a text that is too long

Totals = tuple[int, Decimal, Decimal]  # rows, sum of valor_da_compra, sum of valor_com_desconto
NOTHING: Totals = (0, Decimal(0), Decimal(0))


@dataclass(frozen=True)
class StagedRows:
    """Files of rows for COPY, and what they hold of each bronze file; or why there are none."""

    files: list[WrittenFile] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)
    problem: str | None = None


@contextmanager
def stage_rows(
    opened: Transaction, table: str, gold: Sequence[HeldFile], files: Sequence[str], folder: Location
) -> Generator[StagedRows]:
    """The rows that gold's data files hold of these bronze files, staged for a table while the block lasts.

    `folder` is the load's own. Raises WarehouseError for a row that the table does not take.
    """
    limits = opened.engine.limits(opened, table, folder)
    work = partial(_stage, arquivos=list(files), folder=folder, engine=opened.engine, table=table, limits=limits)
    written: list[WrittenFile] = []
    try:
        parts = map_on_workers(opened.spark, list(gold), work)
        written += [file for part in parts for file in part.files]
        if problems := [part.problem for part in parts if part.problem]:
            raise WarehouseError(problems[0])
        yield StagedRows(written, {file: _sum(part.totals.get(file, NOTHING) for part in parts) for file in files})
    finally:
        delete_files(folder, (file.path for file in written))


def _stage(
    gold: HeldFile, arquivos: list[str], folder: Location, engine: Engine, table: str, limits: dict[str, int]
) -> StagedRows:
    staged = StagedRows()
    for rows in rebatch(
        gold.rows_where({"arquivo_de_origem": one_of(pa.array(arquivos, pa.string()))}), WAREHOUSE_BATCH_ROWS
    ):
        if problem := _missing(rows) or _too_long(rows, table, limits):
            return replace(staged, problem=problem)
        path = folder / uuid4().hex
        staged.files.append(WrittenFile(str(path), write_file(path, engine.encode(rows))))
        for file, totals in _totals(rows).items():
            staged.totals[file] = _sum([staged.totals.get(file, NOTHING), totals])
    return staged


def _missing(rows: pa.Table) -> str | None:
    names = [name for name in rows.column_names if rows[name].null_count]
    return f"gold holds a sale without {names[0]}. Nothing was loaded." if names else None


def _too_long(rows: pa.Table, table: str, limits: dict[str, int]) -> str | None:
    for name, limit in limits.items():
        lengths = pc.binary_length(rows[name])
        longest = pc.max(lengths).as_py() or 0
        if longest > limit:
            row = rows.slice(pc.index(lengths, longest).as_py(), 1).to_pylist()[0]
            return (
                f"{table}.{name} takes {limit} bytes, and {row['arquivo_de_origem']} has a text of {longest}: "
                f"{row[name][:VALUE_SHOWN]!r}…\n"
                "Shorten it in the file and send that again, or make the column wider in sql/ddl; nothing was loaded."
            )
    return None


def _totals(rows: pa.Table) -> dict[str, Totals]:
    """What rows come to, by bronze file; in a type that their sums fit."""
    money, file = ["valor_da_compra", "valor_com_desconto"], "arquivo_de_origem"
    wide = pa.table([rows[file], *(rows[name].cast(pa.decimal128(38, 2)) for name in money)], names=[file, *money])
    summed = wide.group_by(file, use_threads=False).aggregate([([], "count_all"), *((name, "sum") for name in money)])
    return {
        row[file]: (row["count_all"], row["valor_da_compra_sum"], row["valor_com_desconto_sum"])
        for row in summed.to_pylist()
    }


def _sum(totals: Iterable[Totals]) -> Totals:
    rows, bought, paid = NOTHING
    for more in totals:
        rows, bought, paid = rows + more[0], bought + more[1], paid + more[2]
    return rows, bought, paid
