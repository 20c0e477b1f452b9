"""A rehearsal by hand in a session of AWS Glue: the real kernel, on a stub of the API that executes statements."""

import nbformat
import pytest

from goldens import REHEARSED, rehearsal_of
from helpers.plain_lake import make_lake
from helpers.session_desk import GlueSession, desk, needs_kernel
from helpers.sessions_stub import Stub
from helpers.terminal import real_files
from test_plan import files_below
from test_project import ROOT
from vendas.errors import NotebookError
from vendas.runs.notebook_runner import run_notebook

pytestmark = [needs_kernel, pytest.mark.slow]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return make_lake(tmp_path_factory.mktemp("sessão") / "lago", real_files())


@pytest.mark.parametrize("stage", REHEARSED)
def test_a_rule_is_tried_in_a_session(lake, tmp_path, stage):
    before = files_below(lake)
    notebook, output = tmp_path / f"{stage}.ipynb", tmp_path / "out.ipynb"
    nbformat.write(rehearsal_of(ROOT / "notebooks" / f"{stage}.ipynb"), notebook)
    given = {"lake": str(lake), "run_id": "r1", "ensaio": True}
    with Stub() as stub, desk(stub, tmp_path), pytest.raises(NotebookError, match="was a rehearsal"):
        run_notebook(notebook, output, given, {}, 60, kernel=GlueSession)
    outputs = [out for cell in nbformat.read(output, 4).cells for out in cell.get("outputs", [])]
    shown = "\n".join(out.data["text/plain"] for out in outputs if "data" in out)
    assert "linhas que mudam" in shown and "ensaio: nada foi publicado" in shown
    assert files_below(lake) == before
