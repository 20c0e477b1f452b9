"""One run at a time holds a lake."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold_lake(lake: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lake for the block; calls `waiting` once when another process holds it, then waits for its end.

    The kernel lets go of the lock when its process ends, however it ends: no lock outlives a killed run.
    """
    lake.mkdir(parents=True, exist_ok=True)
    with (lake / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
