"""Differences between published and rehearsed rows are those that a loop over all lines finds."""

import tempfile
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from helpers.rows import silver_row, silver_table
from vendas import schema
from vendas.lake.data_files import HeldFile, write_rows
from vendas.lake.events import Event
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.lake.workers import ThisProcess
from vendas.rules.gold import to_gold
from vendas.schema import QUARANTINE_COLUMNS, TABLES, arrow_schema
from vendas.stages import difference
from vendas.stages.difference import Change, ColumnChanges, Moves, Total, compare_gold, compare_silver
from vendas.tuning import EXAMPLES_KEPT

FILES = [f"registros_{name}_20240101T000000000Z_aaaaaaaa.csv" for name in "ab"]
LINES = range(2, 7)
REFUSED, DUPLICATE = "refused", "duplicate"
DISCOUNTED = "valor_com_desconto"
VENDEDOR, VALOR, TIMESTAMP = "Vendedor", schema.VALOR.name, schema.TIMESTAMP.name
IN_GOLD = {VENDEDOR: "vendedor", VALOR: schema.VALOR.gold_name, TIMESTAMP: schema.TIMESTAMP.gold_name}

sales = st.tuples(st.sampled_from(["Rita", "Ivo", "Zé"]), st.sampled_from(["1.00", "2.50"]), st.sampled_from([3, 4]))
fates = sales | st.sampled_from([REFUSED, DUPLICATE])
sides = st.fixed_dictionaries({(file, line): fates for file in FILES for line in LINES})


def sale(file, line, vendedor, valor, month):
    """Return a row of silver."""
    changed = {VENDEDOR: vendedor, VALOR: Decimal(valor), TIMESTAMP: datetime(2024, month, line)}
    return silver_row(file, line, **changed)


def rows_of(side):
    """Return each table's rows of one side."""
    sold = silver_table(sale(*place, *fate) for place, fate in side.items() if isinstance(fate, tuple))
    refused = [
        {"arquivo": file, "linha": line, "texto": "x", "motivos": ["y"]}
        for (file, line), fate in side.items()
        if fate == REFUSED
    ]
    quarantine = pa.Table.from_pylist(refused, arrow_schema(QUARANTINE_COLUMNS))
    return {SILVER_TABLE: sold, GOLD_TABLE: to_gold(sold), QUARANTINE_TABLE: quarantine}


def tables_of(folder, before, after, lasts, sampled):
    """Return what is compared: a stand-in for a rehearsal's lake, with a data file for each table and side."""

    def write(name, side):
        for table, rows in rows_of(side).items():
            write_rows(folder / f"{name}-{table}.parquet", rows, "zstd", group_rows=3)
        return lambda table, _: [HeldFile(folder / f"{name}-{table}.parquet", arrow_schema(TABLES[table]))]

    return SimpleNamespace(
        workers=ThisProcess(),
        sampled=sampled,
        last_lines=lasts,
        published_files_of=write("before", before),
        rehearsed_files_of=write("after", after),
    )


def columns_of(before, after):
    """Return what changes in the sales of both sides, by file and column."""
    found = defaultdict(list)
    for (file, line), fate in sorted(after.items()):
        was = before.get((file, line))
        if isinstance(fate, tuple) and isinstance(was, tuple):
            old, new = sale(file, line, *was), sale(file, line, *fate)
            for column in old:
                if old[column] != new[column]:
                    found[file, column].append(Change(line, str(old[column]), str(new[column])))
    return {place: ColumnChanges(len(all_), tuple(varied(all_)[:EXAMPLES_KEPT])) for place, all_ in found.items()}


def varied(changes):
    """Return the first change of each kind, then the second of each, and so on."""
    turns, left = [], list(changes)
    while left:
        kinds = {(change.antes, change.depois): change for change in reversed(left)}
        turns += sorted(kinds.values(), key=lambda change: change.linha)
        left = [change for change in left if change not in turns]
    return turns


def months_of(before, after, measure):
    """Return the totals of each month that has others, before and after."""
    totals = []
    for side in (before, after):
        sold = [fate for fate in side.values() if isinstance(fate, tuple)]
        count, sums = Counter(month for *_, month in sold), Counter()
        for _, valor, month in sold:
            sums[month] += Decimal(valor)
        totals.append({month: Total(count[month], {measure: sums[month]}) for month in count})
    was, now = totals
    told = {f"2024-{month:02d}": (was.get(month, Total()), now.get(month, Total())) for month in was | now}
    return {month: both for month, both in told.items() if both[0] != both[1]}


def moves_of(file, before, after):
    """Return how many of a file's lines come into silver, quarantine and duplicates, and leave them."""
    told = []
    for belongs in (lambda fate: isinstance(fate, tuple), REFUSED.__eq__, DUPLICATE.__eq__):
        was, now = ({place for place, fate in side.items() if belongs(fate) is True} for side in (before, after))
        told.append(Moves(*(sum(of == file for of, _ in places) for places in (now - was, was - now))))
    return told


@pytest.mark.parametrize("rows_at_a_time", [2, 100])
def test_each_kind_of_change_has_an_example_before_any_has_two(tmp_path, rows_at_a_time):
    after = {
        (FILES[0], line): (name, "1.00", 3)
        for line, name in zip(LINES, ["Ivo", "Ivo", "Ivo", "Zé", "Ivo"], strict=True)
    }
    before = dict.fromkeys(after, ("Rita", "1.00", 3))
    with mock.patch.object(difference, "COMPARED_ROWS", rows_at_a_time):
        found = compare_silver(
            tables_of(tmp_path, before, after, {}, False), [Event(FILES[0], "", "silver", "r", lidas=5)]
        )
    assert found.total.colunas[VENDEDOR] == ColumnChanges(
        5, (Change(2, "Rita", "Ivo"), Change(5, "Rita", "Zé"), Change(3, "Rita", "Ivo"))
    )


@pytest.mark.slow
@settings(max_examples=60)
@given(sides, sides, st.sampled_from([2, 4, 9, 100]), st.dictionaries(st.sampled_from(FILES), st.integers(2, 6)))
def test_of_silver_all_lines_that_were_rehearsed_are_compared(before, after, rows_at_a_time, lasts):
    events = [Event(file, file, "silver", "r", lidas=len(LINES)) for file in FILES]
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(difference, "COMPARED_ROWS", rows_at_a_time):
        found = compare_silver(tables_of(Path(folder), before, after, lasts, sampled=bool(lasts)), events)
    before, after = (
        {(file, line): fate for (file, line), fate in side.items() if line <= lasts.get(file, line)}
        for side in (before, after)
    )
    changes = {(file.arquivo, name): change for file in found.files for name, change in file.colunas.items()}
    assert changes == columns_of(before, after)
    assert found.months == months_of(before, after, schema.VALOR.gold_name)
    assert [(file.arquivo, file.linhas) for file in found.files] == [(file, len(LINES)) for file in FILES]
    for file in found.files:
        assert [file.silver, file.quarentena, file.duplicadas] == moves_of(file.arquivo, before, after)
        assert bool(file) == any(before[place] != after[place] for place in before if place[0] == file.arquivo)


@settings(max_examples=30)
@given(sides, sides, st.booleans())
def test_of_golds_sample_only_the_sales_in_it_are_compared(before, after, sampled):
    events = [Event(file, file, "gold", "r", lidas=99, gravadas=len(LINES)) for file in FILES]
    with tempfile.TemporaryDirectory() as folder:
        found = compare_gold(tables_of(Path(folder), before, after, {}, sampled), events)
    if sampled:
        before = {place: fate for place, fate in before.items() if isinstance(after[place], tuple)}
    expected = {(file, IN_GOLD[name]): change for (file, name), change in columns_of(before, after).items()}
    changes = {(file.arquivo, name): change for file in found.files for name, change in file.colunas.items()}
    assert {place: change for place, change in changes.items() if place[1] != DISCOUNTED} == expected
    valor = IN_GOLD[VALOR]
    of_valor = {file: change.mudam for (file, name), change in expected.items() if name == valor}
    assert {file: change.mudam for (file, name), change in changes.items() if name == DISCOUNTED} == of_valor
    months = {
        month: tuple(
            Total(total.vendas, {name: total.somas[name] for name in total.somas if name == valor}) for total in both
        )
        for month, both in found.months.items()
    }
    assert months == months_of(before, after, valor)
    assert all(file.linhas == len(LINES) and not file.quarentena for file in found.files)
