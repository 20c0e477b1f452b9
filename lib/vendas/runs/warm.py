"""What `vendas watch` keeps for its next run: the JVM with its session, and the process that has imported all.

Both end after an hour without a run, when they hold too much memory, when a run failed, the JVM does not answer, or
a file of the library has changed. The next run then starts them as any run does. Each kernel is a process of its
own, and each run gets a session of its own.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Self

import psutil
from py4j.protocol import Py4JError

import vendas
from vendas.lake.spark import Jvm, configuration_for_long
from vendas.runs.fork_server import ForkServer
from vendas.runs.run_log import LOG
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.tuning import MIB, WARM_ANSWER_SECONDS, WARM_BYTES, WARM_IDLE_SECONDS


class WarmProcesses:
    """The JVM and the fork server of a watch, started by `start` or a run that finds none; ended with the block.

    `tell` is called with a line about each end that the user did not ask for.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None], clock: Callable[[], float] = monotonic):
        self._settings, self._tell, self._clock = settings, tell, clock
        self._forks: ForkServer | None = None
        self._jvm: Jvm | None = None
        self._library: object = None
        self._runs, self._used_at = 0, clock()
        self._cleaner = ThreadPoolExecutor(max_workers=1)  # always the same thread: py4j keeps a connection for each

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._cleaner.shutdown()

    def start(self) -> None:
        """Start them before the first run needs them. Raises: SparkStartError if the JVM does not start."""
        self._start_forks()
        self._start_jvm()

    @contextmanager
    def fork_server(self) -> Generator[ForkServer]:
        """Yield the fork server for a run, which is the block; if the run fails, end all that is kept."""
        self._end_if_unusable()
        if self._jvm:
            LOG.info("Spark and imports are kept since %d runs, in %d MB", self._runs, self.held_bytes() // MIB)
        try:
            yield self._start_forks()
        except BaseException as error:
            self._end("a run failed" if isinstance(error, Exception) else None)
            raise
        self._runs += 1

    @contextmanager
    def jvm(self, work_bytes: int | None) -> Generator[dict[str, str]]:
        """Yield the environment variables with which the kernels of a run join the JVM.

        Raises: SparkStartError if the JVM does not start.
        """
        yield self._start_jvm().environment(work_bytes)

    def rest(self) -> None:
        """Drop what a run has left in the JVM, and end what holds too much memory; call it after each run."""
        self._used_at = self._clock()
        if self._jvm is None:
            return
        if not self._forgets(self._jvm):
            self._end("the JVM does not answer")
        elif (held := self.held_bytes()) > WARM_BYTES:
            self._end(f"they hold {held // MIB:,} MB, more than {WARM_BYTES // MIB:,}")

    def end_if_idle(self) -> None:
        """End them if there was no run for a while."""
        if self._forks and self._clock() - self._used_at >= WARM_IDLE_SECONDS:
            self._end(f"no run for {WARM_IDLE_SECONDS // 60} minutes")

    def processes(self) -> list[psutil.Process]:
        """Return the processes that are kept, with Spark's Python workers."""
        kept: list[psutil.Process] = []
        for process_of in filter(None, (self._forks, self._jvm)):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(process_of.pid)
                kept += [process, *process.children(recursive=True)]
        return kept

    def held_bytes(self) -> int:
        """Return the memory that they hold, without what they share with each other."""
        held = 0
        for process in self.processes():
            with suppress(psutil.Error):
                held += process.memory_full_info().uss
        return held

    def _start_forks(self) -> ForkServer:
        if self._forks is None:
            self._forks, self._library = ForkServer(as_folder(self._settings.lake)), library_state()
        return self._forks

    def _start_jvm(self) -> Jvm:
        if self._jvm is None:
            self._jvm = Jvm(configuration_for_long(self._settings), as_folder(self._settings.lake) / "spark.log")
        return self._jvm

    def _end_if_unusable(self) -> None:
        if self._forks is None:
            return
        if not self._forks.is_running() or (self._jvm and not self._jvm.is_running()):
            self._end("one of their processes has ended")
        elif library_state() != self._library:
            self._end("the library has changed")

    def _forgets(self, jvm: Jvm) -> bool:
        try:
            self._cleaner.submit(jvm.forget_run).result(WARM_ANSWER_SECONDS)
        except (Py4JError, OSError, TimeoutError):
            jvm.kill()  # which also frees the thread
            return False
        return True

    def _end(self, why: str | None = None) -> None:
        forks, jvm, self._forks, self._jvm = self._forks, self._jvm, None, None
        runs, self._runs = self._runs, 0
        if jvm:
            jvm.end()
        if forks:
            forks.end()
        if why and (forks or jvm):
            said = f"Ended Spark and the kernels' imports, kept for {runs} runs: {why}. The next run starts them anew."
            LOG.info(said)
            self._tell(said)


def library_state() -> frozenset[tuple[str, int, int]]:
    """Return what changes when a module of the library does: path, time and size of each file."""
    found = ((file, file.stat()) for file in Path(vendas.__file__).parent.rglob("*.py"))
    return frozenset((str(file), stat.st_mtime_ns, stat.st_size) for file, stat in found)
