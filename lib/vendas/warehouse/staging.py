"""Stage gold's and the star's rows in files for COPY, written by workers while others are copied."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from math import ceil
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import WarehouseError
from vendas.lake.data_files import HeldFile, WrittenFile, delete_files, one_of, rebatch
from vendas.storage import Location, location
from vendas.tuning import PARTS_PER_MEMBER_RANGE, WAREHOUSE_BATCH_FILES, WAREHOUSE_BATCH_ROWS
from vendas.warehouse.distinct_members import (
    LARGE_DIMENSIONS,
    ParkedMembers,
    distinct_members,
    find_shared_key,
    park_members,
)
from vendas.warehouse.engines import Engine
from vendas.warehouse.star import FACT_TABLE, MEMBERS_TABLE, RECORDS_TABLE
from vendas.warehouse.star_rows import EXACT, pending_members, to_star
from vendas.warehouse.transactions import Transaction

VALUE_SHOWN = 60  # characters shown of a text that is too long

Total = int | Decimal
Totals = tuple[Total, ...]  # rows, then the sum of each measure
NOTHING: Totals = (0, *(Decimal(0) for _ in schema.SALES.measures))


@dataclass(frozen=True)
class StagedRows:
    """Files of rows for COPY, by table, and totals by bronze file; or the problem that prevented them.

    `parked` are members that are still to be told apart from those of other parts.
    """

    files: dict[str, list[WrittenFile]] = field(default_factory=partial(defaultdict, list))
    totals: dict[str, Totals] = field(default_factory=dict)
    parked: list[ParkedMembers] = field(default_factory=list)
    problem: str | None = None


def staged_parts(
    opened: Transaction, gold: Sequence[HeldFile], files: Sequence[str], folder: Location
) -> Generator[StagedRows]:
    """Yield the rows that gold's data files hold of these bronze files, in parts, staged for each table.

    The files of a part last until the next one is asked for; the workers prepare that one meanwhile. A star with sales,
    and an engine that copies all files of a table at once, get one part. `folder` is for this load alone, and deleted.
    Raises: WarehouseError if a row does not fit the table.
    """
    groups = group_files(gold)
    limits = opened.engine.limits(opened, RECORDS_TABLE, folder)
    # Into an empty star only: an increment looks through many files of a large lake in vain, which one job does faster.
    in_parts = opened.engine.copies_in_parts and len(groups) > 1 and _is_empty(opened, FACT_TABLE)
    ranges = ceil(len(groups) / PARTS_PER_MEMBER_RANGE) if in_parts else 0
    work = partial(
        _stage, arquivos=list(files), folder=folder, engine=opened.engine, limits=limits, member_ranges=ranges
    )
    parked: list[ParkedMembers] = []
    try:
        with closing(_parts(opened, groups, work, in_parts)) as parts:
            for part in parts:
                parked += part.parked
                yield from _while_it_lasts(part)
        if parked:
            empty = {dimension.table for dimension in LARGE_DIMENSIONS if _is_empty(opened, dimension.table)}
            distinct = partial(_stage_members, parked=parked, folder=folder, engine=opened.engine, empty=empty)
            with closing(opened.workers.stream(distinct, range(ranges))) as parts:
                for part in parts:
                    yield from _while_it_lasts(part)
    finally:
        delete_files(folder, (each.path for each in parked))


def _parts(
    opened: Transaction, groups: Sequence[Sequence[HeldFile]], work: partial[StagedRows], in_parts: bool
) -> Generator[StagedRows]:
    if in_parts:
        yield from opened.workers.stream(work, groups)
    elif groups:
        yield _merged(opened.workers.map(work, groups))


def _is_empty(opened: Transaction, table: str) -> bool:
    return not opened.rows(f"select 1 as um from {table} limit 1")


def _merged(parts: Iterable[StagedRows]) -> StagedRows:
    merged = StagedRows()
    for part in parts:
        if part.problem:
            merged = replace(merged, problem=part.problem)
        for table, written in part.files.items():
            merged.files[table] += written
        for file, totals in part.totals.items():
            merged.totals[file] = add_totals(merged.totals.get(file, NOTHING), totals)
    return merged


def _while_it_lasts(part: StagedRows) -> Iterator[StagedRows]:
    try:
        if part.problem:
            raise WarehouseError(part.problem)
        yield part
    finally:
        for file in (file for written in part.files.values() for file in written):
            location(file.path).unlink(missing_ok=True)


def group_files(gold: Sequence[HeldFile]) -> list[list[HeldFile]]:
    """Return gold's files in groups that make a batch each: many small ones, or one."""
    groups: list[list[HeldFile]] = []
    rows = WAREHOUSE_BATCH_ROWS
    for file in gold:
        if rows >= WAREHOUSE_BATCH_ROWS or len(groups[-1]) == WAREHOUSE_BATCH_FILES:
            groups.append([])
            rows = 0
        groups[-1].append(file)
        rows += file.count or 0
    return groups


def _stage(
    gold: Sequence[HeldFile],
    arquivos: list[str],
    folder: Location,
    engine: Engine,
    limits: dict[str, int],
    member_ranges: int,
) -> StagedRows:
    staged = StagedRows()
    wanted = {"arquivo_de_origem": one_of(pa.array(arquivos, pa.string()))}
    for rows in rebatch((rows for file in gold for rows in file.rows_where(wanted)), WAREHOUSE_BATCH_ROWS):
        if problem := find_problem(rows, limits):
            return replace(staged, problem=problem)
        star = to_star(rows)
        if member_ranges:
            parked, star[MEMBERS_TABLE] = park_members(star[MEMBERS_TABLE], folder, member_ranges)
            staged.parked.extend(parked)
        for table, of_table in star.items():
            staged.files[table].append(engine.write(of_table, folder / uuid4().hex))
        for file, totals in _totals(rows).items():
            staged.totals[file] = add_totals(staged.totals.get(file, NOTHING), totals)
    return staged


def _stage_members(
    number: int, parked: Sequence[ParkedMembers], folder: Location, engine: Engine, empty: Set[str]
) -> StagedRows:
    """Stage the members of a range of keys for their dimension if that is empty, else as pending ones."""
    staged = StagedRows()
    for dimension, rows in distinct_members(parked, number).items():
        key = find_shared_key(rows[dimension.key]) if dimension.table in empty else None
        if key is not None:
            return replace(staged, problem=f"Two members of {dimension.table} have the key {key}. Nothing was loaded.")
        if dimension.table in empty:
            staged.files[dimension.table].append(engine.write(rows, folder / uuid4().hex))
        else:
            staged.files[MEMBERS_TABLE].append(engine.write(pending_members([rows]), folder / uuid4().hex))
    return staged


def find_problem(rows: pa.Table, limits: dict[str, int]) -> str | None:
    """Return why these rows of gold do not fit the table: a value missing or a text too long; else None.

    `limits` are the bytes that each text column takes.
    """
    if missing := [name for name in rows.column_names if rows[name].null_count]:
        return f"gold holds a sale without {missing[0]}. Nothing was loaded."
    return _too_long(rows, limits)


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
    wide = pa.table([rows[file], *(rows[name].cast(EXACT) for name in measures)], names=[file, *measures])
    summed = wide.group_by(file, use_threads=False).aggregate(
        [([], "count_all"), *((name, "sum") for name in measures)]
    )
    return {row[file]: (row["count_all"], *(row[f"{name}_sum"] for name in measures)) for row in summed.to_pylist()}


def add_totals(one: Totals, other: Totals) -> Totals:
    """Return the sums of two files' totals, place by place."""
    return tuple(map(sum, zip(one, other, strict=True)))
