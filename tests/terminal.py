"""The command line, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from vendas.cli import commands

FIXTURES = Path(__file__).parent / "fixtures"
VENDAS = Path(sys.executable).with_name("vendas")
ENVIRONMENT = {"VENDAS_SPARK_MEMORY": "1g", "TZ": "America/Sao_Paulo"}  # sales are wall-clock, wherever the machine is


def vendas(*arguments, **environment):
    return subprocess.run(
        [VENDAS, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | ENVIRONMENT | environment,
    )


def vendas_here(capsys, *arguments):
    """The same in this process, a second quicker, where the process is not the point."""
    with (
        mock.patch.dict(os.environ, ENVIRONMENT),
        mock.patch.dict(commands.AS_STARTED),
        mock.patch.object(sys, "argv", ["vendas", *map(str, arguments)]),
        pytest.raises(SystemExit) as ended,
    ):
        commands.main()
    return subprocess.CompletedProcess(arguments, ended.value.code, *capsys.readouterr())


def run(lake, expected=0):
    """What a run that ends with this exit code prints as JSON."""
    done = vendas("run", "--lake", lake, "--json")
    assert done.returncode == expected, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
