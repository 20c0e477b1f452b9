"""PostgreSQL and Amazon Redshift: what one does otherwise than the other. All other SQL and code is the same for both.

Each says how to connect, which locks keep loads apart, what the common DDL becomes, which own DDL follows it,
which indexes follow the first rows, and how a frame gets into a table.
"""

import json
from typing import Any

from py4j.java_gateway import JavaObject
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from vendas.endpoint import Endpoint, RedshiftEndpoint
from vendas.errors import WarehouseError

# Spark's own defaults would trim blanks and cut microseconds.
EXACT_CSV = {
    "quoteAll": True,
    "escape": '"',
    "ignoreLeadingWhiteSpace": False,
    "ignoreTrailingWhiteSpace": False,
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
VALUE_SHOWN = 60  # characters of a text that is too long

# What Spark writes for each type of Redshift's that the tables have.
SPARK_TYPES = {"int4": "int", "int8": "bigint", "bool": "boolean", "date": "date", "varchar": "string"}


class PostgreSQL:
    """Texts arrive as CSV, by the driver's own COPY."""

    lock_schema = ("select pg_advisory_xact_lock(hashtext('vendas'))",)
    lock_loads = "lock table arquivos_carregados in exclusive mode"
    own_ddl = ("ddl/postgresql",)
    own_indexes = ("ddl/postgresql/indexes",)  # made once there are rows, which then come in twice as fast

    @staticmethod
    def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
        """A java.sql.Connection. DriverManager does not see drivers that Spark added; the driver itself connects."""
        given = {"user": endpoint.user, "password": endpoint.password}
        return spark._jvm.org.postgresql.Driver().connect(endpoint.jdbc_url, _properties(spark, given))

    @staticmethod
    def ddl(sql: str) -> str:
        """The common DDL is PostgreSQL's."""
        return sql

    @staticmethod
    def append(transaction: Any, frame: DataFrame, table: str, folder: str) -> None:
        """Append a frame to a table by CSV files in a folder on any file system that Spark knows."""
        frame.write.mode("overwrite").options(**EXACT_CSV).format("csv").save(folder)
        manager = transaction.spark._jvm.org.postgresql.copy.CopyManager(transaction.connection)
        copy = f"copy {table} ({', '.join(frame.columns)}) from stdin (format csv)"
        for status in _written(transaction.spark, folder):
            stream = _file_system(transaction.spark, folder).open(status.getPath())
            try:
                manager.copyIn(copy, stream)
            finally:
                stream.close()


class Redshift:
    """Tables are laid out for its nodes; COPY reads Parquet from S3, and takes nothing that is not as declared."""

    lock_schema = ()  # it has no advisory locks; two that create the same at once conflict, and one begins again
    lock_loads = "lock table arquivos_carregados"
    own_ddl = ()
    own_indexes = ()

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
        return spark._jvm.com.amazon.redshift.jdbc.Driver().connect(endpoint.jdbc_url, _properties(spark, given))

    @staticmethod
    def ddl(sql: str) -> str:
        """The common DDL with its remarks for Redshift in force, and less what it lacks: it enforces no key anyway."""
        return sql.replace("-- redshift: ", "").replace(" not enforced", "")

    @staticmethod
    def append(transaction: Any, frame: DataFrame, table: str, folder: str) -> None:
        """Append a frame to a table by Parquet files in a folder on S3, and a manifest that names each and its size.

        Raises WarehouseError for a text longer than its column.
        """
        if not folder.startswith("s3://"):
            raise WarehouseError(
                f"Redshift loads from S3 only; expected a staging folder s3://…, got {folder}.\n"
                "Give a lake that is in S3 (VENDAS_LAKE=s3://…)."
            )
        shape = transaction.shape(table)
        check_lengths(frame, table, {name: length for name, type, length, _ in shape if type == "varchar"})
        frame.select(*(_as_declared(*column) for column in shape)).write.mode("overwrite").parquet(folder)
        if written := _written(transaction.spark, folder):
            manifest = _write_manifest(transaction.spark, folder, written)
            role = transaction.endpoint.copy_role
            transaction.run(f"copy {table} from '{manifest}' iam_role '{role}' format as parquet manifest")


Engine = type[PostgreSQL] | type[Redshift]


def engine_of(endpoint: Endpoint) -> Engine:
    """The engine that listens there."""
    return Redshift if isinstance(endpoint, RedshiftEndpoint) else PostgreSQL


def check_lengths(frame: DataFrame, table: str, limits: dict[str, int]) -> None:
    """Refuse texts that are longer than their columns, before anything is sent; limits are in bytes of UTF-8.

    Raises WarehouseError with the longest text of the first such column, and the file it came in.
    """
    longest = [
        F.max(F.struct(F.octet_length(name).alias("bytes"), F.col(name).alias("text"), "arquivo_de_origem")).alias(name)
        for name in limits
    ]
    found = frame.agg(*longest).first()
    for name, limit in limits.items():
        if found[name] is not None and found[name].bytes is not None and found[name].bytes > limit:
            raise WarehouseError(
                f"{table}.{name} takes {limit} bytes, and {found[name].arquivo_de_origem} has a text of "
                f"{found[name].bytes}: {found[name].text[:VALUE_SHOWN]!r}…\n"
                "Shorten it in the file and send that again, or make the column wider in sql/ddl; nothing was loaded."
            )


def _as_declared(name: str, type: str, precision: int, scale: int) -> Column:
    if type == "timestamp":
        # Wall-clock time as if it were UTC: Redshift does not read Parquet's timestamps without a zone.
        return F.concat(F.col(name).cast("string"), F.lit("Z")).cast("timestamp").alias(name)
    return F.col(name).cast(f"decimal({precision},{scale})" if type == "numeric" else SPARK_TYPES[type]).alias(name)


def _write_manifest(spark: SparkSession, folder: str, written: list[JavaObject]) -> str:
    entries = [
        {
            "url": f"{folder}/{status.getPath().getName()}",
            "mandatory": True,
            "meta": {"content_length": status.getLen()},
        }
        for status in written
    ]
    path = f"{folder}/manifest"
    stream = _file_system(spark, folder).create(spark._jvm.org.apache.hadoop.fs.Path(path), True)
    try:
        stream.write(json.dumps({"entries": entries}).encode())
    finally:
        stream.close()
    return path


def _written(spark: SparkSession, folder: str) -> list[JavaObject]:
    """The files of data that Spark left in a folder; it puts others beside them."""
    found = _file_system(spark, folder).listStatus(spark._jvm.org.apache.hadoop.fs.Path(folder))
    return [status for status in found if status.getPath().getName().startswith("part-")]


def _file_system(spark: SparkSession, folder: str) -> JavaObject:
    return spark._jvm.org.apache.hadoop.fs.Path(folder).getFileSystem(spark._jsc.hadoopConfiguration())


def _properties(spark: SparkSession, given: dict[str, str]) -> JavaObject:
    properties = spark._jvm.java.util.Properties()
    for name, value in given.items():
        properties.setProperty(name, value)
    return properties
