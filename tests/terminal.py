"""The command line, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


def run(lake, expected=0):
    """What a run that ends with this exit code prints as JSON."""
    done = vendas("run", "--lake", lake, "--json")
    assert done.returncode == expected, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
