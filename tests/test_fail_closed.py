"""The runner fails closed: every end without this run's work is an error that names notebook and cell."""

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbformat.v4 import new_output

from helpers.small_notebooks import RESULT, tagged, write_notebook
from vendas.errors import NotebookError
from vendas.results import RESULT_MIME, StageResult
from vendas.runs import notebook_runner
from vendas.runs.forked_kernels import forked_from
from vendas.runs.notebook_runner import OwnPythonKernel, run_notebook

GIVEN = {"run_id": "r1", "rows": 7}
FAKE_KERNEL = [sys.executable, str(Path(__file__).parent / "helpers" / "fake_kernel.py")]


@pytest.fixture
def fails(tmp_path):
    """Return a function that runs a notebook with these cells, which must fail, and returns the error's message."""

    def fails(*cells, given=GIVEN, cell_timeout=60, kernel=OwnPythonKernel, **declared):
        notebook = write_notebook(tmp_path / "x.ipynb", *cells, **declared)
        with pytest.raises(NotebookError) as caught:
            run_notebook(notebook, fails.output, given, {}, cell_timeout, kernel=kernel)
        return str(caught.value)

    fails.output = tmp_path / "out" / "x.ipynb"
    return fails


@pytest.fixture
def forked(forks):
    return forked_from(forks)


# A kernel that is started by itself takes most of a second; runs fork theirs.
either_kernel = pytest.mark.parametrize(
    "kernel", [pytest.param("own", marks=pytest.mark.slow), "forked"], indirect=True
)


@pytest.fixture
def kernel(request):
    return OwnPythonKernel if request.param == "own" else request.getfixturevalue("forked")


# --- refused before anything runs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**GIVEN, "row": 1}, "row is not declared"),
        ({"run_id": "r1"}, "rows is not given"),
        ({"rows": 7}, "run_id is not given"),
        ({**GIVEN, "rows": "7"}, "rows must be int, got '7'"),
        ({**GIVEN, "rows": True}, "rows must be int, got True"),
    ],
)
def test_parameters_that_do_not_fit(fails, given, message):
    assert f"do not fit x.ipynb: {message}" in fails(RESULT, given=given) and not fails.output.exists()


def test_a_parameter_without_a_type(fails):
    assert "rows must be" in fails(RESULT, parameters='run_id: str = "x"\nrows = 1')


def test_no_parameters_cell(fails):
    assert "x.ipynb has no parameters: tag one cell" in fails(RESULT, parameters=None)


def test_a_second_parameters_cell_which_would_undo_what_is_given(fails):
    assert "x.ipynb has 2 cells tagged 'parameters'" in fails(tagged("rows: int = 0", "parameters"), RESULT)


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception"])
def test_a_tag_that_lets_a_cell_be_skipped_or_fail(fails, tag):
    said = fails(tagged("publish()", tag), RESULT)
    assert f"x.ipynb: the cell 3 from the top (publish()) is tagged {tag}" in said and not fails.output.exists()


@pytest.mark.parametrize("text", ["", "{", '{"cells": 1}'])
def test_what_is_no_notebook(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text)
    with pytest.raises(NotebookError, match=r"x\.ipynb failed before its first cell:"):
        run_notebook(tmp_path / "x.ipynb", tmp_path / "out.ipynb", GIVEN, {}, 60)


# --- cells that do not do their work

KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
SWALLOWED = "try:\n    1 / 0\nexcept Exception:\n    pass"
DISPLAYED = RESULT.replace("\nStage", "\nresult = Stage") + "\ndisplay(result)"
NO_RESULT = "ended without a result, in cell [3]"
ASKED_TO_EXIT = "\nRuntimeError: the cell asked to exit"

FAILING_CELLS = {
    "a cell raises": (["1 / 0", RESULT], "failed in cell [3] (1 / 0):\nZeroDivisionError"),
    "no result": (["1 + 1"], f"{NO_RESULT} (1 + 1)"),
    "the result is printed": (["print('done')"], NO_RESULT),
    "the result is silenced": ([RESULT + ";"], NO_RESULT),
    "the result is not the cell's value": ([DISPLAYED], NO_RESULT),
    "the exception is swallowed": ([SWALLOWED], f"{NO_RESULT} (try:)"),
    "the result is not in the last cell": ([RESULT, "1 + 1"], "ended without a result, in cell [4] (1 + 1)"),
    "the last cell is empty": ([RESULT, ""], "ended without a result, in cell [4] (empty)"),
    "the result has wrong fields": ([RESULT.replace("read=rows", "read='many'")], NO_RESULT),
    "the result is of another run": (
        ["run_id = 'r0'", RESULT],
        "returned, in cell [4] (from vendas.results import StageResult), the result of run 'r0', expected 'r1'",
    ),
    "a cell exits, well": (["raise SystemExit(0)", RESULT], f"cell [3] (raise SystemExit(0)):{ASKED_TO_EXIT}"),
    "a cell exits, badly": (["raise SystemExit(3)", RESULT], f"cell [3] (raise SystemExit(3)):{ASKED_TO_EXIT}"),
    "a cell exits after its result": ([DISPLAYED + "\nexit(0)"], f"):{ASKED_TO_EXIT}"),
    "a cell asks Jupyter to exit": (["exit()", RESULT], f"cell [3] (exit()):{ASKED_TO_EXIT}"),
    "a cell ends its process": (["import os; os._exit(0)", RESULT], "(import os; os._exit(0)):\nDeadKernelError"),
    "the kernel is killed": ([KILL, RESULT], "cell [3] (import os, signal):\nDeadKernelError: Kernel died"),
    "the kernel is killed after its result": ([f"{DISPLAYED}\n{KILL}"], "DeadKernelError: Kernel died"),
}  # fmt: skip


@either_kernel
@pytest.mark.parametrize(("cells", "message"), FAILING_CELLS.values(), ids=FAILING_CELLS)
def test_a_cell_that_does_not_do_its_work(fails, kernel, cells, message):
    said = fails(*cells, kernel=kernel)
    assert said.startswith("x.ipynb ") and message in said and str(fails.output) in said
    assert nbformat.read(fails.output, as_version=4).cells


@either_kernel
def test_a_cell_that_takes_too_long(fails, kernel):
    said = fails("import time; time.sleep(600)", RESULT, cell_timeout=2, kernel=kernel)
    assert re.search(r"x\.ipynb failed in cell \[\d\].*:\nCellTimeoutError", said)


# --- output that cannot be stored


@pytest.mark.parametrize("where", ["below a file", "a folder", "a full disk"])
def test_an_output_that_cannot_be_written(tmp_path, fails, where):
    fails.output.parent.mkdir()
    if where == "below a file":
        fails.output.touch()
        fails.output = fails.output / "x.ipynb"
    elif where == "a folder":
        fails.output.mkdir()
    else:
        fails.output.symlink_to("/dev/full")
    said = fails(f"open({str(tmp_path / 'ran')!r}, 'w')", RESULT)
    assert said.startswith("x.ipynb failed before its first cell:\n") and "\nNothing was run." in said
    assert said.endswith("nothing is lost." if where == "a full disk" else "Nothing was run.")
    assert not (tmp_path / "ran").exists()


def test_an_output_that_can_be_written_no_more(fails):
    said = fails(f"import shutil; shutil.rmtree({str(fails.output.parent)!r})", RESULT)
    assert said.startswith("x.ipynb failed in cell [") and "FileNotFoundError" in said


# --- kernels that do not do their work


def starting(folder, *command):
    """Return a kernel manager that starts this command, plus a connection file, as the kernel `python3`."""
    spec = {"argv": [*command, "-f", "{connection_file}"], "display_name": "fake", "language": "python"}
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))

    class ThisKernel(AsyncKernelManager):
        def _kernel_spec_manager_default(self):
            return KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)

    return ThisKernel


def test_a_kernel_that_aborts_cells(tmp_path, fails):
    said = fails("1 + 1", RESULT, kernel=starting(tmp_path, *FAKE_KERNEL, "aborted"))
    assert "x.ipynb failed in cell [1] (run_id" in said and "did not run the cell; it answered 'aborted'" in said


def test_a_kernel_that_reports_success_without_running_a_cell_whose_output_was_stored(tmp_path, fails):
    stored = tagged(RESULT)
    data = {RESULT_MIME: asdict(StageResult("bronze", "r1")), "text/plain": "bronze"}
    stored.outputs = [new_output("execute_result", data, execution_count=3)]
    said = fails(stored, kernel=starting(tmp_path, *FAKE_KERNEL, "ok"))
    assert "x.ipynb ended without a result, in cell [3] (from vendas.results import StageResult)" in said


def test_a_kernel_that_ends_at_once(tmp_path, fails):
    said = fails(RESULT, kernel=starting(tmp_path, "false"))
    assert "x.ipynb failed before its first cell:\nRuntimeError: Kernel died" in said


def test_a_kernel_that_never_answers(tmp_path, fails, monkeypatch):
    monkeypatch.setattr(notebook_runner, "KERNEL_START_SECONDS", 1)
    said = fails(RESULT, kernel=starting(tmp_path, "sh", "-c", "sleep 600"))
    assert "x.ipynb failed before its first cell:\nRuntimeError: Kernel didn't respond in 1 seconds" in said


def test_a_kernel_that_is_not_there(tmp_path, fails):
    said = fails(RESULT, kernel=starting(tmp_path, str(tmp_path / "python")))
    assert "x.ipynb failed before its first cell:\nFileNotFoundError" in said
