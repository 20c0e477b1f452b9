"""What holds of the project as a whole: pins, the way imports point, what a notebook is made of."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib" / "vendas"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Each module may import those on the lines above its own, never one on its own line or below.
LADDER = [
    {
        "arrays",
        "errors",
        "schema",
        "text",
        "reasons",
        "resources",
        "results",
        "sample_words",
        "endpoint",
        "storage",
        "findings",
        "code_pages",
        "mixtures",
        "open_files",
        "shapes",
    },
    {"job_environment"},
    {"environment", "full_disk"},
    {"bronze_names", "s3_objects", "data_files"},
    {"s3_claims", "s3_lock"},
    {"folder_moves", "s3_moves", "without_spark"},
    {"pages", "settings", "arrivals", "lock", "jars", "workflow", "grammar", "columns", "cleaning", "sample"},
    {"embedded", "engines", "judge", "silver", "gold"},
    {"jdbc", "column_names", "encoding"},
    {"rows", "spark", "runner", "session_text"},
    {"header"},
    {"staging"},
    {"warehouse"},
    {"probes"},
    {"dialect", "lake", "doubts", "sessions", "session_kernel", "warehouse_probes"},
    {"desk", "installation", "records", "dictionary", "mended", "preflight_job"},
    {"ledger", "preflight"},
    {"cost", "accounts", "bronze", "quarantine", "exploration", "maintain"},
    {"check", "workers"},
    {"worker_daemon"},
    {"repair"},
    {"charts"},
    {"report_charts", "sales_charts"},
    {"report"},
    {"pipeline", "kept_runs"},
    {"job"},
    {"upkeep_job"},
    {"display", "watch", "terminal"},
    {"dw_commands", "quarantine_commands", "preflight_commands"},
    {"cli"},
    {"start"},
]


def imports(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "vendas":
            _, _, inner = node.module.partition(".")
            yield from [inner.split(".")[0]] if inner else [alias.name for alias in node.names]


@pytest.mark.parametrize("module", sorted(LIB.glob("[!_]*.py")), ids=lambda module: module.stem)
def test_imports_point_one_way(module):
    (level,) = [number for number, names in enumerate(LADDER) if module.stem in names]
    assert set(imports(module)) <= set().union(*LADDER[:level])


def test_the_library_does_not_edit_the_path():
    wrong = [path.name for path in LIB.glob("*.py") if re.search(r"sys\.path\b", path.read_text(encoding="utf-8"))]
    assert wrong == []


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_the_code_is_in_ruffs_style(words):
    done = subprocess.run(
        [Path(sys.executable).with_name("ruff"), *words, "."], cwd=ROOT, capture_output=True, text=True
    )
    mend = ".venv/bin/ruff check --fix . && .venv/bin/ruff format ."
    assert done.returncode == 0, f"{done.stdout}What ruff can mend, it mends by: {mend}"


def test_environment_yml_has_pyprojects_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pinned = {line for line in conda[-1]["pip"] if not line.startswith("--editable")}
    assert pinned == {*project["dependencies"], *project["optional-dependencies"]["test"]}


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all("==" in line for line in (*project["dependencies"], *project["optional-dependencies"]["test"]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_call_the_library_and_define_nothing(path):
    code = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    kinds = {type(node) for source in code for node in ast.walk(ast.parse(source))}
    assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path):
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in nbformat.read(path, 4).cells)
