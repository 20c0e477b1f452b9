"""What a declaration can say, and what it refuses."""

from dataclasses import replace
from decimal import Decimal

import pytest
from pyarrow.types import is_decimal

from vendas.declaration import SALES
from vendas.declaration_types import Carried, Column, Derived, Dimension, Input, Type
from vendas.errors import DeclarationError
from vendas.rules.gold import RULES
from vendas.rules.validate import RULES as TYPING
from vendas.schema import TABLES, TEXT_COLUMNS, arrow_schema
from vendas.warehouse.star import tables

COLOUR = Input("Cor da Embalagem", Type.TEXT, "A cor da embalagem", "NÃO INFORMADO", optional=True)


@pytest.mark.parametrize(
    ("name", "gold"),
    [("Código de Desconto Usado", "codigo_de_desconto_usado"), ("Plataforma de  Interação", "plataforma_de_interacao")],
)
def test_golds_name_is_plain(name, gold):
    assert Column(name, Type.TEXT, "").gold_name == gold


@pytest.mark.parametrize(
    ("type", "default", "value"),
    [(Type.TEXT, "1", "1"), (Type.WHOLE, "1", 1), (Type.MONEY, "1.50", Decimal("1.50")), (Type.MONEY, None, None)],
)
def test_a_default_is_a_value_of_the_columns_type(type, default, value):
    assert Column("x", type, "", default).default_value == value


@pytest.mark.parametrize(
    ("type", "default", "optional", "said"),
    [
        (Type.TEXT, None, False, "'x' needs a default"),
        (Type.WHOLE, None, True, "'x' needs a default"),
        (Type.WHOLE, "abc", True, "'x': the default 'abc' is no bigint"),
        (Type.WHOLE, "1.5", True, "'x': the default '1.5' is no bigint"),
        (Type.MONEY, "abc", True, "'x': the default 'abc' is no decimal"),
        (Type.MONEY, "1.555", True, "'x': the default '1.555' is no decimal"),
        (Type.MONEY, "NaN", True, "'x': the default 'NaN' is no decimal"),
        (Type.TIMESTAMP, "hoje", True, "'x' cannot have a default: its type is timestamp_ntz"),
    ],
)
def test_a_default_that_is_missing_or_senseless_is_refused(type, default, optional, said):
    with pytest.raises(DeclarationError, match=said):
        Input("x", type, "", default, optional=optional)


def test_a_default_that_is_longer_than_a_text_may_be_is_refused():
    with pytest.raises(DeclarationError, match="'x': the default 'NÃO' has more than 3 bytes"):
        Input("x", Type.TEXT, "", "NÃO", max_bytes=3)


def test_what_is_not_declared_is_refused():
    with pytest.raises(DeclarationError, match="Gold has no column cor_da_embalagem"):
        replace(SALES, dimensions=(Dimension("cor", "", ("cor_da_embalagem",), ""),))
    with pytest.raises(DeclarationError, match="Gold has no column frete"):
        replace(SALES, measures=("frete",))
    with pytest.raises(DeclarationError, match="No column 'Frete' is declared"):
        replace(SALES, gold=(*SALES.gold, "Frete"))


def test_a_further_column_is_carried_behind_all_others():
    other = replace(SALES, columns=(*SALES.columns, COLOUR))
    assert other.gold_columns[:-1] == SALES.gold_columns
    carried = other.gold_columns[-1]
    assert isinstance(carried, Carried)
    assert (carried.name, carried.of, carried.default) == ("cor_da_embalagem", COLOUR.name, "NÃO INFORMADO")


def test_a_dimension_more_is_a_table_and_a_key_more():
    cor = Dimension("cor", "Cores", ("cor_da_embalagem",), "A cor")
    other = replace(SALES, columns=(*SALES.columns, COLOUR), dimensions=(*SALES.dimensions, cor))
    made = {table.name: [column.name for column in table.columns] for table in tables(other)}
    assert made["dim_cor"] == ["cor_id", "cor_da_embalagem"]
    assert made["fato_vendas"].index("cor_id") == made["fato_vendas"].index(SALES.dimensions[-1].key) + 1


def test_every_derived_column_and_every_typed_one_has_its_rule():
    assert {column.name for column in SALES.gold_columns if isinstance(column, Derived)} == RULES.keys()
    assert {column.name for column in SALES.columns} - {column.name for column in TEXT_COLUMNS} == TYPING.keys()


def test_personal_columns_are_those_of_the_contract():
    assert {column.name for column in SALES.columns if column.personal} == {"Nome", "Sobrenome", "Email", "Telefone"}
    assert {c.name for c in SALES.gold_columns if c.personal} == {"nome_completo", "email", "telefone"}


@pytest.mark.parametrize("table", TABLES)
def test_arrow_keeps_money_and_fractions_in_the_digits_that_spark_does(table):
    found = {field.name: field.type for field in arrow_schema(TABLES[table]) if is_decimal(field.type)}
    declared = {column.name: column.type for column in TABLES[table] if column.type.startswith("decimal")}
    assert {name: f"decimal({kind.precision},{kind.scale})" for name, kind in found.items()} == declared
