"""Where a stage's work on rows is done: in Spark's Python workers, or in this process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pyspark.sql import SparkSession

from vendas.lake.spark import map_on_workers

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers(Protocol):
    """Processes that work on items, `parallelism` of them at a time."""

    @property
    def parallelism(self) -> int:
        """How many items are worked on at a time."""
        ...

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        ...


@dataclass(frozen=True)
class SparkWorkers:
    """The Python workers of a Spark session, which share no memory or disk."""

    spark: SparkSession

    @property
    def parallelism(self) -> int:
        """The session's processors."""
        return self.spark.sparkContext.defaultParallelism

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        return map_on_workers(self.spark, items, work)


@dataclass(frozen=True)
class ThisProcess:
    """This process alone, which needs no JVM."""

    parallelism: int = 1

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        return [work(item) for item in items]
