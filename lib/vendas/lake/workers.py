"""Where work on rows is done: in this process, if there is little, else in forks of it, or Spark's Python workers."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from vendas.lake.forked_workers import processors, results_of
from vendas.settings import Settings
from vendas.storage import S3Lake, as_folder
from vendas.tuning import LITTLE_WORK_BYTES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """Processes that work on items, `parallelism` of them at a time."""

    @property
    def parallelism(self) -> int:
        """How many items are worked on at a time."""
        ...

    @property
    def spark(self) -> "SparkSession":
        """This process's Spark session, for what needs one; it is created when it is first asked for."""
        ...

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        ...

    def stream(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Yield the result of `work` for each item as soon as it is there, in any order."""
        ...


class SparkWorkers:
    """The Python workers of this process's Spark session, which share no memory or disk."""

    def __init__(self, settings: Settings):
        self._settings = settings

    @cached_property
    def spark(self) -> "SparkSession":
        """The session: in the JVM that this process was given, else in one of its own."""
        return _session(self._settings)

    @property
    def parallelism(self) -> int:
        """The session's processors."""
        return self.spark.sparkContext.defaultParallelism

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        if not items:
            return []
        from vendas.lake.spark import map_on_workers

        return map_on_workers(self.spark, items, work)

    def stream(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Yield the result of `work` for each item as soon as it is there, in any order."""
        from vendas.lake.spark import stream_from_workers

        return stream_from_workers(self.spark, items, work)


class ThisProcess:
    """This process alone, which is done with little work before others would have begun."""

    def __init__(self, settings: Settings | None = None):
        self._settings = settings  # needed for a session only

    @property
    def parallelism(self) -> int:
        """One item at a time."""
        return 1

    @cached_property
    def spark(self) -> "SparkSession":
        """The session, which only JDBC needs."""
        assert self._settings is not None
        return _session(self._settings)

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        return [work(item) for item in items]

    def stream(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Yield the result of `work` for each item."""
        yield from map(work, items)


class ForkedWorkers(ThisProcess):
    """Forks of this process, one for each processor, for as long as a piece of work takes."""

    @property
    def parallelism(self) -> int:
        """The processors that this process may use."""
        return processors()

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order. Raises: WorkerError if a fork is killed."""
        if len(items) < 2:
            return super().map(work, items)
        results = dict(results_of(work, items))
        return [results[place] for place in range(len(items))]

    def stream(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Yield the result of `work` for each item as soon as it is there, in any order.

        Raises: WorkerError if a fork is killed.
        """
        if len(items) < 2:
            yield from map(work, items)
        else:
            with closing(results_of(work, items)) as results:
                yield from (result for _, result in results)


def _session(settings: Settings) -> "SparkSession":
    from vendas.lake.spark import session  # here, because most work needs no Spark, whose import takes a while

    return session(settings)


_GATEWAY = "PYSPARK_GATEWAY_PORT"  # pyspark's variable for passing a JVM to a process
_TOLD = "VENDAS_WORKERS"  # in the environment of a run's kernels: which of these workers they have
_WITHOUT_SPARK = {kind.__name__: kind for kind in (ThisProcess, ForkedWorkers)}


def open_workers(settings: Settings) -> Workers:
    """Return the workers of a notebook: those of its run or job; of one opened by hand, by the size of its bronze."""
    if told := _WITHOUT_SPARK.get(os.environ.get(_TOLD, "")):
        return told(settings)
    if isinstance(settings.lake, S3Lake) or _GATEWAY in os.environ:
        return SparkWorkers(settings)
    return _kind_for(settings, _bronze_bytes(settings))(settings)


@contextmanager
def kernel_environment(settings: Settings, log: Path, work_bytes: int) -> Generator[dict[str, str]]:
    """Yield the environment variables by which a run's kernels get workers for so many bytes of CSV to read.

    If these are Spark's, they share a JVM, which lasts for the block, and whose output goes to `log`.
    Raises: SparkStartError if it does not start.
    """
    kind = _kind_for(settings, work_bytes)
    if kind is not SparkWorkers:
        yield {_TOLD: kind.__name__}
        return
    from vendas.lake.spark import gateway_environment

    with gateway_environment(settings, log, work_bytes) as environment:
        yield environment


@contextmanager
def own_workers(settings: Settings, work_bytes: int | None = None) -> Generator[Workers]:
    """Yield workers for a command on a lake in a folder; if they are Spark's, in a JVM that ends with the block.

    `work_bytes` are the bytes of CSV to read, if known; else all of bronze counts.
    """
    size = _bronze_bytes(settings) if work_bytes is None else work_bytes
    kind = _kind_for(settings, size)
    with ExitStack() as block:
        yield _OwnSpark(settings, size, block) if kind is SparkWorkers else kind(settings)


def _kind_for(settings: Settings, work_bytes: int) -> type[ThisProcess] | type[SparkWorkers]:
    if work_bytes < LITTLE_WORK_BYTES:
        return ThisProcess
    return SparkWorkers if settings.uses_spark else ForkedWorkers


class _OwnSpark(SparkWorkers):
    """Workers of a JVM that starts when it is first needed."""

    def __init__(self, settings: Settings, work_bytes: int, block: ExitStack):
        super().__init__(settings)
        self._work_bytes, self._block = work_bytes, block

    @cached_property
    def spark(self) -> "SparkSession":
        """The session in that JVM."""
        from vendas.lake.spark import private_jvm

        self._block.enter_context(private_jvm(self._settings, self._work_bytes))
        return _session(self._settings)


def _bronze_bytes(settings: Settings) -> int:
    bronze = as_folder(settings.bronze)
    return sum(entry.stat().st_size for entry in os.scandir(bronze)) if bronze.is_dir() else 0
