"""`vendas status FILE --line N`: the result of a line of a bronze file, and back from the warehouse to the file."""

import json
from unittest.mock import patch

import psycopg
import pytest

from helpers.plain_lake import make_lake
from helpers.rows import FILE, HEADER
from helpers.terminal import vendas, vendas_here
from vendas.lake import ledger
from vendas.rules.validate import validate
from vendas.stages.lineage import DUPLICATE, NEITHER, REFUSED, SALE, Line, find_line
from vendas.stages.survey import SurveyedFile
from vendas.warehouse.embedded import ensure_running


def test_every_fact_leads_to_its_line(real_lake):
    lake, _ = real_lake
    with psycopg.connect(ensure_running(lake / "dw").url) as connection:
        facts = connection.execute(
            "select venda_id, arquivo_de_origem, linha_do_arquivo, valor_da_compra from fato_vendas order by 1 limit 9"
        ).fetchall()
    for venda_id, arquivo, linha, valor in facts:
        found = find_line(lake, arquivo, linha)
        assert (found.situacao, found.venda_id, found.venda["Valor da Compra"]) == (SALE, venda_id, valor)
        assert found.venda["Email"] in (lake / "bronze" / arquivo).read_text().splitlines()[linha - 1]


ROWS = ["2024-01-01 10:00,Ana,,,,,10.00,,,,,,", "ontem,Rui,,,,,1,,,,,,", "01/01/2024 10:00, Ana,,,,,R$ 10,,,,,,"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a lake with one file: a sale, a refused row, and the sale again, written in another way."""
    files = {"registros_a.csv": "\n".join([HEADER, *ROWS, ""]).encode()}
    return make_lake(tmp_path_factory.mktemp("linhas") / "lago", files)


def name_in(lake):
    (arquivo,) = [path.name for path in (lake / "bronze").iterdir()]
    return arquivo


def test_a_line_is_a_sale_or_refused_or_a_duplicate_or_no_record(plain):
    name = name_in(plain)
    file = SurveyedFile.of(plain / "bronze", ledger.latest(ledger.read_events(plain))[name]["bronze"])
    found = [find_line(plain, name, linha, file) for linha in (1, 2, 3, 4, 5)]
    assert [line.situacao for line in found] == [NEITHER, SALE, REFUSED, DUPLICATE, NEITHER]
    assert found[2].texto == ROWS[1] and found[2].motivos == ("timestamp_invalido",)
    assert found[3].igual_a == f"{name}:2"


def test_a_duplicate_whose_sale_is_not_found_is_one_all_the_same(plain):
    name = name_in(plain)
    file = SurveyedFile.of(plain / "bronze", ledger.latest(ledger.read_events(plain))[name]["bronze"])
    with patch("vendas.stages.lineage.validate", lambda records: validate(records.slice(0, 0))):  # by other rules
        assert find_line(plain, name, 4, file) == Line(name, 4, DUPLICATE)


def test_status_tells_in_json_which_sale_a_line_equals(plain, capsys):
    told = json.loads(vendas_here(capsys, "status", name_in(plain), "--line", 4, "--lake", plain, "--json").stdout)
    assert (told["linha"]["situacao"], told["linha"]["igual_a"]) == (DUPLICATE, f"{name_in(plain)}:2")


def test_status_lists_the_files_of_the_ledger(plain, capsys):
    said = vendas_here(capsys, "status", "--lake", plain).stdout
    assert "registros_a.csv" in said and "No file yet" not in said


@pytest.mark.parametrize("command", ["status", "undo", "replay", "plan"])
def test_a_file_that_is_still_in_landing_is_named_as_such(tmp_path, capsys, command):
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "registros_b.csv").touch()
    done = vendas_here(capsys, command, "registros_b.csv", "--lake", tmp_path)
    assert done.returncode == 1 and "registros_b.csv is still in landing. The next run" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (2, ["venda ", "Valor da Compra", "10.00"]),
        (3, ["está na quarentena: ontem,Rui", "timestamp_invalido: "]),
        (4, [" é duplicata da venda "]),
        (5, [" não é uma venda: nenhum registro começa ali"]),
    ],
)
def test_status_tells_what_became_of_a_line(plain, capsys, line, said):
    shown = vendas_here(capsys, "status", name_in(plain), "--line", line, "--lake", plain).stdout
    assert f"Linha {line} de {name_in(plain)}" in shown.replace("\n", "") and [t for t in said if t not in shown] == []


@pytest.fixture
def new(plain):
    """Return the lake with one more file in bronze, which no run has recorded yet, and its name there."""
    name = "registros_b_20250101T000000000Z_bbbbbbbb.csv"
    (plain / "bronze" / name).write_text("\n".join([HEADER, *ROWS]))
    yield plain, name
    (plain / "bronze" / name).unlink()


def test_a_line_of_a_file_that_no_run_has_recorded_yet_is_told_to_be_pending(new, capsys):
    lake, name = new
    shown = vendas_here(capsys, "status", name, "--line", 2, "--lake", lake).stdout
    assert f"Linha 2 de {name} não é uma venda: o arquivo ainda não foi processado; `vendas run`" in shown


def test_a_file_that_no_run_has_recorded_yet_has_an_entry(new, capsys):
    lake, name = new
    told = vendas_here(capsys, "status", "registros_a.csv", name, "--lake", lake, "--json").stdout
    known, entry = json.loads(told)["files"]
    assert entry == dict.fromkeys(known, 0) | {
        "arquivo": name, "arquivo_recebido": "registros_b.csv", "situacao": "pendente", "motivo": None,
    }  # fmt: skip


def test_a_line_of_a_file_of_a_lake_without_a_run_is_pending(tmp_path, capsys):
    (tmp_path / "bronze").mkdir()
    (tmp_path / "bronze" / FILE).write_text(HEADER)
    told = json.loads(vendas_here(capsys, "status", FILE, "--line", 1, "--lake", tmp_path, "--json").stdout)
    assert (told["files"][0]["situacao"], told["linha"]["situacao"]) == ("pendente", NEITHER)


def test_status_shows_a_line_and_refuses_one_of_several_files(real_lake):
    lake, _ = real_lake
    (arquivo,) = (path.name for path in (lake / "bronze").glob("registros_website_*.csv"))
    shown = vendas("status", arquivo, "--line", 2, "--lake", lake)
    assert "Valor da Compra" in shown.stdout and "Linha 2 de registros_website" in shown.stdout.replace("\n", "")
    told = json.loads(vendas("status", arquivo, "--line", 2, "--lake", lake, "--json").stdout)["linha"]
    assert (told["situacao"], told["venda"]["Linha do Arquivo"]) == (SALE, "2")
    refused = vendas("status", "--line", 2, "--lake", lake)
    assert refused.returncode == 1 and "--line is a line of one FILE; got 0" in refused.stderr.replace("\n", " ")


@pytest.mark.parametrize("line", ["0", "-1", "x"])
def test_a_line_is_a_number_from_1(tmp_path, capsys, line):
    done = vendas_here(capsys, "status", "a.csv", "--line", line, "--lake", tmp_path)
    assert done.returncode == 1 and "--line" in done.stderr
