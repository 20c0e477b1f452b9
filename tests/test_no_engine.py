"""`make check` refuses to start a JVM or PostgreSQL, in any Python that a test starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = Path(__file__).with_name("no_engine")
IN_ANOTHER_PYTHON = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], check=True)"
START = "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"


@pytest.fixture
def start(tmp_path):
    """Run a program of this name, which does nothing, in a Python that another Python starts; return the output."""

    def start(program, *words, before=()):
        (tmp_path / program).symlink_to("/bin/true")
        command = [sys.executable, "-c", IN_ANOTHER_PYTHON, START, *before, tmp_path / program, *words]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(GUARD)}, capture_output=True, text=True)
        return done.stderr

    return start


@pytest.mark.parametrize("program", ["java", "spark-submit", "initdb", "pg_ctl"])
def test_an_engine_is_refused(start, program):
    assert f"A test that starts {program} needs @pytest.mark.engine" in start(program)


@pytest.mark.parametrize("words", [["java", "-version"], ["psql"]])
def test_what_ends_at_once_is_not(start, words):
    assert start(*words) == ""


def test_an_engine_behind_setpriv_is_refused(start):
    assert "A test that starts initdb" in start("initdb", before=["setpriv", "--clear-groups"])
