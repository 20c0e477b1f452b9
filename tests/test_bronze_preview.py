"""What 01_bronze shows, without Spark."""

from datetime import datetime

import pyarrow as pa

from helpers.rows import FILE, HEADER, raw_row
from vendas.lake.events import Event
from vendas.landing.arrivals import BronzeFile
from vendas.reports.bronze_preview import (
    RAW_SCHEMA,
    draw_forecast,
    read_raw_records,
    show_files,
    show_forecast,
    show_raw_records,
)
from vendas.reports.preview import NOTHING, ShownEvents
from vendas.stages.check_file import Diagnosis, check_sample
from vendas.stages.survey import survey_file
from vendas.tuning import FORECAST_FILES, PREVIEW_ROWS

LINE = "2024-01-01 10:00,Ana,Souza,ana@x.com,11987654321,Mesa,R$ 10,,,,,,"


def surveyed(folder, **contents):
    """Bronze's events of files with these contents."""
    events = []
    for name, text in contents.items():
        bronze = BronzeFile.of(FILE.replace("_a_", f"_{name}_"))
        (folder / bronze.name).write_text(text, encoding="utf-8")
        events.append(survey_file(bronze, folder, {}, "r1", "0a1b"))
    return events


def raw_table(*rows):
    return pa.Table.from_pylist([dict(row) for row in rows], RAW_SCHEMA)


def diagnosis(name="registros_a.csv", good=990, doubtful=7, refused=3, **facts):
    read = good + doubtful + refused
    return Diagnosis(name, True, lidas=read, boas=good, duvidosas=doubtful, recusadas=refused, **facts)


def test_files_are_shown_with_how_they_are_read(tmp_path):
    events = surveyed(tmp_path, a=f"{HEADER}\n{LINE}\n", b="x\n")
    shown = show_files(ShownEvents(events)).to_dict("records")
    assert [(row["arquivo recebido"], row["situação"], row["linhas"], row["delimitador"]) for row in shown] == [
        ("registros_a.csv", "processado", 1, "vírgula"),
        ("registros_b.csv", "rejeitado", 0, ""),
    ]
    assert "Código de Desconto Usado" in events[0].dialeto  # readable in the ledger, too
    assert shown[0]["codificação"] == "utf-8" and "cabeçalho" in shown[1]["observação"]


def test_a_lake_without_files_says_so():
    assert show_files(ShownEvents()).note == show_raw_records(raw_table()).note == draw_forecast([], 0).note == NOTHING


def test_the_first_records_are_read_as_they_came(tmp_path):
    events = surveyed(tmp_path, a=f"{HEADER}\n{LINE}\n{LINE}\n", b="x\n", c=f"{HEADER}\n")
    raw = read_raw_records(tmp_path, events)
    assert raw.schema == RAW_SCHEMA and raw["linha"].to_pylist() == [2, 3]
    assert raw["Valor da Compra"].to_pylist() == ["R$ 10"] * 2 and raw["Canal"].to_pylist() == [""] * 2


def test_a_large_file_is_not_read_to_its_end(tmp_path):
    raw = read_raw_records(tmp_path, surveyed(tmp_path, a=f"{HEADER}\n" + f"{LINE}\n" * 50_000))
    assert 200 < len(raw) < 2000


def test_a_file_that_is_gone_is_told_of(tmp_path):
    events = surveyed(tmp_path, a=f"{HEADER}\n{LINE}\n")
    (tmp_path / events[0].arquivo).unlink()
    assert "FileNotFoundError" in show_raw_records(read_raw_records(tmp_path, events)).note


def test_records_are_shown_by_file_with_email_and_telephone_masked():
    raw = raw_table(raw_row(2), raw_row(3), raw_row(2, "registros_b.csv", Email="b@x.com"))
    shown = show_raw_records(raw)
    assert list(shown["linha"]) == [2, 3, 2]
    assert list(shown["Email"]) == ["A***@Exemplo.com", "A***@Exemplo.com", "b***@x.com"]
    assert list(shown["Desconto Oferecido"]) == ["11%"] * 3


def test_a_malformed_record_has_no_fields_to_show():
    raw = raw_table(raw_row(2, problemas=["numero_de_campos"]), raw_row(3))
    assert list(show_raw_records(raw)["linha"]) == [3]


def test_no_more_records_are_shown_than_a_table_holds():
    assert len(show_raw_records(raw_table(*(raw_row(line) for line in range(2, 99))))) == PREVIEW_ROWS


def test_the_forecast_says_what_and_why(tmp_path):
    events = surveyed(tmp_path, a=f"{HEADER}\n{LINE}\n{LINE}\n{LINE.replace('R$ 10', '1.234')}\n")
    shown = show_forecast(check_sample(tmp_path, events, datetime(2025, 1, 1))).to_dict("records")
    assert [(row["arquivo"], row["linhas"], row["são"]) for row in shown] == [
        ("registros_a.csv", 1, "recusadas"),
        ("registros_a.csv", 1, "boas, a conferir"),
    ]
    assert shown[0]["por quê"].startswith("O valor tem um só separador")


def test_a_forecast_without_findings_says_so():
    assert show_forecast([diagnosis()]).note == "Nada a notar na amostra."


def test_bars_show_good_doubtful_and_refused_rows_of_each_file():
    bars = draw_forecast([diagnosis(good=1200), Diagnosis("b.csv", True, "rejeitado", "vazio")], 2)
    assert list(bars.bars) == [
        ("registros_a.csv", (1200, 7, 3), "1.200 + 7 + 3"),
        ("b.csv", (0, 0, 0), "✗ arquivo rejeitado"),
    ]
    assert bars.title == "Amostra: até 200 linhas de cada arquivo"


def test_the_bars_title_tells_how_many_files_are_sampled_and_fits_the_figure():
    bars = draw_forecast([diagnosis()] * (FORECAST_FILES + 1), files=1033)
    assert (
        len(bars.bars) == FORECAST_FILES and bars.title == "Amostra: até 200 linhas de cada um de 5 dos 1.033 arquivos"
    )


def test_an_event_of_an_older_version_lacks_a_dialect():
    assert list(show_files(ShownEvents([Event(FILE, "registros_a.csv", "bronze", "r1")]))["codificação"]) == [""]
