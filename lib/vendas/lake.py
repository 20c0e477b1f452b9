"""The only reads and writes of lake tables: Apache Iceberg, in the catalog that the session is configured with."""

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from vendas import schema
from vendas.spark import CATALOG

SILVER, GOLD, QUARANTINE, MENDED, LEDGER = "silver", "gold", "quarantine", "mended", "ledger"

_COLUMNS = {
    SILVER: schema.SILVER,
    GOLD: schema.GOLD,
    QUARANTINE: schema.QUARANTINE,
    MENDED: schema.MENDED,
    LEDGER: schema.LEDGER,
}
TABLES = tuple(_COLUMNS)
# Each commit writes all of a table's metadata anew; these keep the last few, for readers that are just at them.
BOUNDED_METADATA = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}
_PROPERTIES = {"format-version": "2", "write.parquet.compression-codec": "zstd"} | BOUNDED_METADATA
_TIMESTAMP = {SILVER: schema.TIMESTAMP.name, GOLD: "timestamp_do_registro"}
_FILE = {SILVER: schema.ARQUIVO.name, GOLD: "arquivo_de_origem", QUARANTINE: "arquivo", MENDED: "arquivo"}
_AUDIT = "auditoria"  # the branch on which rows wait until they are published

Audit = Callable[[dict[str, int]], None]


def _pass(held: dict[str, int]) -> None:
    """The audit of a table whose counts nothing can contradict yet."""


class Lake:
    """The lake's tables in one Spark session."""

    def __init__(self, spark: SparkSession):
        self.spark = spark

    def create_tables(self) -> None:
        """Creates the tables that do not exist yet; sales are partitioned by year and sorted by time within a file."""
        for table, columns in _COLUMNS.items():
            if self.spark.catalog.tableExists(_name(table)):
                continue
            described = ", ".join(f"`{c.name}` {c.type} COMMENT '{c.comment}'" for c in columns)
            partitioned = "PARTITIONED BY (ano)" if table in _TIMESTAMP else ""
            properties = ", ".join(f"'{key}'='{value}'" for key, value in _PROPERTIES.items())
            self.spark.sql(
                f"CREATE TABLE IF NOT EXISTS {_name(table)} ({described}) USING iceberg {partitioned} "
                f"TBLPROPERTIES ({properties})"
            )
            if table in _TIMESTAMP:
                order = f"DISTRIBUTED BY PARTITION LOCALLY ORDERED BY `{_TIMESTAMP[table]}`"
                self.spark.sql(f"ALTER TABLE {_name(table)} WRITE {order}")

    def read(self, table: str) -> DataFrame:
        """The table as it is now."""
        return self.spark.table(_name(table))

    def rows_of(self, table: str, files: Collection[str]) -> DataFrame:
        """The table's rows that came from these bronze files."""
        return self.read(table).where(F.col(_FILE[table]).isin(list(files)))

    def sales_between(self, first: datetime | None, last: datetime | None) -> DataFrame:
        """Silver's sales from the first to the last moment; only partitions and files that can hold one are read."""
        if first is None:
            return self.read(SILVER).limit(0)
        moment, ano = F.col(schema.TIMESTAMP.name), F.col(schema.ANO.name)
        return self.read(SILVER).where(
            ano.between(first.year, last.year) & moment.between(_wall_clock(first), _wall_clock(last))
        )

    def count_by_file(self, table: str, files: Collection[str]) -> dict[str, int]:
        """Rows the table holds of each of these bronze files; 0 where it holds none."""
        return self._count(self.read(table), _FILE[table], files)

    def record(self, rows: DataFrame) -> None:
        """Adds rows to the ledger in one commit."""
        rows.writeTo(_name(LEDGER)).append()

    def add(self, table: str, rows: DataFrame, files: Collection[str], audit: Audit = _pass) -> dict[str, int]:
        """Adds rows of these bronze files in one commit, once `audit` has passed what was written.

        `audit` gets the rows of each file that the table is about to hold; whatever it raises leaves the table as it
        was. Returns those counts. Without files nothing is done.
        """
        if not files:
            return {}
        self._open_branch(table)
        return self._publish(table, rows, files, audit)

    def replace(self, table: str, rows: DataFrame, files: Collection[str], audit: Audit = _pass) -> dict[str, int]:
        """As `add`, but makes `rows` all that the table holds of these files; doing it again changes nothing."""
        if not files:
            return {}
        self._open_branch(table)
        if not self.rows_of(table, files).isEmpty():
            values = {f"file{number}": file for number, file in enumerate(files)}
            listed = ", ".join(f":{marker}" for marker in values)
            self.spark.sql(f"DELETE FROM {_branch(table)} WHERE `{_FILE[table]}` IN ({listed})", args=values)
        return self._publish(table, rows, files, audit)

    def _open_branch(self, table: str) -> None:
        self.spark.sql(f"ALTER TABLE {_name(table)} DROP BRANCH IF EXISTS {_AUDIT}")  # of a run that was cut off
        self.spark.sql(f"ALTER TABLE {_name(table)} CREATE BRANCH {_AUDIT}")

    def _publish(self, table: str, rows: DataFrame, files: Collection[str], audit: Audit) -> dict[str, int]:
        """Iceberg's write-audit-publish: rows go to a branch, which becomes the table by moving one reference."""
        rows.writeTo(_branch(table)).append()
        held = self._count(self.spark.table(_branch(table)), _FILE[table], files)
        audit(held)
        self.spark.sql(f"CALL {CATALOG}.system.fast_forward('{_name(table)}', 'main', '{_AUDIT}')")
        return held

    @staticmethod
    def _count(rows: DataFrame, column: str, files: Collection[str]) -> dict[str, int]:
        if not files:
            return {}
        counted = rows.where(F.col(column).isin(list(files))).groupBy(column).count().collect()
        return dict.fromkeys(files, 0) | {row[0]: row[1] for row in counted}


def read_without_spark(folder: Path, table: str) -> pa.Table:
    """A table of a local lake as Arrow, without a JVM: under a second; no rows where the table does not exist yet."""
    from pyiceberg.table import StaticTable  # here, because it costs every other command half a second

    while metadata := _current_metadata(folder / table / "metadata"):
        try:
            return StaticTable.from_metadata(str(metadata)).scan().to_arrow()
        except FileNotFoundError:  # upkeep may have let go of it meanwhile; the version that replaced it is there
            if metadata == _current_metadata(metadata.parent):
                raise
    return pa.table({column.name: [] for column in _COLUMNS[table]})


def _current_metadata(folder: Path) -> Path | None:
    """The newest version's file. Iceberg's hint can lag behind it, and old versions are deleted in time."""
    return max(folder.glob("v*.metadata.json"), key=_version, default=None)


def _version(metadata: Path) -> int:
    return int(metadata.name.removeprefix("v").removesuffix(".metadata.json"))


def _wall_clock(moment: datetime) -> Column:
    """The moment as written; `lit` of a datetime would move it by this machine's time zone."""
    return F.lit(moment.isoformat(" ")).cast("timestamp_ntz")


def _name(table: str) -> str:
    return f"{CATALOG}.{table}"


def _branch(table: str) -> str:
    return f"{_name(table)}.branch_{_AUDIT}"
