"""One JDBC connection in Spark's driver JVM, and one transaction on it.

`PostgreSQL` is the place for what Redshift does otherwise: driver, locks, bulk load, objects of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from vendas.endpoint import Endpoint
from vendas.errors import WarehouseError, without_java_frames

# Spark's own defaults would trim blanks and cut microseconds.
EXACT_CSV = {
    "quoteAll": True,
    "escape": '"',
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}


class PostgreSQL:
    """What Redshift does otherwise."""

    lock_schema = "select pg_advisory_xact_lock(hashtext('vendas'))"
    lock_loads = "lock table arquivos_carregados in exclusive mode"
    own_ddl = "ddl/postgresql"

    @staticmethod
    def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
        """A java.sql.Connection. DriverManager does not see drivers that Spark added; the driver itself connects."""
        properties = spark._jvm.java.util.Properties()
        properties.setProperty("user", endpoint.user)
        properties.setProperty("password", endpoint.password)
        return spark._jvm.org.postgresql.Driver().connect(endpoint.jdbc_url, properties)

    @staticmethod
    def copy(spark: SparkSession, connection: JavaObject, table: str, columns: Sequence[str], folder: Path) -> None:
        """Append the CSV files of a folder, on whatever file system Spark knows, to a table."""
        manager = spark._jvm.org.postgresql.copy.CopyManager(connection)
        path = spark._jvm.org.apache.hadoop.fs.Path(str(folder))
        file_system = path.getFileSystem(spark._jsc.hadoopConfiguration())
        for status in file_system.listStatus(path):
            if not status.getPath().getName().startswith("part-"):  # Spark's marker of success
                continue
            stream = file_system.open(status.getPath())
            try:
                manager.copyIn(f"copy {table} ({', '.join(columns)}) from stdin (format csv)", stream)
            finally:
                stream.close()


class Transaction:
    """What one open transaction is asked to do."""

    def __init__(self, spark: SparkSession, connection: JavaObject):
        self.spark, self.connection = spark, connection

    def run(self, *statements: str) -> None:
        """Execute statements in order; one may be a file of several."""
        statement = self.connection.createStatement()
        try:
            for sql in statements:
                statement.execute(sql)
        finally:
            statement.close()

    def rows(self, query: str, at_most: int = 0) -> list[dict[str, str]]:
        """The rows of a query, as text by column; `at_most` 0: all."""
        statement = self.connection.createStatement()
        try:
            statement.setMaxRows(at_most)
            found = statement.executeQuery(query)
            described = found.getMetaData()
            names = [described.getColumnLabel(number + 1) for number in range(described.getColumnCount())]
            rows = []
            while found.next():
                rows.append({name: found.getString(name) for name in names})
            return rows
        finally:
            statement.close()

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert a few rows of as many values as the table has columns."""
        rows = list(rows)
        if not rows:
            return
        statement = self.connection.prepareStatement(f"insert into {table} values ({', '.join('?' * len(rows[0]))})")
        try:
            for row in rows:
                for position, value in enumerate(row, start=1):
                    statement.setObject(position, value)
                statement.addBatch()
            statement.executeBatch()
        finally:
            statement.close()

    def append(self, frame: DataFrame, table: str, folder: Path) -> None:
        """Bulk-load a frame into a table by files staged in a folder; any text arrives exactly as it is."""
        frame.write.mode("overwrite").options(**EXACT_CSV).format("csv").save(str(folder))
        PostgreSQL.copy(self.spark, self.connection, table, frame.columns, folder)


@contextmanager
def transaction(spark: SparkSession, endpoint: Endpoint) -> Iterator[Transaction]:
    """A connection and its one transaction: committed when the block ends, rolled back if it raises, always closed.

    Raises WarehouseError for whatever the database, its driver or Spark refuses.
    """
    try:
        connection = PostgreSQL.connect(spark, endpoint)
        try:
            connection.setAutoCommit(False)
            yield Transaction(spark, connection)
            connection.commit()
        except BaseException:
            with suppress(Py4JJavaError):  # the connection itself may be what failed
                connection.rollback()
            raise
        finally:
            connection.close()
    except (Py4JJavaError, PySparkException) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        raise WarehouseError(refusal(endpoint, without_java_frames(str(said)))) from error


def refusal(endpoint: Endpoint, said: str) -> str:
    """What to tell of a transaction that the database, or the way to it, refused."""
    return f"The warehouse at {endpoint.jdbc_url} refused: {said}\nNothing was changed there; mend it and run again."
