"""PostgreSQL as an engine; `vendas.warehouse.engines` describes what an engine defines."""

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
    """Loads with COPY in binary format, twice as fast as CSV, sent by the driver: the server may not read our files."""

    lock_schema = ("select pg_advisory_xact_lock(hashtext('vendas'))",)
    lock_loads: LiteralString = "lock table arquivos_carregados in exclusive mode"
    own_ddl = ("ddl/postgresql", "views/postgresql", "views/postgresql/roles")
    own_indexes = ("ddl/postgresql/indexes",)  # created after the rows, which are then inserted twice as fast
    own_checks = ()
    # The planner assumes a new file to be as long as others on average, and would read whole tables for it. With these
    # settings it uses bitmap index scans only, except on small tables without a suitable index.
    few_rows = (
        "set local enable_seqscan = off",
        "set local enable_indexscan = off",
        "set local max_parallel_workers_per_gather = 0",
    )

    empty = "truncate {}"

    @staticmethod
    def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
        """Return a java.sql.Connection from the driver itself, since DriverManager misses drivers that Spark added."""
        given = {"user": endpoint.user, "password": endpoint.password}
        return jvm_of(spark).org.postgresql.Driver().connect(endpoint.jdbc_url, java_properties(spark, given))

    @staticmethod
    def ddl(sql: str) -> str:
        """Return the common DDL unchanged."""
        return sql

    @staticmethod
    def limits(transaction: Any, table: str, folder: Location) -> dict[str, int]:
        """Return no limits: PostgreSQL enforces its own, which count characters, not bytes."""
        return {}

    @staticmethod
    def encode(rows: pa.Table) -> pa.Buffer:
        """Encode rows in COPY's binary format."""
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
