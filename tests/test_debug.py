"""Errors as a user sees them: one message, with VENDAS_DEBUG=1 also a traceback; that of a bug is kept in a file."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import boto3
import pytest

from helpers.small_notebooks import write_notebook
from helpers.terminal import vendas_here
from vendas import storage
from vendas.cli import commands, terminal
from vendas.errors import NotebookError, VendasError
from vendas.machine.environment import temporary_folder
from vendas.runs import pipeline
from vendas.runs.forked_kernels import forked_from
from vendas.runs.notebook_runner import run_notebook

WATCH = """
import sys
from vendas.cli import commands, terminal
from vendas.errors import VendasError
from vendas.runs import warm, watch
warm.WarmForkServer.start = lambda self: None
errors = [KeyboardInterrupt, VendasError("landing is gone")]
def fail(*_):
    raise errors.pop()
watch.look_at_landing = fail
sys.argv = ["vendas", "watch", "--every", "1"]
commands.main()
"""
DEBUGGING = {"VENDAS_DEBUG": "1"}


@pytest.fixture
def fails(tmp_path):
    """Run this code in an empty folder; return its exit code and output."""

    def call(code, **environment):
        given = os.environ | {"TMPDIR": str(tmp_path)} | environment
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=given, capture_output=True, text=True)
        return done.returncode, done.stderr

    return call


def failing(error):
    def fail(*_):
        raise error

    return fail


@pytest.fixture
def status(tmp_path, monkeypatch, capsys):
    """Run `vendas status` in an empty folder, where reading the ledger fails; return its exit code and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(terminal, "temporary_folder", temporary_folder.__wrapped__)  # without its cache

    def call(error, **environment):
        monkeypatch.setattr(commands.ledger, "read_events", failing(error))
        with mock.patch.dict(os.environ, environment):
            done = vendas_here(capsys, "status")
        return done.returncode, done.stderr

    return call


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (VendasError("Nothing was done."), "VendasError: Nothing was done.\n"),
        (FileNotFoundError(2, "No such file", "x.csv"), "No such file: x.csv\n"),
    ],
    ids=["of the project", "of the system"],
)
def test_what_can_be_foreseen_is_one_message_and_its_traceback_on_demand(status, error, line):
    assert status(error) == (1, line)
    code, said = status(error, **DEBUGGING)
    assert code == 1 and "in fail\n" in said and said.endswith(line)


def test_a_bug_is_one_line_that_names_where_its_traceback_is(status):
    code, said = status(KeyError("a\nb"))
    kept = re.fullmatch(r"A bug in vendas: KeyError: .* \(its traceback is in (.*); VENDAS_DEBUG=1 shows it\)\n", said)
    assert code == 1 and "in fail\n" in Path(kept[1]).read_text()


def test_a_bug_in_a_run_is_kept_in_the_runs_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "kernel_environment", failing(KeyError("x")))
    done = vendas_here(capsys, "run", "--lake", tmp_path / "lago")
    code, said = done.returncode, done.stderr
    (log,) = (tmp_path / "lago" / "runs").glob("*/run.log")
    assert code == 1 and f"(its traceback is in {log}; VENDAS_DEBUG=1 shows it)" in said and "Traceback" not in said
    assert "in fail\n" in log.read_text()


def test_a_bug_shows_its_traceback_on_demand(status):
    code, said = status(KeyError("x"), **DEBUGGING)
    assert code == 1 and said.startswith("Traceback") and "in fail\n" in said


def test_a_bug_whose_traceback_cannot_be_kept_is_told_all_the_same(status, monkeypatch):
    monkeypatch.setattr(terminal, "temporary_folder", failing(OSError(28, "No space left on device")))
    assert status(KeyError("x")) == (1, "A bug in vendas: KeyError: 'x' (VENDAS_DEBUG=1 shows its traceback)\n")


def test_env_files_are_read_for_it_too(status, tmp_path):
    (tmp_path / ".env").write_text("VENDAS_DEBUG=true")
    assert "in fail\n" in status(VendasError("x"))[1]


def test_a_variable_that_is_neither_is_one_message(status):
    code, said = status(VendasError("x"), VENDAS_DEBUG="maybe")
    assert code == 1 and "VENDAS_DEBUG" in said and "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "shown"), [({}, False), (DEBUGGING, True)])
def test_watch_goes_on_after_an_error_and_shows_its_traceback_on_demand(fails, environment, shown):
    code, said = fails(WATCH, **environment)
    assert (code, "Traceback" in said) == (0, shown), said
    assert "VendasError: landing is gone\nTrying again in 2 s.\nStopped." in said


def test_a_question_that_ends_without_an_answer_is_no_bug(status):
    code, said = status(EOFError())
    assert code == 130 and said.strip().startswith("Interrupted.")


def test_a_lake_in_s3_without_credentials_is_no_bug(monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's has credentials
    storage.client.cache_clear()
    done = vendas_here(capsys, "status", "--lake", "s3://lago")
    storage.client.cache_clear()
    assert done.returncode == 1
    assert done.stderr == (
        "AWS refused, or could not be reached: Unable to locate credentials\n"
        "Check the credentials and the region (AWS_PROFILE, AWS_DEFAULT_REGION), and that they may do this.\n"
    )


def test_an_installation_that_lacks_a_module_is_one_message(fails):
    code, said = fails("import sys; sys.modules['rich'] = None; from vendas.start import main; main()")
    assert code == 1 and said.startswith("vendas is not installed whole: ") and "Traceback" not in said


REFUSED = "from vendas.errors import VendasError\nraise VendasError('x')"


@pytest.mark.parametrize(("environment", "shown"), [({}, False), (DEBUGGING, True)])
def test_what_a_cell_refuses_has_its_own_traceback_on_demand(tmp_path, forks, environment, shown):
    notebook = write_notebook(tmp_path / "x.ipynb", REFUSED)
    with pytest.raises(NotebookError) as caught:
        run_notebook(
            notebook, tmp_path / "out.ipynb", {"run_id": "r1", "rows": 1}, environment, 60, kernel=forked_from(forks)
        )
    assert ("Traceback" in str(caught.value.__cause__)) == shown
