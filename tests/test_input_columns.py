"""The rules compared with literal tables and, on hundreds of generated texts, with their twins in plain Python."""

from datetime import datetime
from decimal import Decimal
from random import Random
from time import perf_counter

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from helpers import rules_twin as twin
from helpers.rule_outcomes import A_BATCH, itself, outcomes, texts_array
from vendas.reasons import Reason
from vendas.rules import input_columns as rules
from vendas.rules.cleaning import address, clean_text, text_or_default as cleaned_or_default
from vendas.rules.gold import valor_com_desconto
from vendas.schema import DESCONTO, MISSING, MISSING_CODE, TIMESTAMP, VALOR, arrow_schema
from vendas.text import INVISIBLE, WHITE_SPACE

NBSP, ZERO_WIDTH = "\xa0", "\u200b"
FIRST_YEAR, LAST_YEAR = 1990, 2100
WRAPPINGS = ["{}"] * 8 + ['="{}"', "'{}", "{}>"]

TIMESTAMPS = [
    ("2024-03-31 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("2024-03-31 14:05:09", datetime(2024, 3, 31, 14, 5, 9), None),
    ("2024-03-31T14:05", datetime(2024, 3, 31, 14, 5), None),
    ("2024-03-31T14:05:09.5", datetime(2024, 3, 31, 14, 5, 9, 500000), None),
    ("2024-03-31 14:05:09.1234567", datetime(2024, 3, 31, 14, 5, 9, 123456), None),
    ("2024-12-31 23:59:59.999999999", datetime(2024, 12, 31, 23, 59, 59, 999999), None),
    ("31/03/2024 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("31/03/2024 14:05:09", datetime(2024, 3, 31, 14, 5, 9), None),
    (f"\t{NBSP}2024-03-31 14:05\u2003", datetime(2024, 3, 31, 14, 5), None),
    ("1990-01-01 00:00", datetime(1990, 1, 1), None),
    ("31/12/2100 23:59:59", datetime(2100, 12, 31, 23, 59, 59), None),
    ("2000-02-29 00:00", datetime(2000, 2, 29), None),
    ("2018-10-21 00:30", datetime(2018, 10, 21, 0, 30), None),  # skipped by clocks in São Paulo
    ("2024-03-31  14:05", datetime(2024, 3, 31, 14, 5), None),
    (f"2024-03-31{NBSP}14:05", datetime(2024, 3, 31, 14, 5), None),
    (f"2024-03{ZERO_WIDTH}-31 14:05", datetime(2024, 3, 31, 14, 5), None),
    ('="2024-03-31 14:05"', datetime(2024, 3, 31, 14, 5), None),
    ("'31/03/2024 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("2024-03-31 4:05", datetime(2024, 3, 31, 4, 5), None),
    ("2024-03-31T4:05:09", datetime(2024, 3, 31, 4, 5, 9), None),
    ("31/03/2024 0:05", datetime(2024, 3, 31, 0, 5), None),
    ("2024-03-31 14:05:09,5", datetime(2024, 3, 31, 14, 5, 9, 500000), None),
    ("31/03/2024 14:05:09.5", datetime(2024, 3, 31, 14, 5, 9, 500000), None),
    ("31/03/2024 9:05:09,1234567", datetime(2024, 3, 31, 9, 5, 9, 123456), None),
    ("31-03-2024 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("31.03.2024 14:05:09", datetime(2024, 3, 31, 14, 5, 9), None),
    ("2024/03/31 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("2024/03/31T14:05:09.5", datetime(2024, 3, 31, 14, 5, 9, 500000), None),
    ("2024-03-31, 14:05", datetime(2024, 3, 31, 14, 5), None),
    ("2024-03-31,14:05:09,25", datetime(2024, 3, 31, 14, 5, 9, 250000), None),
    ("31/03/2024,14:05", datetime(2024, 3, 31, 14, 5), None),
    ("31.03.2024, 9:05", datetime(2024, 3, 31, 9, 5), None),
    (None, None, "timestamp_ausente"),
    ("", None, "timestamp_ausente"),
    (f" {NBSP}", None, "timestamp_ausente"),
    ("2024-03-31", None, "timestamp_sem_hora"),
    ("31/03/2024", None, "timestamp_sem_hora"),
    ("31.03.2024", None, "timestamp_sem_hora"),
    ("2024/03/31", None, "timestamp_sem_hora"),
    (ZERO_WIDTH, None, "timestamp_ausente"),
    ("2024-03-31T14:05Z", None, "timestamp_com_fuso"),
    ("2024-03-31T14:05z", None, "timestamp_com_fuso"),
    ("2024-03-31 14:05:09.5-03:00", None, "timestamp_com_fuso"),
    ("2024-03-31 14:05:09 +0000", None, "timestamp_com_fuso"),
    ("2024-03-31 14:05 UTC", None, "timestamp_com_fuso"),
    ("31/03/2024 14:05-03", None, "timestamp_com_fuso"),
    ("31-03-2024, 9:05:09,5Z", None, "timestamp_com_fuso"),
    ("31/02/2024 10:00", None, "timestamp_impossivel"),
    ("2023-02-29 10:00", None, "timestamp_impossivel"),
    ("2100-02-29 10:00", None, "timestamp_impossivel"),
    ("2024-13-01 10:00", None, "timestamp_impossivel"),
    ("2024-00-10 10:00", None, "timestamp_impossivel"),
    ("2024-01-00 10:00", None, "timestamp_impossivel"),
    ("2024-04-31 10:00", None, "timestamp_impossivel"),
    ("2024-03-31 24:00", None, "timestamp_impossivel"),
    ("2024-03-31 25:00", None, "timestamp_impossivel"),
    ("2024-03-31 23:60", None, "timestamp_impossivel"),
    ("2024-03-31 23:59:60", None, "timestamp_impossivel"),
    ("1989-12-31 23:59", None, "timestamp_fora_do_intervalo"),
    ("01/01/2101 00:00", None, "timestamp_fora_do_intervalo"),
    ("0000-00-00 00:00:00", None, "timestamp_fora_do_intervalo"),  # also impossible, but the year is checked first
    ("2024-03-31t14:05", None, "timestamp_invalido"),
    ("2024-3-31 14:05", None, "timestamp_invalido"),
    ("31.02.2024 10:00", None, "timestamp_impossivel"),
    ("2024/03/31 24:00", None, "timestamp_impossivel"),
    ("3/3/2024 14:05", None, "timestamp_invalido"),
    ("31/03-2024 14:05", None, "timestamp_invalido"),
    ("2024-03/31 14:05", None, "timestamp_invalido"),
    ("2024.03.31 14:05", None, "timestamp_invalido"),
    ("2024-03-31 2:05 PM", None, "timestamp_invalido"),
    ("2024-03-31 ,14:05", None, "timestamp_invalido"),
    ("2024-03-31T 14:05", None, "timestamp_invalido"),
    ("2024-03-31T,14:05", None, "timestamp_invalido"),
    ("2024-03-31 014:05", None, "timestamp_invalido"),
    ("2024-03-31 1\u200d4:05", None, "timestamp_invalido"),  # cleaning keeps a joiner
    ("2024-03-31 14", None, "timestamp_invalido"),
    ("2024-03-31 14:05:09.", None, "timestamp_invalido"),
    ("2024-03-31 14:05.5", None, "timestamp_invalido"),
    ("31/03/2024T14:05", None, "timestamp_invalido"),
    ("31/03/24 14:05", None, "timestamp_invalido"),
    ("+2024-03-31 14:05", None, "timestamp_invalido"),
    ("12024-03-31 14:05", None, "timestamp_invalido"),
    ("٢٠٢٤-03-31 14:05", None, "timestamp_invalido"),
    ("2024-03-31 14:05\n2024", None, "timestamp_invalido"),
    ("1711893900", None, "timestamp_invalido"),
    ("ontem", None, "timestamp_invalido"),
]

VALORES = [
    ("50", Decimal("50"), None),
    ("50.5", Decimal("50.5"), None),
    ("1234.56", Decimal("1234.56"), None),
    ("1234,56", Decimal("1234.56"), None),
    ("1.234,56", Decimal("1234.56"), None),
    ("1,234.56", Decimal("1234.56"), None),
    ("1.234,5", Decimal("1234.5"), None),
    ("1.234.567", Decimal("1234567"), None),
    ("1,234,567", Decimal("1234567"), None),
    ("1.234.567,89", Decimal("1234567.89"), None),
    ("1,234,567.89", Decimal("1234567.89"), None),
    ("R$ 1.234,56", Decimal("1234.56"), None),
    (f"{NBSP}R${NBSP}{NBSP}50 ", Decimal("50"), None),
    ("R$50,00", Decimal("50"), None),
    ("0", Decimal("0"), None),
    ("0,00", Decimal("0"), None),
    ("0.5", Decimal("0.5"), None),
    ("007", Decimal("7"), None),
    ("000000000000050,25", Decimal("50.25"), None),
    ("9999999999.99", Decimal("9999999999.99"), None),
    ("9.999.999.999,99", Decimal("9999999999.99"), None),
    ("999,999,999", Decimal("999999999"), None),
    ("1 234,56", Decimal("1234.56"), None),
    (f"R$ 1{NBSP}234.56", Decimal("1234.56"), None),
    ("1\u202f234\u202f567,8", Decimal("1234567.8"), None),
    ("1'234.56", Decimal("1234.56"), None),
    ("1’234’567,89", Decimal("1234567.89"), None),
    ("59.9000", Decimal("59.9"), None),
    ("59,9000", Decimal("59.9"), None),
    ("50,0000", Decimal("50"), None),
    ("R$ 1234.560000", Decimal("1234.56"), None),
    ('="1234,56"', Decimal("1234.56"), None),
    ("'50", Decimal("50"), None),
    (f"1234,56{ZERO_WIDTH}", Decimal("1234.56"), None),
    ("R$", None, "valor_ausente"),
    ("R$ -", None, "valor_ausente"),
    ("-", None, "valor_ausente"),
    ("–", None, "valor_ausente"),
    ("R$ \u2212", None, "valor_ausente"),
    (None, None, "valor_ausente"),
    ("", None, "valor_ausente"),
    (f" {NBSP}\t", None, "valor_ausente"),
    ("-5", None, "valor_negativo"),
    ("- 5,00", None, "valor_negativo"),
    ("R$ -5", None, "valor_negativo"),
    ("-R$ 1.234,56", None, "valor_negativo"),
    ("-1.234", None, "valor_negativo"),  # ambiguous, but negative in either case
    ("-0", None, "valor_negativo"),
    ("(5)", None, "valor_negativo"),
    ("(R$ 1.234,56)", None, "valor_negativo"),
    ("R$ (1.234,56)", None, "valor_negativo"),
    ("5-", None, "valor_negativo"),
    ("1.234,56 -", None, "valor_negativo"),
    ("R$ 5-", None, "valor_negativo"),
    ("\u22125", None, "valor_negativo"),  # a typographic minus
    ("–50", None, "valor_negativo"),  # a dash, which word processors make of a hyphen
    ("R$ —1.234,56", None, "valor_negativo"),
    ("50–", None, "valor_negativo"),
    ("1.234", None, "valor_ambiguo"),
    ("1,234", None, "valor_ambiguo"),
    ("1234,567", None, "valor_ambiguo"),
    ("0.123", None, "valor_ambiguo"),
    ("R$ 1.000", None, "valor_ambiguo"),
    ("12345678901.234", None, "valor_ambiguo"),
    ("1.2345", None, "valor_casas_decimais"),
    ("50,0010", None, "valor_casas_decimais"),
    ("1 234,567", None, "valor_casas_decimais"),
    ("1.234,5600", None, "valor_casas_decimais"),  # zeros after thousands separators
    ("1 234", None, "valor_sem_centavos"),
    ("1'234'567", None, "valor_sem_centavos"),
    ("R$ 1 234", None, "valor_sem_centavos"),
    ("10000000000,0000", None, "valor_fora_do_limite"),
    ("1.234,567", None, "valor_casas_decimais"),
    ("1,234,567.890", None, "valor_casas_decimais"),
    ("10000000000", None, "valor_fora_do_limite"),
    ("10000000000,00", None, "valor_fora_do_limite"),
    ("10.000.000.000", None, "valor_fora_do_limite"),
    ("1,000,000,000,000.00", None, "valor_fora_do_limite"),
    (".5", None, "valor_invalido"),
    ("50.", None, "valor_invalido"),
    ("+50", None, "valor_invalido"),
    ("50 R$", None, "valor_moeda"),
    ("1.234,56 BRL", None, "valor_moeda"),
    ("BRL 50", None, "valor_moeda"),
    ("r$ 50", None, "valor_moeda"),
    ("US$ 50", None, "valor_moeda"),
    ("€50", None, "valor_moeda"),
    ("R$ R$ 50", None, "valor_invalido"),
    ("R$ 1.234.56", None, "valor_invalido"),
    ("--5", None, "valor_invalido"),
    ("-5-", None, "valor_invalido"),
    ("(5", None, "valor_invalido"),
    ("1 23,45", None, "valor_invalido"),
    ("1 234'567,89", None, "valor_invalido"),
    ("1 234,567,89", None, "valor_invalido"),
    ("1.234 567,89", None, "valor_invalido"),
    ("0.123.456", None, "valor_invalido"),
    ("0.123,45", None, "valor_invalido"),
    ("1234.567,89", None, "valor_invalido"),
    ("1.23.456", None, "valor_invalido"),
    ("1.234.56", None, "valor_invalido"),
    ("1.234,567,89", None, "valor_invalido"),
    ("1e3", None, "valor_invalido"),
    ("0x1F", None, "valor_invalido"),
    ("NaN", None, "valor_invalido"),
    ("50\n50", None, "valor_invalido"),
    ("٥٠", None, "valor_invalido"),
    ("cinquenta", None, "valor_invalido"),
]

DESCONTOS = [
    (None, Decimal("0"), None),
    ("", Decimal("0"), None),
    (NBSP, Decimal("0"), None),
    ("11%", Decimal("0.11"), None),
    ("11", Decimal("0.11"), None),
    ("5,5%", Decimal("0.055"), None),
    ("5.25 %", Decimal("0.0525"), None),
    (f"5,25{NBSP}%", Decimal("0.0525"), None),
    ("0", Decimal("0"), None),
    ("0,00", Decimal("0"), None),
    ("0,5%", Decimal("0.005"), None),
    ("1", Decimal("0.01"), None),
    ("011%", Decimal("0.11"), None),
    ("99.99", Decimal("0.9999"), None),
    ("100%", Decimal("1"), None),
    ("100,00", Decimal("1"), None),
    ("00100", Decimal("1"), None),
    ("10.0000", Decimal("0.1"), None),
    ("5.250%", Decimal("0.0525"), None),
    ("5.500", Decimal("0.055"), None),
    ("0.000", Decimal("0"), None),
    ("1.000", Decimal("0.01"), None),
    ("100,000 %", Decimal("1"), None),
    ("'11", Decimal("0.11"), None),
    (f"{ZERO_WIDTH}11%", Decimal("0.11"), None),
    ("150.000", None, "desconto_acima_de_100"),
    ("100.01%", None, "desconto_acima_de_100"),
    ("101", None, "desconto_acima_de_100"),
    ("1000 %", None, "desconto_acima_de_100"),
    ("-5%", None, "desconto_negativo"),
    ("- 0,5", None, "desconto_negativo"),
    ("5-", None, "desconto_negativo"),
    ("5% -", None, "desconto_negativo"),
    ("(5%)", None, "desconto_negativo"),
    ("(5)%", None, "desconto_negativo"),
    ("\u22125%", None, "desconto_negativo"),
    ("–5%", None, "desconto_negativo"),
    ("5% —", None, "desconto_negativo"),
    ("0.11", None, "desconto_ambiguo"),
    ("0,5", None, "desconto_ambiguo"),
    ("0.125", None, "desconto_ambiguo"),  # also three decimals, but the ambiguity is checked first
    (".11", None, "desconto_ambiguo"),
    (",5", None, "desconto_ambiguo"),
    ("+0.11", None, "desconto_ambiguo"),
    ("1,1E-01", None, "desconto_ambiguo"),
    ("5e-05", None, "desconto_ambiguo"),
    (".0", None, "desconto_invalido"),
    ("1E+00", None, "desconto_invalido"),
    ("1e-0", None, "desconto_invalido"),
    ("11e-2", None, "desconto_invalido"),
    ("5,125%", None, "desconto_casas_decimais"),
    ("0.125%", None, "desconto_casas_decimais"),
    ("250.125", None, "desconto_casas_decimais"),
    (".5%", None, "desconto_invalido"),
    ("5.%", None, "desconto_invalido"),
    ("+5%", None, "desconto_invalido"),
    ("%", None, "desconto_invalido"),
    ("% 11", None, "desconto_invalido"),
    ("11%%", None, "desconto_invalido"),
    ("1.234,5", None, "desconto_invalido"),
    ("11 por cento", None, "desconto_invalido"),
    ("nenhum", None, "desconto_invalido"),
]


def of_clean(rule):
    """Return the rule applied to texts as they are in a file, before cleaning."""
    return lambda texts: rule(clean_text(texts))


PARSERS = {
    TIMESTAMP: of_clean(rules.parse_timestamp),
    VALOR: of_clean(rules.parse_valor),
    DESCONTO: of_clean(rules.parse_desconto),
}
PAIRS = {
    "timestamp": (PARSERS[TIMESTAMP], of_clean(rules.timestamp_reason), TIMESTAMPS),
    "valor": (PARSERS[VALOR], of_clean(rules.valor_reason), VALORES),
    "desconto": (PARSERS[DESCONTO], of_clean(rules.desconto_reason), DESCONTOS),
}
SEEDS = st.integers(0, 2**32 - 1)  # of a Random of Python's own: one of Hypothesis takes longer than the rules


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_takes_and_refuses_what_its_table_says(name):
    parse, reason, table = PAIRS[name]
    assert outcomes([text for text, _, _ in table], itself, parse, reason) == table


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("texts", [[], [None], ["", None]], ids=["no text", "null", "empty and null"])
def test_a_rule_validates_whatever_the_batch(name, texts):
    parse, reason, table = PAIRS[name]
    told = {text: (value, why) for text, value, why in table}
    assert outcomes(texts, parse, reason) == [told[text] for text in texts]


@pytest.mark.parametrize("name", PAIRS)
def test_the_twin_agrees_with_the_table(name):
    parse, reason = getattr(twin, f"parse_{name}"), getattr(twin, f"{name}_reason")
    table = PAIRS[name][2]
    assert [(text, parse(twin.clean(text)), reason(twin.clean(text))) for text, _, _ in table] == table


def test_tables_hold_every_reason_of_their_rule():
    tested = {reason for _, _, table in PAIRS.values() for _, _, reason in table if reason}
    of_structure = {"numero_de_campos", "texto_apos_aspas", "retorno_de_carro", "aspas_engolem_linhas"}
    of_evidence = {"timestamp_ambiguo", "desconto_um_ambiguo"}
    assert tested | of_structure | of_evidence | {"texto_longo"} == set(Reason)


@pytest.mark.parametrize("texts", [["2024-03-31 14:05", "50"], ["x"], []], ids=["plain", "refused", "no text"])
def test_types_are_the_contract_s(texts):
    typed = {column: parse(texts_array(texts)) for column, parse in PARSERS.items()}
    assert [values.type for values in typed.values()] == arrow_schema((*typed,)).types
    assert valor_com_desconto(typed[VALOR], typed[DESCONTO]).type == arrow_schema((VALOR,)).types[0]
    told = [reason(texts_array(texts)) for _, reason, _ in PAIRS.values()]
    assert {reasons.type for reasons in (*told, rules.texto_reason((texts_array(texts), 1000)))} == {pa.string()}


def some_timestamp(random):
    year = random.choice([*range(1988, 2103), random.randrange(10_000)])
    day, month = random.choice([*range(33), random.randrange(100)]), random.randrange(14)
    hour = random.randrange(26)
    clock = f"{random.choice([f'{hour:02}', f'{hour:02}', hour])}:{random.randrange(62):02}"
    second = random.choice(["", f":{random.randrange(62):02}"])
    fraction = random.choice(["", "", f"{random.choice('.,')}{random.randrange(10 ** random.randrange(1, 12))}"])
    zone = random.choice([*[""] * 9, "Z", "-03:00", " +0000", " UTC"])
    date = random.choice([f"{year:04}-{month:02}-{day:02}", f"{day:02}/{month:02}/{year:04}"])
    date = date.replace("/" if "/" in date else "-", random.choice(["/", "/", "-", "-", "."]))
    return date + random.choice([" ", " ", "T", ",", ", "]) + clock + second + fraction + zone


def some_valor(random):
    whole = random.randrange(10 ** random.randrange(1, 14))
    digits = random.choice([str(whole), *(f"{whole:,}".replace(",", sign) for sign in ",. '’" + NBSP)])
    cents = "".join(random.choices("0123456789", k=random.choice([0, 1, 2, 2, 2, 3, 4])))
    cents += "0" * random.choice([0, 0, 0, 1, 2, 4])
    before = random.choice(["", "", "", "R$", "R$ ", f"R${NBSP}", "-", "–", "R$ -", "(", "US$ ", "r$"])
    behind = random.choice(["", "", "", "", "-", ")", " R$", " BRL"])
    return before + digits + random.choice([".", ","]) * bool(cents) + cents + behind


def some_desconto(random):
    whole = random.choice(["0", "00", "", "5", "11", "100", "101", str(random.randrange(10_000))])
    decimals = "".join(random.choices("0123456789", k=random.choice([0, 1, 2, 3]))) + random.choice(["", "", "00"])
    return (
        random.choice(["", "", "", "-", "–", "(", "+"]) + whole + random.choice([".", ","]) * bool(decimals) + decimals
        + random.choice(["", "%", "%", " %", "-", ")", "%)", "e-1", "E-02"])
    )  # fmt: skip


def some_text(random):
    common, latin, any_character = "0123456789.,-/: TR$%Z'=\"<>@", range(0x20, 0x380), range(1, 0xD800)
    drawn = random.choice([common, common + WHITE_SPACE + INVISIBLE, latin, any_character])
    return "".join(chr(c) if isinstance(c, int) else c for c in random.choices(drawn, k=random.randrange(24)))


def damaged(text, random):
    """Return the text with one character removed, doubled, added or replaced."""
    at = random.randrange(len(text) + 1)
    added = random.choice(["", text[at : at + 1] * 2, random.choice("0123456789.,-/: TR$%Z\n" + NBSP)])
    return text[:at] + added + text[at + random.randrange(2) :]


def batch(some, random):
    """Generate hundreds of texts: in the rule's forms, damaged, and arbitrary, some with blanks around."""
    good = [some(random) for _ in range(300)]
    bad = [damaged(text, random) for text in good]
    texts = [None, *good, *bad, *(damaged(text, random) for text in bad), *(some_text(random) for _ in range(200))]
    before, after = ["", "", *WHITE_SPACE], [""] * 9 + [ZERO_WIDTH, NBSP]
    wrapped = [text and random.choice(WRAPPINGS).format(text) for text in texts]
    return [text and random.choice(before) + text + random.choice(after) for text in wrapped]


@pytest.mark.parametrize(
    "name, some", [("timestamp", some_timestamp), ("valor", some_valor), ("desconto", some_desconto)]
)
@A_BATCH
@given(seed=SEEDS)
def test_a_rule_is_its_twin_and_gives_a_value_or_a_reason(name, some, seed):
    parse, reason, _ = PAIRS[name]
    texts = batch(some, Random(seed))
    got = outcomes(texts, itself, parse, reason)
    twins = [getattr(twin, f"parse_{name}"), getattr(twin, f"{name}_reason")]
    cleaned = map(twin.clean, texts)
    expected = [(text, *(rule(clean) for rule in twins)) for text, clean in zip(texts, cleaned, strict=True)]
    assert [pair for pair in zip(got, expected, strict=True) if pair[0] != pair[1]] == []
    assert all((value is None) != (why is None) for _, value, why in got)


def test_very_long_texts_are_refused_quickly():
    n = 100_000
    texts = [
        "9" * n, "1" + ".234" * n, "1" + ",234" * n + ".5", "0" * n + "x", "-" + "1.," * n, "R$" + " " * n + "x",
        "5" + " " * n + "x%", "2024-01-01 10:00:00." + "1" * n + "x", "0." + "0" * n + "x",
    ]  # fmt: skip
    zeros = ["0" * n + "5", "0" * n + "5%", "5." + "0" * n]
    start = perf_counter()
    refused = outcomes(texts, *(reason for _, reason, _ in PAIRS.values()))
    values = outcomes(zeros, *PARSERS.values())
    assert perf_counter() - start < 5
    assert all(all(reasons) for reasons in refused)
    five, percent = Decimal("5"), Decimal("0.05")
    assert values == [(None, five, percent), (None, None, percent), (None, five, percent)]


CLEAN = [
    ("Ana", "Ana"),
    (f"{WHITE_SPACE}José  da{WHITE_SPACE}Silva{WHITE_SPACE}", "José da Silva"),
    ("Ávila\u3000", "Ávila"),
    ("a\nb", "a b"),
    (f"Mouse{ZERO_WIDTH}Gamer", "MouseGamer"),
    (f"Mouse {ZERO_WIDTH} Gamer", "Mouse Gamer"),
    *((f"a{unseen}b", "ab") for unseen in INVISIBLE),
    ("a\u200cb\u200d", "a\u200cb\u200d"),  # joiners have a meaning
    ("Joa\u0303o", "João"),
    (f"Joa{ZERO_WIDTH}\u0303o", "João"),  # normalized to NFC after invisible characters are removed
    ("\u1100\u1161", "\uac00"),
    ("a\u037eb", "a;b"),
    ('="11999887766"', "11999887766"),
    ('=" 119 "', "119"),
    ('=""', MISSING_CODE),
    ('="a"b"', 'a"b'),
    ("=119", "=119"),
    ('="', '="'),
    ("'119", "119"),
    ("'+55", "+55"),
    ("'=1", "=1"),
    ("'@a", "@a"),
    ("'-1", "-1"),
    ("'a", "'a"),
    ("'", "'"),
    ("''1", "''1"),
    ('="\'119"', "119"),
    (f" {ZERO_WIDTH}'1", "1"),
    ("\x1cAna", "\x1cAna"),  # a control character, which is not white space in Unicode
    ("~", "~"),
    (None, MISSING_CODE),
    ("", MISSING_CODE),
    (WHITE_SPACE, MISSING_CODE),
    (ZERO_WIDTH, MISSING_CODE),
]


def text_or_default(texts, default=MISSING_CODE):
    return cleaned_or_default(clean_text(texts), default)


def test_a_text_is_cleaned_in_the_contracts_order():
    texts = [text for text, _ in CLEAN]
    assert outcomes(texts, itself, text_or_default) == CLEAN
    assert [(text, twin.clean_text(text, MISSING_CODE)) for text in texts] == CLEAN


@A_BATCH
@given(seed=SEEDS)
def test_clean_text_is_its_twin(seed):
    texts = batch(some_text, Random(seed))
    expected = [(twin.clean_text(text, MISSING_CODE),) for text in texts]
    assert outcomes(texts, text_or_default) == expected


ADDRESSES = [
    ("Ana Melo <ana@x.br>", "ana@x.br"),
    ("<ana@x.br>", "ana@x.br"),
    (f"Ana < ana@x.br{ZERO_WIDTH} > ", "ana@x.br"),
    ("ana@x.br", "ana@x.br"),
    ("Ana <>", "Ana <>"),
    ("Ana <a b>", "Ana <a b>"),
    ("Ana <a@x.br> x", "Ana <a@x.br> x"),
    ("a<b<c>", "a<b<c>"),
    ("", MISSING),
]


def test_of_a_name_and_an_address_the_address_is_kept():
    texts = [text for text, _ in ADDRESSES]
    assert outcomes(texts, itself, of_clean(lambda text: cleaned_or_default(address(text), MISSING))) == ADDRESSES
    assert [(text, twin.clean_email(text, MISSING)) for text in texts] == ADDRESSES


# A timestamp with the year last: whether it shows that dates are month-first, and whether it is another day then.
WAYS = [
    ("31/03/2024 14:05", False, False),
    ("03/31/2024 14:05", True, False),
    ("12-25-2024 9:05", True, False),
    ("02.29.2024, 14:05:09,5", True, False),
    ("02/29/2023 14:05", False, False),
    ("03/05/2024 14:05", False, True),
    ("05.03.2024 14:05", False, True),
    ("05/05/2024 14:05", False, False),
    ("12/12/2024 14:05", False, False),
    ("01-01-2024 14:05", False, False),
    ("13/13/2024 14:05", False, False),
    ("2024-03-05 14:05", False, False),
    ("03/25/2024", False, False),
    ("03/25/2024 14:05Z", False, False),
    ("", False, False),
]


def test_dates_tell_which_way_they_are_written():
    texts = [text for text, _, _ in WAYS]
    assert outcomes(texts, itself, rules.shows_month_first, rules.is_another_day_month_first) == WAYS
    assert [(text, twin.shows_month_first(text), twin.is_another_day_month_first(text)) for text in texts] == WAYS


# A discount: whether it shows that discounts are fractions, and whether it is ambiguous then.
FRACTIONS = [
    ("0.11", True, False), ("0,5", True, False), ("0.001", True, False), ("0", False, False), ("0.00", False, False),
    ("0.11%", False, False), ("1", False, True), ("1.00", False, True), ("01,0", False, True), ("1%", False, False),
    ("1.5", False, False), ("11", False, False), ("", False, False), (".1", True, False), (",11", True, False),
    ("+.5", True, False), ("1e-1", True, False), (".1%", False, False), (".00", False, False), ("1E+0", False, False),
]  # fmt: skip


def test_discounts_tell_whether_they_are_fractions():
    texts = [text for text, _, _ in FRACTIONS]
    assert outcomes(texts, itself, rules.shows_fraction, rules.is_one_without_sign) == FRACTIONS
    assert [(text, twin.shows_fraction(text), twin.is_one_without_sign(text)) for text in texts] == FRACTIONS


EVIDENCE = [
    (some_timestamp, ["shows_month_first", "is_another_day_month_first"]),
    (some_desconto, ["shows_fraction", "is_one_without_sign"]),
]


@pytest.mark.parametrize(("some", "names"), EVIDENCE)
@A_BATCH
@given(seed=SEEDS)
def test_evidence_is_its_twins(some, names, seed):
    texts = [twin.clean(text) for text in batch(some, Random(seed))]
    expected = [(text, *(getattr(twin, name)(text) for name in names)) for text in texts]
    assert outcomes(texts, itself, *(getattr(rules, name) for name in names)) == expected


def test_texto_reason_counts_bytes():
    texts = ["a" * 1000, "a" * 1001, "ã" * 500, "ã" * 500 + "a"]
    expected = [(None,), ("texto_longo",), (None,), ("texto_longo",)]
    assert outcomes(texts, lambda cleaned: rules.texto_reason((cleaned, 1000))) == expected
    assert [(twin.texto_reason(text, 1000),) for text in texts] == expected


def test_texto_reason_compares_each_column_with_its_own_limit():
    one, other = texts_array(["ab", "ab", "abc", ""]), texts_array(["abcd", "abcde", "", ""])
    assert rules.texto_reason((one, 2), (other, 4)).to_pylist() == [None, "texto_longo", "texto_longo", None]


def test_the_year_expression_is_the_schema_s_range():
    texts = [f"{year}-06-15 12:00" for year in range(FIRST_YEAR - 2, LAST_YEAR + 3)]
    got = outcomes(texts, itself, rules.parse_timestamp)
    assert [text for text, value in got if value] == texts[2:-2]
