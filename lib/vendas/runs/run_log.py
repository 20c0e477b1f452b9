"""The log of a run on this machine: lines with times, in a file beside its notebooks.

It has names of files, counts, seconds and errors, but no content of rows, so that it can be sent to support. The error
message of a cell may quote a row, so it is only in the executed notebook.
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
from vendas.lake import ledger
from vendas.reports.report import Run

FILE = "run.log"
LOG = logging.getLogger("vendas.run")
LOG.setLevel(logging.INFO)
LOG.propagate = False  # so that nothing of it is printed
LOG.addHandler(logging.NullHandler())

_NOTE = "Log: "


@contextmanager
def logged(run: Run, folder: Path) -> Generator[None]:
    """Write the log of the block, which executes the run, to the folder; add a note with its path to an exception.

    A log that later cannot be written, as on a full disk, does not fail the run.
    Raises: OSError if the log cannot be created.
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
    """Log the start of the block, and its duration in seconds when it ends without an exception."""
    LOG.info("%s begun", what)
    begun = time.monotonic()
    yield
    LOG.info("%s done in %.1f s", what, time.monotonic() - begun)


def log_of(error: BaseException) -> str | None:
    """Return the path of the log that has the traceback of this error, or None if no run logged it."""
    notes = getattr(error, "__notes__", [])
    return next((note.removeprefix(_NOTE) for note in notes if note.startswith(_NOTE)), None)


def _log_files(files: list[dict]) -> None:
    for file in files:
        name = file["arquivo"].encode(errors="backslashreplace").decode()  # a name may have bytes that are no text
        LOG.info("%s %s %s", name, file["situacao"], " ".join(f"{name}={file[name]}" for name in ledger.COUNTS))


class _Handler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore a record that cannot be written."""


class _Formatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the message on one line, even if a file's name has line breaks."""
        return " ".join(super().formatMessage(record).split())

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # where another handler may have cached the full traceback
        return super().format(record)

    def formatException(self, ei: tuple) -> str:
        """Return the traceback; for a NotebookError without the message of the cell, which may quote a row."""
        _, error, frames = ei
        if not isinstance(error, NotebookError):
            return super().formatException(ei)
        cause = getattr(error.__cause__, "ename", type(error.__cause__).__name__) if error.__cause__ else ""
        first = str(error).partition("\n")[0]
        return f"{''.join(format_tb(frames))}NotebookError: {first} {cause}".rstrip()
