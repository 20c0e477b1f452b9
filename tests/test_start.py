"""The start of the command, in a Python that is isolated from the caller's variables."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vendas import start
from vendas.cli.commands import EXIT_INTERRUPTED
from vendas.errors import DeclarationError
from vendas.machine.environment import LEFT_OUT
from vendas.start import own_environment

VENDAS = Path(sys.executable).with_name("vendas")
HERE = Path(start.__file__).parents[1]


@pytest.mark.parametrize(
    ("given", "encoding", "own"),
    [
        ({"A": "1"}, "utf-8", None),
        ({"A": "1", "PYTHONPATH": ""}, "utf-8", None),
        ({"A": "1", "PYTHONPATH": f"/x:{HERE}"}, "utf-8", None),
        ({"A": "1", "PYTHONPATH": "/x"}, "utf-8", {"A": "1", LEFT_OUT: "PYTHONPATH"}),
        (
            {"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2"},
            "utf-8",
            {LEFT_OUT: "PYTHONOPTIMIZE PYTHONWARNINGS"},
        ),
        ({"A": "1"}, "iso8859-1", {"A": "1", "PYTHONUTF8": "1", "PYTHONIOENCODING": "latin-1"}),
        ({"PYTHONIOENCODING": "cp850"}, "iso8859-1", {"PYTHONUTF8": "1", "PYTHONIOENCODING": "cp850"}),
    ],
)
def test_python_starts_again_where_the_caller_bends_it(given, encoding, own):
    assert own_environment(given, encoding, "latin-1") == own


class Replaced(BaseException):
    """What takes the place of the process."""


def test_python_starts_again_with_the_same_bytes_of_arguments(monkeypatch):
    def execve(path, words, environment):
        raise Replaced(path, words, environment)

    monkeypatch.setattr(start, "own_environment", lambda *_: {"A": "1"})
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(sys, "orig_argv", ["python", "vendas", os.fsdecode(b"\xe9 x")])
    with pytest.raises(Replaced) as replaced:
        start.main()
    python = os.fsencode(sys.executable)
    assert replaced.value.args == (sys.executable, [python, b"vendas", b"\xe9 x"], {"A": "1"})


@pytest.mark.parametrize("debug", [False, True])
def test_a_module_that_is_missing_is_told_and_raised_for_who_looks_for_it(monkeypatch, debug):
    monkeypatch.setattr(start, "own_environment", lambda *_: None)
    monkeypatch.setitem(sys.modules, "vendas.cli.commands", None)
    monkeypatch.setenv("VENDAS_DEBUG", "1" if debug else "")
    with pytest.raises(ImportError if debug else SystemExit, match="vendas.cli.commands") as ended:
        start.main()
    assert debug or "Install it again" in str(ended.value)


def test_a_declaration_that_contradicts_itself_is_told_in_one_message(monkeypatch):
    class Contradicting(ModuleType):
        def __getattr__(self, _):
            raise DeclarationError("The column 'x' needs a default.")

    monkeypatch.setattr(start, "own_environment", lambda *_: None)
    monkeypatch.setitem(sys.modules, "vendas.cli.commands", Contradicting("commands"))
    with pytest.raises(SystemExit, match="DeclarationError: The column 'x' needs a default."):
        start.main()


def test_ctrl_c_while_the_command_is_imported_ends_it_as_any_other(monkeypatch):
    class Interrupted(ModuleType):
        def __getattr__(self, _):
            raise KeyboardInterrupt

    monkeypatch.setattr(start, "own_environment", lambda *_: None)
    monkeypatch.setitem(sys.modules, "vendas.cli.commands", Interrupted("commands"))
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert ended.value.code == EXIT_INTERRUPTED


@pytest.mark.slow
def test_pandas_is_imported_only_where_it_is_asked_for():
    """In a Python of its own, as the tests have imported pandas."""
    code = """
import sys
import pyarrow as pa
from vendas.cli import commands

commands._spare_pandas()
pa.array([1]), pa.scalar("a")
print("pandas" in sys.modules, pa.array([1]).to_pandas().tolist(), "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False [1] True\n"


def doctor(folder, *arguments, **environment):
    variables = {name: value for name, value in os.environ.items() if name != "LC_ALL"} | environment
    done = subprocess.run([VENDAS, "doctor", "--json", *arguments], cwd=folder, env=variables, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return {finding["what"]: finding["found"] for finding in json.loads(done.stdout)["findings"]}


def test_modules_of_another_installation_are_not_taken_for_this_ones(tmp_path):
    """The set-up of Spark puts its pyspark into PYTHONPATH, and other programs put their typer there."""
    for name in ("pyspark", "typer", "pydantic"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('of another installation')")
    assert "PYTHONPATH" in doctor(tmp_path, PYTHONPATH=str(tmp_path))["Variables of others"]


@pytest.fixture(scope="module")
def latin1_locale(tmp_path_factory):
    """Return the variables of a terminal in ISO-8859-1, with that locale generated in a temporary folder."""
    folder = tmp_path_factory.mktemp("locales")
    try:
        command = ["localedef", "-i", "pt_BR", "-f", "ISO-8859-1", folder / "pt_BR.ISO-8859-1"]
        made = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        made = False
    return {"LOCPATH": str(folder), "LC_ALL": "pt_BR.ISO-8859-1"} if made else pytest.skip("no locale can be made here")


def test_a_lake_is_found_under_its_own_name_in_a_locale_of_latin1(tmp_path, latin1_locale):
    """Decoded in ISO-8859-1, these bytes would name a folder `lÃ¡`, and the run would create a second lake there."""
    (tmp_path / "lá").mkdir()
    found = doctor(tmp_path, "--lake", "lá".encode(), **latin1_locale)
    assert found["Lake"] == str(tmp_path / "lá") and found["Terminal"].startswith("iso8859-1")


@pytest.mark.parametrize(
    "closed", [*(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-")), ">&- 2>&-"]
)
def test_a_closed_output_is_no_error(tmp_path, closed):
    done = subprocess.run(f"'{VENDAS}' status --lake lago {closed}", shell=True, cwd=tmp_path, capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)


def test_the_garbage_collector_passes_over_what_was_imported():
    code = (
        "import gc; from vendas.machine.imports import lasting_imports\nwith lasting_imports():\n import vendas.errors"
    )
    told = f"{code}\nprint(gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects()))"
    assert subprocess.check_output([sys.executable, "-c", told], text=True).split() == ["True", "True"]
