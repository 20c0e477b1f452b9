"""Upkeep changes no row, for any retention, with concurrent readers, and if it is killed."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table.snapshots import Operation

from helpers.lakes import empty_lake
from helpers.old_lakes import LAKE, unpack
from helpers.rows import silver_row, silver_table
from helpers.terminal import kill_with_children, vendas_here
from vendas import schema
from vendas.errors import VendasError
from vendas.lake import commits, compaction
from vendas.lake.events import Event
from vendas.lake.file_io import LakeFileIO
from vendas.lake.ledger import record
from vendas.lake.lock import hold_lake
from vendas.lake.maintenance import Size, Upkeep, delete_old_versions, maintain_tables
from vendas.lake.table_reader import held_in, opened_table, read_table, table_exists
from vendas.lake.tables import (
    GOLD_TABLE,
    LEDGER_TABLE,
    QUARANTINE_TABLE,
    RESUBMITTED_TABLE,
    SILVER_TABLE,
    properties,
)
from vendas.lake.workers import ThisProcess
from vendas.rules.gold import to_gold
from vendas.settings import load_settings

VENDAS = Path(sys.executable).with_name("vendas")
NOTHING, A_WEEK = timedelta(0), timedelta(days=7)


class SmallLake:
    """A lake of a few tables, each of which gets a few small files per `fill`."""

    def __init__(self, folder, names):
        self.settings, self.folder, self.names = load_settings(lake=folder), folder, names
        self.tables = empty_lake(folder)
        for table in set(schema.TABLES) - set(names):
            shutil.rmtree(folder / table)

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
            self.tables.replace(table, [], [name_of(number)])

    def maintain(self, keep=NOTHING):
        return {upkeep.table: upkeep for upkeep in maintain(self.settings, keep)}

    def rows(self):
        """Return the sorted rows of every table."""
        return {table: sorted(map(repr, read_table(self.folder, table).to_pylist())) for table in self.names}

    def files(self, table, pattern="*"):
        return sorted(path for path in (self.folder / table).rglob(pattern) if path.is_file())


def maintain(settings, keep, waiting=pytest.fail, done=lambda table: None):
    return maintain_tables(settings, keep, lambda of: nullcontext(ThisProcess(of)), waiting, done)


def name_of(number):
    return f"registros_{number}_20240101T000000000Z_{number:08x}.csv"


ODD = "la go#1%20é'q\""  # a name with which the paths of files must be quoted


@pytest.fixture
def lake(tmp_path):
    """Return a lake of two empty tables, one sorted and partitioned."""
    return SmallLake(tmp_path / ODD, [SILVER_TABLE, LEDGER_TABLE])


@pytest.fixture
def filled(lake):
    for number in range(3):
        lake.fill(number)
    return lake


@pytest.fixture(scope="module")
def maintained(tmp_path_factory):
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
    with pytest.raises(VendasError, match="was made as") as refused:
        maintain(load_settings(lake=tmp_path / "copy"), NOTHING)
    assert str(filled.folder) in str(refused.value)
    assert [filled.files(table) for table in filled.names] == there


def test_a_lake_reached_by_a_link_is_the_same_lake(filled, tmp_path):
    """Iceberg distinguishes a table's files from orphans by their paths, and upkeep deletes orphans."""
    (tmp_path / "link").symlink_to(filled.folder)
    before = filled.rows()
    maintain(load_settings(lake=tmp_path / "link"), NOTHING)
    assert filled.rows() == before


def test_a_lake_that_was_moved_with_a_link_in_its_place_is_maintained(filled, tmp_path):
    before, moved = filled.rows(), filled.folder.rename(tmp_path / "moved")
    filled.folder.symlink_to(moved)
    maintain(load_settings(lake=moved), NOTHING)
    assert filled.rows() == before and len(filled.files(SILVER_TABLE, "*.parquet")) == 2  # one a year


@pytest.mark.slow
def test_a_lake_of_an_older_version_is_maintained_before_its_tables_are_as_declared(tmp_path):
    lake = unpack(LAKE, tmp_path / "lago")
    tables = [table for table in schema.TABLES if table_exists(lake, table)]
    before = [sorted(map(repr, read_table(lake, table).to_pylist())) for table in tables]
    upkeeps = maintain(load_settings(lake=lake), NOTHING)
    assert [sorted(map(repr, read_table(lake, table).to_pylist())) for table in tables] == before
    assert (upkeeps[0].before.data_files, upkeeps[0].after.data_files) == (30, 5)
    assert "Linha do Arquivo" not in opened_table(lake, SILVER_TABLE).schema().column_names


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


def snapshots(lake, table=SILVER_TABLE):
    return [snapshot.snapshot_id for snapshot in opened_table(lake.folder, table).snapshots()]


def test_snapshots_are_readable_while_they_are_kept_and_then_erased(filled):
    first = snapshots(filled)[-1]
    filled.take_out(1)
    filled.maintain(A_WEEK)
    assert opened_table(filled.folder, SILVER_TABLE).scan(snapshot_id=first).count() == 6
    filled.maintain(NOTHING)
    assert first not in snapshots(filled)
    left = b"".join(path.read_bytes() for path in filled.files(SILVER_TABLE))
    assert b"Ana 2" in left and b"Ana 1" not in left


def test_old_versions_go_without_a_rewrite_of_what_the_table_holds(filled):
    filled.take_out(1)
    before, held = filled.rows(), opened_table(filled.folder, SILVER_TABLE).metadata.current_snapshot_id
    delete_old_versions(filled.folder, SILVER_TABLE)
    assert snapshots(filled) == [held] and filled.rows() == before
    assert b"Ana 1" not in b"".join(path.read_bytes() for path in filled.files(SILVER_TABLE))
    version = opened_table(filled.folder, SILVER_TABLE).metadata_location
    delete_old_versions(filled.folder, SILVER_TABLE)
    assert opened_table(filled.folder, SILVER_TABLE).metadata_location == version


def test_old_versions_go_though_they_were_made_before_the_clock_was_set_back(lake, monkeypatch):
    before, an_hour = time.time(), 3600
    with monkeypatch.context() as clock:
        clock.setattr(time, "time", lambda: before + an_hour)
        for number in range(3):
            lake.fill(number)
    for table in lake.names:
        for path in lake.files(table):
            os.utime(path, (before + an_hour - 1,) * 2)
    lake.fill(0)
    delete_old_versions(lake.folder, LEDGER_TABLE)
    maintained = lake.maintain()
    assert [upkeep.after.snapshots for upkeep in maintained.values()] == [1, 1]
    assert [len(lake.files(table, "*.parquet")) for table in lake.names] == [2, 1]


def test_what_killed_runs_left_goes_when_it_is_old_enough(filled):
    """An older version's run left a branch, and a file that it had not yet named."""
    with opened_table(filled.folder, SILVER_TABLE).manage_snapshots() as refs:
        refs.create_branch(snapshots(filled)[0], "auditoria_00c0ffee")
    stray = filled.folder / SILVER_TABLE / "data" / "ano=2024" / "stray.parquet"
    stray.touch()
    before = filled.rows()
    filled.maintain(A_WEEK)
    assert stray.exists() and [*opened_table(filled.folder, SILVER_TABLE).refs()] == ["main"]
    filled.maintain(NOTHING)
    assert not stray.exists() and len(filled.files(SILVER_TABLE, "*.parquet")) == 2 and filled.rows() == before


def test_a_table_without_rows_has_metadata_alone(lake):
    size = lake.maintain()[SILVER_TABLE].after
    assert (size.data_files, size.data_bytes, size.snapshots) == (0, 0, 0) and size.disk_bytes > 0


def test_temporary_files_of_killed_runs_go_at_once(lake):
    (left := lake.settings.staging / "r1").mkdir(parents=True)
    lake.maintain(A_WEEK)
    assert not left.exists()


def test_metadata_does_not_pile_up_in_new_tables_nor_in_old_ones(lake):
    bound = int(properties(LEDGER_TABLE)["write.metadata.previous-versions-max"]) + 1
    lake.fill(1)
    with opened_table(lake.folder, LEDGER_TABLE).transaction() as change:
        change.remove_properties(*properties(LEDGER_TABLE))
    for number in range(bound):
        for table in (SILVER_TABLE, LEDGER_TABLE):
            with opened_table(lake.folder, table).transaction() as change:
                change.set_properties(n=str(number))
    before = lake.rows()
    counts = [len(lake.files(table, "v*.metadata.json")) for table in (SILVER_TABLE, LEDGER_TABLE)]
    assert counts[0] == bound < counts[1]
    lake.maintain()
    assert len(lake.files(LEDGER_TABLE, "v*.metadata.json")) == bound and lake.rows() == before


def test_many_manifests_become_one(lake, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACTED_FROM_FILES", 99)  # so that there is nothing else to commit
    for number in range(3):
        lake.fill(number)
    before, rows = opened_table(lake.folder, SILVER_TABLE).current_snapshot(), lake.rows()
    lake.maintain(A_WEEK)
    after = opened_table(lake.folder, SILVER_TABLE).current_snapshot()
    assert [len(snapshot.manifests(LakeFileIO())) for snapshot in (before, after)] == [3, 1]
    assert after.summary.operation == Operation.REPLACE and lake.rows() == rows


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_no_file_that_is_needed_is_ever_deleted(lake, seed):
    chance = random.Random(seed)
    for _ in range(3):
        for _ in range(chance.randint(1, 3)):
            chance.choice([lake.fill, lake.fill, lake.take_out])(chance.randrange(4))
        before = lake.rows()
        lake.maintain(chance.choice([NOTHING, NOTHING, A_WEEK]))
        assert lake.rows() == before


def test_old_versions_go_with_the_bounds_that_other_programs_keep_of_deleted_files(filled, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(commits, "_without_bounds", lambda file: file)  # as Iceberg's Java does it
        filled.take_out(1)
    assert any(bounds_of_deleted(filled))
    delete_old_versions(filled.folder, SILVER_TABLE)
    assert not any(bounds_of_deleted(filled))


def bounds_of_deleted(lake):
    """Return what the table tells of the values in files that were taken away."""
    opened = opened_table(lake.folder, SILVER_TABLE)
    manifests = opened.current_snapshot().manifests(opened.io)
    entries = [entry for one in manifests for entry in one.fetch_manifest_entry(opened.io, discard_deleted=False)]
    return [entry.data_file.lower_bounds for entry in entries if entry.status == ManifestEntryStatus.DELETED]


@pytest.fixture
def quiet(filled):
    """Return a lake whose last commits were two days ago."""
    ago = timedelta(days=2)
    for table in filled.names:
        metadata = Path(opened_table(filled.folder, table).metadata_location)
        earlier = re.sub(
            r'("(?:timestamp|last-updated)-ms":)(\d+)',
            lambda found: f"{found[1]}{int(found[2]) - ago // timedelta(milliseconds=1)}",
            metadata.read_text(),
        )
        metadata.write_text(earlier)
        for path in filled.files(table):
            os.utime(path, (path.stat().st_mtime - ago.total_seconds(),) * 2)
    return filled


def test_what_was_the_table_until_now_can_still_be_read_however_old_it_is(quiet):
    old, held = snapshots(quiet), held_in(opened_table(quiet.folder, SILVER_TABLE), SILVER_TABLE)
    quiet.maintain(timedelta(days=1))
    assert snapshots(quiet)[0] == old[-1] and sum(len(file.rows()) for file in held) == 6
    quiet.maintain(NOTHING)
    assert old[-1] not in snapshots(quiet) and not any(file.path.exists() for file in held)


def test_a_polling_reader_sees_the_same_rows_all_the_time(quiet):
    seen, failed, done = [], [], threading.Event()

    def poll():
        try:
            while not done.is_set():
                seen.append(quiet.rows())
        except Exception as error:
            failed.append(error)

    before = quiet.rows()
    reader = threading.Thread(target=poll)
    reader.start()
    quiet.maintain(timedelta(days=1))
    done.set()
    reader.join()
    assert failed == [] and len(seen) > 1 and all(rows == before for rows in seen)


def test_upkeep_waits_for_a_run(lake):
    waits, order = threading.Event(), []
    upkeep = threading.Thread(target=maintain, args=(lake.settings, NOTHING, waits.set, order.append))
    with hold_lake(lake.folder, pytest.fail):
        upkeep.start()
        waits.wait()
        order.append("run")
    upkeep.join()
    assert order == ["run", SILVER_TABLE, LEDGER_TABLE]


def test_a_table_that_cannot_be_read_is_explained(tmp_path):
    metadata = tmp_path / "gold" / "metadata" / "v1.metadata.json"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("{}")
    with pytest.raises(VendasError, match="gold cannot be read: its newest metadata, .* is damaged"):
        maintain(load_settings(lake=tmp_path), NOTHING)


# --- the command


def vendas(*words):
    return subprocess.run(
        [VENDAS, *map(str, words)], capture_output=True, text=True, env=os.environ | {"VENDAS_SPARK_MEMORY": "1g"}
    )


@pytest.mark.parametrize(("words", "hours"), [([], 168), (["--keep", "0"], 0)])
def test_the_command_keeps_a_week_unless_it_is_told(tmp_path, capsys, monkeypatch, words, hours):
    given = []

    def maintain(settings, keep, open_workers, waiting, done):
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


@pytest.mark.slow
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
