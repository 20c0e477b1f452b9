"""Other processes that write files during a test."""

import subprocess
import sys
from contextlib import contextmanager

HOLDS = "import sys, time; f = open(sys.argv[1], sys.argv[2]); print('ready', flush=True); time.sleep(600)"
"""A program that keeps a file (first argument) open in a mode (second argument)."""


@contextmanager
def another_process(program, *arguments):
    """Run a Python program during the block; it must print "ready" first."""
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
