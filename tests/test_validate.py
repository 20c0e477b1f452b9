"""The typed columns of a record and all reasons against it; every input record is in the output once."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from helpers.intake_twin import evidence_of, reasons_against, sale_of
from helpers.rows import OPTIONAL, raw_row
from vendas import schema
from vendas.csvfile.records import RECORD_SCHEMA
from vendas.rules.validate import NO_EVIDENCE, VALIDATED_SCHEMA, Evidence, find_evidence, validate

TIMESTAMP, VALOR, DESCONTO, NOME = (c.name for c in (schema.TIMESTAMP, schema.VALOR, schema.DESCONTO, schema.NOME))
WRONG = {TIMESTAMP: "", VALOR: "1.234", DESCONTO: "0.11", NOME: "x" * 1001}
REASONS = ["timestamp_ausente", "valor_ambiguo", "desconto_ambiguo", "texto_longo"]


def validated(*rows):
    """Validate the rows as a slice of a longer table."""
    batch = pa.RecordBatch.from_pylist(
        [raw_row(**WRONG), *rows, raw_row(problemas=["numero_de_campos"])], RECORD_SCHEMA
    )
    return validate(batch.slice(1, len(rows))).to_pylist()


def motivos(*rows):
    return [row["motivos"] for row in validated(*rows)]


def test_a_good_record_is_typed_cleaned_and_without_its_text():
    (row,) = validated(raw_row(7, origem="a.csv:3", Nome=" Ana ", Vendedor="", **{DESCONTO: ""}))
    assert row == OPTIONAL | {
        "linha": 7,
        "texto": None,
        "motivos": [],
        TIMESTAMP: datetime(2024, 3, 31, 14, 5),
        "Nome": "Ana",
        "Sobrenome": "Souza",
        "Email": "Ana@Exemplo.com",
        "Telefone": "11987654321",
        "Produto Adquirido": "Notebook",
        VALOR: Decimal("100.00"),
        "Canal": "Redes Sociais",
        "Plataforma de Interação": "Website",
        "Campanha de Marketing": "Campanha Verão",
        "Vendedor": "NÃO INFORMADO",
        DESCONTO: Decimal("0.0000"),
        "Código de Desconto Usado": "VERAO",
        "origem": "a.csv:3",
    }


def test_a_text_is_refused_for_its_own_columns_limit(monkeypatch):
    columns = [replace(column, max_bytes=24) if column == schema.NOME else column for column in schema.TEXT_COLUMNS]
    monkeypatch.setattr(schema, "TEXT_COLUMNS", columns)
    rows = [raw_row(Nome="x" * 24), raw_row(Nome="x" * 25), raw_row(Nome="", Sobrenome="x" * 25)]
    assert motivos(*rows) == [[], ["texto_longo"], []]


def test_its_columns_have_the_contracts_types():
    typed = schema.arrow_schema(schema.INPUT_COLUMNS)
    assert pa.schema([VALIDATED_SCHEMA.field(name) for name in typed.names]) == typed


def test_no_record_is_no_row():
    batch = validate(pa.RecordBatch.from_pylist([], RECORD_SCHEMA))
    assert (len(batch), batch.schema) == (0, VALIDATED_SCHEMA)


@pytest.mark.parametrize("empty", ["", " \t\u00a0", None], ids=["empty", "blank", "null"])
def test_empty_texts_become_their_defaults(empty):
    (row,) = validated(raw_row(**{column.name: empty for column in schema.TEXT_COLUMNS}))
    assert ([row[column.name] for column in schema.TEXT_COLUMNS], row["motivos"]) == (
        [c.default for c in schema.TEXT_COLUMNS],
        [],
    )


def test_all_reasons_against_a_record_are_kept_in_their_order():
    assert motivos(raw_row(**WRONG), raw_row(), raw_row(**dict(list(WRONG.items())[1:3]))) == [
        REASONS,
        [],
        REASONS[1:3],
    ]


@pytest.mark.parametrize(
    ("column", "text", "is_long"),
    [
        ("Email", "É" * 500, False),
        ("Email", "Ⱥ" * 333, False),
        ("Email", "Ⱥ" * 334, True),
        ("Email", "İ" * 334, True),
        ("Email", f"{'z' * 1000} <İ@x.example>", False),
        ("Nome", "Ⱥ" * 500, False),
        ("Nome", "\u0958" * 166, False),
        ("Nome", "\u0958" * 167, True),
    ],
)
def test_texts_are_measured_as_the_layers_keep_them(column, text, is_long):
    row = raw_row(**{column: text})
    assert motivos(row) == [["texto_longo"] * is_long]
    assert reasons_against(row) == ["texto_longo"] * is_long


def test_a_refused_record_keeps_its_text_and_what_could_be_read():
    (row,) = validated(raw_row(**{VALOR: "-1", NOME: " Ana "}))
    assert (row["texto"], row[VALOR], row[NOME], row[DESCONTO]) == ("…", None, "Ana", Decimal("0.1100"))


def test_a_malformed_record_has_its_own_reasons_only():
    malformed = raw_row(problemas=["numero_de_campos", "texto_apos_aspas"])
    assert motivos(raw_row(**WRONG), malformed, raw_row()) == [REASONS, malformed["problemas"], []]


def test_a_long_text_is_told_once_and_measured_after_cleaning():
    fits, long = " " + "ã" * 500 + "\u00a0", "ã" * 500 + "a"
    several = {column.name: long for column in schema.TEXT_COLUMNS}
    assert motivos(raw_row(**{NOME: fits}), raw_row(**several)) == [[], ["texto_longo"]]


@pytest.mark.parametrize("column", schema.TEXT_COLUMNS, ids=lambda column: column.name)
def test_no_text_may_be_long(column):
    assert motivos(raw_row(), raw_row(**{column.name: "x" * 1001})) == [[], ["texto_longo"]]


def test_of_an_e_mail_with_a_name_the_address_is_kept():
    (row,) = validated(raw_row(Email="Ana Melo <ana@x.br>"))
    assert row["Email"] == "ana@x.br"


MONTH_FIRST, FRACTIONS = Evidence(month_first=True), Evidence(fractions=True)


@pytest.mark.parametrize(
    ("column", "text", "evidence"),
    [
        (TIMESTAMP, "03/25/2024 10:00", MONTH_FIRST),
        (TIMESTAMP, "\u200b'03.25.2024, 10:00", MONTH_FIRST),
        (TIMESTAMP, "25/03/2024 10:00", NO_EVIDENCE),
        (DESCONTO, "0.5", FRACTIONS),
        (DESCONTO, '="0,5"', FRACTIONS),
        (DESCONTO, "0.5%", NO_EVIDENCE),
    ],
)
def test_a_row_is_evidence_of_how_its_file_is_written(column, text, evidence):
    batch = pa.RecordBatch.from_pylist([raw_row(**{column: text})], RECORD_SCHEMA)
    assert find_evidence(batch, validate(batch)) == evidence


def test_evidence_of_one_kind_adds_to_that_of_another():
    assert MONTH_FIRST | FRACTIONS == FRACTIONS | MONTH_FIRST == Evidence(month_first=True, fractions=True)


@pytest.mark.parametrize(
    ("column", "text", "evidence", "reasons"),
    [
        (TIMESTAMP, "03/05/2024 10:00", MONTH_FIRST, ["timestamp_ambiguo"]),
        (TIMESTAMP, "03/05/2024 10:00", FRACTIONS, []),
        (TIMESTAMP, "05/05/2024 10:00", MONTH_FIRST, []),
        (TIMESTAMP, "25/03/2024 10:00", MONTH_FIRST, []),
        (TIMESTAMP, "2024-03-05 10:00", MONTH_FIRST, []),
        (DESCONTO, "1", FRACTIONS, ["desconto_um_ambiguo"]),
        (DESCONTO, "1,00", FRACTIONS, ["desconto_um_ambiguo"]),
        (DESCONTO, "01", FRACTIONS, ["desconto_um_ambiguo"]),
        (DESCONTO, "1", MONTH_FIRST, []),
        (DESCONTO, "1%", FRACTIONS, []),
        (DESCONTO, "0", FRACTIONS, []),
        (DESCONTO, "1.5", FRACTIONS, []),
    ],
)
def test_evidence_makes_a_text_mean_two_things(column, text, evidence, reasons):
    batch = pa.RecordBatch.from_pylist([raw_row(**{column: text})], RECORD_SCHEMA)
    (row,) = validate(batch, evidence).to_pylist()
    assert (row["motivos"], row[column] is None) == (reasons, bool(reasons))


MOMENTS = [
    "2024-03-31 14:05", "31/03/2024 14:05:09", " 2024-03-31T14:05:09.1234567 ", "31/02/2024 10:00", "",
    "03/05/2024 14:05", "05/05/2024 14:05", "\u200b03/25/2024 14:05", "'03-25-2024, 9:05",
]  # fmt: skip
FIELDS = {
    TIMESTAMP: MOMENTS,
    VALOR: ["50", "R$ 1.234,56", "1.234", "-1", "10000000000", "x", None],
    DESCONTO: ["", "11%", "5,5", "0.11", '="0,5"', "1", "01,0", "1%", "101", None],
    NOME: ["Ana", " Ana ", "", None, "x" * 1001],
    "Email": ["a@b", "Ana <a@b>", "y" * 1001, "É\u00a0"],
}
RECORDS = st.one_of(
    st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in FIELDS.items()}),
    st.just({"problemas": ["numero_de_campos"]}),
)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=12))
def test_every_record_comes_out_once_as_its_twin_says(records):
    rows = [raw_row(linha, **changed) for linha, changed in enumerate(records, 2)]
    got = validated(*rows)
    assert [row["linha"] for row in got] == [row["linha"] for row in rows]
    assert [row["motivos"] for row in got] == [row["problemas"] or reasons_against(row) for row in rows]
    assert [row["texto"] for row in got] == ["…" if row["motivos"] else None for row in got]
    good = [(new, old) for new, old in zip(got, rows, strict=True) if not new["motivos"]]
    assert [tuple(new[name] for name in schema.INPUT_NAMES) for new, _ in good] == [sale_of(old) for _, old in good]


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(RECORDS, max_size=12))
def test_evidence_and_what_it_makes_of_records_is_their_twins(records):
    rows = [raw_row(linha, **changed) for linha, changed in enumerate(records, 2)]
    batch = pa.RecordBatch.from_pylist(rows, RECORD_SCHEMA)
    evidence = find_evidence(batch, validate(batch))
    told = evidence_of([row for row in rows if not row["problemas"]])
    assert (evidence.month_first, evidence.fractions) == told
    got = validate(batch, evidence).to_pylist()
    assert [row["motivos"] for row in got] == [row["problemas"] or reasons_against(row, told) for row in rows]
