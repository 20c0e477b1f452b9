"""Notebooks in a session of AWS Glue: the real kernel, on a stub of the API that executes statements."""

from threading import Event
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from helpers.session_desk import GIVEN, MODULES, ROLE, GlueSession, desk, needs_kernel
from helpers.sessions_stub import Stub
from helpers.small_notebooks import RESULT, write_notebook
from vendas.lake.spark import JVM_OPTIONS
from vendas.results import StageResult
from vendas.runs.notebook_runner import run_notebook

pytestmark = needs_kernel

CHART = "from vendas.reports.sales_charts import Chart\nChart('Vendas', 'janeiro: 1', b'png')"
SETTINGS = "from vendas.settings import load_settings\nload_settings().glue_database"

REGIONS = "import os\n[os.environ.get(name) for name in ('AWS_DEFAULT_REGION', 'AWS_REGION')]"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Run a notebook in a session; return its result, its cells' outputs, and the API."""
    folder = tmp_path_factory.mktemp("session")
    with Stub() as stub, desk(stub, folder):
        notebook = write_notebook(folder / "x.ipynb", "print('olá')\n1 + 1  # ção", CHART, SETTINGS, REGIONS, RESULT)
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


def test_the_session_works_in_the_region_that_it_was_opened_in(done):
    assert done.outputs[3][0].data["text/plain"] == "['sa-east-1', 'sa-east-1']"


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
    assert dict(pair.split("=", 1) for pair in arguments["--conf"].split(" --conf ")) == JVM_OPTIONS


def test_the_session_ends_with_the_kernel(done):
    assert [session.status for session in done.api.sessions.values()] == ["STOPPED"]


def test_nobody_else_is_asked(done):
    assert done.api.outside == []


def reply_to(asked, client):
    """Return the content of the reply to a request; others are late ones, to what `wait_for_ready` has asked."""
    while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != asked:
        pass
    return reply["content"]


@pytest.mark.slow
def test_an_interrupted_cell_is_an_error_and_its_statement_is_cancelled(tmp_path):
    with Stub() as stub, desk(stub, tmp_path):
        running = Event()
        stub.api.faults["GetStatement"] = lambda request: running.set() if request["Id"] == 2 else None
        manager = KernelManager(kernel_name="glue_pyspark")
        manager.start_kernel()
        client = manager.blocking_client()
        try:
            client.start_channels()
            client.wait_for_ready(60)
            asked = client.execute("import time; time.sleep(600)")
            assert running.wait(60)
            manager.interrupt_kernel()
            answer = reply_to(asked, client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel()
        assert (answer["status"], answer["ename"]) == ("error", "KeyboardInterrupt")
        assert [request["Id"] for request in stub.api.asked("CancelStatement")] == [2]
