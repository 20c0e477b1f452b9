"""The log of a run on this machine: lines with times, in a file beside its notebooks.

It has names of files, counts, seconds and errors, and nothing that a row holds: it may be sent to whoever helps. What
a cell said of its error may quote a row, so that stays in the executed notebook.
"""

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from traceback import format_tb

import vendas
from vendas.errors import NotebookError
from vendas.reports.report import Run

FILE = "run.log"
LOG = logging.getLogger("vendas.run")
LOG.setLevel(logging.INFO)
LOG.propagate = False  # what is logged is printed nowhere
LOG.addHandler(logging.NullHandler())

_NOTE = "Log: "
_COUNTS = ("lidas", "duplicadas", "quarentena", "duvidosas", "silver", "gold", "dw")


@contextmanager
def logged(run: Run, folder: Path) -> Generator[None]:
    """Keep the log of the block, which does this run, in the folder; an exception gets a note that names it.

    Raises OSError where the log cannot be begun; what it later lacks for a full disk fails no run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    handler = _Handler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    begun = time.monotonic()
    LOG.info("run %s begun, vendas %s", run.run_id, vendas.__version__)
    try:
        yield
    except Exception as error:
        _log_files(run.files)
        LOG.error("run failed after %.1f s", time.monotonic() - begun, exc_info=error)
        error.add_note(f"{_NOTE}{path}")
        raise
    except BaseException:
        LOG.error("run interrupted after %.1f s", time.monotonic() - begun)
        raise
    else:
        _log_files(run.files)
        LOG.info("run done in %.1f s", time.monotonic() - begun)
    finally:
        LOG.removeHandler(handler)
        with suppress(OSError):
            handler.close()


@contextmanager
def timed(what: str) -> Generator[None]:
    """Log that this has begun, and at the block's end, unless that is an exception, how long it took."""
    LOG.info("%s begun", what)
    begun = time.monotonic()
    yield
    LOG.info("%s done in %.1f s", what, time.monotonic() - begun)


def log_of(error: BaseException) -> str | None:
    """Return the log that has the traceback of this error, or None if no run failed by it."""
    notes = getattr(error, "__notes__", [])
    return next((note.removeprefix(_NOTE) for note in notes if note.startswith(_NOTE)), None)


def _log_files(files: list[dict]) -> None:
    for file in files:
        LOG.info("%s %s %s", file["arquivo"], file["situacao"], " ".join(f"{name}={file[name]}" for name in _COUNTS))


class _Handler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Print nothing of what cannot be written."""


class _Formatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Keep to a line, whatever a file's name holds."""
        return " ".join(super().formatMessage(record).split())

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # where a handler of somebody else's keeps the whole of it
        return super().format(record)

    def formatException(self, ei: tuple) -> str:
        """Return the traceback; of a notebook's error without what its cell said."""
        _, error, frames = ei
        if not isinstance(error, NotebookError):
            return super().formatException(ei)
        cause = getattr(error.__cause__, "ename", type(error.__cause__).__name__) if error.__cause__ else ""
        first = str(error).partition("\n")[0]
        return f"{''.join(format_tb(frames))}NotebookError: {first} {cause}".rstrip()
