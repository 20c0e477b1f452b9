"""Amazon Redshift by JDBC, from the JVM of Spark's driver: a connection, and a transaction on it."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from vendas.errors import WarehouseConflict, WarehouseError, without_java_frames
from vendas.lake.spark import CALL_ERRORS, closing_java, java_properties, jvm_of
from vendas.lake.workers import Workers
from vendas.warehouse.endpoint import RedshiftEndpoint, explain_refusal
from vendas.warehouse.redshift import Redshift


@contextmanager
def connected(spark: SparkSession, endpoint: RedshiftEndpoint, then: str, autocommit: bool) -> Generator[JavaObject]:
    """Open a java.sql.Connection for the block: committed after it, rolled back if it raises.

    With `autocommit` each statement stays; `then` says what holds when one fails.

    Raises: WarehouseError if the database, its driver or Spark fails; WarehouseConflict if the cause is another
    transaction.
    """
    try:
        with closing_java(connect(spark, endpoint)) as connection:
            connection.setAutoCommit(autocommit)
            try:
                yield connection
                if not autocommit:
                    connection.commit()
            except BaseException:
                with suppress(*CALL_ERRORS):  # the connection itself may have failed
                    connection.rollback()
                raise
    except (Py4JError, PySparkException) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        kind = WarehouseConflict if _is_conflict(error, str(said)) else WarehouseError
        raise kind(explain_refusal(endpoint, without_java_frames(str(said)), then)) from error


def connect(spark: SparkSession, endpoint: RedshiftEndpoint) -> JavaObject:
    """Return a java.sql.Connection over TLS; the server's certificate must be trusted and name the host.

    It comes from the driver itself, since DriverManager misses drivers that Spark added.
    """
    given = {
        "user": endpoint.user,
        "password": endpoint.password,
        "ssl": "true",
        "sslmode": "verify-full",
        "reWriteBatchedInserts": "true",  # a few separate inserts take a second
    }
    if endpoint.root_certificate:
        given["sslrootcert"] = endpoint.root_certificate
    return jvm_of(spark).com.amazon.redshift.jdbc.Driver().connect(endpoint.address, java_properties(spark, given))


def _is_conflict(error: Exception, said: str) -> bool:
    """Return whether another transaction caused the rollback: SQLSTATE 40…, or Redshift's error 1023."""
    state = None
    if isinstance(error, Py4JJavaError):
        with suppress(Py4JError):  # not every Java exception has a state
            state = error.java_exception.getSQLState()
    return str(state).startswith("40") or "Serializable isolation violation" in said


class RedshiftTransaction:
    """An open transaction on Redshift."""

    engine = Redshift

    def __init__(self, workers: Workers, endpoint: RedshiftEndpoint, connection: JavaObject):
        self.workers, self.endpoint, self._connection = workers, endpoint, connection

    def run(self, *statements: str) -> None:
        """Execute statements in order; each text may hold several."""
        with closing_java(self._connection.createStatement()) as statement:
            for sql in statements:
                statement.execute(sql)

    def rows(self, query: str) -> list[dict[str, str]]:
        """Return the rows of a query, each as texts by column."""
        with closing_java(self._connection.createStatement()) as statement:
            return [dict(row) for row in _read(statement.executeQuery(query))]

    def cells(self, query: str, parameters: Sequence[str]) -> list[list[tuple[str, str]]]:
        """Return the rows of a query with a `?` for each parameter, each as pairs of a column's name and its text."""
        with closing_java(self._connection.prepareStatement(query)) as statement:
            for place, value in enumerate(parameters, start=1):
                statement.setString(place, value)
            return _read(statement.executeQuery())

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in order."""
        return [name for name, _, _ in self.shape(table)]

    def shape(self, table: str) -> list[tuple[str, str, int]]:
        """Return name, type and precision (for a varchar, its length) of each column of a table, in order."""
        with closing_java(self._connection.createStatement()) as statement:
            found = statement.executeQuery(f"select * from {table} where false").getMetaData()
            return [
                (found.getColumnName(n), found.getColumnTypeName(n), found.getPrecision(n))
                for n in range(1, found.getColumnCount() + 1)
            ]

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows that are here in one batch, which the driver turns into few statements."""
        if not (here := list(rows)):
            return
        insert = f"insert into {table} values ({', '.join('?' * len(here[0]))})"
        with closing_java(self._connection.prepareStatement(insert)) as statement:
            for row in here:
                for position, value in enumerate(row, start=1):
                    statement.setObject(position, value)
                statement.addBatch()
            statement.executeBatch()


def _read(found: JavaObject) -> list[list[tuple[str, str]]]:
    """Return the rows of a java.sql.ResultSet."""
    described = found.getMetaData()
    places = range(1, described.getColumnCount() + 1)
    names, rows = [described.getColumnLabel(place) for place in places], []
    while found.next():
        rows.append([(name, found.getString(place)) for name, place in zip(names, places, strict=True)])
    return rows
