"""The lake's lock: one run or upkeep at a time."""

import fcntl
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from vendas.lake.s3_lock import hold_object
from vendas.storage import Location, S3Path

LOCK = ".lock"


def hold_lake(lake: Location, waiting: Callable[[], None]) -> AbstractContextManager[None]:
    """Hold the lake for the block; if another process holds it, call `waiting` once and wait.

    A lock does not outlive a killed process: in a folder the kernel releases it; in S3 whoever waits takes it over
    after a few minutes.
    """
    return hold_object(lake / LOCK, waiting) if isinstance(lake, S3Path) else _hold_folder(lake, waiting)


@contextmanager
def _hold_folder(lake: Path, waiting: Callable[[], None]) -> Generator[None]:
    lake.mkdir(parents=True, exist_ok=True)
    with (lake / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
