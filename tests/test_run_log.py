"""The log of a run: what it did and when, an error with its traceback, and no content of rows."""

import csv
import re
from types import SimpleNamespace

import pytest

from helpers.runs import STAGES, a_run, entry
from helpers.terminal import FIXTURES
from vendas.errors import NotebookError
from vendas.reports.report import EXPLORATION
from vendas.runs import run_log
from vendas.runs.run_log import FILE, LOG, log_of, logged, timed

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 (INFO|WARNING|ERROR) (.*)")
PERSONAL = ("Nome", "Sobrenome", "Email", "Telefone", "Vendedor")


@pytest.fixture
def said(tmp_path):
    """Return the messages of the log in the test's folder, without times; lines without a time stay."""
    return lambda: [LINE.sub(r"\1 \2", line) for line in (tmp_path / FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def of_real_files(real_lake):
    lake, report = real_lake
    return (lake / "runs" / report["run_id"] / FILE).read_text(encoding="utf-8")


def test_a_run_tells_each_stage_with_its_seconds(of_real_files):
    told = [LINE.fullmatch(line)[2] for line in of_real_files.splitlines()]
    stages = [name for name in (*STAGES, EXPLORATION) for _ in range(2)]
    begun_done = [line for line in told if re.match(r"0\d_", line)]
    assert [line.split()[0] for line in begun_done] == stages
    assert all(re.fullmatch(r"\S+ (begun|done in \d+\.\d s)", line) for line in begun_done)


def test_a_run_tells_the_counts_of_each_file(of_real_files, real_lake):
    for file in real_lake[1]["files"]:
        counts = (
            f"lidas={file['lidas']} duplicadas={file['duplicadas']} quarentena=0 duvidosas=0 silver={file['silver']}"
        )
        assert f"{file['arquivo']} processado {counts}" in of_real_files


def test_a_run_tells_nothing_that_a_row_holds(of_real_files):
    rows = [row for path in FIXTURES.glob("*.csv") for row in csv.DictReader(path.open(encoding="utf-8"))]
    values = {row[name] for row in rows for name in PERSONAL} - {""}
    assert len(values) > 20 and not values & set(re.findall(r"[\w@.-]+", of_real_files))


def test_a_run_that_fails_has_its_traceback_and_the_error_names_the_log(tmp_path, said):
    with pytest.raises(KeyError) as caught, logged(a_run(files=[entry()]), tmp_path):
        raise KeyError("x")
    text = "\n".join(said())
    assert "silver=70" in text and "ERROR run failed after 0.0 s\nTraceback" in text and text.endswith("KeyError: 'x'")
    assert log_of(caught.value) == str(tmp_path / FILE)


def test_what_a_cell_said_of_its_error_stays_in_the_notebook(tmp_path, said):
    row = "ana@exemplo.com"
    with pytest.raises(NotebookError), logged(a_run(), tmp_path):
        raise NotebookError(f"02_silver.ipynb failed in cell [3] (x):\nValueError: {row}") from ValueError(row)
    assert "in test_what_a_cell" in "\n".join(said()) and row not in "\n".join(said())
    assert said()[-1] == "NotebookError: 02_silver.ipynb failed in cell [3] (x): ValueError"


def test_a_run_that_is_interrupted_says_so(tmp_path, said):
    with pytest.raises(KeyboardInterrupt), logged(a_run(), tmp_path):
        raise KeyboardInterrupt
    assert said()[-1] == "ERROR run interrupted after 0.0 s"


def test_a_run_and_its_parts_tell_how_long_they_took(tmp_path, said, monkeypatch):
    clock = iter([100, 102, 103.5, 110.25])
    monkeypatch.setattr(run_log, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with logged(a_run(), tmp_path), timed("03_gold"):
        pass
    assert said()[1:] == ["INFO 03_gold begun", "INFO 03_gold done in 1.5 s", "INFO run done in 10.2 s"]


def test_a_files_name_stays_on_its_line(tmp_path, said):
    with logged(a_run(files=[entry("registros_a\nb\udcff.csv")]), tmp_path):
        pass
    assert len(said()) == 3 and r"registros_a b\udcff" in said()[1]


def test_what_is_logged_is_printed_nowhere_and_kept_only_during_the_run(tmp_path, said, capfd):
    with logged(a_run(), tmp_path):
        LOG.warning("x")
    LOG.warning("y")
    assert capfd.readouterr() == ("", "") and "WARNING x" in said() and "WARNING y" not in said()


def test_a_log_that_cannot_be_written_fails_no_run(tmp_path, capfd):
    (tmp_path / FILE).symlink_to("/dev/full")
    with logged(a_run(), tmp_path):
        LOG.warning("x")
    assert capfd.readouterr() == ("", "")
