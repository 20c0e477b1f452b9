"""The entry point of the command `vendas`, which isolates Python from the caller's variables before other imports.

Python reads some variables only at its start. PYTHONPATH may put modules of another installation before this one's, as
Spark's set-up does, or file names may be decoded in ISO-8859-1, so that Java and Spark's workers would look for them
under another name. In these cases Python is started again, in the same process, with the same arguments.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from vendas.errors import DeclarationError, is_debugging
from vendas.machine.environment import LEFT_OUT
from vendas.machine.imports import lasting_imports

FOREIGN_TO_PYTHON = ("PYTHONHOME", "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONWARNINGS")
_EXIT_INTERRUPTED = 128 + signal.SIGINT  # as a shell has it


def main() -> None:
    """Run the command line; first start Python again if its environment is unsuitable."""
    found = own_environment(os.environ, sys.getfilesystemencoding(), sys.stdout.encoding if sys.stdout else None)
    if found is not None:
        arguments = map(os.fsencode, sys.orig_argv[1:])  # the original bytes, however they were decoded
        os.execve(sys.executable, [os.fsencode(sys.executable), *arguments], found)
    try:
        with lasting_imports():
            from vendas.cli.commands import main as run
    except ImportError as error:
        if is_debugging():
            raise
        sys.exit(f"vendas is not installed whole: {error}. Install it again, by `make install` or pip.")
    except DeclarationError as error:  # the declaration is read as it is imported
        sys.exit(f"DeclarationError: {error}")
    except KeyboardInterrupt:  # the imports take a second; nothing has begun that a message could be about
        sys.exit(_EXIT_INTERRUPTED)
    run()


def own_environment(environment: Mapping[str, str], encoding: str, of_terminal: str | None) -> dict[str, str] | None:
    """Return the environment in which to start Python again, or None if the current one is suitable.

    `encoding` is the encoding of file names, `of_terminal` that of the output, which is kept.
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
    """Return whether this package itself is on this path."""
    here = Path(__file__).resolve().parents[1]
    return any(Path(folder).resolve() == here for folder in path.split(os.pathsep) if folder)
