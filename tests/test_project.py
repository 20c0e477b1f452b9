"""Rules for the project as a whole: pins, the direction of imports, the content of notebooks."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

import environment_yml
from vendas import errors

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib" / "vendas"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGES = sorted(path.parent for path in LIB.glob("*/__init__.py"))


def run_tool(name, *words):
    return subprocess.run([Path(sys.executable).with_name(name), *words], cwd=ROOT, capture_output=True, text=True)


def test_imports_point_one_way():
    done = run_tool("lint-imports", "--no-cache")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_says_in_a_line_what_it_is_and_exports_nothing(package):
    (line,) = (package / "__init__.py").read_text(encoding="utf-8").splitlines()
    assert line.startswith('"""') and line.endswith('."""')


def drawn(error, depth=0):
    yield f"{'  ' * depth}{'· ' if depth else ''}{error.__name__}"
    for inner in error.__subclasses__():
        yield from drawn(inner, depth + 1)


def test_the_errors_are_drawn_as_a_tree():
    _, _, tree = errors.__doc__.partition("\n\n")
    assert tree.splitlines() == list(drawn(errors.VendasError))


def test_the_library_does_not_edit_the_path():
    wrong = [path.name for path in LIB.rglob("*.py") if re.search(r"sys\.path\b", path.read_text(encoding="utf-8"))]
    assert wrong == []


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_the_code_is_in_ruffs_style(words):
    done = run_tool("ruff", *words, ".")
    mend = ".venv/bin/ruff check --fix . && .venv/bin/ruff format ."
    assert done.returncode == 0, f"{done.stdout}What ruff can mend, it mends by: {mend}"


def test_environment_yml_is_rendered_from_pyprojects_pins():
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == environment_yml.render(), "call: make environment"


def test_types_fit():
    done = run_tool("pyrefly", "check", "--python-interpreter-path", sys.executable, "--output-format", "min-text")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_what_the_type_checker_is_to_ignore_has_a_rule_and_a_reason():
    code = [path for folder in ("lib", "lambda", "workflow") for path in (ROOT / folder).rglob("*.py")]
    ignored = [line for path in code for line in re.findall(r"# pyrefly:.*|# type:.*", path.read_text("utf-8"))]
    assert [line for line in ignored if not re.fullmatch(r"# pyrefly: ignore\[[a-z-]+\]  # \w.+", line)] == []


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
