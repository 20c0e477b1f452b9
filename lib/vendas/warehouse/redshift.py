"""Amazon Redshift as an engine; `vendas.warehouse.engines` describes what an engine defines."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vendas.errors import WarehouseError
from vendas.lake.data_files import WrittenFile
from vendas.storage import Location, S3Path


class Redshift:
    """Distributes tables over its nodes and loads Parquet from S3 with COPY, which refuses rows that do not fit."""

    lock_schema = ()  # no advisory locks here; of two concurrent creations one conflicts and is retried
    lock_loads = "lock table arquivos_carregados"
    own_ddl = ()
    rough_statistics = ()
    own_preparations = ()
    own_indexes = ()
    own_checks = ("checks/redshift",)  # of what PostgreSQL's keys prevent
    copies_in_parts = False  # its nodes share the files of one COPY
    empty = "delete from {}"  # because its TRUNCATE commits the transaction

    @staticmethod
    def ddl(sql: str) -> str:
        """Return the common DDL with its `-- redshift:` lines enabled, without `not enforced`, which Redshift lacks."""
        return sql.replace("-- redshift: ", "").replace(" not enforced", "")

    @staticmethod
    def planner_settings(large: bool) -> Sequence[str]:
        """Return no statements: its planner needs no help."""
        return ()

    @staticmethod
    def limits(transaction: Any, table: str, folder: Location) -> dict[str, int]:
        """Return the maximum bytes of each text column of a table. Raises: WarehouseError if `folder` is not on S3."""
        if not isinstance(folder, S3Path):
            raise WarehouseError(
                f"Redshift loads from S3 only; expected a staging folder s3://…, got {folder}.\n"
                "Give a lake that is in S3 (VENDAS_LAKE=s3://…)."
            )
        return {name: length for name, type, length in transaction.shape(table) if type == "varchar"}

    @staticmethod
    def write(rows: pa.Table, path: Location) -> WrittenFile:
        """Write rows as Parquet, with timestamps as INT96: Redshift reads no Parquet timestamps without a zone."""
        encoded = pa.BufferOutputStream()
        pq.write_table(rows, encoded, use_deprecated_int96_timestamps=True, store_decimal_as_integer=True)
        return WrittenFile(str(path), path.write_bytes(encoded.getvalue()))

    @staticmethod
    def copy(transaction: Any, table: str, columns: Sequence[str], files: Sequence[WrittenFile]) -> None:
        """Append files of rows to a table, through a manifest beside them with each file's URL and size."""
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
