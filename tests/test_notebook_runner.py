"""What the runner returns and reports; tests/test_fail_closed.py has what it refuses."""

import sys

import nbformat
import pytest

from helpers.small_notebooks import RESULT, write_notebook
from vendas.errors import NotebookError
from vendas.results import StageResult
from vendas.runs.forked_kernels import forked_from
from vendas.runs.notebook_runner import run_notebook

GIVEN = {"run_id": "r1", "rows": 7}


@pytest.fixture
def run(tmp_path, forks):
    def run(*cells, environment=None, on_cell=lambda done, total: None):
        notebook = write_notebook(tmp_path / "x.ipynb", *cells)
        return run_notebook(notebook, run.output, GIVEN, environment or {}, 60, on_cell, forked_from(forks))

    run.output = tmp_path / "out" / "x.ipynb"
    return run


def test_the_result_of_the_last_cell_is_returned(run):
    assert run(RESULT) == StageResult(stage="bronze", run_id="r1", read=7)


def test_the_executed_notebook_is_kept(run):
    run(RESULT)
    kept = nbformat.read(run.output, 4)
    assert "read=rows" in kept.cells[-1].source
    done = kept.metadata.papermill  # which the ledger and the pages tell
    assert done.duration > 0 and done.start_time < done.end_time and done.exception is None


def test_each_cell_is_told(run):
    told = []
    run("1 + 1", RESULT, on_cell=lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]  # papermill adds a cell with the given parameters


def test_the_kernel_gets_the_environment(run):
    with pytest.raises(NotebookError, match="KeyError: 'seen'"):
        run("import os\nraise KeyError(os.environ['X'])", environment={"X": "seen"})


def test_a_failing_cells_output_and_place_are_kept(run):
    with pytest.raises(NotebookError, match=r"(?s)x\.ipynb failed in cell \[3\] \(1 / 0\).*out/x\.ipynb"):
        run("1 / 0", RESULT)
    assert "ZeroDivisionError" in run.output.read_text()


def test_notebooks_are_read_without_a_second_of_import_for_a_grammar_of_iris():
    assert sys.modules["nbformat"] and sys.modules["rfc3987_syntax"] is None
