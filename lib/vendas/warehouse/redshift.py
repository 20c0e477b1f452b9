"""Amazon Redshift: what it does otherwise than PostgreSQL (`vendas.warehouse.engines` says what an engine is)."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from vendas.errors import WarehouseError
from vendas.lake.data_files import WrittenFile
from vendas.lake.spark import java_properties, jvm_of
from vendas.storage import Location, S3Path
from vendas.warehouse.endpoint import RedshiftEndpoint


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
        return jvm_of(spark).com.amazon.redshift.jdbc.Driver().connect(endpoint.jdbc_url, java_properties(spark, given))

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
