"""What the processes that this one begins cost: seconds, processors' seconds, memory.

Processors' seconds compare where others are at work on the machine, too. They are seen a few times a second, so what a
process does in its last moment is missed.
"""

import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psutil

LOOK_SECONDS = 0.2
WORKERS = "vendas.runs.worker_daemon"  # the module that Spark's Python workers run


@dataclass(frozen=True)
class Cost:
    """Seconds on the wall, and on processors."""

    wall: float
    cpu: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.wall - other.wall, self.cpu - other.cpu)


@dataclass
class Watch:
    """All processes that this one began while it watches; `peak_bytes` is the most they held at a time, as RSS.

    Pages that forked Python workers share are counted for each. `driver_peak_bytes` is the same without these workers.
    """

    begun: float = field(default_factory=time.time)
    peak_bytes: int = 0
    driver_peak_bytes: int = 0
    _cpu: dict[psutil.Process, float] = field(default_factory=dict)
    _looks: list[Cost] = field(default_factory=list)

    def look(self) -> None:
        """Takes note of what they have used until now."""
        held = by_workers = 0
        for process in psutil.Process().children(recursive=True):
            try:
                times = process.cpu_times()
                bytes = process.memory_info().rss
                is_worker = WORKERS in process.cmdline()
            except psutil.Error:
                continue
            held += bytes
            by_workers += bytes * is_worker
            self._cpu[process] = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, held)
        self.driver_peak_bytes = max(self.driver_peak_bytes, held - by_workers)
        self._looks.append(Cost(time.time() - self.begun, sum(self._cpu.values())))

    def until_now(self) -> Cost:
        """What they have cost since the watch began."""
        self.look()
        return self._looks[-1]

    def at(self, moment: float) -> Cost:
        """What they had cost at a moment, in seconds since 1970; of processors' seconds, those seen by then."""
        wall = moment - self.begun
        return Cost(wall, max((look.cpu for look in self._looks if look.wall <= wall), default=0.0))


def cost_of(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] = os.environ) -> Cost:
    """What it costs that a command runs in a folder. Raises: RuntimeError if it fails."""
    before = _ended_children()
    with watched() as watch:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        cost = watch.until_now()
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    # What was seen of it lacks its last moments, and what the kernel counted lacks children it did not wait for.
    return Cost(cost.wall, max(cost.cpu, _ended_children() - before))


def _ended_children() -> float:
    """Processors' seconds of the children of this process that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def watched() -> Iterator[Watch]:
    """A watch over all processes that are begun in the block."""
    watch, done = Watch(), Event()

    def keep_looking() -> None:
        while not done.wait(LOOK_SECONDS):
            watch.look()

    thread = Thread(target=keep_looking)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()
