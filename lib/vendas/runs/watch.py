"""The loop of `vendas watch`: run when there is work, refresh the star on a schedule, until a signal stops it."""

import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path

from vendas.errors import VendasError
from vendas.lake import ledger
from vendas.landing.arrivals import explain_left_behind, landing_folder, look_at_landing
from vendas.landing.closings import Closings
from vendas.runs.pipeline import is_behind
from vendas.runs.warm import WarmForkServer
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.tuning import WARM_LOOK_SECONDS, WATCH_LONGEST_WAIT_SECONDS
from vendas.warehouse import embedded, load


class Lookout:
    """Detects cheaply, for frequent calls, whether a run of this lake has something to do."""

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[Path, str], None] = lambda path, why: None,
        is_closed: Callable[[Path], bool] = lambda path: False,
    ):
        self._settings, self._tell, self._is_closed = settings, tell, is_closed
        self._landing = landing_folder(settings.landing)
        self._waiting: list[tuple] = []
        self._told: dict[Path, str] = {}
        self._finished: list[int | None] | None = None  # last changes of bronze and ledger (ns), if nothing was pending

    def sees_work(self) -> bool:
        """Return whether complete files are in landing, or bronze has files that a stage has not processed.

        A file that is still being written does not count, because a run would leave it in landing.
        """
        return self.look_at_landing() or self._sees_unfinished()

    def look_at_landing(self) -> bool:
        """Return whether landing has files unchanged for the quiet time, or only files unchanged since the last look.

        So a file that keeps growing does not hold up the others. A file whose closing was seen counts at once: the run
        waits for it. Call `tell` once for each file that stays, with why.
        """
        found = look_at_landing(self._landing, self._settings.quiet_seconds)
        before, self._waiting = self._waiting, _described(found.waiting)
        staying = explain_left_behind(replace(found, young=[]))
        for path, why in staying.items():
            if self._told.get(path) != why:
                self._tell(path, why)
        self._told = staying
        if found.takeable or any(map(self._is_closed, found.young)):
            return True
        return bool(self._waiting) and self._waiting == before

    def _sees_unfinished(self) -> bool:
        lake = as_folder(self._settings.lake)
        changed = [_changed(lake / "bronze"), _changed(lake / "ledger" / "metadata")]
        if changed == self._finished:  # because reading the ledger takes longer, the larger it is
            return False
        behind = is_behind(self._settings, ledger.read_events(self._settings.lake))
        self._finished = None if behind else changed
        return behind


class Task:
    """An action due now and then every `every` seconds; after failures in 2 × `retry` seconds, then 4 ×, 8 × …

    It waits no longer than WATCH_LONGEST_WAIT_SECONDS, or `retry` if that is longer.
    """

    def __init__(self, action: Callable[[], None], every: float, retry: float):
        self.action, self.every, self.retry = action, every, retry
        self.due = float("-inf")
        self._wait = 0.0  # after failures

    def attempt(self, clock: Callable[[], float], failed: Callable[[VendasError | OSError, float], None]) -> None:
        """Run the action and set when it is due again; pass an error and the seconds until then to `failed`."""
        try:
            self.action()
        except (VendasError, OSError) as error:
            self._wait = min(2 * (self._wait or self.retry), max(WATCH_LONGEST_WAIT_SECONDS, self.retry))
            failed(error, self._wait)
            self.due = clock() + self._wait
        else:
            self._wait = 0.0
            self.due = clock() + self.every

    def hurry(self) -> None:
        """Make the action due now, unless it has failed the last time."""
        if not self._wait:
            self.due = float("-inf")


def keep_doing(
    tasks: Sequence[Task],
    failed: Callable[[VendasError | OSError, float], None],
    stopped: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Attempt each task whenever it is due, one at a time, until `stopped` returns true. Times are in seconds."""
    while not stopped():
        for task in tasks:
            if clock() >= task.due:
                task.attempt(clock, failed)
        sleep(max(0.0, min(task.due for task in tasks) - clock()))


def watch(
    settings: Settings,
    every: float,
    refresh: float,
    run: Callable[[], object],
    warm: WarmForkServer,
    failed: Callable[[VendasError | OSError, float], None],
    stopped: Callable[[], bool],
    tell: Callable[[Path, str], None],
) -> None:
    """Look for work every `every` seconds and call `run` if there is some; refresh the star every `refresh` seconds.

    Look at once when the closing of a file in landing is seen. `warm` starts before the first file comes, and ends
    when it is idle.
    After an error, call `failed` with it and the seconds until the next attempt, and continue. Call `tell` with each
    file that stays in landing, and why.
    """
    with Closings(landing_folder(settings.landing)) as closings:
        lookout = Lookout(settings, tell, closings.has_seen)

        def run_if_needed() -> None:
            if lookout.sees_work():
                try:
                    with closings.told():
                        run()
                finally:
                    lookout.look_at_landing()  # otherwise files that arrived during the run would need two more looks

        def wait(seconds: float) -> None:
            if closings.wait(seconds):
                look.hurry()

        look = Task(run_if_needed, every, every)
        upkeep = Task(lambda: refresh_star(settings), refresh, every), Task(warm.end_if_idle, WARM_LOOK_SECONDS, every)
        keep_doing([look, Task(warm.start, inf, every), *upkeep], failed, stopped, sleep=wait)


@contextmanager
def until_signal() -> Generator[Callable[[], bool]]:
    """End the block on SIGINT or SIGTERM; yield a function that returns whether a signal has arrived.

    The signal raises a KeyboardInterrupt that stays within the block. Only the first one raises it, so that the cleanup
    is not interrupted. A library may swallow the exception, hence the function.
    """
    received = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def refresh_star(settings: Settings) -> None:
    """Refresh the star if the lake has a warehouse; start the warehouse if necessary.

    Raises: WarehouseError if the warehouse cannot be started, or the refresh fails.
    """
    dw = as_folder(settings.dw)
    if embedded.is_initialized(dw):
        load.refresh(embedded.ensure_running(dw))


def _described(files: list[Path]) -> list[tuple]:
    described = []
    for file in files:
        try:
            found = file.stat()
        except FileNotFoundError:  # gone since it was listed
            continue
        described.append((file.name, found.st_size, found.st_mtime_ns))
    return described


def _changed(folder: Path) -> int | None:
    """Return when an entry of the folder was last created, renamed or removed (ns); None if there is no folder."""
    try:
        return os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        return None
