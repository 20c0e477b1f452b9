"""Forks of a stage's process, which share its work on rows among the processors of this machine."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from math import ceil
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from vendas.errors import WorkerError
from vendas.tuning import ORPHAN_LOOK_SECONDS

Item = TypeVar("Item")
Result = TypeVar("Result")

QUOTA = Path("/sys/fs/cgroup/cpu.max")
_inherited: list[Any] = []  # the work and the items of the forks being made, which so need no pickling


def processors() -> int:
    """Return how many processors this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError):  # not limited, or no such file on this machine
        quota, period = map(int, QUOTA.read_text().split())
        allowed = min(allowed, ceil(quota / period))
    return allowed


def results_of(work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[tuple[int, Result]]:
    """Yield the place and the result of each item as soon as it is there, computed in forks of this process.

    They have all that it has, rules of a notebook's cell too, and last as long as this call. If it is left early, or
    work fails, they are killed.
    Raises: WorkerError if one was killed; what `work` raises.
    """
    others = {*multiprocessing.active_children()}
    _inherited[:] = [work, items]
    forks = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(min(processors(), len(items)), forks, _begin, (os.getpid(),))
    try:
        jobs = {pool.submit(_do, place): place for place in range(len(items))}
        for job in as_completed(jobs):
            yield jobs.pop(job), job.result()
        pool.shutdown()
    except BrokenProcessPool:
        raise WorkerError(
            "A process of this run was killed, most likely because memory was short; what it worked on was not "
            "published.\nRun again with more memory free, or on fewer processors: taskset -c 0,1 vendas run"
        ) from None
    finally:
        for fork in {*multiprocessing.active_children()} - others:  # none, if all is done
            fork.kill()
        pool.shutdown(cancel_futures=True)
        _inherited.clear()


def _do(place: int) -> Any:
    work, items = _inherited
    return work(items[place])


def _begin(parent: int) -> None:
    """Leave an interrupt to the process that made this fork, and end soon after it, whatever ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_it() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_LOOK_SECONDS)
        os._exit(1)

    Thread(target=end_with_it, daemon=True).start()
