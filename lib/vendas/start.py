"""Where the command `vendas` starts: in a Python that nothing of the caller's bends, before all else is imported.

What Python reads when it starts cannot be taken back later: modules of another installation that PYTHONPATH puts before
this one's (Spark's set-up does so), or file names read in ISO-8859-1, which Java and Spark's workers would look for
under another name. So this process starts once more, as the same process, with the same arguments.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vendas.errors import is_debugging
from vendas.machine.environment import LEFT_OUT

FOREIGN_TO_PYTHON = ("PYTHONHOME", "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONWARNINGS")


def main() -> None:
    """Run the command line; start again first where this Python is not as it should be."""
    found = own_environment(os.environ, sys.getfilesystemencoding(), sys.stdout.encoding if sys.stdout else None)
    if found is not None:
        arguments = map(os.fsencode, sys.orig_argv[1:])  # the bytes that came, whatever they were decoded to
        os.execve(sys.executable, [os.fsencode(sys.executable), *arguments], found)
    try:
        from vendas.cli.commands import main as run
    except ImportError as error:
        if is_debugging():
            raise
        sys.exit(f"vendas is not installed whole: {error}. Install it again, by `make install` or pip.")
    run()


def own_environment(environment: Mapping[str, str], encoding: str, of_terminal: str | None) -> dict[str, str] | None:
    """Return the environment to start Python in again, or None if it is well as it is.

    `encoding` is that of file names, `of_terminal` that of the output, which stays.
    """
    foreign = [name for name in FOREIGN_TO_PYTHON if environment.get(name)]
    if "PYTHONPATH" in foreign and _is_on(environment["PYTHONPATH"]):
        foreign.remove("PYTHONPATH")
    in_utf8 = encoding.lower().replace("-", "") == "utf8"
    if in_utf8 and not foreign:
        return None
    own = {name: value for name, value in environment.items() if name not in foreign}
    if foreign:
        own[LEFT_OUT] = " ".join(foreign)
    if not in_utf8:
        own["PYTHONUTF8"] = "1"
        own.setdefault("PYTHONIOENCODING", of_terminal or "utf-8")
    return own


def _is_on(path: str) -> bool:
    """Return whether this package itself is found by this path."""
    here = Path(__file__).resolve().parents[1]
    return any(Path(folder).resolve() == here for folder in path.split(os.pathsep) if folder)
