"""What `vendas watch` keeps for its next run: the process that has imported all that notebooks need.

It ends after an hour without a run, when a run failed, or a file of the library has changed. The next run then starts
it as any run does. Each kernel is a process of its own.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Self

import vendas
from vendas.runs.fork_server import ForkServer
from vendas.runs.run_log import LOG
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.tuning import WARM_IDLE_SECONDS


class WarmForkServer:
    """The fork server of a watch, started by `start` or a run that finds none; ended with the block.

    `tell` is called with a line about each end that the user did not ask for.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None], clock: Callable[[], float] = monotonic):
        self._settings, self._tell, self._clock = settings, tell, clock
        self._forks: ForkServer | None = None
        self._library: object = None
        self._runs, self._used_at = 0, clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self) -> None:
        """Start it before the first run needs it."""
        self._start()

    def _start(self) -> ForkServer:
        if self._forks is None:
            self._forks, self._library = ForkServer(as_folder(self._settings.lake)), library_state()
        return self._forks

    @contextmanager
    def fork_server(self) -> Generator[ForkServer]:
        """Yield the fork server for a run, which is the block; if the run fails, end it."""
        self._end_if_unusable()
        if self._forks:
            LOG.info("the kernels' imports are kept since %d runs", self._runs)
        try:
            yield self._start()
        except BaseException as error:
            self._end("a run failed" if isinstance(error, Exception) else None)
            raise
        self._runs, self._used_at = self._runs + 1, self._clock()

    def end_if_idle(self) -> None:
        """End it if there was no run for a while."""
        if self._forks and self._clock() - self._used_at >= WARM_IDLE_SECONDS:
            self._end(f"no run for {WARM_IDLE_SECONDS // 60} minutes")

    def _end_if_unusable(self) -> None:
        if self._forks is None:
            return
        if not self._forks.is_running():
            self._end("their process has ended")
        elif library_state() != self._library:
            self._end("the library has changed")

    def _end(self, why: str | None = None) -> None:
        forks, self._forks = self._forks, None
        runs, self._runs = self._runs, 0
        if forks:
            forks.end()
        if why and forks:
            said = f"Ended the kernels' imports, kept for {runs} runs: {why}. The next run starts them anew."
            LOG.info(said)
            self._tell(said)


def library_state() -> frozenset[tuple[str, int, int]]:
    """Return what changes when a module of the library does: path, time and size of each file."""
    found = ((file, file.stat()) for file in Path(vendas.__file__).parent.rglob("*.py"))
    return frozenset((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in found)
