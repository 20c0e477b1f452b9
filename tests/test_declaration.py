"""What a declaration can say, and what it refuses."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from pyarrow.types import is_decimal

from vendas.declaration import SALES
from vendas.declaration_types import Carried, Column, Derived, Dimension, Input, Type, check_rules
from vendas.declared_names import NEEDED
from vendas.errors import DeclarationError
from vendas.resources import REPOSITORY
from vendas.rules.anonymized import TOKEN_DIGITS, TOKEN_PREFIX
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


def test_a_column_of_another_type_or_too_wide_is_refused():
    with pytest.raises(DeclarationError, match="'x' has the type 'text'; expected string, bigint"):
        Input("x", "text", "", "a")
    with pytest.raises(DeclarationError, match="'x': a text has 65535 bytes at most"):
        Input("x", Type.TEXT, "", "a", max_bytes=65_536)


@pytest.mark.parametrize(("type", "default", "bytes"), [(Type.WHOLE, "1", 1000), (Type.TEXT, "a", 23)])
def test_a_personal_column_has_room_for_an_erased_persons_token(type, default, bytes):
    assert len(TOKEN_PREFIX) + TOKEN_DIGITS == 24
    with pytest.raises(DeclarationError, match="'x' is personal, so it must be a text of 24 bytes or more"):
        Input("x", type, "", default, personal=True, max_bytes=bytes)


def text(name, **more):
    return Input(name, Type.TEXT, "", "-", optional=True, **more)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([text("canal")], "A header cannot tell 'canal' from 'Canal'"),
        ([text("C A N A L (R$)")], "A header cannot tell 'C A N A L .R..' from 'Canal'"),
        ([text("Linha do arquivo")], "A header cannot tell 'Linha do arquivo' from 'Linha do Arquivo'"),
        ([text("Forma", other_names=("vendedor",))], "A header cannot tell 'vendedor' from 'Vendedor'"),
        ([text("Forma", other_names=("Meio", "MEIO"))], "A header cannot tell 'MEIO' from 'Meio'"),
        ([text("Forma"), text("Meio", other_names=("Forma",))], "A header cannot tell 'Forma' from 'Forma'"),
        ([text("Ano")], "The warehouse cannot tell 'ano' from 'ano'"),
        ([text("Canal Id")], "The warehouse cannot tell 'canal_id' from 'canal_id'"),
        ([text("Turno Compra")], "The warehouse cannot tell 'turno_compra' from 'turno_compra'"),
        ([text("origem")], "No column can be called 'origem'"),
        ([text("Forma d'Água")], '"forma_d\'agua" cannot be a name in the warehouse'),
        ([text("2ª Via")], "'2_via' cannot be a name in the warehouse"),
        ([text("A" * 50)], f"'{'a' * 50}' cannot be a name in the warehouse; expected at most 49"),
        ([text("")], "'' cannot be a name in the warehouse"),
        ([text("Desc")], "'desc' cannot be a column of the warehouse: PostgreSQL or Redshift reserves the word"),
        ([text("Natural")], "'natural' cannot be a column of the warehouse"),
        ([text("TAG")], "'tag' cannot be a column of the warehouse"),
        ([text("Xmin")], "'xmin' cannot be a column of the warehouse"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_one_is_refused(columns, said):
    with pytest.raises(DeclarationError, match=said):
        replace(SALES, columns=(*SALES.columns, *columns))


def test_a_name_of_the_rules_own_is_free_in_gold():
    assert replace(SALES, columns=(*SALES.columns, text("Texto"))).gold_columns[-1].name == "texto"


@pytest.mark.parametrize(
    ("dimension", "said"),
    [
        (Dimension("canal", "", ("vendedor",), ""), "cannot tell 'canal_id' from 'canal_id'"),
        (Dimension("data", "", ("vendedor",), ""), "cannot tell 'data_id' from 'data_id'"),
        (Dimension("x y", "", ("vendedor",), ""), "'x y' cannot be a name in the warehouse"),
        (Dimension("x", "", ("vendedor", "vendedor"), ""), "dim_x cannot tell 'vendedor' from 'vendedor'"),
    ],
)
def test_a_dimension_whose_name_is_taken_or_cannot_be_one_is_refused(dimension, said):
    with pytest.raises(DeclarationError, match=said):
        replace(SALES, dimensions=(*SALES.dimensions, dimension))


def test_a_reserved_word_is_free_for_headers_and_dimensions():
    column, dimension = text("Descrição", other_names=("Desc",)), Dimension("tag", "", ("descricao",), "")
    other = replace(SALES, columns=(*SALES.columns, column), dimensions=(*SALES.dimensions, dimension))
    assert (other.columns[-1].other_names, other.dimensions[-1].table) == (("Desc",), "dim_tag")


@pytest.mark.parametrize("name", ["desconto_oferecido", "canal"])
def test_what_cannot_be_summed_is_no_measure(name):
    with pytest.raises(DeclarationError, match=f"The measure {name} is .*; expected bigint or decimal"):
        replace(SALES, measures=(name,))


def test_a_measure_comes_once():
    with pytest.raises(DeclarationError, match="The fact cannot tell 'valor_da_compra' from 'valor_da_compra'"):
        replace(SALES, measures=("valor_da_compra", "valor_da_compra"))


def test_a_column_without_its_rule_or_a_rule_without_its_column_is_refused():
    check_rules({"Valor": 1}, needed={"Valor"}, known={"Valor"})
    with pytest.raises(DeclarationError, match="The column 'Frete' needs a rule in RULES"):
        check_rules({"Valor": 1}, needed={"Frete", "Valor"}, known={"Frete", "Valor"})
    with pytest.raises(DeclarationError, match="There is a rule for 'Valor' in RULES, but no such column"):
        check_rules({"Valor": 1}, needed=set(), known={"Frete"})


def test_a_derived_text_has_room_for_those_that_it_is_made_of():
    widths = {column.name: column.max_bytes for column in TEXT_COLUMNS}
    for column in (column for column in SALES.gold_columns if isinstance(column, Derived)):
        sources = [widths[name] for name in column.of if name in widths]
        assert column.max_bytes >= sum(sources) + len(sources) - 1, column.name


def test_what_is_not_declared_is_refused():
    with pytest.raises(DeclarationError, match="Gold has no column cor_da_embalagem"):
        replace(SALES, dimensions=(Dimension("cor", "", ("cor_da_embalagem",), ""),))
    with pytest.raises(DeclarationError, match="Gold has no column frete"):
        replace(SALES, measures=("frete",))
    with pytest.raises(DeclarationError, match="No column 'Frete' is declared"):
        replace(SALES, gold=(*SALES.gold, "Frete"))


def without(names, name):
    return tuple(each for each in names if each != name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cliente", "lacks dim_cliente.nome_completo, .*, needed by lib/vendas/privacy/database.py and notebooks/05_"),
        ("canal", "lacks dim_canal.canal, needed by lib/vendas/warehouse/star.py and notebooks/05_exploracao.ipynb"),
        ("campanha", "lacks dim_campanha.campanha_de_marketing, needed by notebooks/05_exploracao.ipynb. Declare it"),
    ],
)
def test_a_dimension_that_others_need_is_missed(name, said):
    kept = tuple(dimension for dimension in SALES.dimensions if dimension.name != name)
    with pytest.raises(DeclarationError, match=said):
        replace(SALES, dimensions=kept)


def test_a_column_of_the_fact_that_others_need_is_missed():
    with pytest.raises(DeclarationError, match="lacks facts.turno_compra, needed by lib/vendas/warehouse/star.py"):
        replace(SALES, facts=without(SALES.facts, "turno_compra"))
    with pytest.raises(DeclarationError, match="lacks measures.valor_da_compra, needed by notebooks/05_exploracao"):
        replace(SALES, measures=without(SALES.measures, "valor_da_compra"))


@pytest.mark.parametrize("file", ["lib/vendas/privacy/database.py", "notebooks/05_exploracao.ipynb"])
def test_what_a_file_calls_by_name_is_known_to_be_needed(file):
    words = set(re.findall(r"\w+", (REPOSITORY / file).read_text(encoding="utf-8")))
    named = {f"{each.table}.{name}" for each in SALES.dimensions for name in each.attributes}
    named |= {f"facts.{name}" for name in SALES.facts} | {f"measures.{n}" for n in SALES.measures}
    assert {name for name in named if name.partition(".")[2] in words} == {n for n in NEEDED if file in NEEDED[n]}


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
