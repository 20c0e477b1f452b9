"""The whole pipeline, called through the command line like a user does."""

import csv
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from helpers.rows import NEEDED
from helpers.terminal import FIXTURES, run, run_real_files, vendas, vendas_here
from vendas import resources
from vendas.lake.table_reader import read_table
from vendas.reasons import Reason
from vendas.sample.generator import SENT_AGAIN
from vendas.warehouse.embedded import stop

ENTRY = [
    "arquivo",
    "arquivo_recebido",
    "situacao",
    "motivo",
    "lidas",
    "duplicadas",
    "quarentena",
    "duvidosas",
    "silver",
    "gold",
    "dw",
]


def query(lake, sql):
    url = json.loads(vendas("dw", "url", "--lake", lake, "--json").stdout)["url"]
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


def table(lake, name):
    return read_table(lake, name).to_pylist()


@pytest.fixture(scope="module")
def lake(tmp_path_factory, engine):
    """Return the path of a lake of this module alone, which its tests change; it has blanks and accents."""
    folder = tmp_path_factory.mktemp("dados de abril") / "lago é"
    yield folder
    stop(folder / "dw")


@pytest.fixture(scope="module")
def first(lake):
    """Return the output of the run with the four real files, which makes the lake."""
    return run_real_files(lake)


def test_the_run_is_described_as_documented(first):
    assert sorted(first) == ["files", "run_id", "seconds", "stages", "status"]
    assert [stage["notebook"] for stage in first["stages"]] == ["01_bronze", "02_silver", "03_gold", "04_dw"]
    assert all(list(entry) == ENTRY for entry in first["files"])
    assert first["status"] == "ok"


def test_the_real_files_give_the_known_counts(first):
    entries = first["files"]
    assert [sum(entry[name] for entry in entries) for name in ENTRY[4:]] == [93, 23, 0, 0, 70, 70, 70]
    by_name = {entry["arquivo_recebido"]: entry["dw"] for entry in entries}
    assert by_name == {
        "registros_gerais.csv": 56,
        "registros_lojas_fisicas.csv": 3,
        "registros_website.csv": 5,
        "registros_aplicativo.csv": 6,
    }


def test_the_sums_are_those_of_the_files_in_every_layer(lake, first):
    rows = [row for path in FIXTURES.glob("*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))]
    distinct = {tuple(row.values()) for row in rows}
    position = NEEDED.index("Valor da Compra")
    expected = sum(Decimal(row[position]) for row in distinct)
    gold = table(lake, "gold")
    fact = query(lake, "select sum(valor_da_compra), sum(valor_com_desconto) from fato_vendas")[0]
    assert sum(row["valor_da_compra"] for row in gold) == expected == fact[0]
    assert sum(row["valor_com_desconto"] for row in gold) == fact[1]


def test_landing_is_empty_and_bronze_has_the_files_as_they_came(lake, first):
    kept = {path.read_bytes() for path in (lake / "bronze").glob("registros*.csv")}
    assert list((lake / "landing").iterdir()) == []
    assert kept == {path.read_bytes() for path in FIXTURES.glob("*.csv")}


def test_the_executed_notebooks_are_kept_without_the_warehouses_password(lake, first):
    password = json.loads(vendas("dw", "url", "--lake", lake, "--json").stdout)["url"].split(":")[2].split("@")[0]
    folder = lake / "runs" / first["run_id"]
    assert sorted(path.stem for path in folder.glob("*.ipynb"))[:4] == ["01_bronze", "02_silver", "03_gold", "04_dw"]
    assert not any(password in path.read_text() for path in folder.iterdir())


def test_the_page_of_the_run_shows_that_no_row_was_lost(lake, first):
    page = (lake / "runs" / first["run_id"] / "index.html").read_text(encoding="utf-8")
    assert "93 lidas = 70 silver + 23 duplicadas + 0 quarentena" in page and "70 silver = 70 gold = 70 DW" in page
    assert all(entry["arquivo"] in page for entry in first["files"])


def test_a_run_leaves_nothing_in_the_projects_folders(first):
    assert {path.suffix for path in resources.folder("notebooks").iterdir()} == {".ipynb"}


def test_a_second_run_touches_nothing(lake, first):
    before = {name: table(lake, name) for name in ("silver", "gold", "ledger")}
    second = run(lake)
    assert (second["status"], second["stages"], second["files"]) == ("ok", [], [])
    assert before == {name: table(lake, name) for name in ("silver", "gold", "ledger")}


def test_status_is_the_ledger_of_all_files(lake, first):
    assert json.loads(vendas("status", "--lake", lake, "--json").stdout)["files"] == first["files"]


def test_more_files(lake, first):
    """One run with a file sent again, a rejected file, and one with good, duplicate and refused rows."""
    landing = lake / "landing"
    again = shutil.copy(FIXTURES / "registros_website.csv", landing / "registros_de novo.csv")
    os.utime(again, (1_900_000_000, 1_900_000_000))
    (landing / "registros_vazio.csv").touch()
    (landing / "leia-me.txt").touch()
    header = ";".join(NEEDED)
    good = "31/12/2023 23:59;Zoë;D'Ávila;;;Cadeira;R$ 1.234,56;;;;;5,5%;"
    (landing / "REGISTROS_pt.CSV").write_bytes(
        "\r\n".join([header, good, good, good.replace("1.234,56", "1.234"), "curta;demais"]).encode("cp1252")
    )
    report = run(lake, expected=2)
    seen = {entry["arquivo_recebido"]: [entry[name] for name in ("situacao", *ENTRY[4:])] for entry in report["files"]}
    assert report["status"] == "with_rejections"
    assert seen == {
        "registros_de novo.csv": ["processado", 7, 7, 0, 0, 0, 0, 0],
        "registros_vazio.csv": ["rejeitado", 0, 0, 0, 0, 0, 0, 0],
        "REGISTROS_pt.CSV": ["processado", 4, 1, 2, 0, 1, 1, 1],
    }
    page = (lake / "runs" / report["run_id"] / "index.html").read_text(encoding="utf-8")
    assert Reason.NUMERO_DE_CAMPOS.sentence in page and Reason.VALOR_AMBIGUO.sentence in page
    assert [path.name for path in landing.iterdir()] == ["leia-me.txt"]
    assert [row["linha"] for row in table(lake, "quarantine")] == [4, 5]
    joined = "select nome_completo, valor_com_desconto from fato_vendas join dim_cliente using (cliente_id)"
    assert query(lake, f"{joined} where nome_completo like 'Zo%'") == [("Zoë D'Ávila", Decimal("1166.66"))]
    assert query(lake, "select count(*), count(distinct venda_id) from fato_vendas") == [(71, 71)]


@pytest.mark.engine
def test_a_failing_stage_exits_1_without_a_traceback_and_names_the_cell(tmp_path):
    (tmp_path / "lago").mkdir()
    (tmp_path / "lago" / "silver").write_text("in the way")
    done = vendas("run", "--lake", tmp_path / "lago", "--json")
    assert done.returncode == 1 and done.stdout == ""
    assert "NotebookError: 01_bronze.ipynb failed in cell" in done.stderr and "Traceback" not in done.stderr
    report, log = done.stderr.splitlines()[-2:]
    assert Path(report.removeprefix("Report: ")).name == "index.html"
    assert "NotebookError: 01_bronze.ipynb failed" in Path(log.removeprefix("Log: ")).read_text()


@pytest.mark.engine
def test_an_empty_lake_runs_and_says_there_is_nothing(tmp_path):
    done = vendas("run", "--lake", tmp_path / "lago")
    stop(tmp_path / "lago" / "dw")
    assert done.returncode == 0 and "no file is pending" in done.stderr


def test_status_before_any_run_tells_what_to_do(tmp_path, capsys):
    done = vendas_here(capsys, "status", "--lake", tmp_path / "lago")
    assert done.returncode == 0 and "vendas run" in done.stderr


def test_the_url_of_a_lake_that_is_not_there_is_an_error(tmp_path, capsys):
    done = vendas_here(capsys, "dw", "url", "--lake", tmp_path / "lago")
    assert done.returncode == 1 and "There is no lake" in done.stderr and not (tmp_path / "lago").exists()


@pytest.mark.parametrize("rows", ["0", "-1", "many"])
def test_a_sample_of_no_rows_is_refused(tmp_path, capsys, rows):
    done = vendas_here(capsys, "sample", "--", rows, tmp_path)
    assert done.returncode != 0 and "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []


def test_sample_writes_files_that_a_run_takes_up(tmp_path, capsys):
    done = vendas_here(capsys, "sample", 25, tmp_path / "x", "--seed", 7, "--json")
    files = json.loads(done.stdout)["files"]
    assert sum(len(Path(file).read_text(encoding="utf-8").splitlines()) - 1 for file in files) == 25


@pytest.mark.parametrize(("words", "flaws"), [([], True), (["--clean"], False)], ids=["flawed", "clean"])
def test_sample_files_have_flaws_unless_they_are_to_be_clean(tmp_path, capsys, words, flaws):
    vendas_here(capsys, "sample", 100, tmp_path, *words)
    assert (SENT_AGAIN in {path.name for path in tmp_path.iterdir()}) == flaws


@pytest.mark.parametrize("words", [["run", "--lke", "x"], ["rum"], ["sample", "many"], ["quarantine", "export"]])
def test_a_mistyped_command_line_exits_1_because_2_means_a_rejected_file(capsys, words):
    done = vendas_here(capsys, *words)
    assert done.returncode == 1 and "Error: " in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["run"], ["watch"], ["sample", "3"]], ids=" ".join)
def test_a_lake_in_a_folder_takes_no_landing_on_s3(tmp_path, monkeypatch, capsys, words):
    monkeypatch.setenv("VENDAS_LANDING", "s3://loja")
    done = vendas_here(capsys, *words, "--lake", tmp_path / "lago")
    assert (done.returncode, done.stderr.split(":")[0]) == (1, "ArrivalError") and "VENDAS_LANDING" in done.stderr


def test_a_lake_that_cannot_be_made_is_an_error_that_names_it(tmp_path, capsys):
    (tmp_path / "vendas.csv").touch()
    done = vendas_here(capsys, "run", "--lake", tmp_path / "vendas.csv" / "lago")
    assert (done.returncode, done.stderr.strip()) == (1, f"Not a directory: {tmp_path / 'vendas.csv' / 'lago'}")


@pytest.mark.parametrize("place", ["lake", "landing"])
@pytest.mark.parametrize("command", [["run"], ["watch"], ["sample", "10"], ["undo", "x.csv"]], ids=" ".join)
def test_a_file_is_no_lake_and_no_landing(tmp_path, capsys, monkeypatch, place, command):
    file = tmp_path / "vendas.csv"
    file.touch()
    monkeypatch.setenv(f"VENDAS_{place.upper()}", str(file))
    monkeypatch.setenv("VENDAS_LAKE", str(file if place == "lake" else tmp_path))
    done = vendas_here(capsys, *command)
    said = f"SettingsError: The {place} {file} is a file. Give a folder, which need not exist yet."
    assert (done.returncode, done.stderr.strip()) == (1, said)
