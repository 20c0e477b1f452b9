"""The pages of a run: their content, that nothing in them is harmful, and that they never fail a run."""

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import psutil
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st
from nbformat.v4 import new_output

from helpers.html_page import read_page
from helpers.runs import AT, STAGES, a_run, entry, stages, write_all_executed, write_executed
from helpers.small_notebooks import RESULT, write_notebook
from vendas import resources, schema
from vendas.cli import commands
from vendas.errors import NotebookError
from vendas.formatting import format_duration, format_moment
from vendas.reports import pages, report
from vendas.reports.dictionary import LAKE, warehouse
from vendas.reports.report import EXPLORATION, Run, reported, write_report, written_meanwhile
from vendas.runs import pipeline
from vendas.runs.pipeline import Progress, run_pipeline
from vendas.settings import load_settings
from vendas.tuning import FILES_DRAWN, FILES_SHOWN

HOSTILE = [
    "registros<script>alert(1)</script>.csv",
    "registros\"'><img src=x onerror=alert(1)>.csv",
    "registros&lt;{{ 7*7 }}{% raw %}$x$.csv",
    "registros\u202egpj.csv",
    "registros_مبيعات.csv",
    f"registros_{'longo' * 40}.csv",
]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "20240331T140509Z-00aa"


def index_of(folder, **facts):
    return read_page(write_report(folder, a_run(**facts), AT))


# --- the page of a run


def test_the_page_says_when_how_long_and_how_it_ended(folder):
    run = a_run(files=[entry()])
    said = read_page(write_report(folder, run, AT)).text
    assert f"Execução de {format_moment(run.begun)[:16]} " in said
    assert "Concluída Início " + format_moment(run.begun) + " Duração 21,4 s Execução 20240331T140509Z-00aa" in said


def test_rejected_files_are_counted_and_come_first_with_their_reason(folder):
    refused = entry("registros_vazio.csv", 0, 0, 0, "rejeitado", "O arquivo está vazio.")
    said = index_of(folder, files=[entry(), refused]).text
    assert "Concluída, com 1 arquivo rejeitado" in said
    assert said.index("O arquivo está vazio. rejeitado") < said.rindex("registros_loja.csv")


def test_the_table_has_every_count_and_their_sums(folder):
    files = [entry(silver=1200, twice=23, refused=4, doubtful=5), entry("registros_b.csv", 1, 2, 3)]
    said = index_of(folder, files=files).text
    assert "processado 1.227 23 4 5 1.200 1.200 1.200" in said
    assert "Total de 2 arquivos 1.233 25 7 5 1.201 1.201 1.201" in said


@pytest.mark.parametrize(("files", "cut"), [(FILES_DRAWN, False), (FILES_DRAWN + 1, True)])
def test_the_chart_says_that_it_shows_not_all_files(folder, files, cut):
    said = index_of(folder, files=[entry(f"registros_{number}.csv") for number in range(files)]).text
    assert "Linhas por arquivo e destino" in said and (f"os primeiros {FILES_DRAWN}" in said) == cut


def test_a_file_without_a_good_row_is_told_like_a_rejected_one(folder):
    whole = entry("registros_so_recusas.csv", silver=0, twice=0, refused=3)
    said = index_of(folder, files=[entry(), whole]).text
    assert "Concluída, com 1 arquivo sem nenhuma linha aceita" in said
    assert said.index("registros_so_recusas.csv") < said.rindex("registros_loja.csv")


@pytest.mark.parametrize(("rows", "says"), [(1, "1 linha aceita parece danificada"), (2, "2 linhas aceitas parecem")])
def test_doubtful_rows_are_told_with_the_command_that_shows_them(folder, rows, says):
    said = index_of(folder, files=[entry(doubtful=rows)]).text
    assert says in said and "vendas check" in said


def test_where_no_row_is_doubtful_nothing_is_said_of_it(folder):
    assert "parece danificada" not in index_of(folder, files=[entry()]).text


def test_conservation_is_shown_where_it_holds(folder):
    page = write_report(folder, a_run(files=[entry(silver=70, twice=23, refused=5)]), AT)
    assert "98 lidas = 70 silver + 23 duplicadas + 5 quarentena 70 silver = 70 gold = 70 DW" in read_page(page).text
    assert page.read_text().count('"law holds"') == 2


@pytest.mark.parametrize("lost", [{"lidas": 94}, {"gold": 69}])
def test_conservation_is_not_shown_as_held_where_only_the_sums_agree(folder, lost):
    files = [entry() | lost, entry("registros_b.csv") | {name: 2 * entry()[name] - rows for name, rows in lost.items()}]
    assert write_report(folder, a_run(files=files), AT).read_text().count('"law broken"') == 1


def test_layers_are_compared_only_of_files_that_are_through(folder):
    page = write_report(folder, a_run(files=[entry(situacao="pendente")], failure="x"), AT).read_text()
    assert '"law broken"' not in page and "= 0 gold" not in page


def test_quarantine_is_told_by_reason(folder):
    said = index_of(folder, files=[entry(refused=1200)], reasons={"valor_ambiguo": 1200}).text
    assert "O valor tem um só separador seguido de três dígitos" in said and "valor_ambiguo 1.200" in said


def test_charts_show_where_rows_went_and_seconds_by_stage(folder):
    write_all_executed(folder)
    page = index_of(folder, files=[entry(silver=1200, twice=23, refused=4)], stages=stages(*STAGES))
    assert page.tags.count("svg") == 2
    assert "registros_loja.csv 1.200 + 23 + 4" in page.text and "01_bronze 9,2 s" in page.text


def test_notebooks_are_linked_the_exploration_first(folder):
    write_all_executed(folder)
    links = index_of(folder, stages=stages(*STAGES)).links
    assert links == ["../index.html", *(f"{name}.html" for name in [EXPLORATION, *STAGES]), "dicionario.html"]


def test_of_many_files_the_first_are_shown_and_the_others_counted(folder):
    files = [entry(f"registros_{number}.csv") for number in range(2000)]
    files[1999]["situacao"] = "rejeitado"
    page = index_of(folder, files=files)
    assert page.tags.count("tr") == FILES_SHOWN + 2
    assert "outros 1.800 não aparecem aqui" in page.text and "registros_1999.csv" in page.text


def test_a_failed_run_has_a_page_with_notebook_cell_message_and_files(folder):
    error = new_output("error", ename="ValueError", evalue="<b>", traceback=["\x1b[31mValueError\x1b[0m: <b>"])
    write_executed(folder / "01_bronze.ipynb")
    write_executed(folder / "02_silver.ipynb", error, failed=True)
    message = "02_silver.ipynb failed in cell [2] (x): ValueError: <b>"
    page = index_of(folder, files=[entry(situacao="pendente")], stages=stages("01_bronze"), failure=message)
    assert f"Falhou: 02_silver {message}" in page.text and "pendente 93" in page.text
    assert "02_silver.html#papermill-error-cell" in page.links
    assert "papermill-error-cell" in read_page(folder / "02_silver.html").ids


def test_a_notebook_that_was_cut_off_is_told_and_hides_nothing(folder):
    write_executed(folder / "01_bronze.ipynb")
    (folder / "02_silver.ipynb").write_text('{"cells": [')
    page = index_of(folder, stages=stages("01_bronze"), failure="02_silver.ipynb failed")
    assert "02_silver.ipynb não pôde ser convertido em página" in page.text and "01_bronze.html" in page.links


def test_reasons_are_counted_of_the_runs_own_files(tmp_path, monkeypatch):
    rows = [("a.csv", ["valor_ambiguo"]), ("a.csv", ["texto_longo", "valor_ambiguo"]), ("b.csv", ["texto_longo"])]
    table = pa.table({"arquivo": [row[0] for row in rows], "motivos": [row[1] for row in rows]})
    monkeypatch.setattr(report, "read_table", lambda folder, name: table)
    files = [{"arquivo": "a.csv", "quarentena": 2}, {"arquivo": "c.csv", "quarentena": 0}]
    assert report.reasons_of(tmp_path, files) == {"valor_ambiguo": 2, "texto_longo": 1}
    assert report.reasons_of(tmp_path, files[1:]) == {}


# --- nothing harmful, nothing loaded from elsewhere


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return the tags of a page whose texts are all harmless."""
    return index_of(tmp_path_factory.mktemp("runs") / "r", files=[entry(motivo="x")], failure="x").tags


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(folder, plain, name):
    page = index_of(folder, files=[entry(name, motivo=name)], failure=name)
    assert page.text.count(name) >= 3 and page.tags == plain


@settings(max_examples=10)
@given(st.text(min_size=1))
def test_any_text_is_only_text(tmp_path_factory, plain, text):
    folder = tmp_path_factory.mktemp("runs") / "r"
    assert index_of(folder, files=[entry(f"registros{text}", motivo=text)], failure=text).tags == plain


def test_a_name_that_is_no_text_is_written_all_the_same(folder):
    assert "registros_?.csv" in index_of(folder, files=[entry("registros_\udcff.csv")]).text


def test_pages_have_no_script_and_point_to_nothing_outside_the_runs_folder(folder):
    write_all_executed(folder)
    write_report(folder, a_run(files=[entry()], stages=stages(*STAGES)), AT)
    written = [*folder.glob("*.html"), folder.parent / "index.html"]
    assert len(written) == 8
    for path in written:
        page = read_page(path)
        assert "default-src 'none'" in path.read_text() and "script" not in page.tags
        assert all(source.startswith(("data:", "#")) for source in page.sources)
        for file, _, anchor in (link.partition("#") for link in page.links):
            target = path.parent / file if file else path
            assert target.resolve().is_relative_to(folder.parent)
            assert not anchor or anchor in read_page(target).ids


# --- the list of runs


def listed(folder):
    return read_page(folder / "index.html")


def test_all_runs_are_listed_the_newest_first(tmp_path):
    for run_id, silver in (("20240331T140509Z-00aa", 1), ("20240401T000000Z-00bb", 2), ("20240301T000000Z-00cc", 3)):
        begun = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        write_report(tmp_path / run_id, a_run(files=[entry(silver=silver, twice=0)], begun=begun), AT)
    order = [f"{run_id}/index.html" for run_id in ("20240401T000000Z-00bb", "20240331T140509Z-00aa")]
    assert listed(tmp_path).links[:2] == order and "Concluída 21,4 s 1 3 3 0 0" in listed(tmp_path).text


@pytest.mark.parametrize("summary", [None, "", "{", "{}", '{"begun": "x"}', "[1]"])
def test_a_run_that_was_cut_off_is_listed_too(tmp_path, summary):
    (tmp_path / "20240331T140509Z-cut").mkdir()
    if summary is not None:
        (tmp_path / "20240331T140509Z-cut" / "run.json").write_text(summary)
    write_report(tmp_path / "20240301T000000Z-00aa", a_run(), AT)
    assert "20240331T140509Z-cut Interrompida, sem relatório" in listed(tmp_path).text


# --- writing


def test_a_page_is_put_in_place_whole_or_not_at_all(tmp_path):
    (tmp_path / "x.html").mkdir()
    with pytest.raises(OSError):
        pages.write(tmp_path / "x.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_a_report_that_cannot_be_written_is_one_line_and_no_failure(tmp_path):
    (tmp_path / "runs").touch()
    run, told = Run("r1"), []
    with reported(run, tmp_path, tmp_path / "runs" / "r1", told.append):
        pass
    assert run.page is None and len(told) == 1 and "The report was not written" in told[0] and "\n" not in told[0]


def test_a_report_that_cannot_be_written_does_not_hide_the_runs_own_failure(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(NotebookError, match="own"), reported(Run("r1"), tmp_path, tmp_path / "runs" / "r1", print):
        raise NotebookError("own")


def test_a_run_has_a_page_before_its_exploration_is_there(folder):
    write_executed(folder / "01_bronze.ipynb")
    run = a_run(files=[entry()], stages=stages("01_bronze"))
    with written_meanwhile(run, AT, folder):
        write_executed(folder / f"{EXPLORATION}.ipynb")
    shown = read_page(folder / "index.html")
    assert shown.links[1:] == ["01_bronze.html", "dicionario.html"] and "Concluída" in shown.text
    assert (run.page, run.reasons) == (None, {})


def test_runs_one_after_another_open_fonts_once(folder):
    folder.mkdir(parents=True)
    opened, done = [], Event()
    for _ in range(4):
        with written_meanwhile(a_run(files=[entry()]), AT, folder):
            pass
        opened.append(sum(file.path.endswith(".ttf") for file in psutil.Process().open_files()))
        Thread(target=done.wait).start()  # it takes the number of a thread that has ended
    done.set()
    assert opened[0] == opened[-1] > 0


def test_a_page_that_cannot_be_written_meanwhile_stops_nothing(tmp_path):
    (tmp_path / "runs").touch()
    with pytest.raises(NotebookError, match="own"), written_meanwhile(Run("r1"), tmp_path, tmp_path / "runs" / "r1"):
        raise NotebookError("own")


# --- the dictionary


def test_the_dictionary_has_all_tables_of_the_lake():
    assert {table.name: table.columns for table in LAKE.tables} == schema.TABLES


def test_the_dictionary_has_every_table_and_column_of_the_warehouse():
    ddl = "\n".join(path.read_text() for path in (resources.folder("sql") / "ddl").glob("*.sql"))
    tables = warehouse().tables
    assert len(tables) == ddl.count("create table") == 8 + len(schema.SALES.dimensions)
    assert sum(len(table.columns) for table in tables) == ddl.count("comment on column")
    (registros,) = [table for table in tables if table.name == "registros_vendas"]
    assert [(c.name, c.comment) for c in registros.columns] == [(c.name, c.comment) for c in schema.GOLD_COLUMNS]
    assert ("valor_da_compra", "decimal(12,2)") in [(column.name, column.type) for column in registros.columns]


def test_the_dictionarys_page_says_what_everything_means(folder):
    write_report(folder, a_run(), AT)
    said = read_page(folder / "dicionario.html").text
    meant = [column for table in (*LAKE.tables, *warehouse().tables) for column in table.columns]
    assert [c.name for c in meant if f"{c.name} {c.type} {c.comment}" not in said] == []
    assert "Falta o valor da compra; preencha" in said


# --- a run of small notebooks, without Spark


@pytest.fixture
def run(tmp_path, monkeypatch, forks):
    """Run one small stage, and the exploration if there is one, as run_pipeline does with the real ones."""
    folders = {"notebooks": tmp_path / "notebooks"}
    real = resources.folder
    monkeypatch.setattr(resources, "folder", lambda name: folders.get(name) or real(name))
    monkeypatch.setattr(pipeline, "kernel_environment", lambda settings, log, work: nullcontext({}))
    monkeypatch.setattr(pipeline, "ForkServer", lambda lake: nullcontext(forks))
    monkeypatch.setattr(pipeline, "NOTEBOOKS", ["01_bronze"])
    folders["notebooks"].mkdir()

    def write(stage, exploration=None):
        corrections = "ensaio: bool = False\nundo: list = []\nreplay: list = []"
        chosen = 'inicio: str = ""\nfim: str = ""\ncanal: str = ""'
        for name, cell, more in (("01_bronze", stage, corrections), (EXPLORATION, exploration, chosen)):
            if cell is not None:
                parameters = f'lake: str = ""\nrun_id: str = ""\n{more}'
                write_notebook(folders["notebooks"] / f"{name}.ipynb", cell, parameters=parameters)

    def run(*cells):
        write(*cells)
        return run_pipeline(load_settings(lake=tmp_path / "lago"), run.progress)

    run.progress, run.write = Told(), write
    return run


class Told(Progress):
    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)


SMALL_RESULT = RESULT.replace("rows", "1")


def test_a_run_has_its_page_and_the_exploration_that_follows_it(run):
    done = run(SMALL_RESULT, SMALL_RESULT)
    assert [stage.notebook for stage in done.stages] == ["01_bronze"] and run.progress.warnings == []
    assert read_page(done.report).links[1:] == [f"{EXPLORATION}.html", "01_bronze.html", "dicionario.html"]
    assert f"{done.run_id}/index.html" in listed(done.report.parents[1]).links


def test_the_command_names_the_page_last(run, tmp_path, capsys):
    run.write(SMALL_RESULT)
    commands.run(lake=tmp_path / "lago")
    (page,) = (tmp_path / "lago" / "runs").glob("*/index.html")
    assert capsys.readouterr().err.splitlines()[-1] == f"Report: {page}"


def test_an_exploration_that_fails_fails_no_run_and_is_noted(run):
    done = run(SMALL_RESULT, "1 / 0")
    assert done.status == "ok" and "A exploração falhou; os dados estão publicados." in read_page(done.report).text
    (warning,) = run.progress.warnings
    assert "The exploration failed; the data is published." in warning and "cell [3] (1 / 0)" in warning


def test_a_stage_that_fails_has_a_page_that_the_error_names(run):
    with pytest.raises(NotebookError) as caught:
        run("1 / 0", SMALL_RESULT)
    report, log = caught.value.__notes__
    page = Path(report.removeprefix("Report: "))
    assert log == f"Log: {page.with_name('run.log')}"
    assert "01_bronze.ipynb failed in cell [3] (1 / 0): ZeroDivisionError" in read_page(page).text
    assert not (page.parent / f"{EXPLORATION}.ipynb").exists()


# --- how times are written


@pytest.mark.parametrize(("seconds", "text"), [(0, "0,0 s"), (4.26, "4,3 s"), (59.96, "1 min 0 s"), (125, "2 min 5 s")])
def test_a_duration_is_written_as_in_brazil(seconds, text):
    assert format_duration(seconds) == text


def test_a_moment_is_written_as_in_brazil_with_its_zone(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    assert format_moment(datetime(2024, 3, 31, 14, 5, 9, tzinfo=UTC)) == "31/03/2024 11:05:09 (UTC-03:00)"
    monkeypatch.undo()
    time.tzset()
