"""What 03_gold shows, from literal rows and without Spark."""

from decimal import Decimal

import pytest

from helpers.rows import silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Column
from vendas.lake.events import Event
from vendas.reports.gold_preview import (
    show_discounts,
    show_domains,
    show_full_names,
    show_names,
    show_turnos,
    side_by_side,
)
from vendas.reports.preview import NO_SALES
from vendas.rules.gold import TURNOS, to_gold


def sales(*rows):
    """These silver rows beside what gold makes of them."""
    silver = silver_table(row | {schema.LINHA_DO_ARQUIVO.name: line} for line, row in enumerate(rows, start=2))
    return side_by_side(silver, to_gold(silver))


def at(hour):
    moment = silver_row()["Timestamp do Registro"].replace(hour=hour)
    return silver_row(**{"Timestamp do Registro": moment})


def test_rows_stand_beside_those_they_come_from_in_golds_order():
    silver = silver_table([silver_row(linha=3, Nome="Eva"), silver_row(linha=2)])
    found = side_by_side(silver, to_gold(silver.take([1, 0])))
    assert found["nome_completo"].to_pylist() == ["Ana Souza", "Eva Souza"]
    assert found["antes: Nome"].to_pylist() == ["Ana", "Eva"]


def test_a_sale_is_shown_column_by_column_with_both_names():
    shown = show_names(sales(silver_row())).set_index("coluna em gold").to_dict("index")
    assert shown["valor_da_compra"] == {
        "coluna em silver": "Valor da Compra",
        "valor em silver": Decimal("100.00"),
        "valor em gold": Decimal("100.00"),
    }
    assert (
        shown["email"]["valor em silver"] == "A***@Exemplo.com"
        and shown["email"]["valor em gold"] == "a***@exemplo.com"
    )
    assert shown["turno_compra"]["coluna em silver"] == "—" and list(shown) == schema.names(schema.GOLD_COLUMNS)


def test_columns_that_end_up_in_another_are_named():
    assert show_names(sales(silver_row())).note == "— é calculada. Entram em outra coluna: Nome, Sobrenome."


@pytest.mark.parametrize(
    ("silver", "gold"),
    [("Código de Desconto Usado", "codigo_de_desconto_usado"), ("Email", "email"), ("ano", "ano")],
)
def test_gold_drops_accents_blanks_and_capitals(silver, gold):
    assert Column(silver, "string", "").gold_name == gold


def test_names_are_shown_by_what_is_missing():
    missing = schema.MISSING
    rows = [silver_row(), silver_row(), silver_row(Sobrenome=missing), silver_row(Nome=missing, Sobrenome=missing)]
    shown = show_full_names(sales(*rows), []).to_dict("split")["data"]
    assert shown == [
        ["Ana", "Souza", "Ana Souza", 2],
        ["Ana", missing, "Ana", 1],
        [missing, missing, missing, 1],
    ]


def test_domains_are_counted_most_frequent_first():
    rows = [silver_row(Email="b@x.com"), silver_row(Email="A@Y.com"), silver_row(Email="c@y.com")]
    assert show_domains(sales(*rows), []).to_dict("split")["data"] == [
        ["A***@Y.com", "a***@y.com", "y.com", 2],
        ["b***@x.com", "b***@x.com", "x.com", 1],
    ]


def test_parts_of_the_day_stand_in_their_order_with_those_that_have_no_sale():
    shown = show_turnos(sales(at(23), at(6), at(7)), []).to_dict("records")
    assert [(row["turno_compra"], row["desde"], row["vendas"]) for row in shown] == [
        (turno, f"{hour} h", {"Manhã": 2, "Noite": 1}.get(turno, 0)) for turno, hour in TURNOS.items()
    ]


def test_discounts_show_an_example_and_sums_before_and_after():
    rows = [silver_row(), silver_row(**{"Valor da Compra": Decimal("50.00")})]
    rows += [silver_row(**{"Desconto Oferecido": Decimal("0.0000")})]
    assert show_discounts(sales(*rows), []).to_dict("split")["data"] == [
        [Decimal(value) for value in ("0.1100", "100.00", "89.00", "2", "150.00", "133.50")],
        [Decimal(value) for value in ("0.0000", "100.00", "100.00", "1", "100.00", "100.00")],
    ]


BY_RULE = [show_full_names, show_domains, show_turnos, show_discounts]


@pytest.mark.parametrize("show", BY_RULE)
def test_counts_of_a_sample_say_that_they_are(show):
    loaded = Event("registros_a.csv", "registros_a.csv", "gold", "r1", gravadas=1200)
    assert show(sales(silver_row()), [loaded]).note == "1 de 1.200 vendas, uma amostra."


@pytest.mark.parametrize("show", BY_RULE)
def test_without_sales_it_says_so(show):
    assert show(sales(), []).note == show_names(sales()).note == NO_SALES
