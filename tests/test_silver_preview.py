"""What 02_silver shows, from literal rows and without Spark."""

import json
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from helpers.rows import FILE, NEEDED, OPTIONAL, raw_row, silver_row, silver_table
from vendas import schema
from vendas.csvfile.dialect import Survey
from vendas.lake.events import Event
from vendas.reasons import Reason
from vendas.reports.bronze_preview import RAW_SCHEMA
from vendas.reports.preview import NO_SALES, NOTHING, ShownEvents
from vendas.reports.silver_preview import (
    bronze_events,
    draw_defaults,
    dropped_records,
    mask_record,
    pair_with,
    show_accounts,
    show_duplicate,
    show_refused,
    show_types,
    show_years,
)

OTHER = "registros_b_20240102T000000000Z_bbbbbbbb.csv"
SURVEY = Survey("utf-8", False, ";", NEEDED, (), (), 1)
TEXT = "2024-03-31 14:05;Ana;Souza;ana(a)exemplo;98765.4321;Mesa;1.234;;;;;;"
MASKED = "2024-03-31 14:05;Ana;Souza;a***;*** 4321;Mesa;1.234;;;;;;"


def raw_table(*rows):
    return pa.Table.from_pylist(list(rows), RAW_SCHEMA.append(pa.field("posicao", pa.int64()))).drop_columns("posicao")


def refused_table(*rows):
    names = schema.names(schema.QUARANTINE_COLUMNS)
    rows = [dict(zip(names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(rows, schema.arrow_schema(schema.QUARANTINE_COLUMNS))


def event(arquivo=FILE, etapa="silver", **facts):
    return Event(arquivo, "registros_a.csv", etapa, "r1", **facts)


def surveyed(arquivo=FILE):
    return event(arquivo, "bronze", dialeto=json.dumps(asdict(SURVEY)))


NOBODY = refused_table()


# --- types


def written(**texts):
    """One line of each of these texts and what silver made of it, by column."""
    return raw_table(raw_row(**{"Valor da Compra": "100", **texts})), silver_table([silver_row()])


def test_a_text_stands_beside_what_it_became():
    shown = show_types(*written(**{"Valor da Compra": "R$ 100,00"})).to_dict("records")
    assert shown[1] == {
        "coluna": "Valor da Compra",
        "tipo": "decimal(12,2)",
        "como veio": "R$ 100,00",
        "como ficou": Decimal("100.00"),
        "linhas assim": 1,
    }


def test_an_empty_text_is_named():
    assert list(show_types(*written(**{"Desconto Oferecido": ""}))["como veio"])[2] == "(vazio)"


def test_each_way_of_writing_has_one_example_most_frequent_first():
    amounts = ["1", "R$ 2,50", "37", "R$ 1.234,00"]
    raw = raw_table(*(raw_row(line, **{"Valor da Compra": text}) for line, text in enumerate(amounts)))
    shown = show_types(raw, silver_table(silver_row(linha=line) for line in range(4))).to_dict("records")
    of_valor = [(row["como veio"], row["linhas assim"]) for row in shown if row["coluna"] == "Valor da Compra"]
    assert of_valor == [("1", 2), ("R$ 2,50", 1), ("R$ 1.234,00", 1)]


def test_lines_without_a_sale_have_no_type_to_show():
    shown = show_types(raw_table(raw_row(2), raw_row(3)), silver_table([silver_row(linha=3)]))
    assert set(shown["linhas assim"]) == {1} and shown.note.startswith("De 1 linhas")


# --- refused


def test_refused_rows_are_shown_by_their_reasons_with_an_example():
    both = ["valor_ambiguo", "desconto_ambiguo"]
    refused = refused_table((FILE, 2, TEXT, ["valor_ambiguo"]), (FILE, 3, TEXT, both), (FILE, 5, TEXT, both))
    shown = show_refused(refused, [surveyed()], [event(quarentena=3)]).to_dict("records")
    assert [(row["linhas assim"], row["linha"], row["texto"]) for row in shown] == [(2, 3, MASKED), (1, 2, MASKED)]
    assert shown[0]["motivos"] == f"{Reason.VALOR_AMBIGUO.sentence} {Reason.DESCONTO_AMBIGUO.sentence}"


def test_a_note_says_when_not_all_refused_rows_were_looked_at():
    shown = show_refused(refused_table((FILE, 2, TEXT, ["valor_ambiguo"])), [surveyed()], [event(quarentena=9000)])
    assert shown.note.startswith("1 de 9.000 linhas recusadas, de uma amostra.")


def test_a_code_of_an_older_version_stands_for_itself():
    shown = show_refused(refused_table((FILE, 2, "x", ["antigo"])), [], [event(quarentena=1)])
    assert list(shown["motivos"]) == ["antigo"]


def test_nothing_refused_is_said():
    assert show_refused(NOBODY, [], [event()]).note == "Nenhuma linha foi recusada."
    assert show_refused(NOBODY, [], []).note == NOTHING


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (TEXT, MASKED),
        ('2024-03-31 14:05;Ana;;"ana ; x";tel;Mesa;1;;;;;;', "2024-03-31 14:05;Ana;;a***;***;Mesa;1;;;;;;"),
        ("2024-03-31 14:05;Ana;ana@x.com;11987654321", "2024-03-31 14:05;Ana;a***@x.com;*** 4321"),
        ("", ""),
    ],
)
def test_a_record_is_masked_by_its_fields_or_by_what_is_seen(text, masked):
    assert mask_record(text, SURVEY) == masked


# --- defaults and years


def full_row(**changed):
    """Return a silver row in which no text is a default."""
    texts = [column.name for column in schema.TEXT_COLUMNS if column.name in OPTIONAL]
    return silver_row(**dict.fromkeys(texts, "x"), **changed)


def test_defaults_are_counted_by_column_most_frequent_first():
    rows = [full_row(Vendedor=schema.MISSING), full_row(Vendedor=schema.MISSING), full_row(Nome=schema.MISSING)]
    bars = draw_defaults(silver_table(rows), [])
    assert list(bars.bars) == [("Vendedor", (2,), "2 · NÃO INFORMADO"), ("Nome", (1,), "1 · NÃO INFORMADO")]
    assert bars.title.endswith("em 3 vendas")


def test_the_chart_says_that_it_is_of_a_sample():
    bars = draw_defaults(silver_table([silver_row(Nome=schema.MISSING)]), [event(gravadas=2)])
    assert bars.title.endswith("em 1 vendas (uma amostra)")


CODE = "Código de Desconto Usado"


def test_each_column_has_its_own_default():
    bars = draw_defaults(silver_table([full_row(**{CODE: schema.MISSING_CODE})]), [])
    assert list(bars.bars) == [(CODE, (1,), "1 · NÃO DISPONÍVEL")]


def test_no_default_is_said():
    assert draw_defaults(silver_table([full_row()]), []).note == "Nenhum campo de texto estava vazio."
    assert draw_defaults(silver_table([]), []).note == NO_SALES


def test_years_stand_from_the_newest_and_only_ten_of_them():
    shown = show_years({1990 + place: place for place in range(12)})
    assert list(shown["ano"]) == list(range(2001, 1991, -1)) and shown.note == "10 de 12 anos."


# --- duplicates


def test_each_file_says_where_its_rows_went():
    (row,) = show_accounts(ShownEvents([event(lidas=9, gravadas=5, duplicadas=3, quarentena=1)])).to_dict("records")
    assert [row[name] for name in ("lidas", "vendas em silver", "duplicadas", "em quarentena")] == [9, 5, 3, 1]


def test_a_dropped_record_is_paired_with_the_sale_it_equals():
    raw = raw_table(raw_row(2), raw_row(3), raw_row(4, Nome="Eva"))
    sales = silver_table([silver_row(linha=2), silver_row(linha=4, Nome="Eva")])
    dropped = dropped_records(raw, sales, NOBODY, [event(duplicadas=1)])
    sale, record = pair_with(dropped, sales)
    assert (sale[schema.LINHA_DO_ARQUIVO.name], record[schema.LINHA_DO_ARQUIVO.name]) == (2, 3)


def test_a_record_equals_a_sale_of_another_file_however_it_is_written():
    raw = raw_table(raw_row(2, OTHER, **{"Valor da Compra": "R$ 100,00", "Timestamp do Registro": "31/03/2024 14:05"}))
    sales = silver_table([silver_row()])
    sale, record = pair_with(dropped_records(raw, sales, NOBODY, [event(OTHER, duplicadas=1)]), sales)
    assert (sale[schema.ARQUIVO.name], record[schema.ARQUIVO.name]) == (FILE, OTHER)


def test_neither_refused_records_nor_those_of_files_without_duplicates_were_dropped():
    raw = raw_table(raw_row(2), raw_row(3, **{"Valor da Compra": "-1"}), raw_row(4), raw_row(2, OTHER))
    refused = refused_table((FILE, 4, "…", ["timestamp_ambiguo"]))
    dropped = dropped_records(raw, silver_table([silver_row()]), refused, [event(duplicadas=1), event(OTHER)])
    assert dropped.num_rows == 0


def test_sales_of_one_moment_that_differ_are_no_pair():
    dropped = dropped_records(raw_table(raw_row(3, Nome="Eva")), silver_table([]), NOBODY, [event(duplicadas=1)])
    assert len(dropped) == 1 and pair_with(dropped, silver_table([silver_row()])) is None


def test_a_pair_is_shown_masked_with_both_places():
    shown = show_duplicate((silver_row(), silver_row(OTHER, 7)), [event(duplicadas=1)]).to_dict("records")
    assert [(row[schema.ARQUIVO.name], row[schema.LINHA_DO_ARQUIVO.name]) for row in shown] == [(FILE, 2), (OTHER, 7)]
    assert {row["Email"] for row in shown} == {"A***@Exemplo.com"}


def test_what_is_no_pair_is_said():
    assert show_duplicate(None, [event()]).note == "Nenhuma linha duplicada."
    assert show_duplicate(None, [event(duplicadas=1)]).note == "Nenhum par no começo dos arquivos."


def test_the_events_of_bronze_are_those_of_the_same_files():
    at = datetime(2024, 1, 1)
    bronze = [event(name, "bronze", registrado_em=at) for name in (FILE, OTHER)]
    assert bronze_events(bronze, [event(OTHER)]) == [bronze[1]]
