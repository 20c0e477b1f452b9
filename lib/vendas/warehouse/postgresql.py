"""PostgreSQL: what it does otherwise than Redshift (`vendas.warehouse.engines` says what an engine is)."""

from collections.abc import Sequence
from typing import Any, LiteralString

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from vendas.lake.data_files import WrittenFile
from vendas.lake.spark import java_properties, jvm_of
from vendas.storage import Location
from vendas.warehouse.endpoint import Endpoint


class PostgreSQL:
    """COPY takes its own binary format in half the time of CSV, from the driver: the server may not read our files."""

    lock_schema = ("select pg_advisory_xact_lock(hashtext('vendas'))",)
    lock_loads: LiteralString = "lock table arquivos_carregados in exclusive mode"
    own_ddl = ("ddl/postgresql",)
    own_indexes = ("ddl/postgresql/indexes",)  # made once there are rows, which then come in twice as fast
    own_checks = ()
    # It takes a new file for as long as others are on average, and would read whole tables for it. This leaves an
    # index's bitmap as the one way to a table's rows, but for small tables that have no index to go by.
    few_rows = (
        "set local enable_seqscan = off",
        "set local enable_indexscan = off",
        "set local max_parallel_workers_per_gather = 0",
    )

    empty = "truncate {}"

    @staticmethod
    def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
        """A java.sql.Connection. DriverManager does not see drivers that Spark added; the driver itself connects."""
        given = {"user": endpoint.user, "password": endpoint.password}
        return jvm_of(spark).org.postgresql.Driver().connect(endpoint.jdbc_url, java_properties(spark, given))

    @staticmethod
    def ddl(sql: str) -> str:
        """The common DDL is PostgreSQL's."""
        return sql

    @staticmethod
    def limits(transaction: Any, table: str, folder: Location) -> dict[str, int]:
        """It counts characters, as the contract does not, and keeps to its limits itself."""
        return {}

    @staticmethod
    def encode(rows: pa.Table) -> pa.Buffer:
        """Rows as COPY's binary format has them."""
        encoder = ArrowToPostgresBinaryEncoder(rows.schema)
        batches = map(encoder.write_batch, rows.to_batches())
        return pa.py_buffer(b"".join([encoder.write_header(), *batches, encoder.finish()]))

    @staticmethod
    def copy(transaction: Any, table: str, columns: Sequence[str], files: Sequence[WrittenFile]) -> None:
        """Append files of rows to a table."""
        copying, java = transaction.connection.getCopyAPI(), jvm_of(transaction.spark).java.io
        for file in files:
            content = java.FileInputStream(file.path)
            try:
                copying.copyIn(f"copy {table} ({', '.join(columns)}) from stdin (format binary)", content)
            finally:
                content.close()
