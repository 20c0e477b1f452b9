"""Removal of equal sales from silver that a second writer added."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import ConservationError
from vendas.lake.data_files import DataFile, HeldFile, Target, one_of
from vendas.lake.erasures import Variants, read_variants
from vendas.lake.events import Event
from vendas.lake.ledger import count_rows_in, latest, record
from vendas.lake.table_reader import add_counts, count_each
from vendas.lake.tables import SILVER_TABLE, Change, Lake
from vendas.lake.workers import Workers
from vendas.landing.bronze_names import BronzeFile
from vendas.rules.duplicates import (
    EQUAL_IN,
    MOMENT,
    POSICAO,
    Stretch,
    TimeRange,
    distinct_sales,
    find_stretches,
    first_of_equal,
    time_ranges,
    with_variants,
)
from vendas.stages.reconciliation import recounted_events
from vendas.tuning import RANGE_ROWS

_ARQUIVO, _LINHA = schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name
_COMPARED = (*EQUAL_IN, _ARQUIVO, _LINHA)
_ADDED, _ARRIVED = "ordem", "chegada"  # the commit that added a sale to silver, and the event time of its file


@dataclass(frozen=True)
class _RangeOfSilver:
    """A time range, and silver's files that can hold sales in it, each with the number of the commit that added it."""

    range: TimeRange
    held: Sequence[tuple[HeldFile, int]]

    def sales(self, columns: Sequence[str], variants: Variants, files: Collection[str] | None = None) -> pa.Table:
        """Return these columns of the range's sales, the copy that stays before its equals; with `files`, only theirs.

        POSICAO has this order.
        """
        theirs = {} if files is None else {_ARQUIVO: one_of(pa.array(files, pa.string()))}
        silver = schema.arrow_schema(schema.SILVER_COLUMNS)
        found = [_with_order(pa.schema([silver.field(name) for name in columns]).empty_table(), 0)]
        for held, added in self.held:
            narrow = replace(held, columns=pa.schema([held.columns.field(name) for name in columns]))
            rows = narrow.rows_between(MOMENT, self.range.first, self.range.end, theirs)
            found += [_with_order(part, added) for part in rows]
        order = [(name, "ascending") for name in (_ADDED, _ARRIVED, _ARQUIVO, _LINHA)]
        sales = pa.concat_tables(found).sort_by(order).combine_chunks()
        sales = sales.append_column(POSICAO, pa.array(np.arange(len(sales))))
        return with_variants(sales, sales[_ARQUIVO], sales[_LINHA], variants)


def drop_equal_sales(tables: Lake, events: list[Event], run_id: str) -> int:
    """Keep one of each set of equal sales that a second writer added to silver; return how many rows were deleted.

    Keep the copy that was added first; of copies added together, the first in bronze order. Two runs cannot both
    publish, but nothing stops other programs from appending to silver. Rows are compared only if the total of silver
    differs from the ledger's.
    Raises: ConservationError if other files of silver still differ from the ledger.
    """
    if not tables.publishes or (before := tables.total(SILVER_TABLE)) == count_rows_in(events, "silver"):
        return 0
    change, variants = tables.change(SILVER_TABLE), read_variants(tables.place)
    ranges = _ranges(change, tables.workers)
    doubled = tables.workers.map(partial(_files_with_equal, variants=variants), ranges)
    files = sorted(set[str]().union(*doubled))
    kept = partial(_write_first, files=files, variants=variants, target=tables.target(SILVER_TABLE))
    written = tables.workers.map(kept, ranges) if files else []
    silver = {name: done["silver"] for name, done in latest(events).items() if "silver" in done}
    affected = [silver[name] for name in files if name in silver]
    # Record in the ledger first: if the run is killed in between, the next one finds the equal sales again.
    change.publish(
        list(filter(None, written)),
        files,
        replaced=files,
        audit=lambda held: record(tables, events, recounted_events(affected, held, run_id)),
    )
    held = add_counts(count_each(tables.change(SILVER_TABLE).files(), _ARQUIVO))
    _check_nothing_foreign(silver, held, but=[event.arquivo for event in affected])
    return before - tables.total(SILVER_TABLE)


def _ranges(change: Change, workers: Workers) -> list[_RangeOfSilver]:
    """Return time ranges that together hold all of silver, each with so few sales that a worker holds them."""
    held, added = change.files(), change.added_when()
    stretches = [stretch for of_file in workers.map(_stretches, held) for stretch in of_file]
    return [
        _RangeOfSilver(range, [(file, added[file.path]) for file in held if file.meets(range.first, range.end)])
        for range in time_ranges(stretches, RANGE_ROWS)
    ]


def _stretches(held: HeldFile) -> list[Stretch]:
    moments = replace(held, columns=pa.schema([held.columns.field(MOMENT)])).rows()
    # Other programs need not sort them. A row without a time equals no sale.
    return find_stretches(str(held.path), moments.drop_null().sort_by(MOMENT))


def _with_order(rows: pa.Table, added: int) -> pa.Table:
    """Return rows with the commit that added them, and the event time of their files."""
    files = rows[_ARQUIVO].combine_chunks().dictionary_encode()
    known = [BronzeFile.parse(name) for name in files.dictionary.to_pylist()]
    arrived = pa.array([file.event_time if file else "" for file in known], pa.string()).take(files.indices)
    return rows.append_column(_ADDED, pa.repeat(added, len(rows))).append_column(_ARRIVED, arrived)


def _files_with_equal(work: _RangeOfSilver, variants: Variants) -> set[str]:
    """Return the bronze files of the range's sales that equal another one."""
    sales = work.sales(_COMPARED, variants)
    first = first_of_equal(sales)
    others = sales.filter(pc.invert(pc.is_in(sales[POSICAO], first[POSICAO])))
    _, equal = distinct_sales(others, first)
    return {*pc.unique(others[_ARQUIVO]).to_pylist(), *pc.unique(equal[_ARQUIVO]).to_pylist()}


def _write_first(work: _RangeOfSilver, files: Collection[str], variants: Variants, target: Target) -> DataFile | None:
    """Write the range's sales of these bronze files, only the first of equal ones; None if there are none."""
    sales = work.sales(schema.names(schema.SILVER_COLUMNS), variants, files)
    first = first_of_equal(sales)
    return target.write(first, work.range.ano) if len(first) else None


def _check_nothing_foreign(silver: dict[str, Event], held: dict[str, int], but: list[str]) -> None:
    expected = {name: event.gravadas for name, event in silver.items()}
    broken = [
        f"{name}: the ledger says {expected.get(name, 0)}, silver has {held.get(name, 0)}"
        for name in sorted((expected.keys() | held.keys()) - set(but))
        if expected.get(name, 0) != held.get(name, 0)
    ]
    if broken:
        raise ConservationError(
            "Silver was changed by other hands; nothing was published. Rows by file:\n" + "\n".join(broken[:20]) + "\n"
            "Give a file its own rows back with: vendas replay FILE. Rows of a file that is not in bronze: delete them."
        )
