"""Iceberg's own Java, by Spark's SQL, reads the tables that this project writes, and the other way round."""

import time
from datetime import datetime, timedelta

import pytest

from helpers.lakes import empty_lake
from helpers.rows import silver_frame, silver_row, silver_table
from vendas.errors import UpkeepError, VendasError
from vendas.lake import compaction
from vendas.lake.commits import set_properties
from vendas.lake.events import Event
from vendas.lake.file_io import LakeFileIO
from vendas.lake.ledger import record
from vendas.lake.maintenance import maintain_table
from vendas.lake.spark import jvm_of, session
from vendas.lake.table_files import delete_orphans
from vendas.lake.table_reader import held_in, opened_table, read_table
from vendas.lake.tables import SILVER_TABLE
from vendas.lake.workers import SparkWorkers
from vendas.settings import load_settings

MOMENT = "Timestamp do Registro"
FILES = [f"registros_de_vendas_2024010{day}T000000000Z_{day:08x}.csv" for day in range(1, 9)]
ODD = "la go#1%20é'q\""  # a name with which the paths of files must be quoted


class TwoEngines:
    """A lake for this project's own code and for Spark's SQL; its tables are the catalog `lago`."""

    def __init__(self, folder):
        self.settings, self.folder = load_settings(lake=folder), folder
        self.spark = session(self.settings)
        self.tables = empty_lake(folder)

    def add(self, file, *names, year=2024):
        """Replace the file's rows by sales to these people."""
        self.tables.replace(SILVER_TABLE, [self.written(sales(file, *names, year=year), year)], [file])

    def written(self, rows, year=2024):
        return self.tables.target(SILVER_TABLE).write(silver_table(rows), year)

    def maintain(self, keep=timedelta(0), workers=None, table=SILVER_TABLE):
        return maintain_table(self.folder, workers or self.tables.workers, table, keep)

    def read_here(self):
        return sorted(map(repr, read_table(self.folder, SILVER_TABLE).to_pylist()))

    def read_by_spark(self):
        self.sql("REFRESH TABLE lago.silver")
        return sorted(repr(row.asDict()) for row in self.spark.table("lago.silver").collect())

    def names(self):
        return sorted(row["Nome"] for row in read_table(self.folder, SILVER_TABLE).to_pylist())

    def sql(self, statement):
        return self.spark.sql(statement)

    def delete_beside(self, where):
        """Let Spark write delete files beside the data files."""
        self.sql("ALTER TABLE lago.silver SET TBLPROPERTIES ('write.delete.mode'='merge-on-read')")
        self.sql(f"DELETE FROM lago.silver WHERE {where}")

    def java(self):
        """Return Iceberg's own object for silver."""
        self.spark.table("lago.silver")  # else the next line could open another session's catalog
        return jvm_of(self.spark).org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
            self.spark._jsparkSession, "lago.silver"
        )

    def delete_files(self):
        snapshot = opened_table(self.folder, SILVER_TABLE).current_snapshot()
        return int(snapshot.summary["total-delete-files"])


def sales(file, *names, year=2024):
    return [
        silver_row(file, linha, Nome=name, **{MOMENT: datetime(year, 3, linha)}) for linha, name in enumerate(names, 2)
    ]


@pytest.fixture
def lake(spark, tmp_path):
    """Return an empty lake; `spark` only ensures that the JVM is running."""
    return TwoEngines(tmp_path / ODD)


def test_spark_reads_what_is_written_here_before_and_after_upkeep(lake):
    lake.add(FILES[0], "Ana", "Bia")
    lake.add(FILES[1], "Caio", year=2023)
    lake.add(FILES[0], "Eva")
    assert lake.read_by_spark() == lake.read_here() and lake.names() == ["Caio", "Eva"]
    lake.add(FILES[2], "Gil")
    before = lake.read_here()
    lake.maintain()
    assert lake.read_by_spark() == lake.read_here() == before
    described = lake.sql("SELECT partition.ano, record_count, sort_order_id FROM lago.silver.files").collect()
    assert sorted(map(tuple, described)) == [(2023, 1, 1), (2024, 2, 1)]
    summary = lake.java().currentSnapshot().summary()
    assert (summary["total-records"], summary["total-data-files"]) == ("3", "2")


def test_spark_reads_a_table_that_was_changed_after_the_clock_was_set_back(lake, monkeypatch):
    """Iceberg's Java refuses a table whose changes are not in the order of their times."""
    with monkeypatch.context() as clock:
        an_hour_later = time.time() + 3600
        clock.setattr(time, "time", lambda: an_hour_later)
        lake.add(FILES[0], "Ana")
    set_properties(opened_table(lake.folder, SILVER_TABLE), {"a": "1"})
    assert lake.read_by_spark() == lake.read_here()
    lake.add(FILES[1], "Bia")
    assert lake.read_by_spark() == lake.read_here() and lake.names() == ["Ana", "Bia"]


def test_spark_reads_the_ledger(lake):
    for number in range(3):
        record(lake.tables, [], [Event(FILES[0], "registros.csv", "bronze", f"r{number}", lidas=number)])
    found = lake.sql("SELECT run_id, lidas FROM lago.ledger").collect()
    assert sorted(map(tuple, found)) == [("r0", 0), ("r1", 1), ("r2", 2)]
    assert lake.sql("SELECT * FROM lago.ledger.files").count() == 1


def test_spark_plans_by_the_statistics_written_here(lake):
    lake.add(FILES[0], "Ana", year=2023)
    lake.add(FILES[1], "Bia")
    lake.add(FILES[2], "Caio", "Davi")
    scan = lake.java().newScan()
    expressions = jvm_of(lake.spark).org.apache.iceberg.expressions.Expressions
    for column, value, files in (("ano", 2023, 1), ("Nome", "Davi", 1), ("Arquivo de Origem", FILES[1], 1)):
        assert len(list(scan.filter(expressions.equal(column, value)).planFiles().iterator())) == files, column


def test_spark_writes_to_tables_made_here_and_they_are_committed_to_again(lake):
    silver_frame(lake.spark, sales(FILES[0], "Ana", "Bia")).writeTo("lago.silver").append()
    assert lake.names() == ["Ana", "Bia"]
    lake.add(FILES[1], "Caio")
    lake.sql("DELETE FROM lago.silver WHERE Nome = 'Bia'")
    lake.add(FILES[0], "Davi")
    assert lake.read_by_spark() == lake.read_here() and lake.names() == ["Caio", "Davi"]
    lake.maintain(workers=SparkWorkers(lake.settings))
    assert lake.read_by_spark() == lake.read_here() and lake.names() == ["Caio", "Davi"]


def test_files_that_spark_wrote_to_tables_made_here_are_passed_over_too(lake):
    """By whole names of bronze files, whose days differ in what Iceberg would not keep of them by default."""
    for file in FILES[:3]:
        silver_frame(lake.spark, sales(file, "Ana")).writeTo("lago.silver").append()
    assert [len(lake.tables.files_of(SILVER_TABLE, files)) for files in (FILES[:3], FILES[:1], FILES[2:])] == [3, 1, 1]


def test_tables_made_by_spark_are_read_written_and_maintained(lake):
    """As versions that wrote by Spark made them, with their properties."""
    lake.sql("DROP TABLE lago.silver PURGE")
    columns = lake.spark.createDataFrame([], silver_frame(lake.spark, []).schema)
    columns.writeTo("lago.silver").partitionedBy("ano").tableProperty(
        "commit.manifest.min-count-to-merge", "5"
    ).create()
    lake.sql(f"ALTER TABLE lago.silver WRITE DISTRIBUTED BY PARTITION LOCALLY ORDERED BY `{MOMENT}`")
    for number, name in enumerate(("Ana", "Bia", "Caio")):
        silver_frame(lake.spark, sales(FILES[number], name)).writeTo("lago.silver").append()
    lake.add(FILES[1], "Bea")
    lake.tables.create_tables()
    assert lake.names() == ["Ana", "Bea", "Caio"] and lake.read_by_spark() == lake.read_here()
    lake.maintain()
    assert lake.names() == ["Ana", "Bea", "Caio"] and lake.read_by_spark() == lake.read_here()
    properties = opened_table(lake.folder, SILVER_TABLE).properties
    assert properties["commit.manifest.min-count-to-merge"] == "5"  # which does no harm
    assert properties["write.metadata.previous-versions-max"] == "20"


def test_a_branch_of_an_older_version_goes(lake):
    lake.add(FILES[0], "Ana")
    lake.sql("ALTER TABLE lago.silver CREATE BRANCH auditoria_00c0ffee")
    silver_frame(lake.spark, sales(FILES[1], "Bia")).writeTo("lago.silver.branch_auditoria_00c0ffee").append()
    lake.maintain()
    assert [row.name for row in lake.sql("SELECT name FROM lago.silver.refs").collect()] == ["main"]
    assert lake.read_by_spark() == lake.read_here() and lake.names() == ["Ana"]
    assert lake.sql("SELECT * FROM lago.silver.all_data_files").count() == 1


# --- delete files, which only other programs write


def test_rows_deleted_beside_their_file_are_not_taken_for_there(lake):
    lake.add(FILES[0], "Ana", "Bia")
    lake.delete_beside("Nome = 'Bia'")
    with pytest.raises(VendasError, match="has delete files.*\n.*vendas maintain"):
        lake.tables.count_by_file(SILVER_TABLE, FILES[:1])


def test_files_of_deleted_rows_are_needed(lake):
    lake.add(FILES[0], "Ana", "Bia")
    lake.delete_beside("Nome = 'Bia'")
    before = lake.read_by_spark()
    delete_orphans(lake.folder, SILVER_TABLE, datetime.now().astimezone())
    assert len(before) == 1 and lake.read_by_spark() == before and lake.delete_files() == 1


def test_upkeep_makes_deleted_rows_part_of_the_data_files(lake):
    lake.add(FILES[0], "Ana", "Bia", "Caio")
    lake.add(FILES[1], "Davi")
    lake.add(FILES[2], "Eva", "Gil", year=2023)
    lake.delete_beside("Nome IN ('Bia', 'Davi')")
    lake.delete_beside("Nome = 'Eva'")
    upkeep = lake.maintain(timedelta(days=1))
    assert lake.names() == ["Ana", "Caio", "Gil"] and lake.read_by_spark() == lake.read_here()
    assert (upkeep.after.data_files, lake.delete_files()) == (2, 0)
    lake.add(FILES[1], "Davi")
    assert lake.names() == ["Ana", "Caio", "Davi", "Gil"] and lake.read_by_spark() == lake.read_here()


def test_upkeep_takes_away_delete_files_that_concern_no_file_any_more(lake):
    lake.add(FILES[0], "Ana", "Bia")
    lake.add(FILES[1], "Caio", year=2023)
    lake.delete_beside("Nome = 'Bia'")
    lake.sql("CALL lago.system.rewrite_data_files(table => 'silver', options => map('rewrite-all', 'true'))").collect()
    assert lake.names() == ["Ana", "Caio"] and lake.delete_files() == 1
    lake.maintain()
    assert lake.names() == ["Ana", "Caio"] and lake.delete_files() == 0 and lake.read_by_spark() == lake.read_here()


def test_commits_keep_deleted_rows_of_other_files_deleted(lake):
    """Manifests are merged, those of delete files apart from those of data files."""
    lake.add(FILES[0], "Ana", "Bia")
    lake.delete_beside("Nome = 'Bia'")
    for file in FILES[1:]:
        row = sales(file, "Davi")
        lake.tables.change(SILVER_TABLE).publish([lake.written(row)], [file])
    assert len(opened_table(lake.folder, SILVER_TABLE).current_snapshot().manifests(LakeFileIO())) <= 6
    assert len(lake.read_by_spark()) == 8 and "Bia" not in str(lake.read_by_spark())
    lake.maintain()
    assert lake.names() == ["Ana"] + ["Davi"] * 7


def test_rows_deleted_by_their_values_are_refused_with_what_to_do(lake):
    lake.add(FILES[0], "Ana", "Bia")
    table = lake.java()
    iceberg = jvm_of(lake.spark).org.apache.iceberg
    described = (
        iceberg.FileMetadata.deleteFileBuilder(table.spec())
        .ofEqualityDeletes(lake.spark.sparkContext._gateway.new_array(jvm_of(lake.spark).int, 1))
        .withPath(f"{lake.folder}/silver/data/deletes.parquet")
        .withFormat("parquet")
        .withPartitionPath("ano=2024")
        .withFileSizeInBytes(1)
        .withRecordCount(1)
        .build()
    )
    table.newRowDelta().addDeletes(described).commit()
    (lake.folder / "silver" / "data" / "deletes.parquet").touch()
    with pytest.raises(VendasError, match="silver.*has equality deletes.*\n.*INSERT OVERWRITE"):
        lake.tables.count_by_file(SILVER_TABLE, FILES[:1])
    with pytest.raises(UpkeepError, match="(?s)silver failed.*equality deletes.*INSERT OVERWRITE"):
        lake.maintain()


def test_a_compaction_on_sparks_workers_leaves_the_same_files(lake, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACTED_ROWS", 8)
    for file in FILES:
        lake.add(file, *"abcde")
    before = lake.read_here()
    lake.maintain(workers=SparkWorkers(lake.settings))
    assert lake.read_by_spark() == lake.read_here() == before
    assert sorted(held.count for held in held_in(opened_table(lake.folder, SILVER_TABLE), SILVER_TABLE)) == [8] * 5
