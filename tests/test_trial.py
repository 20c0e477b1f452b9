"""Rules on trial: where they go, what they may return, and that the library's come back."""

from datetime import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from helpers.rows import raw_row, silver_row, silver_table
from test_validate import validated
from vendas.errors import RuleError
from vendas.rules import cleaning, gold, validate
from vendas.rules.gold import to_gold
from vendas.rules.trial import REFUSED_ON_TRIAL, trying, under_rules, with_pandas

SALES = silver_table([silver_row(), silver_row(linha=3, **{"Timestamp do Registro": datetime(2024, 1, 1, 3)})])


def gold_of(column, rule):
    with trying({column: rule}):
        return to_gold(SALES)[column].to_pylist()


def test_a_derived_column_of_gold_is_computed_by_the_rule():
    assert gold_of("turno_compra", lambda moment: pc.strftime(moment, "%H h")) == ["14 h", "03 h"]


def test_a_rule_gets_the_columns_that_the_declaration_names():
    assert (
        gold_of("nome_completo", lambda nome, sobrenome: pc.binary_join_element_wise(sobrenome, nome, ", "))
        == ["Souza, Ana"] * 2
    )


def test_a_carried_column_can_have_a_rule_too():
    assert gold_of("canal", pc.utf8_upper) == ["REDES SOCIAIS"] * 2


def test_a_rule_may_return_another_type_that_fits():
    whole = [Decimal("1"), Decimal("2")]
    assert gold_of("valor_com_desconto", lambda valor, desconto: pa.array(whole)) == whole


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (lambda email: email.str.upper(), ["ANA@EXEMPLO.COM"] * 2),
        (lambda email: email.map(len).astype(str), ["15", "15"]),
    ],
)
def test_a_rule_on_pandas_gets_and_returns_series(rule, values):
    assert gold_of("email", with_pandas(rule)) == values


def test_pandas_sees_money_as_decimals_and_moments_as_such():
    seen = []

    def look(valor, desconto):
        seen.extend([valor[0], desconto[0]])
        return valor

    gold_of("valor_com_desconto", with_pandas(look))
    assert seen == [Decimal("100.00"), Decimal("0.1100")]
    assert gold_of("turno_compra", with_pandas(lambda moment: moment.dt.year.astype(str))) == ["2024", "2024"]


def test_values_of_pandas_go_to_the_rows_of_their_index():
    def reorder(moment):
        return pd.concat(
            [part.dt.strftime("%H h") for part in (moment[moment.dt.hour < 12], moment[moment.dt.hour >= 12])]
        )

    assert gold_of("turno_compra", with_pandas(reorder)) == ["14 h", "03 h"]


def silver_of(column, rule, **fields):
    with trying({column: rule}):
        (row,) = validated(raw_row(**fields))
    return row[column], row["motivos"]


def test_a_text_of_silver_is_what_the_rule_makes_of_the_clean_text():
    assert silver_of("Canal", pc.utf8_upper, Canal="  redes   sociais ") == ("REDES SOCIAIS", [])


@pytest.mark.parametrize("text", ["", "ocultar"])
def test_an_empty_text_still_becomes_the_default(text):
    def hide(texts):
        return pc.if_else(pc.equal(texts, "ocultar"), "", texts)

    assert silver_of("Canal", hide, Canal=text) == ("NÃO INFORMADO", [])


def test_a_typed_column_is_parsed_by_the_rule():
    assert silver_of("Valor da Compra", lambda text: pa.array([Decimal("7.50")])) == (Decimal("7.50"), [])


def test_what_only_the_rule_refuses_has_a_reason_of_its_own():
    assert silver_of("Valor da Compra", lambda text: pa.nulls(len(text))) == (None, [REFUSED_ON_TRIAL])


def test_what_the_library_refuses_too_has_the_librarys_reason():
    _, reasons = silver_of("Valor da Compra", lambda text: pa.nulls(len(text)), **{"Valor da Compra": "-1"})
    assert reasons == ["valor_negativo"]


@pytest.mark.parametrize(
    ("column", "rule", "message"),
    [
        ("turno", pc.utf8_upper, "There is no column 'turno'.*turno_compra"),
        ("turno_compra", lambda moment: pa.array(["x"]), "returned 1 values for 2 rows"),
        ("turno_compra", lambda moment: pa.nulls(2, pa.string()), "no value for 2 of 2 rows"),
        ("turno_compra", lambda moment: ["x", "y"], "returned list; an Arrow array was expected.*with_pandas"),
        ("valor_com_desconto", lambda valor, desconto: pa.array(["a", "b"]), "type string, not decimal"),
        ("turno_compra", with_pandas(lambda moment: 7), "returned int"),
        ("turno_compra", "upper", "is 'upper'; a function was expected"),
        ("linha_do_arquivo", pc.negate, "There is no column 'linha_do_arquivo' for which"),
        ("arquivo_de_origem", pc.utf8_upper, "There is no column 'arquivo_de_origem' for which"),
    ],
)
def test_a_rule_that_does_not_fit_is_explained(column, rule, message):
    with pytest.raises(RuleError, match=f"(?s){message}"):
        gold_of(column, rule)


def divide(*columns):
    return columns[0] / 0  # the line that fails


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (divide, r"'divide' of 'email' failed at line \d+, `return columns\[0\] / 0 .*`:\nTypeError: .*with_pandas"),
        (
            with_pandas(divide),
            r"'divide' of 'email' failed at line \d+, `return columns\[0\] / 0 .*`:\nTypeError: [^\n]*$",
        ),
        (lambda email: email.str.upper(), r"failed at line \d+.*AttributeError: .* no attribute 'str'\n.*with_pandas"),
        (lambda: None, r"failed:\nTypeError: .* takes 0 positional arguments but 1 was given"),
        (with_pandas(lambda email: pd.Series([1, "a"])), r"failed:\nArrowInvalid: Could not convert 'a'"),
    ],
)
def test_a_rule_that_fails_is_named_with_its_line(rule, message):
    with pytest.raises(RuleError, match=f"(?s){message}"):
        gold_of("email", rule)


@pytest.mark.parametrize("fails", [False, True])
def test_the_librarys_rules_come_back(fails):
    tables = validate.RULES, cleaning.TEXT_RULES, gold.RULES
    before = [dict(table) for table in tables]
    rules = {"canal": pc.utf8_upper, "Canal": pc.utf8_upper, "Valor da Compra": pc.utf8_upper}
    try:
        with trying(rules):
            assert [dict(table) for table in tables] != before
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert [dict(table) for table in tables] == before


def test_a_wrong_column_leaves_the_others_rules_alone():
    before = dict(gold.RULES)
    with pytest.raises(RuleError), trying({"canal": pc.utf8_upper, "nenhuma": pc.utf8_upper}):
        pass
    assert before == gold.RULES


def test_work_is_done_under_the_rules():
    rules = {"canal": pc.utf8_upper}
    assert under_rules(SALES, work=to_gold, rules=rules)["canal"][0].as_py() == "REDES SOCIAIS"
