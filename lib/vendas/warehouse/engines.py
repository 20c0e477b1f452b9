"""PostgreSQL and Amazon Redshift: what one does otherwise than the other. All other SQL and code is the same for both.

Each says how to connect, which locks keep loads apart, what the common DDL becomes, which own DDL follows it, which
indexes follow the first rows, what is checked beside what all check, what tells its planner that a load is small, how
a table is emptied, how rows are put into a file (by Spark's Python workers), and how such files get into a table.
"""

import json
from collections.abc import Sequence
from typing import Any, LiteralString

import pyarrow as pa
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder
from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from vendas.errors import WarehouseError
from vendas.lake.data_files import WrittenFile
from vendas.lake.spark import jvm_of
from vendas.storage import Location, S3Path
from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint


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
        return jvm_of(spark).org.postgresql.Driver().connect(endpoint.jdbc_url, _properties(spark, given))

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


class Redshift:
    """Tables are laid out for its nodes; COPY reads Parquet from S3, and takes nothing that is not as declared."""

    lock_schema = ()  # it has no advisory locks; two that create the same at once conflict, and one begins again
    lock_loads = "lock table arquivos_carregados"
    own_ddl = ()
    own_indexes = ()
    own_checks = ("checks/redshift",)  # of what PostgreSQL's keys do not let happen
    few_rows = ()
    empty = "delete from {}"  # its TRUNCATE would commit the transaction

    @staticmethod
    def connect(spark: SparkSession, endpoint: RedshiftEndpoint) -> JavaObject:
        """A java.sql.Connection over TLS, to the server that the certificate names and to no other."""
        given = {
            "user": endpoint.user,
            "password": endpoint.password,
            "ssl": "true",
            "sslmode": "verify-full",
            "reWriteBatchedInserts": "true",  # row by row, it would take a second for every few rows
        }
        if endpoint.root_certificate:
            given["sslrootcert"] = endpoint.root_certificate
        return jvm_of(spark).com.amazon.redshift.jdbc.Driver().connect(endpoint.jdbc_url, _properties(spark, given))

    @staticmethod
    def ddl(sql: str) -> str:
        """The common DDL with its remarks for Redshift in force, and less what it lacks: it enforces no key anyway."""
        return sql.replace("-- redshift: ", "").replace(" not enforced", "")

    @staticmethod
    def limits(transaction: Any, table: str, folder: Location) -> dict[str, int]:
        """The bytes that each text of a table may have. Raises WarehouseError for a folder that is not on S3."""
        if not isinstance(folder, S3Path):
            raise WarehouseError(
                f"Redshift loads from S3 only; expected a staging folder s3://…, got {folder}.\n"
                "Give a lake that is in S3 (VENDAS_LAKE=s3://…)."
            )
        return {name: length for name, type, length in transaction.shape(table) if type == "varchar"}

    @staticmethod
    def encode(rows: pa.Table) -> pa.Buffer:
        """Rows as Parquet; moments as INT96, for Redshift does not read Parquet's timestamps without a zone."""
        encoded = pa.BufferOutputStream()
        pq.write_table(rows, encoded, use_deprecated_int96_timestamps=True, store_decimal_as_integer=True)
        return encoded.getvalue()

    @staticmethod
    def copy(transaction: Any, table: str, columns: Sequence[str], files: Sequence[WrittenFile]) -> None:
        """Append files of rows to a table, by a manifest beside them that names each and its size."""
        if not files:
            return
        entries = [{"url": f.path, "mandatory": True, "meta": {"content_length": f.bytes}} for f in files]
        manifest = S3Path.parse(f"{files[0].path}.manifest")
        manifest.write_bytes(json.dumps({"entries": entries}).encode())
        role = transaction.endpoint.copy_role
        try:
            transaction.run(f"copy {table} from '{manifest}' iam_role '{role}' format as parquet manifest")
        finally:
            manifest.unlink()


Engine = type[PostgreSQL] | type[Redshift]


def engine_of(endpoint: Endpoint) -> Engine:
    """The engine that listens there."""
    return Redshift if isinstance(endpoint, RedshiftEndpoint) else PostgreSQL


def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
    """A java.sql.Connection to the engine that listens there."""
    if isinstance(endpoint, RedshiftEndpoint):
        return Redshift.connect(spark, endpoint)
    return PostgreSQL.connect(spark, endpoint)


def _properties(spark: SparkSession, given: dict[str, str]) -> JavaObject:
    properties = jvm_of(spark).java.util.Properties()
    for name, value in given.items():
        properties.setProperty(name, value)
    return properties
