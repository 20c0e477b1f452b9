"""What notebooks show of rows: whole, in order, and whatever goes wrong becomes a sentence in its place."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from helpers.rows import FILE, silver_row, silver_table
from vendas import schema
from vendas.lake.data_files import HeldFile, Target, write_rows
from vendas.lake.events import REJECTED, UNDONE, Event
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.reports import preview
from vendas.reports.preview import (
    NOTHING,
    PLACE_COLUMNS,
    Preview,
    Unreadable,
    count_of,
    events_to_show,
    examples,
    first_of_each,
    note_cut,
    reading,
    show_rows,
    showing,
    sort_by_place,
)
from vendas.tuning import PREVIEW_CHARACTERS, PREVIEW_FILES

A, B = (f"registros_{name}_20240101T000000000Z_aaaaaaaa.csv" for name in "ab")


def event(arquivo=A, etapa="silver", at=1, **facts):
    begun = datetime(2024, 1, at)
    return Event(arquivo, arquivo, etapa, "r", registrado_em=begun, iniciado_em=begun, **facts)


# --- a table


def test_a_table_is_shown_whole_with_its_note():
    shown = Preview.of([{"motivo": "x" * 300, "linhas": 1}], note="1 de 2 linhas.")
    assert "x" * 300 in shown._repr_html_() and shown._repr_html_().endswith("<p>1 de 2 linhas.</p>")
    assert repr(shown).splitlines() == [f"{'motivo':300} | linhas", f"{'x' * 300} | 1", "1 de 2 linhas."]


def test_a_column_with_any_text_stands_left_and_a_missing_value_is_empty():
    shown = Preview.of([{"valor": 1}, {"valor": "x"}, {"valor": None}])
    assert repr(shown) == "valor\n1\nx\n" and "right" not in shown._repr_html_()


def test_texts_stand_left_and_numbers_right_and_long_texts_are_wrapped():
    shown = Preview.of([{"motivo": "x" * 61, "linhas": 1, "nada": None}])._repr_html_()
    assert '<td style="text-align:left;white-space:normal;min-width:24em;overflow-wrap:anywhere">xxx' in shown
    assert '<td style="text-align:right">1</td><td style="text-align:right"></td>' in shown


def test_what_a_row_holds_is_escaped():
    shown = Preview.of([{"<b>": "<script>"}], note="<i>")._repr_html_()
    assert not {"<b>", "<script>", "<i>"} & set(shown.replace(">", "> ").replace("<", " <").split())


def test_code_in_a_note_is_shown_as_code():
    shown = Preview.of([], note="`vendas check <x>` mostra; `lidas` são todas, ` não.")
    assert shown._repr_html_() == (
        "<p><code>vendas check &lt;x&gt;</code> mostra; <code>lidas</code> são todas, ` não.</p>"
    )
    assert "`vendas check <x>`" in repr(shown)


def test_a_table_without_rows_is_its_note():
    assert Preview.of([], note=NOTHING)._repr_html_() == f"<p>{NOTHING}</p>"
    assert repr(Preview.of([], note=NOTHING)) == NOTHING


def test_a_text_is_put_on_one_line_and_cut_if_it_is_long():
    shown = Preview.of([{"texto": "a\r\nb\tc"}, {"texto": "x" * 9999}])["texto"]
    assert list(shown) == ["a⏎b⇥c", "x" * (PREVIEW_CHARACTERS - 1) + "…"]


def test_what_is_made_of_it_is_a_plain_frame():
    assert type(Preview.of([{"linhas": 1}, {"linhas": 2}]).query("linhas > 1")).__name__ == "DataFrame"


# --- what goes wrong


def test_a_look_that_fails_says_so_and_raises_nothing():
    @showing
    def show(rows):
        raise ValueError("texto estranho")

    assert "ValueError: texto estranho" in show([]).note and "os dados estão gravados" in show([]).note


def test_rows_that_cannot_be_read_are_told_of_wherever_they_were_to_be_shown():
    @reading
    def read(path):
        raise FileNotFoundError(path)

    @showing
    def show(events, rows):
        raise AssertionError("it has no rows")

    assert "FileNotFoundError: x.csv" in show([], read("x.csv")).note


def test_what_follows_from_rows_that_cannot_be_read_cannot_be_read_either():
    assert reading(len)(Unreadable("porque não")) == Unreadable("porque não")


# --- which files


def test_the_files_of_this_run_are_shown():
    assert events_to_show([event(B)], "silver", [event(A)]) == [event(A)]


def test_without_new_files_those_of_the_last_run_are_shown():
    before, last = event(A, at=1), [event(B, at=2), event(B.replace("_b_", "_c_"), at=2)]
    assert events_to_show([before, *last, event(A, "gold", at=3)], "silver", []) == last


def test_files_that_were_undone_are_not_shown():
    known = [event(A, at=1), event(B, at=2), event(B, at=3, situacao=UNDONE)]
    assert events_to_show(known, "silver", [event(B, at=4, situacao=UNDONE)]) == [event(A, at=1)]


def test_files_that_leave_in_this_run_are_not_shown():
    known = [event(A, "bronze", at=1), event(A, at=1), event(B, "bronze", at=2), event(B, at=2)]
    leaving = event(B, "bronze", at=3, situacao=UNDONE)
    assert events_to_show(known, "bronze", [leaving]) == [event(A, "bronze", at=1)]
    assert events_to_show([*known, leaving], "silver", []) == [event(A, at=1)]


def test_an_event_without_a_beginning_is_as_old_as_its_record():
    old = replace(event(A, at=2), iniciado_em=None)
    assert events_to_show([event(B, at=1), old], "silver", []) == [old]


def test_a_lake_without_files_shows_none():
    assert events_to_show([], "silver", []) == [] and events_to_show([], "silver", []).note == NOTHING


def test_of_many_files_those_with_most_to_look_at_are_shown_in_their_order():
    many = [event(f"{place:02d}", gravadas=1) for place in range(PREVIEW_FILES)]
    worst = [event("x", situacao=REJECTED), event("y", quarentena=1), event("z", duplicadas=2)]
    shown = events_to_show([], "silver", [*many, *worst])
    assert [found.arquivo for found in shown] == [
        *(f"{place:02d}" for place in range(PREVIEW_FILES - 3)),
        "x",
        "y",
        "z",
    ]
    assert shown.note == "10 de 13 arquivos."


# --- which rows


def test_rows_stand_in_the_order_of_files_then_lines():
    rows = silver_table([silver_row(A, 3), silver_row(B, 2), silver_row(A, 2)])
    ordered = sort_by_place(rows, PLACE_COLUMNS[SILVER_TABLE], [B, A])
    assert list(zip(*(ordered[name].to_pylist() for name in PLACE_COLUMNS[SILVER_TABLE]), strict=True)) == [
        (B, 2),
        (A, 2),
        (A, 3),
    ]


@pytest.mark.parametrize(("limit", "shown"), [(1, [1]), (2, [1, 4]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])])
def test_files_take_turns(limit, shown):
    rows = pa.table({"arquivo": ["a", "a", "a", "b"], "linha": [1, 2, 3, 4]})
    assert first_of_each(rows, "arquivo", limit)["linha"].to_pylist() == shown


def test_examples_are_the_first_of_each_kind_most_frequent_first():
    rows = pa.table({"n": [1, 2, 3, 4]})
    assert examples(rows, pa.chunked_array([["a", "b", "b", None]])) == [
        ("b", 2, {"n": 2}),
        ("a", 1, {"n": 1}),
        (None, 1, {"n": 4}),
    ]


def test_every_table_with_rows_of_files_has_the_columns_that_say_which():
    for table, columns in PLACE_COLUMNS.items():
        assert {*columns} <= {*schema.names(schema.TABLES[table])}
    assert set(PLACE_COLUMNS) == {SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE}


def test_the_ledger_says_how_many_rows_a_table_has():
    events = [event(gravadas=5, quarentena=2), event(gravadas=1)]
    assert (count_of(SILVER_TABLE, events), count_of(QUARANTINE_TABLE, events)) == (6, 2)


def test_rows_are_shown_masked_with_how_many_there_are():
    shown = show_rows(silver_table([silver_row()]), SILVER_TABLE, [event(gravadas=1200)])
    assert list(shown["Email"]) == ["A***@Exemplo.com"] and list(shown["Telefone"]) == ["*** 4321"]
    assert shown.note == "1 de 1.200 linhas destes arquivos."


@pytest.mark.parametrize(("shown", "there", "note"), [(2, 2, ""), (10, 1033, "10 de 1.033 arquivos.")])
def test_a_note_says_what_is_left_out(shown, there, note):
    assert note_cut(shown, there, "arquivos") == note


@pytest.mark.parametrize(("wanted", "read"), [(1, 1), (2, 1), (3, 3), (6, 3), (7, 7), (99, 7)])
def test_no_more_data_files_are_read_than_the_rows_shown_need(tmp_path, monkeypatch, wanted, read):
    """Each step reads twice as many as the one before."""
    opened, columns = [], schema.arrow_schema(schema.SILVER_COLUMNS)
    monkeypatch.setattr(preview, "PREVIEW_SALES", wanted)
    rows_where = HeldFile.rows_where
    monkeypatch.setattr(HeldFile, "rows_where", lambda file, *given: opened.append(file) or rows_where(file, *given))
    files = []
    for number in range(7):
        rows = [silver_row(linha=9 - number), silver_row("registros_z.csv", linha=1), silver_row(linha=20 + number)]
        write_rows(tmp_path / f"{number}.parquet", silver_table(rows), "zstd")
        files.append(HeldFile(tmp_path / f"{number}.parquet", columns))
    asked = []
    tables = SimpleNamespace(place=tmp_path, files_of=lambda *given: asked.append(given) or files)
    shown = preview.read_rows(tables, SILVER_TABLE, [Event(FILE, "a", "silver", "r", gravadas=14)])
    lines = sorted(line for number in range(read) for line in (9 - number, 20 + number))
    assert asked == [(SILVER_TABLE, [FILE])] and len(opened) == read
    assert len(shown) == min(wanted, 2 * read) and {*shown[schema.LINHA_DO_ARQUIVO.name].to_pylist()} <= {*lines}
    assert shown[schema.LINHA_DO_ARQUIVO.name].to_pylist() == sorted(shown[schema.LINHA_DO_ARQUIVO.name].to_pylist())


def test_data_files_just_written_are_read_and_the_table_is_not_asked(tmp_path, monkeypatch):
    columns = schema.arrow_schema(schema.SILVER_COLUMNS)
    monkeypatch.setattr(preview, "columns_of", lambda place, table: columns)
    written = Target(tmp_path, columns).write(silver_table([silver_row(linha=3)]), 2024)
    held = HeldFile(Path(written.path), columns)
    events = [Event(FILE, "a", "silver", "r", gravadas=1)]
    for given in (written, held):
        assert preview.read_rows(SimpleNamespace(place=tmp_path), SILVER_TABLE, events, [given]).num_rows == 1
    assert preview.read_rows(SimpleNamespace(), SILVER_TABLE, [Event(FILE, "a", "silver", "r")]).num_rows == 0
