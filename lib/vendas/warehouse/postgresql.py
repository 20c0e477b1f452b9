"""PostgreSQL as an engine; `vendas.warehouse.engines` describes what an engine defines."""

from collections.abc import Sequence
from typing import Any, LiteralString

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

from vendas.lake.data_files import WrittenFile
from vendas.storage import Location, as_folder
from vendas.tuning import COPY_ENCODED_ROWS


class PostgreSQL:
    """Loads with COPY in binary format, twice as fast as CSV, sent by psycopg: the server may not read our files."""

    lock_schema = ("select pg_advisory_xact_lock(hashtext('vendas'))",)
    lock_loads: LiteralString = "lock table arquivos_carregados in exclusive mode"
    own_ddl = ("ddl/postgresql", "views/postgresql", "views/postgresql/roles")
    # Of 3,000 rows, not 30,000: enough for the load's own checks. PostgreSQL takes the full ones after the commit.
    rough_statistics = ("set local default_statistics_target = 10",)
    own_preparations = ("load/postgresql",)
    own_indexes = ("ddl/postgresql/indexes",)  # created after the rows, which are then inserted twice as fast
    own_checks = ()
    # The planner assumes a new file to be as long as others on average, and would read whole tables for it. With these
    # settings it uses bitmap index scans only, except on small tables without a suitable index.
    _few_rows = {"enable_seqscan": "off", "enable_indexscan": "off", "max_parallel_workers_per_gather": "0"}

    empty = "truncate {}"
    copies_in_parts = True

    @staticmethod
    def ddl(sql: str) -> str:
        """Return the common DDL unchanged."""
        return sql

    @classmethod
    def planner_settings(cls, large: bool) -> Sequence[str]:
        """Return the statements that make the planner expect many rows, its default, or few, until the commit."""
        return [f"set local {name} = {'default' if large else value}" for name, value in cls._few_rows.items()]

    @staticmethod
    def limits(transaction: Any, table: str, folder: Location) -> dict[str, int]:
        """Return no limits: PostgreSQL enforces its own, which count characters, not bytes."""
        return {}

    @staticmethod
    def write(rows: pa.Table, path: Location) -> WrittenFile:
        """Write rows to a file in COPY's binary format; a few at a time, whose bytes stay in the processor's cache."""
        encoder = ArrowToPostgresBinaryEncoder(rows.schema)
        path = as_folder(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(encoder.write_header())
            for batch in rows.to_batches(max_chunksize=COPY_ENCODED_ROWS):
                file.write(encoder.write_batch(batch))
            file.write(encoder.finish())
            return WrittenFile(str(path), file.tell())

    @staticmethod
    def copy(transaction: Any, table: str, columns: Sequence[str], files: Sequence[WrittenFile]) -> None:
        """Append files of rows to a table."""
        copy = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
        for file in files:
            with open(file.path, "rb") as content:
                transaction.send(copy, content)
