"""Upkeep changes no row, for any retention, with concurrent readers, and if it is killed."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from helpers.rows import silver_frame, silver_row, silver_table
from helpers.terminal import kill_with_children, vendas_here
from vendas import schema
from vendas.errors import UpkeepError
from vendas.lake.events import Event
from vendas.lake.ledger import record
from vendas.lake.lock import hold_lake
from vendas.lake.maintenance import Size, Upkeep, maintain_tables
from vendas.lake.spark import session
from vendas.lake.table_files import delete_orphans
from vendas.lake.table_reader import read_table
from vendas.lake.tables import (
    GOLD_TABLE,
    LEDGER_TABLE,
    QUARANTINE_TABLE,
    RESUBMITTED_TABLE,
    SILVER_TABLE,
    Lake,
    properties,
)
from vendas.rules.gold import to_gold
from vendas.settings import load_settings

VENDAS = Path(sys.executable).with_name("vendas")
NOTHING, A_WEEK = timedelta(0), timedelta(days=7)


class SmallLake:
    """A lake of a few tables, each of which gets a few small files per `fill`."""

    def __init__(self, folder, names):
        self.settings, self.folder, self.names = load_settings(lake=folder), folder, names
        self.spark = session(self.settings)
        self.spark.conf.set("spark.sql.shuffle.partitions", "1")
        self.tables = Lake(self.spark)
        self.tables.create_tables()
        for table in set(schema.TABLES) - set(names):
            self.spark.sql(f"DROP TABLE lago.{table}")
        for table in set(schema.TABLES) - set(names):
            shutil.rmtree(folder / table, ignore_errors=True)

    def fill(self, number):
        """Replace the rows of file `number`: sales of two years, and similar rows in the other tables."""
        file = name_of(number)
        for table in set(self.names) - {LEDGER_TABLE}:
            self.tables.replace(table, self.rows_for(table, number), [file])
        record(self.tables, [], [Event(file, "registros.csv", "bronze", f"r{number}")])

    def rows_for(self, table, number):
        file = name_of(number)
        if table in (SILVER_TABLE, GOLD_TABLE):
            moments = [datetime(year, 12 - number % 12, 1) for year in (2023, 2024)]
            sales = [silver_row(file, Nome=f"Ana {number}", **{"Timestamp do Registro": moment}) for moment in moments]
            rows = [silver_table([sale]) for sale in sales]
            rows = rows if table == SILVER_TABLE else map(to_gold, rows)
            return [self.tables.target(table).write(row, row["ano"][0].as_py()) for row in rows]
        row = {QUARANTINE_TABLE: [file, 2, "texto", ["valor_ausente"]], RESUBMITTED_TABLE: [file, 2, file, 3]}[table]
        columns = self.tables.target(table).columns
        return [self.tables.target(table).write(pa.table([[value] for value in row], schema=columns))]

    def take_out(self, number):
        """Delete the rows of file `number`."""
        for table in set(self.names) - {LEDGER_TABLE}:
            self.tables.replace(table, self.tables.read(table).limit(0), [name_of(number)])

    def maintain(self, keep=NOTHING):
        upkeeps = maintain_tables(self.settings, keep, lambda _: nullcontext(self.spark), pytest.fail)
        return {upkeep.table: upkeep for upkeep in upkeeps}

    def rows(self):
        """Return the sorted rows of every table, read without Spark."""
        return {table: sorted(map(repr, read_table(self.folder, table).to_pylist())) for table in self.names}

    def rows_by_spark(self):
        return {table: sorted(map(repr, self.tables.read(table).collect())) for table in self.names}

    def files(self, table, pattern="*"):
        return sorted(path for path in (self.folder / table).rglob(pattern) if path.is_file())


def name_of(number):
    return f"registros_{number}_20240101T000000000Z_{number:08x}.csv"


ODD = "la go#1%20é'q\""  # a name with which the paths of files must be quoted


@pytest.fixture
def lake(spark, tmp_path):
    """Return a lake of two empty tables, one sorted and partitioned; `spark` only ensures that the JVM is running."""
    return SmallLake(tmp_path / ODD, [SILVER_TABLE, LEDGER_TABLE])


@pytest.fixture
def filled(lake):
    for number in range(3):
        lake.fill(number)
    return lake


@pytest.fixture(scope="module")
def maintained(spark, tmp_path_factory):
    """Return a lake with all tables after its upkeep, the rows before it, and the report of the upkeep."""
    lake = SmallLake(tmp_path_factory.mktemp("full") / ODD, list(schema.TABLES))
    for number in range(3):
        lake.fill(number)
    return lake, lake.rows(), lake.maintain()


def test_no_row_changes(maintained):
    lake, before, _ = maintained
    assert lake.rows() == before
    assert [len(rows) for rows in before.values()] == [6, 6, 3, 3, 3]


def test_a_copied_lake_is_refused_for_its_files_are_the_originals(filled, tmp_path):
    shutil.copytree(filled.folder, tmp_path / "copy")
    there = [filled.files(table) for table in filled.names]
    with pytest.raises(UpkeepError, match="was made as") as refused:
        maintain_tables(
            load_settings(lake=tmp_path / "copy"), NOTHING, lambda copy: nullcontext(session(copy)), pytest.fail
        )
    assert str(filled.folder) in str(refused.value)
    assert [filled.files(table) for table in filled.names] == there


def test_a_lake_reached_by_a_link_is_the_same_lake(filled, tmp_path):
    """Iceberg distinguishes a table's files from orphans by their paths, and upkeep deletes orphans."""
    (tmp_path / "link").symlink_to(filled.folder)
    before = filled.rows()
    maintain_tables(load_settings(lake=tmp_path / "link"), NOTHING, lambda _: nullcontext(filled.spark), pytest.fail)
    assert filled.rows() == before


def test_small_files_become_one_a_year(maintained):
    _, _, upkeeps = maintained
    assert {table: (upkeep.before.data_files, upkeep.after.data_files) for table, upkeep in upkeeps.items()} == {
        SILVER_TABLE: (6, 2),
        GOLD_TABLE: (6, 2),
        QUARANTINE_TABLE: (3, 1),
        RESUBMITTED_TABLE: (3, 1),
        LEDGER_TABLE: (1, 1),
    }  # fmt: skip; the ledger's small files were merged as they were written


@pytest.mark.parametrize("table", schema.TABLES)
def test_what_is_reported_is_what_is_there(maintained, table):
    lake, _, upkeeps = maintained
    before, after, parquet = upkeeps[table].before, upkeeps[table].after, lake.files(table, "*.parquet")
    assert (after.data_files, after.snapshots) == (len(parquet), 1)
    assert after.data_bytes == sum(path.stat().st_size for path in parquet)
    assert after.disk_bytes == sum(path.stat().st_size for path in lake.files(table)) < before.disk_bytes


@pytest.mark.parametrize(
    ("table", "column"), [(SILVER_TABLE, "Timestamp do Registro"), (GOLD_TABLE, "timestamp_do_registro")]
)
def test_a_compacted_file_is_sorted_by_time(maintained, table, column):
    lake, _, _ = maintained
    moments = [row[column] for row in read_table(lake.folder, table).to_pylist() if row["ano"] == 2024]
    assert moments == sorted(moments) and len(set(moments)) == 3


def test_a_second_upkeep_changes_no_file(maintained):
    lake, _, _ = maintained
    before = [(path, path.stat().st_mtime_ns) for table in schema.TABLES for path in lake.files(table)]
    again = lake.maintain()
    assert [(path, path.stat().st_mtime_ns) for table in schema.TABLES for path in lake.files(table)] == before
    assert all(upkeep.before == upkeep.after for upkeep in again.values())


def test_snapshots_are_readable_while_they_are_kept_and_then_erased(filled):
    (first,) = filled.spark.sql("SELECT max(snapshot_id) FROM lago.silver.refs").first()
    as_of = f"SELECT count(*) FROM lago.silver VERSION AS OF {first}"
    filled.take_out(1)
    filled.maintain(A_WEEK)
    assert filled.spark.sql(as_of).first()[0] == 6
    filled.maintain(NOTHING)
    with pytest.raises(Exception, match="Cannot find snapshot"):
        filled.spark.sql(as_of).first()
    left = b"".join(path.read_bytes() for path in filled.files(SILVER_TABLE))
    assert b"Ana 2" in left and b"Ana 1" not in left


def test_what_a_killed_run_left_goes_when_it_is_old_enough(filled):
    filled.spark.sql("ALTER TABLE lago.silver CREATE OR REPLACE BRANCH auditoria")
    silver_frame(filled.spark, [silver_row(name_of(9))]).writeTo("lago.silver.branch_auditoria").append()
    stray = filled.folder / SILVER_TABLE / "data" / "ano=2024" / "stray.parquet"
    stray.touch()
    before = filled.rows()
    filled.maintain(A_WEEK)
    branches = filled.spark.sql("SELECT name FROM lago.silver.refs").collect()
    assert stray.exists() and [row.name for row in branches] == ["main"]
    filled.maintain(NOTHING)
    assert not stray.exists() and len(filled.files(SILVER_TABLE, "*.parquet")) == 2 and filled.rows() == before


def test_files_of_deleted_rows_are_needed(filled):
    filled.maintain()  # into files of several rows: a file whose rows are all deleted is only left out
    filled.spark.sql("ALTER TABLE lago.silver SET TBLPROPERTIES ('write.delete.mode'='merge-on-read')")
    filled.spark.sql("DELETE FROM lago.silver WHERE Nome = 'Ana 1'")
    before, files = filled.rows_by_spark(), filled.files(SILVER_TABLE)
    delete_orphans(filled.folder, SILVER_TABLE, datetime.now(UTC))
    assert any("deletes" in path.name for path in files)
    assert (filled.rows_by_spark(), filled.files(SILVER_TABLE)) == (before, files)


def test_metadata_does_not_pile_up_in_new_tables_nor_in_old_ones(lake):
    bound = int(properties(LEDGER_TABLE)["write.metadata.previous-versions-max"]) + 1
    keys = ", ".join(f"'{key}'" for key in properties(LEDGER_TABLE))
    lake.fill(1)
    lake.spark.sql(f"ALTER TABLE lago.ledger UNSET TBLPROPERTIES ({keys})")
    for number in range(bound):
        for table in (SILVER_TABLE, LEDGER_TABLE):
            lake.spark.sql(f"ALTER TABLE lago.{table} SET TBLPROPERTIES ('n'='{number}')")
    before = lake.rows()
    counts = [len(lake.files(table, "v*.metadata.json")) for table in (SILVER_TABLE, LEDGER_TABLE)]
    assert counts[0] == bound < counts[1]
    lake.maintain()
    assert len(lake.files(LEDGER_TABLE, "v*.metadata.json")) == bound and lake.rows() == before


@pytest.mark.parametrize("seed", [1, 2])
def test_no_file_that_is_needed_is_ever_deleted(lake, seed):
    chance = random.Random(seed)
    for _ in range(3):
        for _ in range(chance.randint(1, 3)):
            chance.choice([lake.fill, lake.fill, lake.take_out])(chance.randrange(4))
        before, before_by_spark = lake.rows(), lake.rows_by_spark()
        lake.maintain(chance.choice([NOTHING, NOTHING, A_WEEK]))
        assert (lake.rows(), lake.rows_by_spark()) == (before, before_by_spark)


def test_a_polling_reader_sees_the_same_rows_all_the_time(filled):
    seen, failed, done = [], [], threading.Event()

    def poll():
        try:
            while not done.is_set():
                seen.append(filled.rows())
        except Exception as error:
            failed.append(error)

    before = filled.rows()
    reader = threading.Thread(target=poll)
    reader.start()
    filled.maintain()
    done.set()
    reader.join()
    assert failed == [] and len(seen) > 1 and all(rows == before for rows in seen)


def test_upkeep_waits_for_a_run(lake):
    waits, order = threading.Event(), []
    arguments = (lake.settings, NOTHING, lambda _: nullcontext(lake.spark), waits.set, order.append)
    upkeep = threading.Thread(target=maintain_tables, args=arguments)
    with hold_lake(lake.folder, pytest.fail):
        upkeep.start()
        waits.wait()
        order.append("run")
    upkeep.join()
    assert order == ["run", SILVER_TABLE, LEDGER_TABLE]


def test_a_table_that_cannot_be_read_is_explained(spark, tmp_path):
    metadata = tmp_path / "gold" / "metadata" / "v1.metadata.json"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("{}")
    settings = load_settings(lake=tmp_path)
    with pytest.raises(UpkeepError, match="(?s)gold failed.*Mend what is named"):
        maintain_tables(settings, NOTHING, lambda _: nullcontext(session(settings)), pytest.fail)


# --- the command


def vendas(*words):
    return subprocess.run(
        [VENDAS, *map(str, words)], capture_output=True, text=True, env=os.environ | {"VENDAS_SPARK_MEMORY": "1g"}
    )


@pytest.mark.parametrize(("words", "hours"), [([], 168), (["--keep", "0"], 0)])
def test_the_command_keeps_a_week_unless_it_is_told(tmp_path, capsys, monkeypatch, words, hours):
    given = []

    def maintain(settings, keep, open_session, waiting, done):
        given.extend([settings.lake, keep])
        done("silver")
        return [Upkeep("silver", Size(1234, 90, 3, 900), Size(1, 80, 1, 100))]

    monkeypatch.setattr("vendas.lake.maintenance.maintain_tables", maintain)
    shown = vendas_here(capsys, "maintain", "--lake", tmp_path, *words)
    assert given == [tmp_path, timedelta(hours=hours)] and shown.returncode == 0
    assert "silver done" in shown.stderr and "1.234 → 1" in shown.stdout and "900 → 100" in shown.stdout
    told = json.loads(vendas_here(capsys, "maintain", "--lake", tmp_path, "--json", *words).stdout)
    assert told["tables"][0]["after"] == {"data_files": 1, "data_bytes": 80, "snapshots": 1, "disk_bytes": 100}


def test_a_lake_without_tables_is_left_without(tmp_path):
    done = vendas("maintain", "--lake", tmp_path / "lago", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"tables": []})
    assert f"no table yet in {tmp_path / 'lago'}" in done.stderr and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("hours", ["-1", "1e3", "99999999999"])
def test_senseless_hours_are_refused(tmp_path, capsys, hours):
    done = vendas_here(capsys, "maintain", "--lake", tmp_path, "--keep", hours)
    assert done.returncode == 1 and "Error: " in done.stderr


def test_killed_in_the_middle_and_called_again_it_ends_with_the_same_rows(filled):
    before = filled.rows()
    command = [VENDAS, "maintain", "--keep", "0", "--lake", filled.folder]
    environment = os.environ | {"VENDAS_SPARK_MEMORY": "1g"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr.readline() == "silver done\n"
    kill_with_children(process)
    assert filled.rows() == before
    done = vendas(*command[1:], "--json")
    assert filled.rows() == before
    silver, ledger = json.loads(done.stdout)["tables"]
    assert silver["before"]["data_files"] == 2 and ledger["after"]["data_files"] == 1
