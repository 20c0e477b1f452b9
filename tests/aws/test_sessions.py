"""Notebooks in a session of AWS Glue: the real kernel, on a stub of the API that executes statements."""

import os
import sys
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from sessions_stub import Refused, Stub

from small_notebooks import RESULT, write_notebook
from vendas import sessions
from vendas.desk import jupyterlab
from vendas.errors import NotebookError
from vendas.results import StageResult
from vendas.runner import run_notebook
from vendas.settings import load_settings

pytestmark = pytest.mark.skipif(
    not find_spec("aws_glue_interactive_sessions_kernel"), reason="no Glue kernel: .venv/bin/pip install -e '.[glue]'"
)

ROLE, MODULES = "arn:aws:iam::123456789012:role/vendas-sessions", "s3://artifacts/vendas/1.gluewheels.zip"
PROFILE = "[profile teste]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
GIVEN = {"run_id": "r1", "rows": 7}
STOCK = KernelSpec(
    argv=[
        sys.executable,
        "-m",
        "aws_glue_interactive_sessions_kernel.glue_pyspark.GlueKernel",
        "-f",
        "{connection_file}",
    ],
    language="python",
)


class GlueSession(AsyncKernelManager):
    """Starts the kernel that JupyterLab finds under the name glue_pyspark, and lets it end its session."""

    @property
    def kernel_spec(self):
        return KernelSpecManager().get_kernel_spec(sessions.KERNEL["name"])

    async def shutdown_kernel(self, now=False, restart=False):
        await super().shutdown_kernel(now=False, restart=restart)


class StockSession(GlueSession):
    """The kernel as the package ships it."""

    kernel_spec = STOCK


@contextmanager
def desk(stub, folder):
    """The environment of `vendas notebook`, whose AWS is the stub."""
    here = {
        "AWS_ENDPOINT_URL": stub.url,
        "AWS_DEFAULT_REGION": "sa-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "HTTPS_PROXY": stub.url,  # whoever asks somebody else, asks this
        "NO_PROXY": "127.0.0.1",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "glue_", "VENDAS_")):
                patch.delenv(name)
        for name, value in here.items():
            patch.setenv(name, value)
        settings = load_settings(lake="s3://lago-1", glue_role=ROLE, glue_modules=MODULES, glue_database="vendas_teste")
        for name, value in jupyterlab(settings)[1].items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def stub(tmp_path):
    with Stub() as stub, desk(stub, tmp_path):
        yield stub


@pytest.fixture
def fails(stub, tmp_path):
    """Runs a notebook of these cells, which must fail; the error's message."""

    def fails(*cells, kernel=GlueSession):
        notebook = write_notebook(tmp_path / "x.ipynb", *cells)
        with pytest.raises(NotebookError) as caught:
            run_notebook(notebook, tmp_path / "out.ipynb", GIVEN, {}, 60, kernel=kernel)
        return str(caught.value)

    return fails


# --- a notebook that goes well

CHART = "from vendas.sales_charts import Chart\nChart('Vendas', 'janeiro: 1', b'png')"
SETTINGS = "from vendas.settings import load_settings\nload_settings().glue_database"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A notebook that was run in a session: its result, its cells' outputs, and the API."""
    folder = tmp_path_factory.mktemp("session")
    with Stub() as stub, desk(stub, folder):
        notebook = write_notebook(folder / "x.ipynb", "print('olá')\n1 + 1  # ção", CHART, SETTINGS, RESULT)
        result = run_notebook(notebook, folder / "out.ipynb", GIVEN, {}, 60, kernel=GlueSession)
        code = [cell for cell in nbformat.read(folder / "out.ipynb", 4).cells if cell.cell_type == "code"]
        yield SimpleNamespace(result=result, outputs=[cell.outputs for cell in code[2:]], api=stub.api)


def test_its_result_comes_back(done):
    assert done.result == StageResult("bronze", "r1", read=7)


def test_what_a_cell_prints_and_its_value_come_back(done):
    printed, value = done.outputs[0]
    assert (printed.text, value.data, value.output_type) == ("olá\n", {"text/plain": "2"}, "execute_result")


def test_a_chart_comes_back_as_a_picture(done):
    (chart,) = done.outputs[1]
    assert chart.data == {"image/png": "cG5n", "text/plain": "Vendas\njaneiro: 1"}
    assert chart.metadata["image/png"]["alt"] == "Vendas"


def test_the_session_has_the_settings_of_who_opened_it(done):
    assert done.outputs[2][0].data["text/plain"] == "'vendas_teste'"


def test_the_session_is_made_as_configured(done):
    (asked,) = done.api.asked("CreateSession")
    assert asked.items() >= {
        "Role": ROLE, "GlueVersion": "5.1", "WorkerType": "G.1X", "NumberOfWorkers": 2, "IdleTimeout": 15,
        "Timeout": 480, "Tags": {"project": "vendas", "lake": "lago-1", "owner": "AIDAANA"},
    }.items()  # fmt: skip
    assert asked["Id"].startswith("vendas-")
    arguments = asked["DefaultArguments"]
    assert (
        arguments.items()
        >= {
            "--datalake-formats": "iceberg",
            "--additional-python-modules": MODULES,
            "--python-modules-installer-option": "--no-index --no-deps",
        }.items()
    )
    conf = dict(pair.split("=", 1) for pair in arguments["--conf"].split(" --conf "))
    assert conf["spark.sql.catalog.lago.warehouse"] == "s3://lago-1" and "Iceberg" in conf["spark.sql.extensions"]


def test_the_session_ends_with_the_kernel(done):
    assert [session.status for session in done.api.sessions.values()] == ["STOPPED"]


def test_nobody_else_is_asked(done):
    assert done.api.outside == []


# --- notebooks that do not


def refuse(code, at=None, ends=None):
    """A call that is refused (of statements: the one of this number), as its session ends in this status."""

    def fault(api, request):
        session = api.sessions.get(request.get("SessionId"))
        if at is None or at == (request.get("Id") or len(session.statements) + 1):
            api.faults.clear()  # the next call finds all well
            if ends:
                session.status = ends
            raise Refused(code, "recusado")

    return fault


def tell(at, **statement):
    """What the API tells of the statement of this number."""
    return lambda api, request: {"Statement": {"Id": at, **statement}} if request["Id"] == at else None


def becomes(status, after=0):
    """The session that has run so many statements, by the word of the API."""

    def fault(api, request):
        session = api.sessions[request["Id"]]
        if len(session.statements) >= after:
            session.status = status

    return fault


FOURTH = 4  # in a session: the settings, the parameters, those given, and then the notebook's own first cell, [3]
BROKEN = {"Status": "error", "ErrorName": "ModuleNotFoundError", "ErrorValue": "No module named 'vendas'"}
CUT = {"Status": "ok", "Data": {"TextPlain": 'vendas-shown:[{"application/vnd.vend'}}

FAULTS_OF_A_SESSION = {  # all found in the first cell
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


def test_a_cell_that_raises(fails):
    said = fails("1 / 0", RESULT)
    assert said.startswith("x.ipynb failed in cell [3] (1 / 0):\nZeroDivisionError: division by zero")


def test_no_credentials(fails, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    said = fails(RESULT)
    assert said.startswith("x.ipynb failed in cell [1] (run_id: ") and "NoCredentialsError" in said


def test_the_kernel_as_it_is_shipped_never_ends_green(stub, fails, monkeypatch):
    """It answers `ok` for a cell that was refused, and runs what follows; the result it cannot carry."""
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(PROFILE)  # without a profile it heeds no AWS_ENDPOINT_URL
    monkeypatch.setenv("glue_profile", "teste")
    stub.api.faults["RunStatement"] = partial(refuse("InvalidInputException", FOURTH - 1), stub.api)
    said = fails("published = 1", RESULT, kernel=StockSession)
    assert said.startswith("x.ipynb ended without a result, in cell [4]")
    assert [request["Code"] for request in stub.api.asked("RunStatement")][2:] == ["published = 1", RESULT]
