"""The lake's tables: what they consist of, and that a change is seen whole, once it is accepted, or not at all."""

import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.table.snapshots import Operation

from helpers.kills import Killed
from helpers.lakes import empty_lake
from helpers.rows import FILE, silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Column, Type
from vendas.errors import ConcurrentChange, VendasError
from vendas.lake import commits, tables as lake_tables
from vendas.lake.events import Event
from vendas.lake.ledger import read_events, record
from vendas.lake.table_reader import count_rows, opened_table, read_table, shape
from vendas.lake.tables import (
    GOLD_TABLE,
    LEDGER_TABLE,
    QUARANTINE_TABLE,
    RESUBMITTED_TABLE,
    SILVER_TABLE,
    Lake,
)
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings

OTHER = 'registros_d\'água \\ "b"_20240101T000000000Z_bbbbbbbb.csv'


@pytest.fixture
def tables(tmp_path):
    return empty_lake(tmp_path)


def written(tables, *rows):
    """Write silver rows to a data file per row, and return these."""
    return [tables.target(SILVER_TABLE).write(silver_table([row]), row["ano"]) for row in rows]


def add(tables, *rows, **audit):
    files = [row["Arquivo de Origem"] for row in rows]
    return tables.change(SILVER_TABLE).publish(written(tables, *rows), files, **audit)


def silver(tables):
    return read_table(tables.place, SILVER_TABLE)


def names(tables):
    return sorted(silver(tables)["Nome"].to_pylist())


def snapshots(tables, table=SILVER_TABLE):
    return len(opened_table(tables.place, table).snapshots())


def refuse(held):
    raise ValueError(held)


# --- what a table is


@pytest.mark.parametrize("table", schema.TABLES)
def test_tables_have_the_schemas_columns_types_and_comments(tables, table):
    opened, columns = opened_table(tables.place, table), schema.TABLES[table]
    assert [(field.name, field.doc) for field in opened.schema().fields] == [(c.name, c.comment) for c in columns]
    assert list(shape(tables.place, table).columns.items()) == [(c.name, c.type) for c in columns]
    assert opened.location() == str(tables.place / table) and opened.format_version == 2


@pytest.mark.parametrize(
    ("table", "partition", "order"),
    [
        (SILVER_TABLE, ["ano"], ["Timestamp do Registro"]),
        (GOLD_TABLE, ["ano"], ["timestamp_do_registro"]),
        (QUARANTINE_TABLE, [], []),
        (RESUBMITTED_TABLE, [], []),
        (LEDGER_TABLE, [], []),
    ],
)
def test_sales_are_partitioned_by_year_and_sorted_by_time(tables, table, partition, order):
    opened = opened_table(tables.place, table)
    assert [field.name for field in opened.spec().fields] == partition
    assert [opened.schema().find_column_name(field.source_id) for field in opened.sort_order().fields] == order


def test_other_programs_are_told_how_to_write_to_a_table(tables):
    assert opened_table(tables.place, SILVER_TABLE).properties == {
        "write.parquet.compression-codec": "zstd",
        "write.parquet.row-group-size-bytes": "4194304",
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "20",
        "write.metadata.metrics.column.Arquivo de Origem": "full",
    }


def test_making_tables_again_changes_nothing(tables):
    add(tables, silver_row())
    before = [opened_table(tables.place, table).metadata_location for table in schema.TABLES]
    tables.create_tables()
    assert [opened_table(tables.place, table).metadata_location for table in schema.TABLES] == before


def test_sales_are_parquet_by_year(tables):
    add(tables, silver_row())
    assert len(list((tables.place / "silver" / "data" / "ano=2024").glob("*.parquet"))) == 1


def test_rows_come_back_as_they_were_written(tables):
    rows = [silver_row(), silver_row(OTHER, Nome="Bia")]
    add(tables, *rows)
    assert silver(tables).sort_by("Nome").to_pylist() == rows


def test_a_data_file_has_statistics_of_its_columns(tables):
    rows = [silver_row(**{"Valor da Compra": Decimal(value)}) for value in ("1.50", "9999999999.99")]
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(silver_table(rows), 2024)], [FILE])
    (found,) = opened_table(tables.place, SILVER_TABLE).inspect.files().to_pylist()
    value = found["readable_metrics"]["Valor da Compra"]
    assert (value["lower_bound"], value["upper_bound"]) == (Decimal("1.50"), Decimal("9999999999.99"))
    assert (found["record_count"], found["partition"]) == (2, {"ano": 2024})


def test_lists_of_texts_are_read_back(tables):
    refused = pa.table({"arquivo": [FILE], "linha": [7], "texto": ["a\nb"], "motivos": [["x", "y"]]})
    tables.replace(QUARANTINE_TABLE, [tables.target(QUARANTINE_TABLE).write(refused)], [FILE])
    assert read_table(tables.place, QUARANTINE_TABLE).to_pylist() == refused.to_pylist()


def test_a_tables_total_is_told_without_reading_it(tables):
    assert (tables.total(SILVER_TABLE), count_rows(tables.place, SILVER_TABLE)) == (0, 0)
    add(tables, silver_row(), silver_row(OTHER))
    for path in (tables.place / "silver").rglob("*.parquet"):
        path.unlink()
    assert (tables.total(SILVER_TABLE), count_rows(tables.place, SILVER_TABLE)) == (2, 2)


def test_a_lake_without_tables_reads_as_empty_and_cannot_be_changed(tmp_path):
    assert read_table(tmp_path, LEDGER_TABLE).num_rows == 0
    with pytest.raises(VendasError, match="has no table silver.*vendas run"):
        Lake(tmp_path, ThisProcess(load_settings(lake=tmp_path))).change(SILVER_TABLE)


# --- a change


def test_add_returns_the_rows_held_of_each_file(tables):
    rows = written(tables, silver_row(), silver_row(OTHER), silver_row(OTHER, Nome="Bia"))
    held = tables.change(SILVER_TABLE).publish(rows, [FILE, OTHER, "none.csv"])
    assert held == {FILE: 1, OTHER: 2, "none.csv": 0} == tables.count_by_file(SILVER_TABLE, held)


def test_other_programs_are_told_whether_rows_came_or_were_replaced(tables):
    """A program that follows a table by its commits passes over those that say they conserve the rows."""
    add(tables, silver_row())
    tables.replace(SILVER_TABLE, written(tables, silver_row()), [FILE])
    log = opened_table(tables.place, SILVER_TABLE).snapshots()
    assert [snapshot.summary.operation for snapshot in log] == [Operation.APPEND, Operation.OVERWRITE]


def test_what_an_audit_gets_counts_what_stays_and_what_comes(tables):
    add(tables, silver_row(), silver_row(OTHER), silver_row(OTHER))
    told = []
    add(tables, silver_row(), silver_row(OTHER, Nome="Bia"), replaced=[OTHER], audit=told.append)
    assert told == [{FILE: 2, OTHER: 1}]


def test_rows_that_a_data_file_does_not_hold_are_not_counted(tables):
    (file,) = written(tables, silver_row())
    told = []
    tables.change(SILVER_TABLE).publish([file], [OTHER], audit=told.append)
    assert told == [{OTHER: 0}]


def test_an_audit_that_raises_leaves_the_table_as_it_was(tables):
    add(tables, silver_row())
    with pytest.raises(ValueError, match="'" + FILE):
        add(tables, silver_row(Nome="Bia"), audit=refuse)
    assert names(tables) == ["Ana"] and snapshots(tables) == 1


def test_what_an_audit_refused_does_not_come_back(tables):
    with pytest.raises(ValueError):
        add(tables, silver_row(Nome="Bia"), audit=refuse)
    add(tables, silver_row())
    assert names(tables) == ["Ana"]


@pytest.mark.parametrize(("module", "step"), [(lake_tables, "_without"), (commits, "replace_files")])
def test_a_change_that_is_killed_before_its_commit_leaves_nothing_to_be_seen(tables, monkeypatch, module, step):
    add(tables, silver_row(), silver_row(OTHER))

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(module, step, die)
        tables.replace(SILVER_TABLE, written(tables, silver_row(Nome="Bia")), [FILE])
    assert names(tables) == ["Ana", "Ana"] and snapshots(tables) == 1
    tables.replace(SILVER_TABLE, written(tables, silver_row(Nome="Bia")), [FILE])
    assert names(tables) == ["Ana", "Bia"]


def test_replace_leaves_other_files_alone_and_can_be_repeated(tables):
    both = silver_table([silver_row(), silver_row(OTHER)])
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(both, 2024)], [FILE, OTHER])
    for _ in range(2):
        tables.replace(SILVER_TABLE, written(tables, silver_row(OTHER, Nome="Bia")), [OTHER])
    assert names(tables) == ["Ana", "Bia"]


def test_all_rows_of_files_can_be_taken_out(tables):
    add(tables, silver_row(), silver_row(OTHER, Nome="Bia"))
    assert tables.replace(SILVER_TABLE, [], [FILE]) == {FILE: 0} and names(tables) == ["Bia"]
    assert tables.replace(SILVER_TABLE, [], [OTHER]) == {OTHER: 0} and names(tables) == []
    assert tables.total(SILVER_TABLE) == 0


def test_a_refused_replacement_leaves_the_old_rows(tables):
    add(tables, silver_row())
    with pytest.raises(ValueError):
        tables.replace(SILVER_TABLE, [], [FILE], audit=refuse)
    assert names(tables) == ["Ana"]


def test_without_files_nothing_is_committed(tables):
    assert tables.change(SILVER_TABLE).publish([], []) == {}
    tables.replace(GOLD_TABLE, [], [])
    tables.replace(GOLD_TABLE, [], [FILE])
    tables.swap_files(GOLD_TABLE, {})
    assert (snapshots(tables), snapshots(tables, GOLD_TABLE)) == (0, 0)


def test_two_writers_cannot_both_publish(tables):
    one, other = tables.change(SILVER_TABLE), tables.change(SILVER_TABLE)
    other.publish(written(tables, silver_row()), [FILE])
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        one.publish(written(tables, silver_row(Nome="Bia")), [FILE])
    assert names(tables) == ["Ana"]


def test_a_conclusion_from_a_table_that_changed_meanwhile_is_refused_though_it_is_that_nothing_is_to_be_done(tables):
    change = tables.change(SILVER_TABLE)
    add(tables, silver_row(OTHER))
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        change.publish([], [FILE])


def test_a_change_sees_the_table_as_it_was_when_it_began(tables):
    change, moment = tables.change(SILVER_TABLE), silver_row()["Timestamp do Registro"]
    add(tables, silver_row())
    assert change.files() == change.files_between(moment, moment) == [] and change.added_when() == {}


def test_files_are_numbered_by_the_commit_that_added_them(tables):
    add(tables, silver_row())
    add(tables, silver_row(OTHER, Nome="Bia"))
    for number in range(6):  # so that manifests are merged
        add(tables, silver_row(f"{number}.csv", Nome="Caio"))
    change = tables.change(SILVER_TABLE)
    added = change.added_when()
    held = sorted(change.files(), key=lambda file: added[file.path])
    assert [file.rows()["Nome"][0].as_py() for file in held] == ["Ana", "Bia"] + ["Caio"] * 6
    assert sorted(added.values()) == [*range(1, 9)]


def test_rewritten_rows_keep_what_they_lack_and_columns_that_are_not_declared(tables, monkeypatch):
    both = silver_table([silver_row(), silver_row(OTHER)])
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(both, 2024)], [FILE, OTHER])
    brand = Column("marca", Type.TEXT, "Marca", "-")
    monkeypatch.setitem(schema.TABLES, SILVER_TABLE, (*schema.SILVER_COLUMNS, brand))
    tables.create_tables()
    with opened_table(tables.place, SILVER_TABLE).update_schema() as change:
        change.rename_column("Vendedor", "quem vendeu")
    tables.replace(SILVER_TABLE, [], [FILE])
    (left,) = opened_table(tables.place, SILVER_TABLE).scan().to_arrow().to_pylist()
    assert (left["Arquivo de Origem"], left["quem vendeu"], left["marca"]) == (OTHER, "Rita", None)


def test_files_are_swapped_at_once(tables):
    add(tables, silver_row(), silver_row(OTHER))
    swapped = {
        str(held.path): tables.target(SILVER_TABLE).write(held.rows().set_column(1, "Nome", [["x"]]), held.ano)
        for held in tables.files_of(SILVER_TABLE, [FILE])
        if held.rows()["Arquivo de Origem"][0].as_py() == FILE
    }
    tables.swap_files(SILVER_TABLE, swapped)
    assert names(tables) == ["Ana", "x"] and snapshots(tables) == 2
    with pytest.raises(ConcurrentChange, match="silver was changed meanwhile"):
        tables.swap_files(SILVER_TABLE, swapped)
    assert names(tables) == ["Ana", "x"]


# --- which files are read


def files_between(tables, first, last):
    return tables.change(SILVER_TABLE).files_between(first, last)


def test_files_between_two_moments_include_both(tables):
    add(tables, silver_row())
    moment = silver_row()["Timestamp do Registro"]
    assert len(files_between(tables, moment, moment)) == 1


@pytest.fixture(params=["America/Sao_Paulo", "Asia/Tokyo"])
def elsewhere(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_moments_are_wall_clock_wherever_the_machine_stands(tables, elsewhere):
    add(tables, silver_row())
    moment, little = silver_row()["Timestamp do Registro"], timedelta(microseconds=1)
    (held,) = files_between(tables, moment, moment)
    assert held.first == held.last == (moment - datetime(1970, 1, 1)) // little
    assert not files_between(tables, moment + little, moment + timedelta(days=1))
    assert silver(tables)["Timestamp do Registro"].to_pylist() == [moment]


def test_files_of_other_moments_years_and_bronze_files_are_passed_over(tables):
    add(tables, silver_row())
    add(tables, silver_row(OTHER, **{"Timestamp do Registro": datetime(2023, 5, 5)}))
    assert [file.ano for file in files_between(tables, datetime(2024, 3, 1), datetime(2024, 4, 1))] == [2024]
    assert [file.ano for file in tables.files_of(SILVER_TABLE, [OTHER])] == [2023]


def test_files_of_other_days_are_passed_over(tables):
    days = [FILE.replace("20240101", f"2024010{day}") for day in (1, 2, 3)]
    for day in days:
        add(tables, silver_row(day))
    assert [len(tables.files_of(SILVER_TABLE, files)) for files in (days, days[:1], days[2:])] == [3, 1, 1]


# --- the ledger


def record_runs(tables, *runs):
    for run_id in runs:
        record(tables, [], [Event(OTHER, "registros.csv", "bronze", run_id)])


def ledger_files(tables):
    """Return the number of the ledger's data files, and the runs in it."""
    files = tables.change(LEDGER_TABLE).files()
    return len(files), sorted(event.run_id for event in read_events(tables.place))


def test_the_ledger_gives_back_its_events(tables):
    record(tables, [], [Event(OTHER, "registros.csv", "bronze", "r1", motivo="ação", lidas=3, dialeto="{}")])
    (found,) = read_events(tables.place)
    assert (found.arquivo, found.motivo, found.lidas, found.gravadas) == (OTHER, "ação", 3, 0)


def test_an_event_tells_its_notebook_and_its_times(tables):
    record(tables, [], [Event(OTHER, "registros.csv", "silver", run_id) for run_id in ("r1", "manual")])
    by_run = {event.run_id: event for event in read_events(tables.place)}
    assert [by_run[run_id].notebook for run_id in ("r1", "manual")] == ["runs/r1/02_silver.ipynb", None]
    assert by_run["r1"].iniciado_em == tables.opened_at <= by_run["r1"].registrado_em


def test_an_event_is_newer_than_those_before_it_though_the_clock_was_set_back(tables):
    future = Event(OTHER, "registros.csv", "bronze", "r1", registrado_em=datetime(2999, 1, 1))
    record(tables, [future], [Event(OTHER, "registros.csv", "silver", "r2")])
    (found,) = read_events(tables.place)
    assert found.registrado_em > future.registrado_em


def test_small_files_of_the_ledger_become_one_with_each_record(tables):
    record_runs(tables, "r1", "r2", "r3")
    assert ledger_files(tables) == (1, ["r1", "r2", "r3"])


def test_large_files_of_the_ledger_stay_as_they_are(tables, monkeypatch):
    monkeypatch.setattr(lake_tables, "LEDGER_SMALL_FILE_BYTES", 0)
    record_runs(tables, "r1", "r2", "r3")
    assert ledger_files(tables) == (3, ["r1", "r2", "r3"])


@pytest.mark.parametrize(("others", "recorded"), [(1, True), (99, False)])
def test_a_record_begins_again_if_others_record_meanwhile_and_gives_up_at_last(tables, monkeypatch, others, recorded):
    record_runs(tables, "r1")
    plain, meanwhile = commits.replace_files, [f"other{number}" for number in range(others)]

    def after_another(*given, **more):
        if meanwhile:
            other = meanwhile.pop()
            with monkeypatch.context() as patch:
                patch.setattr(commits, "replace_files", plain)
                record_runs(tables, other)
        plain(*given, **more)

    monkeypatch.setattr(commits, "replace_files", after_another)
    monkeypatch.setattr(lake_tables, "LEDGER_CONFLICT_PAUSES", (0, 0, 0))
    try:
        record_runs(tables, "r2")
    except ConcurrentChange:
        assert not recorded
    monkeypatch.undo()
    files, runs = ledger_files(tables)
    assert files == 1 and ("r2" in runs) == recorded and {"r1", f"other{others - 1}"} <= {*runs}
    assert len(list((tables.place / LEDGER_TABLE / "data").glob("*.parquet"))) == len(runs)  # none of a refused attempt


def test_a_record_begins_again_although_its_file_is_gone(tables, monkeypatch):
    """No table names the file yet, so upkeep can have deleted it."""
    plain = commits.replace_files

    def delete_and_refuse(opened, added, removed):
        monkeypatch.setattr(commits, "replace_files", plain)
        for file in added:
            Path(file.path).unlink()
        raise ConcurrentChange("another was first")

    monkeypatch.setattr(commits, "replace_files", delete_and_refuse)
    monkeypatch.setattr(lake_tables, "LEDGER_CONFLICT_PAUSES", (0,))
    record_runs(tables, "r1")
    assert ledger_files(tables) == (1, ["r1"])


def test_recording_no_events_commits_nothing(tables):
    record(tables, [], [])
    assert snapshots(tables, LEDGER_TABLE) == 0
