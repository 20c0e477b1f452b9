"""Faults of sessions of AWS Glue: with the real kernel, each ends in an error that names notebook and cell."""

import os
from functools import partial
from pathlib import Path

import nbformat
import pytest

from helpers.session_desk import GIVEN, PROFILE, GlueSession, StockSession, desk, needs_kernel
from helpers.sessions_stub import Refused, Stub
from helpers.small_notebooks import RESULT, write_notebook
from vendas.errors import NotebookError
from vendas.runs.notebook_runner import run_notebook

pytestmark = [needs_kernel, pytest.mark.slow]


@pytest.fixture
def stub(tmp_path):
    with Stub() as stub, desk(stub, tmp_path):
        yield stub


@pytest.fixture
def fails(stub, tmp_path):
    """Return a function that runs a notebook with these cells, which must fail, and returns the error's message."""

    def fails(*cells, kernel=GlueSession):
        notebook = write_notebook(tmp_path / "x.ipynb", *cells)
        with pytest.raises(NotebookError) as caught:
            run_notebook(notebook, tmp_path / "out.ipynb", GIVEN, {}, 60, kernel=kernel)
        return str(caught.value)

    return fails


def refuse(code, at=None, ends=None):
    """Return a fault that refuses a call (or the statement with this number), and sets the status of its session."""

    def fault(api, request):
        session = api.sessions.get(request.get("SessionId"))
        if at is None or at == (request.get("Id") or len(session.statements) + 1):
            api.faults.clear()  # later calls succeed
            if ends:
                session.status = ends
            raise Refused(code, "recusado")

    return fault


def tell(at, **statement):
    """Return a fault that replaces the API's response for the statement with this number."""
    return lambda api, request: {"Statement": {"Id": at, **statement}} if request["Id"] == at else None


def becomes(status, after=0):
    """Return a fault that sets the session's status once it has this many statements."""

    def fault(api, request):
        session = api.sessions[request["Id"]]
        if len(session.statements) >= after:
            session.status = status

    return fault


FOURTH = 4  # the statement of the notebook's first own cell, [3], after settings, parameters and given parameters
BROKEN = {"Status": "error", "ErrorName": "ModuleNotFoundError", "ErrorValue": "No module named 'vendas'"}
CUT = {"Status": "ok", "Data": {"TextPlain": 'vendas-shown:[{"application/vnd.vend'}}

FAULTS_OF_A_SESSION = {  # all detected in the first cell
    "the role cannot be passed": ("CreateSession", refuse("AccessDeniedException"), "AccessDenied"),
    "there are no workers": ("GetSession", becomes("FAILED"), "the session is FAILED: no capacity"),
    "the modules are missing": ("GetStatement", tell(1, State="AVAILABLE", Output=BROKEN), "VENDAS_GLUE_MODULES"),
}
FAULTS_OF_A_CELL = {
    "idle for too long": ("RunStatement", refuse("InvalidInputException", FOURTH, "TIMEOUT"), "TIMEOUT status"),
    "stopped meanwhile": ("RunStatement", refuse("IllegalSessionStateException", FOURTH, "STOPPED"), "is STOPPED. Run"),
    "stopped before": ("GetSession", becomes("STOPPED", after=FOURTH - 1), "the session is STOPPED"),
    "refused without a word": ("RunStatement", refuse("InvalidInputException", FOURTH), "No reason is given"),
    "throttled": ("RunStatement", refuse("ThrottlingException", FOURTH), "recusado"),
    "throttled while it runs": ("GetStatement", refuse("ThrottlingException", FOURTH), "recusado"),
    "lost": ("GetStatement", refuse("EntityNotFoundException", FOURTH), "recusado"),
    "in error": ("GetStatement", tell(FOURTH, State="ERROR"), "the statement is ERROR"),
}


@pytest.mark.parametrize(("operation", "fault", "said"), FAULTS_OF_A_SESSION.values(), ids=FAULTS_OF_A_SESSION)
def test_a_session_that_cannot_be_had(stub, fails, operation, fault, said):
    stub.api.faults[operation] = partial(fault, stub.api)
    message = fails(RESULT)
    assert message.startswith("x.ipynb failed in cell [1] (run_id: ") and said in message
    assert all(session.status in ("FAILED", "STOPPED") for session in stub.api.sessions.values())


@pytest.mark.parametrize(("operation", "fault", "said"), FAULTS_OF_A_CELL.values(), ids=FAULTS_OF_A_CELL)
def test_a_cell_that_glue_does_not_run(stub, fails, operation, fault, said):
    stub.api.faults[operation] = partial(fault, stub.api)
    message = fails("published = 1", RESULT)
    assert message.startswith("x.ipynb failed in cell [3] (published = 1):\n") and said in message


def test_an_answer_that_is_cut_short(stub, fails):
    stub.api.faults["GetStatement"] = partial(tell(FOURTH, State="AVAILABLE", Output=CUT), stub.api)
    assert fails(RESULT).startswith("x.ipynb ended without a result, in cell [3] (from vendas.results")


def test_a_cell_that_raises(fails, tmp_path):
    said = fails("print('antes')\n1 / 0", RESULT)
    assert said.startswith("x.ipynb failed in cell [3] (print('antes')):\nZeroDivisionError: division by zero")
    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    ((printed, error),) = [cell.outputs for cell in cells if cell.source.endswith("1 / 0")]
    assert printed.text == "antes\n" and "line 2" in "".join(error.traceback)


def test_no_credentials(fails, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    said = fails(RESULT)
    assert said.startswith("x.ipynb failed in cell [1] (run_id: ") and "NoCredentialsError" in said


def test_the_kernel_as_it_is_shipped_never_ends_green(stub, fails, monkeypatch):
    """It answers `ok` for a refused cell, and runs the cells below; it cannot transfer the result."""
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(PROFILE)  # without a profile it ignores AWS_ENDPOINT_URL
    monkeypatch.setenv("glue_profile", "teste")
    stub.api.faults["RunStatement"] = partial(refuse("InvalidInputException", FOURTH - 1), stub.api)
    said = fails("published = 1", RESULT, kernel=StockSession)
    assert said.startswith("x.ipynb ended without a result, in cell [4]")
    assert [request["Code"] for request in stub.api.asked("RunStatement")][2:] == ["published = 1", RESULT]
