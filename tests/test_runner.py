"""The runner fails closed: every way to end without this run's result is an error that names the notebook."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vendas.errors import NotebookError
from vendas.results import StageResult
from vendas.runner import run_notebook

PARAMETERS = 'run_id: str = "manual"\nrows: int = 1'
RESULT = "from vendas.results import StageResult\nStageResult(stage='bronze', run_id=run_id, read=rows)"
GIVEN = {"run_id": "r1", "rows": 7}


def write(path, *cells, parameters=PARAMETERS):
    declared = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    code = [new_code_cell(cell) for cell in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# x"), declared, *code], metadata=KERNEL), path)
    return path


KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture
def run(tmp_path):
    def run(*cells, given=GIVEN, environment=None, cell_timeout=60, on_cell=lambda done, total: None, **declared):
        notebook = write(tmp_path / "x.ipynb", *cells, **declared)
        output = tmp_path / "out" / "x.ipynb"
        return run_notebook(notebook, output, given, environment or {}, cell_timeout, on_cell)

    run.output = tmp_path / "out" / "x.ipynb"
    return run


def test_the_result_of_the_last_cell_is_returned(run):
    assert run(RESULT) == StageResult(stage="bronze", run_id="r1", read=7)


def test_the_executed_notebook_is_kept(run):
    run(RESULT)
    assert "read=rows" in nbformat.read(run.output, 4).cells[-1].source


def test_each_cell_is_told(run):
    told = []
    run("1 + 1", RESULT, on_cell=lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]  # papermill adds a cell with the given parameters


def test_the_kernel_gets_the_environment(run):
    with pytest.raises(NotebookError, match="KeyError: 'seen'"):
        run("import os\nraise KeyError(os.environ['X'])", environment={"X": "seen"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**GIVEN, "row": 1}, "row is not declared"),
        ({"run_id": "r1"}, "rows is not given"),
        ({**GIVEN, "rows": "7"}, "rows must be int, got '7'"),
        ({**GIVEN, "rows": True}, "rows must be int, got True"),
    ],
)
def test_parameters_that_do_not_fit_stop_before_anything_runs(run, given, message):
    with pytest.raises(NotebookError, match=message):
        run(RESULT, given=given)
    assert not run.output.exists()


def test_a_parameter_without_a_type_is_refused(run):
    with pytest.raises(NotebookError, match="rows must be"):
        run(RESULT, parameters='run_id: str = "x"\nrows = 1')


def test_a_notebook_without_parameters_cell_is_refused(tmp_path):
    notebook = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(RESULT)], metadata=KERNEL), notebook)
    with pytest.raises(NotebookError, match=r"x\.ipynb has no parameters"):
        run_notebook(notebook, tmp_path / "out.ipynb", GIVEN, {}, 60)


def test_a_failing_cell_is_named_with_its_error_and_its_file(run):
    with pytest.raises(
        NotebookError, match=r"(?s)x\.ipynb failed in cell \[3\] \(1 / 0\).*ZeroDivisionError.*out/x\.ipynb"
    ):
        run("1 / 0", RESULT)
    assert "ZeroDivisionError" in run.output.read_text()


@pytest.mark.parametrize(
    "last_cell",
    ["1 + 1", RESULT + ";", "print('done')", "import sys\nsys.exit(0)", "try:\n    1 / 0\nexcept Exception:\n    pass"],
)
def test_a_notebook_without_result_has_failed(run, last_cell):
    with pytest.raises(NotebookError, match="ended without a result"):
        run(last_cell)


def test_a_result_before_the_last_cell_does_not_count(run):
    with pytest.raises(NotebookError, match="ended without a result"):
        run(RESULT, "1 + 1")


def test_the_result_of_another_run_does_not_count(run):
    with pytest.raises(NotebookError, match="result of run 'r0', expected 'r1'"):
        run("run_id = 'r0'", RESULT)


def test_a_result_with_wrong_fields_does_not_count(run):
    with pytest.raises(NotebookError, match="ended without a result"):
        run("from vendas.results import StageResult\nStageResult(stage='bronze', run_id=run_id, read='many')")


def test_a_killed_kernel_is_an_error(run):
    with pytest.raises(NotebookError, match=r"x\.ipynb"):
        run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", RESULT)


def test_a_cell_that_takes_too_long_is_an_error(run):
    with pytest.raises(NotebookError, match=r"x\.ipynb"):
        run("import time\ntime.sleep(60)", RESULT, cell_timeout=2)
