"""Tables of the terminal: which files of a run they show, and what is said of the others."""

import io

import pytest
from rich.console import Console

from runs import entry
from vendas.cli.display import print_files, print_run
from vendas.lake.ledger import REJECTED
from vendas.limits import FILES_IN_TERMINAL
from vendas.runs.pipeline import RunReport


def said(show, *given):
    """What is printed, on a wide terminal."""
    console = Console(file=io.StringIO(), width=200)
    show(console, *given)
    return console.file.getvalue()


def a_report(tmp_path, *files):
    return RunReport("r1", 1.0, [], list(files), tmp_path)


def test_a_runs_table_is_cut_with_totals_of_all_files(tmp_path):
    files = [entry(f"registros_{number}.csv", silver=1000, twice=0) for number in range(20_000)]
    text = said(print_run, a_report(tmp_path, *files))
    assert text.count("registros_") == FILES_IN_TERMINAL
    assert "The first 30 of 20.000 files" in text and "`vendas status` shows the other 19.970" in text
    assert "20.000.000" in text.splitlines()[-2] + text.splitlines()[-3] + text.splitlines()[-4]
    assert len(text.splitlines()) < 60


def test_files_that_need_a_look_come_first_in_a_runs_table(tmp_path):
    good = [entry(f"registros_bom_{number}.csv") for number in range(40)]
    bad = [
        entry("registros_duvidas.csv", doubtful=1),
        entry("registros_em_parte.csv", refused=1),
        entry("registros_recusado.csv", silver=0, twice=0, refused=2),
        entry("registros_rejeitado.csv", silver=0, twice=0, situacao=REJECTED, motivo="O arquivo está vazio."),
    ]
    lines = [line for line in said(print_run, a_report(tmp_path, *good, *bad)).splitlines() if "registros_" in line]
    order = [next(name for name in ("rejeitado", "recusado", "parte", "duvidas") if name in line) for line in lines[:4]]
    assert sorted(order[:2]) == ["recusado", "rejeitado"] and order[2:] == ["parte", "duvidas"]


def test_all_files_are_shown_where_nothing_cuts():
    files = [entry(f"registros_{number}.csv") for number in range(50)]
    text = said(print_files, files, "Ledger")
    assert text.count("registros_") == 50 and "The first" not in text


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([entry()], "ok"),
        ([entry(refused=5)], "ok"),
        ([entry(silver=0, twice=0)], "ok"),
        ([entry(silver=0, twice=2, refused=0)], "ok"),
        ([entry(), entry(silver=0, twice=0, refused=2)], "with_rejections"),
        ([entry(silver=0, twice=0, situacao=REJECTED)], "with_rejections"),
    ],
    ids=["good", "in part", "no rows", "duplicates", "all rows refused", "rejected"],
)
def test_a_run_tells_of_files_that_gave_nothing(tmp_path, files, status):
    assert a_report(tmp_path, *files).status == status


@pytest.mark.parametrize(("tell_of_landing", "times"), [(True, 1), (False, 0)])
def test_a_run_of_watch_leaves_it_to_the_looks_to_name_what_stays_in_landing(tmp_path, tell_of_landing, times):
    left = {tmp_path / "vendas.csv": "stays in landing because of its name"}
    report = RunReport("r1", 1.0, [], [], tmp_path, left=left)
    assert said(print_run, report, tell_of_landing).count("vendas.csv stays in landing") == times
