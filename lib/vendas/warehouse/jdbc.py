"""JDBC from Spark's driver JVM: one connection, one transaction."""

import random
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from vendas.errors import WarehouseConflict, WarehouseError, without_java_frames
from vendas.lake.spark import CALL_ERRORS, closing_java
from vendas.tuning import CONFLICT_PAUSES
from vendas.warehouse.endpoint import UNCHANGED, Endpoint, explain_refusal
from vendas.warehouse.engines import connect, engine_of

T = TypeVar("T")


class Transaction:
    """An open transaction: runs statements, queries and inserts."""

    def __init__(self, spark: SparkSession, endpoint: Endpoint, connection: JavaObject):
        self.spark, self.endpoint, self.connection = spark, endpoint, connection
        self.engine = engine_of(endpoint)

    def run(self, *statements: str) -> None:
        """Execute statements in order; each text may hold several."""
        with closing_java(self.connection.createStatement()) as statement:
            for sql in statements:
                statement.execute(sql)

    def rows(self, query: str) -> list[dict[str, str]]:
        """Return the rows of a query, each as texts by column."""
        with closing_java(self.connection.createStatement()) as statement:
            found = statement.executeQuery(query)
            described = found.getMetaData()
            names = [described.getColumnLabel(number + 1) for number in range(described.getColumnCount())]
            rows = []
            while found.next():
                rows.append({name: found.getString(name) for name in names})
            return rows

    def shape(self, table: str) -> list[tuple[str, str, int]]:
        """Return name, type and precision (for a varchar, its length) of each column of a table, in order."""
        with closing_java(self.connection.createStatement()) as statement:
            found = statement.executeQuery(f"select * from {table} where false").getMetaData()
            return [
                (found.getColumnName(n), found.getColumnTypeName(n), found.getPrecision(n))
                for n in range(1, found.getColumnCount() + 1)
            ]

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows that are here, each with a value for every column of the table."""
        if here := list(rows):
            self.engine.insert(self, table, here)


@contextmanager
def transaction(spark: SparkSession, endpoint: Endpoint) -> Generator[Transaction]:
    """Open a connection and its one transaction: committed after the block, rolled back if it raises, always closed.

    Raises: WarehouseError if the database, its driver or Spark fails; WarehouseConflict if the cause is another
    transaction.
    """
    with _connection(spark, endpoint) as connection:
        connection.setAutoCommit(False)
        try:
            yield Transaction(spark, endpoint, connection)
            connection.commit()
        except BaseException:
            with suppress(*CALL_ERRORS):  # the connection itself may have failed
                connection.rollback()
            raise


def run_alone(spark: SparkSession, endpoint: Endpoint, statement: str, then: str = UNCHANGED) -> None:
    """Run a statement that the database takes in no transaction with others; if it fails, `then` says what holds.

    Raises: WarehouseError if the database, or its driver, fails.
    """
    with _connection(spark, endpoint, then) as connection:
        Transaction(spark, endpoint, connection).run(statement)


@contextmanager
def _connection(spark: SparkSession, endpoint: Endpoint, then: str = UNCHANGED) -> Generator[JavaObject]:
    """Open a connection for the block; what fails in it becomes a WarehouseError, or a WarehouseConflict."""
    try:
        with closing_java(connect(spark, endpoint)) as connection:
            yield connection
    except (Py4JError, PySparkException) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        kind = WarehouseConflict if _is_conflict(error, str(said)) else WarehouseError
        raise kind(explain_refusal(endpoint, without_java_frames(str(said)), then)) from error


def in_transaction(spark: SparkSession, endpoint: Endpoint, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction and return its result after the commit; on a conflict, start again.

    Raises: WarehouseConflict if several attempts conflict; else as `transaction`.
    """
    pauses = iter(CONFLICT_PAUSES)
    while True:
        try:
            with transaction(spark, endpoint) as open_transaction:
                return work(open_transaction)
        except WarehouseConflict as error:
            pause = next(pauses, None)
            if pause is None:
                attempts = len(CONFLICT_PAUSES) + 1
                raise WarehouseConflict(
                    f"{error}\nThis happened {attempts} times; see what else writes there."
                ) from error
            time.sleep(pause * random.uniform(0.5, 1.5))  # random, else both transactions would retry at the same time


def _is_conflict(error: Exception, said: str) -> bool:
    """Return whether another transaction caused the rollback: SQLSTATE 40…, or Redshift's error 1023."""
    state = None
    if isinstance(error, Py4JJavaError):
        with suppress(Py4JError):  # not every Java exception has a state
            state = error.java_exception.getSQLState()
    return str(state).startswith("40") or "Serializable isolation violation" in said
