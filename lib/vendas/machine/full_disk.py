"""A hint that the disk is full, for errors that show as a broken connection or a copy that could not be cancelled."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SAID = "No space left on device"  # ENOSPC as worded by the C library, Java, and PostgreSQL with LC_ALL=C
_TAIL_BYTES = 64 << 10
_RECENT = timedelta(minutes=10)


def explain(said: str, folder: Path, log: Path | None = None) -> str:
    """Return a sentence about the disk of this folder if a full disk caused the error, else an empty text.

    `said` is the error's text. `log` is the log of a PostgreSQL server, which may be the only place that shows it.
    """
    if _SAID not in said and not (log and _was_full_recently(log)):
        return ""
    above = nearest_existing(folder)
    free = shutil.disk_usage(above).free / (1 << 20)
    return (
        f"\nThe disk of {above} is full, or was a moment ago ({free:,.0f} MiB are free now). "
        "Free some of it and run again: nothing is lost."
    )


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if os.path.exists(path))  # Path.exists raises if denied


def _was_full_recently(log: Path, now: datetime | None = None) -> bool:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return False
    now = now or datetime.now(UTC).replace(tzinfo=None)
    return any(_SAID in line and now - _moment(line) < _RECENT for line in lines)


def _moment(line: str) -> datetime:
    """Return the time of a line of the log (UTC, as embedded.POSTGRESQL_SETTINGS set); datetime.min if it has none."""
    try:
        return datetime.fromisoformat(line[:19])
    except ValueError:
        return datetime.min
