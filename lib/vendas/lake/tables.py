"""Reads and writes of lake tables with Spark: Apache Iceberg, in the catalog that the session is configured with."""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from weakref import WeakSet

import pyarrow as pa
from py4j.java_gateway import JavaObject
from py4j.protocol import Py4JJavaError
from pyspark.errors import IllegalArgumentException
from pyspark.sql import DataFrame, SparkSession, functions as F

from vendas import schema
from vendas.declaration_types import Column
from vendas.errors import ConcurrentChange, DeclarationError
from vendas.lake.data_files import DataFile, HeldFile, Target
from vendas.lake.spark import CALL_ERRORS, closing_java, jvm_of, lake_of, table_name
from vendas.lake.table_reader import Shape, columns_of, count_by_file, files_between, held_files, is_one_of, shape
from vendas.lake.workers import SparkWorkers, Workers
from vendas.storage import Location, location
from vendas.text import normalize_name
from vendas.tuning import AUDIT_BRANCH_MS, LEDGER_SMALL_FILE_BYTES

SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, LEDGER_TABLE = schema.TABLES

_FORMAT = {"format-version": "2"}
_PROPERTIES = {
    "write.parquet.compression-codec": "zstd",
    "write.parquet.row-group-size-bytes": str(4 << 20),  # so that reading a few rows reads few others
    # Each commit rewrites all of a table's metadata; keep the last few versions for readers that are using them.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Each commit adds a manifest, and planning a read opens all of them; they are small, so merge them early.
    "commit.manifest.min-count-to-merge": "5",
}
TIMESTAMPS = {SILVER_TABLE: schema.TIMESTAMP.name, GOLD_TABLE: "timestamp_do_registro"}
PLACES = {
    SILVER_TABLE: (schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name),
    GOLD_TABLE: (schema.ARQUIVO.gold_name, schema.LINHA_DO_ARQUIVO.gold_name),
    QUARANTINE_TABLE: ("arquivo", "linha"),
    RESUBMITTED_TABLE: ("arquivo", "linha"),
}
"""The columns in which each table has the bronze file of a row, and the line in it."""

FILE_COLUMNS = {table: file for table, (file, _) in PLACES.items()}
_AUDIT = "auditoria"  # prefix of the branches that hold rows until they are published

Audit = Callable[[dict[str, int]], None]
Rows = DataFrame | Sequence[DataFile]  # to be written by Spark, or already written to the table's target


def pass_any(held: dict[str, int]) -> None:
    """Accept any counts: the audit where there is nothing to compare them with."""


def properties(table: str) -> dict[str, str]:
    """Return the properties of a new table, except its format version.

    Keep full bounds of bronze files' names: Iceberg truncates to 16 characters, which drops the timestamp.
    """
    whole = {f"write.metadata.metrics.column.{FILE_COLUMNS[table]}": "full"} if table in FILE_COLUMNS else {}
    return _PROPERTIES | whole


_OPENED: WeakSet[SparkSession] = WeakSet()  # sessions that have opened their catalog, which each does once


class Lake:
    """The lake's tables in one Spark session."""

    publishes = True

    def __init__(self, spark: SparkSession):
        self.spark, self.place = spark, lake_of(spark)
        self.workers: Workers = SparkWorkers(spark)
        self.opened_at = datetime.now(UTC).replace(tzinfo=None)  # when the work in this session began

    @property
    def staging(self) -> Location:
        """The folder of a run's temporary files."""
        return self.place / "staging"

    def create_tables(self) -> None:
        """Create the tables that do not exist yet, and update the others.

        Sales are partitioned by year and sorted by time within a file.
        Raises: DeclarationError if a column is there with another type than the declared one.
        """
        for table, columns in schema.TABLES.items():
            name, there = table_name(self.spark, table), shape(self.place, table)
            if there is None:
                partitioned = "PARTITIONED BY (ano)" if table in TIMESTAMPS else ""
                given = ", ".join(f"'{key}'='{value}'" for key, value in (_FORMAT | properties(table)).items())
                self.spark.sql(
                    f"CREATE TABLE IF NOT EXISTS {name} ({_described(columns)}) USING iceberg {partitioned} "
                    f"TBLPROPERTIES ({given})"
                )
            else:
                self._update_table(table, columns, there)
            # A separate statement, because CREATE TABLE has no clause for it; a run may be killed between the two.
            if table in TIMESTAMPS and not (there and there.is_sorted):
                order = f"DISTRIBUTED BY PARTITION LOCALLY ORDERED BY `{TIMESTAMPS[table]}`"
                self.spark.sql(f"ALTER TABLE {name} WRITE {order}")

    def update_tables(self) -> None:
        """Rename columns that the existing tables have by another name, and add those that they lack.

        Raises: DeclarationError if a column is there with another type than the declared one.
        """
        for table, columns in schema.TABLES.items():
            if there := shape(self.place, table):
                self._update_table(table, columns, there)

    def _update_table(self, table: str, columns: Sequence[Column], there: Shape) -> None:
        _check_types(table, columns, there)
        renamed = self._rename_columns(table, columns, there)
        for place, column in enumerate(columns):
            if column.name not in there.columns.keys() | renamed.keys():
                at = f"AFTER `{columns[place - 1].name}`" if place else "FIRST"
                self.spark.sql(f"ALTER TABLE {table_name(self.spark, table)} ADD COLUMN {_described([column])} {at}")

    def _rename_columns(self, table: str, columns: Sequence[Column], there: Shape) -> dict[str, str]:
        """Rename the columns that the table has by another name, in one commit; return that name by the declared one.

        By Iceberg itself: Spark takes two names that differ in case for one.
        """
        if renamed := find_renamed(columns, there):
            change = iceberg_table(self.spark, table).updateSchema()
            for name, former in renamed.items():
                change.renameColumn(former, name)
            change.commit()
            self.spark.catalog.refreshTable(table_name(self.spark, table))
        return renamed

    def read(self, table: str) -> DataFrame:
        """Return the table's current rows."""
        return _with_defaults(self.spark.table(table_name(self.spark, table)), table)

    def files_of(self, table: str, files: Collection[str]) -> list[HeldFile]:
        """Return the data files that can hold rows of these bronze files."""
        return held_files(self.place, table, is_one_of(FILE_COLUMNS[table], files)) if files else []

    def target(self, table: str) -> Target:
        """Return the target that data files of the table are written to."""
        folder = iceberg_table(self.spark, table).locationProvider().newDataLocation("")
        return Target(location(folder.rstrip("/")), columns_of(self.place, table))

    def count_by_file(self, table: str, files: Collection[str]) -> dict[str, int]:
        """Count the rows that the table holds of each of these bronze files; 0 if none."""
        return count_by_file(self.place, table, FILE_COLUMNS[table], files)

    def count_by_any_file(self, table: str) -> dict[str, int]:
        """Count the rows of every bronze file that the table has rows of."""
        return dict(self.read(table).groupBy(FILE_COLUMNS[table]).count().collect())

    def added_when(self, table: str) -> DataFrame:
        """Return each data file's path (`caminho`, the `_file` of its rows) and the order it was added in (`ordem`)."""
        entries = self.spark.table(f"{table_name(self.spark, table)}.entries").where("status < 2")
        return entries.select(F.col("data_file.file_path").alias("caminho"), F.col("sequence_number").alias("ordem"))

    def record(self, rows: pa.Table) -> None:
        """Add rows to the ledger in one commit, merged with its small files into one file.

        All stages of all runs read the whole ledger: with a file per stage, each run would take longer than the last.
        """
        opened, target = iceberg_table(self.spark, LEDGER_TABLE), self.target(LEDGER_TABLE)
        if small := [file for file in _data_files(opened) if file.fileSizeInBytes() <= LEDGER_SMALL_FILE_BYTES]:
            held = [HeldFile(location(file.location()), target.columns).rows() for file in small]
            merged = target.write(_joined([*held, rows]))
            try:
                return self._put_in_place(opened, small, [merged])
            except (Py4JJavaError, IllegalArgumentException) as error:
                if "Missing required files to delete" not in str(error):
                    raise
                opened.refresh()  # another process has just merged these files
        _append(self.spark, opened, [target.write(rows)]).commit()

    def swap_files(self, table: str, swapped: Mapping[str, DataFile]) -> None:
        """Replace data files, each named by its path, by files with as many rows of the same bronze files.

        One commit, so that readers see all old or all new values. Without files, do nothing; the table need not exist.
        Raises: ConcurrentChange if one of them is no longer part of the table.
        """
        if not swapped:
            return
        opened = iceberg_table(self.spark, table)
        there = {str(location(file.location())): file for file in _data_files(opened)}
        if not swapped.keys() <= there.keys():
            raise ConcurrentChange(f"The table {table} was changed meanwhile by another program. Run again.")
        self._put_in_place(opened, [there[path] for path in swapped], swapped.values())

    def _put_in_place(self, table: JavaObject, files: Iterable[JavaObject], new: Iterable[DataFile]) -> None:
        """Replace these files by new ones, in one commit, which fails if one of them is gone by then."""
        change = table.newTransaction()
        deletion = change.newDelete().validateFilesExist()
        for file in files:
            deletion.deleteFile(file)
        deletion.commit()
        _append(self.spark, change.table(), new).commit()
        change.commitTransaction()

    def total(self, table: str) -> int:
        """Return how many rows the table holds, from its metadata alone."""
        snapshot = iceberg_table(self.spark, table).currentSnapshot()
        return int(snapshot.summary()["total-records"]) if snapshot else 0

    def change(self, table: str) -> "Change":
        """Begin a change to the table's current state."""
        return Change(self, table)

    def replace(self, table: str, rows: Rows, files: Collection[str], audit: Audit = pass_any) -> dict[str, int]:
        """Replace all rows of these bronze files by `rows`; doing it again changes nothing."""
        return self.change(table).publish(rows, files, replaced=files, audit=audit)


class Change:
    """A change to a table, invisible until it is published, and then visible at once.

    Iceberg's write-audit-publish: rows are written to a branch, which becomes the table when one reference is moved.
    The table must not have changed since this change began, so that conclusions from `read` still hold when it is
    published.
    """

    def __init__(self, lake: Lake, table: str):
        self._spark, self._lake, self._table = lake.spark, lake, table
        self._name = table_name(lake.spark, table)
        snapshot = iceberg_table(lake.spark, table).currentSnapshot()
        self._base: int | None = snapshot.snapshotId() if snapshot else None

    def read(self) -> DataFrame:
        """Return the table's rows as of the start of this change."""
        if self._base is None:
            return self._spark.table(self._name).limit(0)
        return _with_defaults(self._spark.read.option("versionAsOf", self._base).table(self._name), self._table)

    def files_between(self, first: datetime, last: datetime) -> list[HeldFile]:
        """Return the data files, as of the start of this change, that can hold sales from `first` to `last`."""
        if self._base is None:
            return []
        return files_between(self._lake.place, self._table, TIMESTAMPS[self._table], first, last, self._base)

    def rows_of(self, files: Collection[str]) -> DataFrame:
        """Return the rows of these bronze files as of the start of this change."""
        return self.read().where(F.col(FILE_COLUMNS[self._table]).isin(list(files)))

    def publish(
        self, rows: Rows, files: Collection[str], replaced: Collection[str] = (), audit: Audit = pass_any
    ) -> dict[str, int]:
        """Add rows of these bronze files in one commit, after `audit` has accepted what was written.

        The same commit deletes the table's rows of the files in `replaced`. `audit` gets the number of rows that the
        table is about to hold, by file; whatever it raises leaves the table unchanged. Return these counts. Without
        files, do nothing.
        Raises: ConcurrentChange if the table has changed since this change began.
        """
        if not files:
            return {}
        branch = f"{_AUDIT}_{secrets.token_hex(4)}"
        self._begin(branch)
        try:
            return self._publish(branch, rows, files, replaced, audit)
        except BaseException:
            with suppress(*CALL_ERRORS):  # which would hide the error; the branch expires
                iceberg_table(self._spark, self._table).manageSnapshots().removeBranch(branch).commit()
            raise

    def _begin(self, branch: str) -> None:
        """Create the branch at the snapshot that was read; a branch that a killed run leaves expires."""
        base = [] if self._base is None else [self._base]
        self._move(lambda refs: refs.createBranch(branch, *base).setMaxRefAgeMs(branch, AUDIT_BRANCH_MS))

    def _publish(
        self, branch: str, rows: Rows, files: Collection[str], replaced: Collection[str], audit: Audit
    ) -> dict[str, int]:
        name, column = f"{self._name}.branch_{branch}", FILE_COLUMNS[self._table]
        if any(self._held(replaced).values()):
            values = {f"file{number}": file for number, file in enumerate(replaced)}
            listed = ", ".join(f":{marker}" for marker in values)
            self._spark.sql(f"DELETE FROM {name} WHERE `{column}` IN ({listed})", args=values)
        if isinstance(rows, DataFrame):
            rows.writeTo(name).append()
        else:
            _append(self._spark, iceberg_table(self._spark, self._table), rows).toBranch(branch).commit()
        held = count_by_file(self._lake.place, self._table, column, files, branch)
        audit(held)
        self._move(lambda refs: refs.fastForwardBranch("main", branch).removeBranch(branch))
        return held

    def _held(self, files: Collection[str]) -> dict[str, int]:
        """Count the rows that the table now has of these files."""
        return count_by_file(self._lake.place, self._table, FILE_COLUMNS[self._table], files)

    def _move(self, change: Callable[[JavaObject], JavaObject]) -> None:
        """Change the table's references in one commit. Raises: ConcurrentChange if another process committed first."""
        table = iceberg_table(self._spark, self._table)
        if self._base is None and table.currentSnapshot():  # Iceberg would create the branch there
            raise self._refusal()
        try:
            change(table.manageSnapshots()).commit()
        except (Py4JJavaError, IllegalArgumentException) as error:
            refused = isinstance(error, IllegalArgumentException) or "CommitFailedException" in str(error)
            raise (self._refusal() if refused else error) from None

    def _refusal(self) -> ConcurrentChange:
        return ConcurrentChange(
            f"The table {self._table} was changed by another run, or by a notebook run by hand, while this stage "
            "worked on it; nothing of this stage was published.\nRun again: it takes up what is still pending."
        )


def _with_defaults(rows: DataFrame, table: str) -> DataFrame:
    """Return rows with defaults instead of nulls in columns that were declared after the rows were written."""
    defaults = {column.name: column.default_value for column in schema.TABLES[table] if column.default is not None}
    filled = {
        field.name: F.coalesce(F.col(f"`{field.name}`"), F.lit(defaults[field.name])).alias(
            field.name, metadata=field.metadata
        )
        for field in rows.schema
        if field.name in defaults
    }
    return rows.select([filled.get(name, F.col(f"`{name}`")) for name in rows.columns])


def _check_types(table: str, columns: Iterable[Column], there: Shape) -> None:
    for column in columns:
        if there.columns.get(column.name, column.type) != column.type:
            raise DeclarationError(
                f"The column {column.name!r} is {there.columns[column.name]} in this lake's {table}, and declared as "
                f"{column.type}. A column keeps its type; nothing was changed.\nGive the declared column another name, "
                f"with other_names=({column.name!r},) for files; `vendas replay --outdated` then reads older ones, too."
            )


def find_renamed(columns: Sequence[Column], there: Shape) -> dict[str, str]:
    """Return by declared name what a table calls a column that it has by another name or spelling, and of its type."""
    declared = schema.names(columns)
    former = {normalize_name(name): name for name in there.columns if name not in declared}
    renamed: dict[str, str] = {}
    for column in columns:
        for name in map(normalize_name, (column.name, *column.other_names)):
            if column.name not in there.columns and there.columns.get(former.get(name, "")) == column.type:
                renamed.setdefault(column.name, former[name])
    return renamed


def _described(columns: Iterable[Column]) -> str:
    return ", ".join(f"`{column.name}` {column.type} COMMENT {_literal(column.comment)}" for column in columns)


def _literal(text: str) -> str:
    """Return a text as a literal of Spark's SQL."""
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))


def _append(spark: SparkSession, table: JavaObject, files: Iterable[DataFile]) -> JavaObject:
    """Return an uncommitted append of these files to a table, or to that of a transaction."""
    append = table.newAppend()
    for file in files:
        append.appendFile(_added(spark, table, file))
    return append


def _added(spark: SparkSession, table: JavaObject, file: DataFile) -> JavaObject:
    """Return Iceberg's object for a file to be added; its statistics are read from its footer."""
    iceberg = jvm_of(spark).org.apache.iceberg
    footer = table.io().newInputFile(file.path, file.bytes)
    built = (
        iceberg.DataFiles.builder(table.spec())
        .withPath(file.path)
        .withFormat("parquet")
        .withFileSizeInBytes(file.bytes)
        .withMetrics(iceberg.parquet.ParquetUtil.fileMetrics(footer, iceberg.MetricsConfig.forTable(table)))
        .withSortOrder(table.sortOrder())
    )
    return (built if file.ano is None else built.withPartitionPath(f"ano={file.ano}")).build()


def _data_files(table: JavaObject) -> list[JavaObject]:
    """Return Iceberg's objects for the table's current data files."""
    with closing_java(table.newScan().planFiles()) as tasks:
        return [task.file() for task in tasks.iterator()]


def _joined(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the tables concatenated; each may have columns that others lack."""
    return pa.concat_tables(tables, promote_options="permissive")


def iceberg_table(spark: SparkSession, table: str) -> JavaObject:
    """Return Iceberg's object for a table, for what SQL cannot do or would need a query for."""
    name = table_name(spark, table)
    if spark not in _OPENED:  # else the last line could open another session's catalog
        spark.table(name)
        _OPENED.add(spark)
    return jvm_of(spark).org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, name)
