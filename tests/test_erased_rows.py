"""The rows and files that a person is found in, and the token in them; nothing else in them changes."""

import gzip
import json
import os

import nbformat
import pyarrow as pa
import pytest

from helpers.rows import FILE, silver_row, silver_table
from vendas import schema
from vendas.errors import WarehouseError
from vendas.lake.events import Event, as_rows
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.privacy import layers
from vendas.privacy.anonymize import Kind, Layout
from vendas.privacy.database import _anonymize_log
from vendas.privacy.erased_rows import anonymize_file, anonymize_ledger, anonymize_refused, anonymize_sales
from vendas.privacy.layers import holding, is_text, kinds_of_rows, read_text, texts_of_lake
from vendas.privacy.search import Found, FoundRecord
from vendas.rules.gold import to_gold
from vendas.rules.people import Keys, Values
from vendas.settings import load_settings

E_MAIL, OTHER = "zu@x.example", "registros_b_20240101T000000000Z_bbbbbbbb.csv"
VALUES = Values(Keys(frozenset({E_MAIL}), seen_telephones=frozenset({"11987654321"})), frozenset({("Zuleica", "Reis")}))
TOKEN = "ANONIMIZADO-0123456789ab"
HERS = {"Nome": "Zuleica", "Sobrenome": "Reis", "Email": "Zu@X.example", "Telefone": "", "Vendedor": f"de {E_MAIL}"}
SALES = silver_table(
    [
        silver_row(linha=2, **HERS),
        silver_row(linha=3, **{"Vendedor": f"Rita <{E_MAIL}>"}),
        silver_row(linha=4, **{"Email": "", "Telefone": "11987654321"}),
        silver_row(linha=5),
        silver_row(OTHER, 2, **HERS),
        silver_row(OTHER, 3),
    ]
)
FOUND = Found(
    VALUES,
    [
        FoundRecord(FILE, 2, "", Kind.ROW),
        FoundRecord(FILE, 3, "", Kind.MENTION),
        FoundRecord(FILE, 5, "", Kind.POSSIBLE),
        FoundRecord(OTHER, 5, "", Kind.ROW),  # of other lines of other files nothing is found
    ],
)
KINDS = {0: Kind.ROW, 1: Kind.MENTION, 2: Kind.ROW, 4: Kind.ROW}
QUARANTINE = pa.Table.from_pylist(
    [
        {"arquivo": FILE, "linha": 6, "texto": f"a;{E_MAIL};x;y", "motivos": ["colunas"]},
        {"arquivo": OTHER, "linha": 6, "texto": "a;11987654321;x", "motivos": ["colunas"]},  # may be another's
        {"arquivo": OTHER, "linha": 7, "texto": "a;b", "motivos": ["colunas"]},
    ],
    schema.arrow_schema(schema.QUARANTINE_COLUMNS),
)


@pytest.mark.parametrize(
    ("table", "rows", "kinds"),
    [
        (SILVER_TABLE, SALES, KINDS),
        (GOLD_TABLE, to_gold(SALES), KINDS),
        (QUARANTINE_TABLE, QUARANTINE, {0: Kind.TEXT}),
    ],
)
def test_rows_are_known_by_their_line_or_by_their_values(table, rows, kinds):
    assert kinds_of_rows(table, rows, FOUND) == kinds


def test_personal_columns_of_her_sales_become_the_token_and_mentions_elsewhere():
    after = anonymize_sales(SILVER_TABLE, SALES, KINDS, VALUES, TOKEN)
    assert after.schema == SALES.schema
    hers = dict.fromkeys(["Nome", "Sobrenome", "Email", "Telefone"], TOKEN)
    changed = [hers | {"Vendedor": f"de {TOKEN}"}, {"Vendedor": f"Rita <{TOKEN}>"}, hers, {}, None, {}]
    changed[4] = changed[0]
    assert after.to_pylist() == [row | new for row, new in zip(SALES.to_pylist(), changed, strict=True)]


def test_what_follows_from_personal_columns_is_as_the_rules_make_it_of_the_token():
    anonymous = anonymize_sales(SILVER_TABLE, SALES, KINDS, VALUES, TOKEN)
    assert anonymize_sales(GOLD_TABLE, to_gold(SALES), KINDS, VALUES, TOKEN) == to_gold(anonymous)


def test_a_refused_record_is_changed_as_its_files_layout_says():
    kinds = {0: Kind.TEXT, 1: Kind.TEXT}
    layout = Layout(";", {}, (), (), (0,), (), None, 1)  # the name stands before the telephone
    after = anonymize_refused(QUARANTINE, kinds, {OTHER: layout}, VALUES, TOKEN)
    texts = [f"{TOKEN};{TOKEN};{TOKEN};y", f"{TOKEN};{TOKEN};x", "a;b"]
    assert after == QUARANTINE.set_column(2, QUARANTINE.field("texto"), pa.array(texts))
    assert anonymize_refused(QUARANTINE, {}, {}, VALUES, TOKEN) == QUARANTINE


def test_of_events_reasons_and_surveys_are_changed():
    of_header = Event(FILE, "registros_a.csv", "bronze", "r", motivo=f"coluna {E_MAIL}", dialeto=f'["{E_MAIL}"]')
    events = as_rows([of_header, Event(OTHER, "registros_b.csv", "bronze", "r", motivo="vazio")])
    after = anonymize_ledger(events, VALUES, TOKEN)
    assert after["motivo"].to_pylist() == [f"coluna {TOKEN}", "vazio"]
    assert after["dialeto"].to_pylist() == [f'["{TOKEN}"]', None]
    assert after.drop_columns(["motivo", "dialeto"]) == events.drop_columns(["motivo", "dialeto"])


TEXT = f"Zuleica Reis <{E_MAIL}>\n\udcff"  # with a byte that is no UTF-8
CHANGED = f"{TOKEN} {TOKEN} <{TOKEN}>\n\udcff"


def as_bytes(text):
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.html", as_bytes(TEXT), as_bytes(CHANGED)),
        ("a.ipynb", as_bytes(f"{{{TEXT}"), as_bytes(f"{{{CHANGED}")),  # no JSON
        ("a.gz", b"\x1f\x8b" + as_bytes(TEXT), b"\x1f\x8b" + as_bytes(CHANGED)),  # only begins like a compressed file
        ("a.png", as_bytes(f"\0{TEXT}"), as_bytes(f"\0{TEXT}")),
    ],
)
def test_a_file_of_text_gets_the_token_and_keeps_its_mode(tmp_path, name, before, after):
    path = tmp_path / name
    path.write_bytes(before)
    path.chmod(0o640)
    anonymize_file(path, VALUES, TOKEN)
    assert path.read_bytes() == after and path.stat().st_mode & 0o777 == 0o640
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_compressed_file_stays_compressed(tmp_path):
    path = tmp_path / "a.html.gz"
    path.write_bytes(gzip.compress(as_bytes(TEXT)))
    assert holding([path], VALUES) == [path]
    anonymize_file(path, VALUES, TOKEN)
    assert gzip.decompress(path.read_bytes()) == as_bytes(CHANGED) and holding([path], VALUES) == []


def test_in_a_notebook_a_value_may_stand_in_two_lines(tmp_path):
    cells = [{"source": ["nome = 'Zuleica\n", "Reis'\n", "x"], "n": 1, "on": True}, {"source": [], "tags": ["a"]}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    anonymize_file(path, VALUES, TOKEN)
    cells[0]["source"] = [f"nome = '{TOKEN}\n", f"{TOKEN}'\n", "x"]
    assert json.loads(path.read_text(encoding="utf-8")) == {"cells": cells}
    assert path.read_text(encoding="utf-8").endswith("}\n")


LISTS = {
    "files": ["registros_a.csv", f"de {E_MAIL}", "registros_c.csv"],
    "tags": ["parameters", "Zuleica Reis"],
    "undo": ["registros_a.csv"],
    "nothing": [],
    "empty": ["", ""],
    "numbers": [1, "a\n", E_MAIL],
}


def test_a_list_of_texts_that_are_no_lines_stays_a_list(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(LISTS), encoding="utf-8")
    anonymize_file(path, VALUES, TOKEN)
    files = ["registros_a.csv", f"de {TOKEN}", "registros_c.csv"]
    changed = {"files": files, "tags": ["parameters", f"{TOKEN} {TOKEN}"], "numbers": [1, "a\n", TOKEN]}
    assert json.loads(path.read_text(encoding="utf-8")) == LISTS | changed


@pytest.mark.parametrize(
    "text", ["Zuleica\nReis", "Zuleica\r\nReis\n", "10%\r20%\rZuleica\x0cReis", "\n\nZuleica\nReis"]
)
def test_a_text_is_known_however_nbformat_cuts_it(tmp_path, text):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    path = tmp_path / "a.ipynb"
    nbformat.write(notebook, path)
    anonymize_file(path, VALUES, TOKEN)
    assert nbformat.read(path, 4).cells[0].source == text.replace("Zuleica", TOKEN).replace("Reis", TOKEN)


def test_in_an_export_quotes_and_line_ends_stay(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'x;"11 98765\r\n4321"\r\n')
    anonymize_file(path, VALUES, TOKEN)
    assert path.read_bytes() == f'x;"{TOKEN}\r\n{TOKEN}"\r\n'.encode()


def test_what_is_no_text_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(layers, "LONGEST_TEXT_BYTES", 3)
    found = {}
    for name, data in {"empty": b"", "text": b"abc", "binary": b"a\0"}.items():
        (tmp_path / name).write_bytes(data)
        found[name] = (read_text(tmp_path / name), is_text(tmp_path / name))
    assert found == {"empty": ("", False), "text": ("abc", True), "binary": ("a\0", False)}
    assert read_text(tmp_path / "gone") is None
    (tmp_path / "long").write_bytes(b"abcd")
    with pytest.raises(OSError, match="too large"):
        read_text(tmp_path / "long")


def test_the_texts_of_a_lake_are_all_but_its_data_and_its_database(tmp_path):
    kept = ["runs/r1/index.html", "exports/a/b.csv", "leia-me.txt"]
    for name in [*kept, "bronze/a.csv", "silver/data/a.parquet", "dw/a", "privacy/people.json", ".lock", "landing/x"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert texts_of_lake(load_settings(lake=tmp_path)) == sorted(tmp_path / name for name in kept)


def test_a_log_of_the_server_that_cannot_be_searched_stops_the_erasure(tmp_path):
    log = tmp_path / "server.log"
    _anonymize_log(log, VALUES, TOKEN)
    log.write_text(f"de {E_MAIL}")
    _anonymize_log(log, VALUES, TOKEN)
    assert log.read_text() == f"de {TOKEN}"
    os.truncate(log, layers.LONGEST_TEXT_BYTES + 1)
    with pytest.raises(
        WarehouseError, match=r"File too large: .*server.log[\s\S]*delete its log, then call `vendas run`"
    ):
        _anonymize_log(log, VALUES, TOKEN)
