"""Transform rows in the workers: validate records, remove duplicate sales, derive gold's columns.

A worker reads files, processes Arrow tables and writes files; only the description of these files returns to the
driver. A worker's memory is bounded: it holds some blocks of CSV, or the sales of one time range.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.data_files import DataFile, HeldFile, Target, delete_files, one_of, rebatch, write_rows
from vendas.lake.erasures import Variants, read_variants
from vendas.lake.tables import SILVER_TABLE, Change, Lake
from vendas.lake.workers import Workers
from vendas.rules.duplicates import (
    LOOKED_FOR_BY,
    MOMENT,
    POSICAO,
    Stretch,
    TimeRange,
    distinct_sales,
    find_stretches,
    first_of_equal,
    origin,
    sort_by_time,
    time_ranges,
    to_silver,
    with_variants,
)
from vendas.rules.gold import to_gold
from vendas.rules.validate import Evidence
from vendas.stages.groups import group_by_size
from vendas.stages.resubmitted import RESUBMITTED_SCHEMA, find_links
from vendas.stages.survey import SurveyedFile
from vendas.stages.validated_rows import Part, join_evidence, validate_parts
from vendas.storage import Location, location
from vendas.tuning import RANGE_ROWS, STAGED_GROUP_ROWS, TASK_BYTES

STAGED_SCHEMA = schema.arrow_schema(schema.INPUT_COLUMNS).append(pa.field(POSICAO, pa.int64()))

# From sales and known ones to the sales to write and the known ones that equal any of them.
Choice = Callable[[pa.Table, pa.Table], tuple[pa.Table, pa.Table]]


@dataclass(frozen=True)
class Validated:
    """Validated records: good ones as sales in staged files, sorted by time; refused ones in data files; links back."""

    folder: Location
    stretches: list[Stretch] = field(default_factory=list)
    refused: list[DataFile] = field(default_factory=list)
    links: pa.Table = field(default_factory=RESUBMITTED_SCHEMA.empty_table)
    doubtful: Counter[str] = field(default_factory=Counter)  # by file: rows that were taken but look damaged
    evidence: dict[int, Evidence] = field(default_factory=dict)  # by a file's place in bronze order, if there is any

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The first and the last timestamp of the sales."""
        first, last = min(s.moments[0] for s in self.stretches), max(s.moments[-1] for s in self.stretches)
        return _moment(first), _moment(last)

    def discard(self) -> None:
        """Delete the staged files."""
        delete_files(self.folder, (stretch.path for stretch in self.stretches))

    def take_back(self) -> None:
        """Delete all files written for these rows, none of which is published."""
        for path in {stretch.path for stretch in self.stretches} | {file.path for file in self.refused}:
            location(path).unlink(missing_ok=True)


@dataclass(frozen=True)
class Sales:
    """Distinct sales in data files, and two counts: `linhas` are good rows, `vendas` sales that silver then holds."""

    files: list[DataFile]
    counts: dict[str, int]


def validate_files(
    workers: Workers, files: Sequence[SurveyedFile], staging: Location, quarantine: Target | None = None
) -> Validated:
    """Validate all records of these files, which are in bronze order; without `quarantine`, drop the refused ones.

    The sales are staged in a new folder in `staging` until the caller discards them.
    """
    folder = staging / "silver" / secrets.token_hex(4)
    parts = [(place, file, block) for place, file in enumerate(files) for block in file.survey.blocks]
    tasks = list(group_by_size(parts, _task_bytes(workers, parts), lambda part: part[2].length))
    work = partial(_validate, folder=folder, quarantine=quarantine)
    found = _validate_by_evidence(workers, tasks, workers.map(work, tasks), work)
    return Validated(
        folder,
        [stretch for validated in found for stretch in validated.stretches],
        [file for validated in found for file in validated.refused],
        pa.concat_tables([RESUBMITTED_SCHEMA.empty_table(), *(validated.links for validated in found)]),
        sum((validated.doubtful for validated in found), Counter()),
    )


def _validate_by_evidence(
    workers: Workers, tasks: list[list[Part]], found: list[Validated], work: Callable[..., Validated]
) -> list[Validated]:
    """Validate again the tasks with parts of files in which some rows are evidence for the meaning of others.

    Only the whole file gives that evidence; a short one is whole in its task. Good files have none, so they are read
    once.
    """
    evidence = join_evidence(validated.evidence for validated in found)
    again = [number for number, parts in enumerate(tasks) if any(place in evidence for place, _, _ in parts)]
    for number in again:
        found[number].take_back()
    redone = workers.map(partial(work, evidence=evidence), [tasks[number] for number in again])
    return [dict(zip(again, redone, strict=True)).get(number, validated) for number, validated in enumerate(found)]


def write_silver(
    tables: Lake, validated: Validated, change: Change, arquivos: Sequence[str], again: Collection[str]
) -> Sales:
    """Write the distinct sales that silver does not hold yet to data files of silver, to be published.

    `arquivos` are the files in bronze order. Sales that silver holds of the files in `again` do not count, because they
    will be removed. A sale that silver already holds of another of these files was published by a run that ended before
    it updated the ledger.
    """
    return _write_silver(tables, validated, change, partial(_new, again=list(again)), arquivos)


def write_returning(
    tables: Lake, validated: Validated, change: Change, arquivos: Sequence[str], gone: Collection[str]
) -> Sales:
    """Write the first copies of the sales that silver holds of the files that are `gone` to data files of silver."""
    return _write_silver(tables, validated, change, partial(_lost, gone=list(gone)), arquivos)


def _write_silver(tables: Lake, validated: Validated, change: Change, choose: Choice, arquivos: Sequence[str]) -> Sales:
    held = change.files_between(*validated.span) if validated.stretches else []
    staged = [
        HeldFile(location(s.path), STAGED_SCHEMA, s.ano, s.moments[0], s.moments[-1]) for s in validated.stretches
    ]
    tasks = [_RangeOfSales.of(range, staged, held) for range in time_ranges(validated.stretches)]
    work = partial(
        _write_range,
        choose=choose,
        arquivos=list(arquivos),
        target=tables.target(SILVER_TABLE),
        variants=read_variants(tables.place),
    )
    written = tables.workers.map(work, tasks)
    counts = {name: sum(part.counts[name] for part in written) for name in ("linhas", "vendas")}
    return Sales([file for part in written for file in part.files], counts)


def write_gold(
    workers: Workers, silver: Iterable[HeldFile], arquivos: Collection[str], target: Target
) -> list[DataFile]:
    """Write gold's rows of these bronze files to data files to be published; `silver` are files that can hold them."""
    work = partial(_write_gold, arquivos=pa.array(arquivos, pa.string()), target=target)
    written = workers.map(work, list(silver))
    return [file for files in written for file in files]


def _task_bytes(workers: Workers, parts: Sequence[Part]) -> int:
    return min(TASK_BYTES, sum(block.length for _, _, block in parts) // workers.parallelism)


def _validate(
    parts: Sequence[Part], folder: Location, quarantine: Target | None, evidence: Mapping[int, Evidence] | None = None
) -> Validated:
    sales, refused, back, doubtful, told = [STAGED_SCHEMA.empty_table()], [], [], Counter(), []
    for found in validate_parts(parts, evidence or {}):
        good = pc.equal(pc.list_value_length(found.rows["motivos"]), 0)
        sales.append(found.rows.select(STAGED_SCHEMA.names).filter(good))
        if not pc.all(good).as_py():
            refused.append(found.rows.select(schema.names(schema.QUARANTINE_COLUMNS)).filter(pc.invert(good)))
        back.append(find_links(found.rows))
        doubtful += found.doubtful
        told.append(found.evidence)
    return Validated(
        folder,
        _stage(sort_by_time(pa.concat_tables(sales)), folder),
        [quarantine.write(pa.concat_tables(refused))] if quarantine and refused else [],
        pa.concat_tables([RESUBMITTED_SCHEMA.empty_table(), *back]),
        doubtful,
        join_evidence(told),
    )


def _stage(sales: pa.Table, folder: Location) -> list[Stretch]:
    path = folder / f"{secrets.token_hex(8)}.parquet"  # unique, because a retried task writes another file
    if len(sales):
        write_rows(path, sales, "lz4", STAGED_GROUP_ROWS)
    return find_stretches(str(path), sales)


@dataclass(frozen=True)
class _RangeOfSales:
    """A time range, the staged files with sales in it, and silver's files that can hold some."""

    range: TimeRange
    staged: list[HeldFile]
    held: list[HeldFile]

    @classmethod
    def of(cls, range: TimeRange, staged: Iterable[HeldFile], held: Iterable[HeldFile]) -> "_RangeOfSales":
        def meets(file: HeldFile) -> bool:
            return file.ano == range.ano and file.meets(range.first, range.end)

        return cls(range, list(filter(meets, staged)), list(filter(meets, held)))

    def sales(self) -> pa.Table:
        rows = (rows for file in self.staged for rows in file.rows_between(MOMENT, self.range.first, self.range.end))
        return pa.concat_tables([STAGED_SCHEMA.empty_table(), *rows])

    def known(self, sales: pa.Table) -> pa.Table:
        """Return silver's rows that may equal one of these sales."""
        moments = pc.unique(sales[MOMENT])
        bounds = (pc.min(moments).as_py(), pc.max(moments).as_py())
        shared = {name: one_of(pc.unique(sales[name])) for name in LOOKED_FOR_BY}
        rows = (rows for file in self.held for rows in file.rows_where(shared, *bounds))
        return pa.concat_tables([schema.arrow_schema(schema.SILVER_COLUMNS).empty_table(), *rows])


def _write_range(work: _RangeOfSales, choose: Choice, arquivos: list[str], target: Target, variants: Variants) -> Sales:
    sales = work.sales()
    known = work.known(sales)
    if variants:
        sales = with_variants(sales, *origin(sales, arquivos), variants)
        known = with_variants(known, known[schema.ARQUIVO.name], known[schema.LINHA_DO_ARQUIVO.name], variants)
    chosen, equal = choose(sales, known)
    ours = pc.sum(_of_files(equal, arquivos), min_count=0).as_py()
    ano = work.range.ano
    files = [target.write(to_silver(chosen, arquivos, ano), ano)] if len(chosen) else []
    return Sales(files, {"linhas": len(sales), "vendas": len(chosen) + ours})


def _new(sales: pa.Table, known: pa.Table, again: list[str]) -> tuple[pa.Table, pa.Table]:
    return distinct_sales(sales, known.filter(pc.invert(_of_files(known, again))))


def _lost(sales: pa.Table, known: pa.Table, gone: list[str]) -> tuple[pa.Table, pa.Table]:
    first = first_of_equal(sales)
    other, _ = distinct_sales(first, known.filter(_of_files(known, gone)))
    return first.filter(pc.invert(pc.is_in(first[POSICAO], other[POSICAO]))), known.slice(0, 0)


def _of_files(silver: pa.Table, arquivos: list[str]) -> pa.ChunkedArray:
    return pc.is_in(silver[schema.ARQUIVO.name], pa.array(arquivos, pa.string()))


def _write_gold(silver: HeldFile, arquivos: pa.Array, target: Target) -> list[DataFile]:
    found = silver.rows_where({schema.ARQUIVO.name: one_of(arquivos)})
    return [target.write(to_gold(rows), silver.ano) for rows in rebatch(found, RANGE_ROWS)]


def _moment(microseconds: int | np.int64) -> datetime:
    return np.datetime64(int(microseconds), "us").astype(datetime)
