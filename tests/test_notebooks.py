"""All notebooks compared with their golden copies: nbval compares their outputs, `goldens` the resulting tables."""

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import goldens
from goldens import GOLDEN, NOTEBOOKS, REHEARSED, TABLES, describe, differences, rehearsal_name, rehearsal_of
from test_project import ROOT

RENEW = "if that is meant, call: make golden"
REHEARSALS = {Path(rehearsal_name(path)).stem: path for path in NOTEBOOKS if path.stem in REHEARSED}
NAMES = [*(path.stem for path in NOTEBOOKS), *REHEARSALS]
WRONG = "99_wrong"  # a notebook in which nbval must find an error


@pytest.fixture(scope="module")
def done(tmp_path_factory, engine):
    """Run the golden notebooks with nbval on a fresh lake; return its message per cell, and the resulting tables."""
    folder = tmp_path_factory.mktemp("goldens")
    with goldens.fresh_lake(folder) as settings:
        shutil.copytree(GOLDEN / "notebooks", folder / "notebooks", dirs_exist_ok=True)
        nbformat.write(wrong_notebook(), folder / "notebooks" / f"{WRONG}.ipynb")
        verdicts = run_nbval(folder, {"TZ": "America/Sao_Paulo", "COLUMNS": "200"})
        return verdicts, goldens.read_tables(settings)


def run_nbval(folder, environment):
    """Run nbval; return its message for each cell, by notebook: "" where nothing differs."""
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--color=no", "-p", "no:cacheprovider"]
    said = subprocess.run(
        [*command, "-vv", f"--rootdir={folder}", "--junit-xml=verdicts.xml", "notebooks"],
        cwd=folder, env=os.environ | environment | {"PYTEST_ADDOPTS": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == pytest.ExitCode.TESTS_FAILED, said.stdout + said.stderr  # at least in the wrong one
    verdicts = {}
    for case in ElementTree.parse(folder / "verdicts.xml").iter("testcase"):
        name = case.get("classname").removeprefix("notebooks.").removesuffix(".ipynb")
        verdicts.setdefault(name, []).append("\n".join(found.text for found in case))
    return verdicts


def wrong_notebook():
    output = new_output("execute_result", {"text/plain": "3"}, execution_count=1)
    return new_notebook(cells=[new_code_cell("1 + 1", execution_count=1, outputs=[output])])


def code_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_nbval_sees_a_wrong_output(done):
    (verdict,) = done[0][WRONG]
    assert "Cell outputs differ" in verdict


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_shows_what_its_golden_copy_shows(done, name):
    verdicts = done[0][name]
    assert len(verdicts) == len(code_cells(GOLDEN / "notebooks" / f"{name}.ipynb"))
    if wrong := list(filter(None, verdicts)):
        told = f"{name} shows something else (- now, + in the golden copy); {RENEW}"
        pytest.fail("\n".join([told, *wrong]), pytrace=False)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_holds_what_its_golden_copy_holds(done, table):
    expected = json.loads((GOLDEN / f"{table}.json").read_text(encoding="utf-8"))
    if found := differences(table, expected, done[1][table]):
        pytest.fail("\n".join([f"{table} holds something else; {RENEW}", *found]), pytrace=False)


def test_every_golden_copy_belongs_to_something():
    assert {path.stem for path in GOLDEN.glob("notebooks/*")} == set(NAMES)
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_copy_is_the_notebook_itself_with_outputs(name):
    golden = nbformat.read(GOLDEN / "notebooks" / f"{name}.ipynb", 4)
    for cell in golden.cells:
        if cell.cell_type == "code":
            assert cell.execution_count, "nbval compares nothing of a cell that was never run"
            cell.outputs, cell.execution_count = [], None
            if goldens.IGNORED in cell.metadata.get("tags", []):
                assert cell.source.endswith(";"), "whatever is shown is compared"
                del cell.metadata["tags"]
    path = REHEARSALS.get(name, ROOT / "notebooks" / f"{name}.ipynb")
    original = rehearsal_of(path) if name in REHEARSALS else nbformat.read(path, 4)
    assert golden == original, f"{name} has changed; {RENEW}"


@pytest.mark.parametrize("name", REHEARSALS)
def test_a_golden_rehearsal_shows_a_difference(name):
    shown = (GOLDEN / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "linhas que mudam" in shown and "ensaio: nada foi publicado" in shown


COLUMNS = {"produto": "text", "valor": "numeric(12,2)"}
SOLD = [("Mesa", Decimal("10.50")), ("Copo", Decimal("2.00")), ("Jarro", Decimal("8.00"))]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (SOLD[::-1], []),
        (
            [SOLD[0], ("Copo", Decimal("8.00")), ("Jarro", Decimal("2.00"))],
            ["t: each column holds the expected values, but the rows combine them otherwise"],
        ),
        (
            [SOLD[0], SOLD[1], ("Jarra", Decimal("8.00"))],
            ["t.produto: other values between the same minimum and maximum"],
        ),
        ([SOLD[0], SOLD[1], ("Jarro", Decimal("8.01"))], ["t.valor: sum is 20.51; expected 20.50"]),
        (
            SOLD[:2],
            [
                "t: 2 rows; expected 3",
                "t.produto: other values between the same minimum and maximum",
                "t.valor: sum is 12.50; expected 20.50",
            ],
        ),
    ],
)
def test_differences_are_told_by_table_column_and_number(rows, found):
    assert differences("t", describe(COLUMNS, SOLD), describe(COLUMNS, rows)) == found


def test_another_type_is_a_difference():
    other = describe(COLUMNS | {"valor": "float8"}, SOLD)
    assert differences("t", describe(COLUMNS, SOLD), other) == ["t.valor: type is float8; expected numeric(12,2)"]


def test_another_column_is_a_difference():
    other = describe({"produto": "text"}, [row[:1] for row in SOLD])
    assert differences("t", describe(COLUMNS, SOLD), other) == ["t: the columns are produto; expected produto, valor"]
