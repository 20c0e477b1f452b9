"""Keeps a lake up to date until a signal says stop: runs when there is work, the star's refresh on a schedule."""

import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vendas.errors import VendasError
from vendas.lake import ledger
from vendas.landing.arrivals import explain_left_behind, landing_folder, look_at_landing
from vendas.limits import WATCH_LONGEST_WAIT_SECONDS
from vendas.runs.pipeline import is_behind
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.warehouse import embedded, load


class Lookout:
    """Tells, often and cheaply, whether a run of this lake has something to do."""

    def __init__(self, settings: Settings, tell: Callable[[Path, str], None] = lambda path, why: None):
        self._settings, self._tell = settings, tell
        self._landing = landing_folder(settings.landing)
        self._waiting: list[tuple] = []
        self._told: dict[Path, str] = {}
        self._finished: list[int | None] | None = None  # when bronze and ledger changed last, if nothing was pending

    def sees_work(self) -> bool:
        """Whether complete files wait, or bronze holds some that a stage has not done.

        A file that is still being written is no work: a run would leave it where it is.
        """
        return self.look_at_landing() or self._sees_unfinished()

    def look_at_landing(self) -> bool:
        """Whether files wait there that have not changed for the quiet time, or none has since the last look.

        So one that goes on growing keeps no other from being taken. What stays there, and why, is told once of each.
        """
        found = look_at_landing(self._landing, self._settings.quiet_seconds)
        before, self._waiting = self._waiting, _described(found.waiting)
        staying = explain_left_behind(replace(found, young=[]))
        for path, why in staying.items():
            if self._told.get(path) != why:
                self._tell(path, why)
        self._told = staying
        return bool(found.takeable) or bool(self._waiting) and self._waiting == before

    def _sees_unfinished(self) -> bool:
        lake = as_folder(self._settings.lake)
        changed = [_changed(lake / "bronze"), _changed(lake / "ledger" / "metadata")]
        if changed == self._finished:  # reading the ledger costs more, the longer it is
            return False
        behind = is_behind(self._settings, ledger.read_events(self._settings.lake))
        self._finished = None if behind else changed
        return behind


class Task:
    """Something to do now and every `every` seconds; after a failure in 2 × `retry` seconds, then 4 ×, 8 × …"""

    def __init__(self, action: Callable[[], None], every: float, retry: float):
        self.action, self.every, self.retry = action, every, retry
        self.due = float("-inf")
        self._wait = retry

    def attempt(self, clock: Callable[[], float], failed: Callable[[VendasError | OSError, float], None]) -> None:
        """Does it, and says when it is due again; `failed` is told of an error and of the seconds until then."""
        try:
            self.action()
        except (VendasError, OSError) as error:
            self._wait = min(2 * self._wait, max(WATCH_LONGEST_WAIT_SECONDS, self.retry))
            failed(error, self._wait)
            self.due = clock() + self._wait
        else:
            self._wait = self.retry
            self.due = clock() + self.every


def keep_doing(
    tasks: Sequence[Task],
    failed: Callable[[VendasError | OSError, float], None],
    stopped: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Attempts each task whenever it is due, one at a time, until `stopped`. Times are in seconds."""
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
    failed: Callable[[VendasError | OSError, float], None],
    stopped: Callable[[], bool],
    tell: Callable[[Path, str], None],
) -> None:
    """Looks for work every `every` seconds and runs if there is some; refreshes the star every `refresh` seconds.

    `failed` is told of an error, after which it goes on, and of the seconds until it tries again; `tell` of a file that
    stays in landing, and why.
    """
    lookout = Lookout(settings, tell)

    def run_if_needed() -> None:
        if lookout.sees_work():
            try:
                run()
            finally:
                lookout.look_at_landing()  # or what came during the run would wait for a second look

    tasks = [Task(run_if_needed, every, every), Task(lambda: refresh_star(settings), refresh, every)]
    keep_doing(tasks, failed, stopped)


@contextmanager
def until_signal() -> Generator[Callable[[], bool]]:
    """A block that SIGINT or SIGTERM ends by a KeyboardInterrupt, which goes no further; yields whether one came.

    Only the first signal interrupts, so that nothing interrupts the clearing up; and some library may swallow it.
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
    """Refreshes the star of a lake that has a warehouse, which is started if need be. Raises WarehouseError."""
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
    """When an entry of the folder was last made, renamed or removed; None where there is no folder."""
    try:
        return os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        return None
