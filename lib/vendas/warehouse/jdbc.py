"""One JDBC connection in Spark's driver JVM, and one transaction on it."""

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
from vendas.machine import full_disk
from vendas.tuning import CONFLICT_PAUSES
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.engines import connect, engine_of

T = TypeVar("T")


class Transaction:
    """What one open transaction is asked to do."""

    def __init__(self, spark: SparkSession, endpoint: Endpoint, connection: JavaObject):
        self.spark, self.endpoint, self.connection = spark, endpoint, connection
        self.engine = engine_of(endpoint)

    def run(self, *statements: str) -> None:
        """Execute statements in order; one may be a file of several."""
        with self._closing(self.connection.createStatement()) as statement:
            for sql in statements:
                statement.execute(sql)

    def rows(self, query: str) -> list[dict[str, str]]:
        """The rows of a query, as text by column."""
        with self._closing(self.connection.createStatement()) as statement:
            found = statement.executeQuery(query)
            described = found.getMetaData()
            names = [described.getColumnLabel(number + 1) for number in range(described.getColumnCount())]
            rows = []
            while found.next():
                rows.append({name: found.getString(name) for name in names})
            return rows

    def shape(self, table: str) -> list[tuple[str, str, int]]:
        """Name, type and precision (of a varchar: its length) of a table's columns, in order."""
        with self._closing(self.connection.createStatement()) as statement:
            found = statement.executeQuery(f"select * from {table} where false").getMetaData()
            return [
                (found.getColumnName(n), found.getColumnTypeName(n), found.getPrecision(n))
                for n in range(1, found.getColumnCount() + 1)
            ]

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert a few rows of as many values as the table has columns."""
        rows = list(rows)
        if not rows:
            return
        insert = f"insert into {table} values ({', '.join('?' * len(rows[0]))})"
        with self._closing(self.connection.prepareStatement(insert)) as statement:
            for row in rows:
                for position, value in enumerate(row, start=1):
                    statement.setObject(position, value)
                statement.addBatch()
            statement.executeBatch()

    @staticmethod
    @contextmanager
    def _closing(statement: JavaObject) -> Generator[JavaObject]:
        try:
            yield statement
        finally:
            statement.close()


@contextmanager
def transaction(spark: SparkSession, endpoint: Endpoint) -> Generator[Transaction]:
    """A connection and its one transaction: committed when the block ends, rolled back if it raises, always closed.

    Raises WarehouseError for whatever the database, its driver or Spark refuses; WarehouseConflict if that is because
    of what another transaction did meanwhile.
    """
    try:
        connection = connect(spark, endpoint)
        try:
            connection.setAutoCommit(False)
            yield Transaction(spark, endpoint, connection)
            connection.commit()
        except BaseException:
            with suppress(Py4JJavaError):  # the connection itself may be what failed
                connection.rollback()
            raise
        finally:
            connection.close()
    except (Py4JJavaError, PySparkException) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        kind = WarehouseConflict if _is_conflict(error, str(said)) else WarehouseError
        raise kind(explain_refusal(endpoint, without_java_frames(str(said)))) from error


def in_transaction(spark: SparkSession, endpoint: Endpoint, work: Callable[[Transaction], T]) -> T:
    """What `work` makes of a transaction, once it is committed; one that conflicts with another begins again.

    Raises what `transaction` raises, and WarehouseConflict only after several attempts.
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
            time.sleep(pause * random.uniform(0.5, 1.5))  # or both would come back together


def explain_refusal(endpoint: Endpoint, said: str) -> str:
    """What to tell of a transaction that the database, or the way to it, refused."""
    disk = full_disk.explain(said, endpoint.log.parent, endpoint.log) if endpoint.log else ""
    return (
        f"The warehouse at {endpoint.jdbc_url} refused: {said}\nNothing was changed there; mend it and run again.{disk}"
    )


def _is_conflict(error: Exception, said: str) -> bool:
    """Whether the database rolled it back for another's sake: SQLSTATE 40…, or what Redshift calls its error 1023."""
    state = None
    if isinstance(error, Py4JJavaError):
        with suppress(Py4JError):  # not every exception of Java has a state
            state = error.java_exception.getSQLState()
    return str(state).startswith("40") or "Serializable isolation violation" in said
