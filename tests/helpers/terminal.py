"""Calls of the command line as a user makes them."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest import mock

import psutil
import pytest

from vendas.cli import commands

FIXTURES = Path(__file__).parents[1] / "fixtures"
VENDAS = Path(sys.executable).with_name("vendas")
ENVIRONMENT = {"VENDAS_SPARK_MEMORY": "1g", "TZ": "America/Sao_Paulo"}  # sales have local times, in any zone

NO_REPORT = {"VENDAS_REPORT": "false"}  # saves three seconds where only the tables matter


def vendas(*arguments, **environment):
    return subprocess.run(
        [VENDAS, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | ENVIRONMENT | environment,
    )


def vendas_here(capsys, *arguments):
    """Run the command in this process, which saves a second where the process does not matter."""
    with (
        mock.patch.dict(os.environ, ENVIRONMENT),
        mock.patch.dict(commands.AS_STARTED),
        mock.patch.object(sys, "argv", ["vendas", *map(str, arguments)]),
        pytest.raises(SystemExit) as ended,
    ):
        commands.main()
    return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())


def run(lake, expected=0, **environment):
    """Run `vendas run`, which must end with this exit code; return its JSON."""
    done = vendas("run", "--lake", lake, "--json", **environment)
    assert done.returncode == expected, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def real_files():
    """Return the bytes of the four real files by received name, in the order in which they become bronze files."""
    return {path.name: path.read_bytes() for path in sorted(FIXTURES.glob("*.csv"))}


def run_real_files(lake):
    """Run `vendas run` in a new lake with the four real files; return its JSON."""
    (lake / "landing").mkdir(parents=True)
    for name, data in real_files().items():
        (lake / "landing" / name).write_bytes(data)
    return run(lake)


def kill_with_children(process, *others):
    """Kill a process of `subprocess` and all that it started, and other processes with it."""
    victims = [*psutil.Process(process.pid).children(recursive=True), *others]
    process.kill()
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.kill()
    process.communicate()
