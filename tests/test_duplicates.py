from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, strategies as st

from helpers.rows import FILE, sales_table, silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Type
from vendas.rules.duplicates import (
    POSICAO,
    distinct_sales,
    find_stretches,
    microseconds,
    origin,
    posicao,
    sort_by_time,
    time_ranges,
    to_silver,
    with_variants,
)

VALOR, NOME, MOMENT = schema.VALOR.name, schema.NOME.name, schema.TIMESTAMP.name
NEW_YEAR = datetime(2024, 1, 1)
NOTHING = silver_table([])


def positions(sales):
    return sales[POSICAO].to_pylist()


def sale(row):
    return tuple(row[name] for name in schema.INPUT_NAMES)


def test_of_equal_sales_the_first_stays():
    new, _ = distinct_sales(sales_table([(silver_row(), 5), (silver_row(), 3), (silver_row(Nome="Bia"), 4)]), NOTHING)
    assert sorted(positions(new)) == [3, 4]


def test_a_difference_in_any_column_makes_another_sale():
    others = {MOMENT: datetime(2024, 3, 31, 14, 6), VALOR: Decimal("100.01"), "Desconto Oferecido": Decimal("0.12")}
    others |= {column.name: 7 for column in schema.INPUT_COLUMNS if column.type == Type.WHOLE}
    changed = [silver_row(**{name: others.get(name, "x")}) for name in schema.INPUT_NAMES]
    rows = [silver_row(), *changed, silver_row()]
    new, _ = distinct_sales(sales_table(zip(rows, range(len(rows)), strict=True)), NOTHING)
    assert sorted(positions(new)) == list(range(len(rows) - 1))


def test_texts_that_would_run_together_are_other_sales():
    rows = [silver_row(Nome="Ana", Sobrenome="Be"), silver_row(Nome="AnaB", Sobrenome="e")]
    assert len(distinct_sales(sales_table(zip(rows, (1, 2), strict=True)), NOTHING)[0]) == 2


def test_a_known_sale_is_not_new_and_is_told():
    new, equal = distinct_sales(sales_table([(silver_row(), 1)]), silver_table([silver_row("older.csv")]))
    assert (len(new), equal[schema.ARQUIVO.name].to_pylist()) == (0, ["older.csv"])


def test_a_known_sale_that_nothing_equals_is_not_told():
    new, equal = distinct_sales(sales_table([(silver_row(), 1)]), silver_table([silver_row("older.csv", Nome="Bia")]))
    assert (positions(new), len(equal)) == ([1], 0)


def test_no_sales_are_none():
    assert [len(found) for found in distinct_sales(sales_table([]), silver_table([silver_row()]))] == [0, 0]


SALES = st.lists(
    st.builds(
        lambda minute, nome, valor: silver_row(
            **{MOMENT: NEW_YEAR + timedelta(minutes=minute), NOME: nome, VALOR: Decimal(valor)}
        ),
        st.integers(-3, 3),
        st.sampled_from("ab"),
        st.integers(0, 1),
    ),
    max_size=30,
)


@given(SALES, SALES, st.randoms(use_true_random=False))
def test_distinct_sales_are_those_of_a_set(rows, known, random):
    held = list({sale(row): row for row in known}.values())
    numbered = list(enumerate(rows))
    random.shuffle(numbered)
    new, equal = distinct_sales(sales_table([(row, number) for number, row in numbered]), silver_table(held))
    first = {}
    for number, row in enumerate(rows):
        first.setdefault(sale(row), number)
    there = {sale(row) for row in held}
    assert sorted(positions(new)) == sorted(number for key, number in first.items() if key not in there)
    assert {sale(row) for row in equal.to_pylist()} == there & first.keys() and len(equal) == len(there & first.keys())


@given(st.lists(SALES, max_size=4), st.integers(1, 9))
def test_ranges_of_time_hold_every_sale_once_and_stay_within_a_year(files, rows):
    tables = [sort_by_time(sales_table([(row, number) for number, row in enumerate(of_file)])) for of_file in files]
    ranges = time_ranges([stretch for table in tables for stretch in find_stretches("", table)], rows)
    for moment in (moment for table in tables for moment in table[MOMENT].to_pylist()):
        micros = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
        (found,) = [range for range in ranges if range.first <= micros < range.end]
        assert found.ano == moment.year
    assert all(range.first < range.end for range in ranges)


def test_a_large_year_is_cut_into_ranges_of_about_as_many_rows():
    moments = [silver_row(**{MOMENT: NEW_YEAR + timedelta(seconds=second)}) for second in range(10_000)]
    found = find_stretches("", sort_by_time(sales_table([(row, 1) for row in moments])))
    (stretch,) = found
    ranges = time_ranges(found, rows=2500)
    assert (stretch.rows, len(ranges)) == (10_000, 4)


def test_sales_of_one_moment_are_not_parted():
    found = find_stretches("", sales_table([(silver_row(), number) for number in range(5000)]))
    assert len(time_ranges(found, rows=10)) <= 2


def test_stretches_are_of_a_year_each():
    rows = [silver_row(**{MOMENT: datetime(year, month, 1)}) for year in (2023, 2024) for month in (1, 12)]
    found = find_stretches("x", sort_by_time(sales_table([(row, 1) for row in rows])))
    assert [(stretch.path, stretch.ano, stretch.rows) for stretch in found] == [("x", 2023, 2), ("x", 2024, 2)]
    assert [stretch.moments[-1] for stretch in found] == microseconds(
        sales_table([(rows[1], 1), (rows[3], 1)])
    ).tolist()


def test_sales_are_ordered_by_time_then_position():
    rows = [(silver_row(**{MOMENT: NEW_YEAR}), 7), (silver_row(**{MOMENT: NEW_YEAR}), 2)]
    assert positions(sort_by_time(sales_table([(silver_row(), 1), *rows]))) == [2, 7, 1]


def test_the_first_in_bronze_order_comes_before_the_lowest_line():
    first, second = posicao(0, pa.array([9])), posicao(1, pa.array([2]))
    assert pc.less(first, second).to_pylist() == [True]


def test_silver_has_the_contracts_columns_and_its_file():
    sales = sales_table([(silver_row(), posicao(1, pa.array([9]))[0].as_py())])
    assert to_silver(sales, ["other.csv", FILE], 2024).equals(silver_table([silver_row(linha=9)]))


@pytest.mark.parametrize("line", [2, (1 << 40) - 1])
def test_a_position_tells_its_file(line):
    sales = sales_table([(silver_row(), posicao(place, pa.array([line]))[0].as_py()) for place in (0, 1)])
    assert to_silver(sales, ["a", "b"], 2024)[schema.ARQUIVO.name].to_pylist() == ["a", "b"]


def test_sales_that_differed_only_in_an_erased_persons_values_are_two():
    token = "ANONIMIZADO-0123456789ab"
    rows = [(silver_row(Email=token), posicao(0, pa.array([line]))[0].as_py()) for line in (2, 3, 4)]
    sales = with_variants(sales_table(rows), *origin(sales_table(rows), [FILE]), {FILE: {2: "a", 3: "b", 4: "a"}})
    new, _ = distinct_sales(sales, sales.slice(0, 0))
    assert [row & 0xFF for row in new[POSICAO].to_pylist()] == [2, 3]
    known = silver_table([silver_row(Email=token, linha=2)])
    known = with_variants(known, known["Arquivo de Origem"], known["Linha do Arquivo"], {FILE: {2: "a"}})
    new, equal = distinct_sales(sales, known)
    assert ([row & 0xFF for row in new[POSICAO].to_pylist()], len(equal)) == ([3], 1)


def test_variants_of_no_sales_are_none():
    sales = with_variants(NOTHING, NOTHING["Arquivo de Origem"], NOTHING["Linha do Arquivo"], {FILE: {2: "a"}})
    assert sales["variante"].to_pylist() == []
