"""Small files become few: which of them, where they are cut, in which order their rows are, and that none is lost."""

import random
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st
from pyiceberg.manifest import DataFileContent, ManifestContent

from helpers.delete_files import delete_beside
from helpers.lakes import empty_lake
from helpers.rows import silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Column, Type
from vendas.errors import ConcurrentChange, ConservationError, VendasError
from vendas.lake import compaction
from vendas.lake.commits import replace_files
from vendas.lake.data_files import HeldFile
from vendas.lake.events import Event
from vendas.lake.file_io import LakeFileIO
from vendas.lake.ledger import read_events, record
from vendas.lake.maintenance import maintain_table
from vendas.lake.table_reader import entries_of, held_in, is_one_of, opened_table, read_table, scan_tasks
from vendas.lake.tables import FILE_COLUMNS, LEDGER_TABLE, PLACES, QUARANTINE_TABLE, SILVER_TABLE, Lake

MOMENT = "Timestamp do Registro"
BEGUN = datetime(2024, 1, 1)


@pytest.fixture
def tables(tmp_path):
    return empty_lake(tmp_path)


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """Let files of 20 rows be large enough."""
    monkeypatch.setattr(compaction, "COMPACTED_ROWS", 20)


def name_of(number):
    return f"registros_{number}_20240101T{number:09d}Z_{number:08x}.csv"


def add(tables, number, hours):
    """Add a file of sales at these hours of the year."""
    file = name_of(number)
    sales = [silver_row(file, linha, **{MOMENT: BEGUN + timedelta(hours=hour)}) for linha, hour in enumerate(hours, 2)]
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(silver_table(sales), 2024)], [file])


def compact(tables, table=SILVER_TABLE):
    opened = opened_table(tables.place, table)
    compaction.compact(opened, table, tables.workers)
    return held_in(opened, table)


def in_order(rows):
    return [(row[MOMENT], *(row[name] for name in PLACES[SILVER_TABLE])) for row in rows.to_pylist()]


@pytest.mark.parametrize(
    ("sizes", "left"),
    [
        ([5], [5]),  # one file stays, however small
        ([5, 4], [9]),
        ([5, 4, 15], [9, 15]),  # 3/4 of what is wanted is enough
        ([14, 14], [28]),
        ([14, 14, 14], [21, 21]),
        pytest.param([3] * 20, [20] * 3, marks=pytest.mark.slow),
    ],
)
def test_small_files_become_files_of_about_the_wanted_size(tables, sizes, left):
    hour = iter(range(sum(sizes)))
    for number, size in enumerate(sizes):
        add(tables, number, [next(hour) for _ in range(size)])
    assert sorted(held.count for held in compact(tables)) == left


def test_files_are_cut_by_time_and_sorted_by_it_and_then_by_file_and_line(tables):
    chance = random.Random(1)
    for number in range(9):
        add(tables, number, [chance.randrange(10) for _ in range(10)])
    before = sorted(in_order(read_table(tables.place, SILVER_TABLE)))
    held = sorted(compact(tables), key=lambda file: file.first)
    assert len(held) > 2 and all(one.last < next.first for one, next in zip(held, held[1:], strict=False))
    assert [place for file in held for place in in_order(file.rows())] == before


def test_the_order_does_not_depend_on_how_files_are_named(tables, tmp_path):
    other = Lake(tmp_path / "other", tables.workers)
    other.create_tables()
    for number in (1, 2, 3):
        add(tables, number, [5, 5, 5])
    for number in (3, 1, 2):
        add(other, number, [5, 5, 5])
    (one,), (another,) = compact(tables), compact(other)
    assert in_order(one.rows()) == in_order(another.rows())


def test_sales_of_one_moment_stay_together(tables):
    for number in range(10):
        add(tables, number, [7] * 10)
    assert [held.count for held in compact(tables)] == [100]


@settings(max_examples=100)
@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=14), min_size=2, max_size=30))
def test_what_is_compact_is_not_compacted_again(files):
    moments = np.sort(np.concatenate(files))
    compacted = compaction.COMPACTED_ROWS * 3 / 4
    parts = np.diff([0, *np.searchsorted(moments, compaction._cuts(moments, len(moments))), len(moments)])
    assert parts.sum() == len(moments) and (len(parts) == 1 or parts.min() >= compacted)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_no_row_changes_and_a_second_time_no_file(tables, seed):
    chance = random.Random(seed)
    for number in range(20):
        add(tables, number, [chance.randrange(chance.choice([3, 500])) for _ in range(chance.randrange(1, 14))])
    before = Counter(map(repr, read_table(tables.place, SILVER_TABLE).to_pylist()))
    held = compact(tables)
    version = opened_table(tables.place, SILVER_TABLE).metadata_location
    assert compact(tables) == held and len(held) < 20
    assert opened_table(tables.place, SILVER_TABLE).metadata_location == version
    assert Counter(map(repr, read_table(tables.place, SILVER_TABLE).to_pylist())) == before


def test_a_sample_of_the_moments_is_enough(tables, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACTED_ROWS", 100)
    monkeypatch.setattr(compaction, "COMPACTION_MOMENTS", 350)
    for number in range(10):
        add(tables, number, range(number, 700, 10))
    sizes = [held.count for held in compact(tables)]
    assert len(sizes) == 7 and sum(sizes) == 700 and min(sizes) >= 75


def test_each_year_has_its_files(tables):
    add(tables, 1, [1])
    add(tables, 2, [2])
    for number, year in ((3, 2022), (4, 2022), (5, 2023)):
        sale = silver_row(name_of(number), **{MOMENT: datetime(year, 5, 5)})
        tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(silver_table([sale]), year)], [name_of(number)])
    assert sorted((held.ano, held.count) for held in compact(tables)) == [(2022, 2), (2023, 1), (2024, 2)]


def refuse(tables, number, rows):
    file = name_of(number)
    refused = pa.table(
        {"arquivo": [file] * rows, "linha": [*range(rows)], "texto": ["a"] * rows, "motivos": [["x"]] * rows}
    )
    tables.replace(QUARANTINE_TABLE, [tables.target(QUARANTINE_TABLE).write(refused)], [file])


def test_files_of_a_table_without_times_are_joined_as_they_were_added(tables):
    for number, rows in enumerate((5, 30, 6, 7, 8, 9, 1)):
        refuse(tables, number, rows)
    before = sorted(map(repr, read_table(tables.place, QUARANTINE_TABLE).to_pylist()))
    files = [
        sorted({row["arquivo"][10] for row in held.rows().to_pylist()}) for held in compact(tables, QUARANTINE_TABLE)
    ]
    assert sorted(files) == [["0", "2", "3"], ["1"], ["4", "5"], ["6"]]
    assert sorted(map(repr, read_table(tables.place, QUARANTINE_TABLE).to_pylist())) == before
    assert sorted(held.count for held in compact(tables, QUARANTINE_TABLE)) == [1, 17, 18, 30]


def test_a_table_that_changes_meanwhile_stays_as_it_is(tables, monkeypatch):
    add(tables, 1, [1])
    add(tables, 2, [2])
    opened = opened_table(tables.place, SILVER_TABLE)
    add(tables, 3, [3])
    with pytest.raises(ConcurrentChange):
        compaction.compact(opened, SILVER_TABLE, tables.workers)
    assert len(read_table(tables.place, SILVER_TABLE)) == 3


def test_a_row_that_would_be_lost_stops_the_compaction(tables, monkeypatch):
    add(tables, 1, [1, 2])
    add(tables, 2, [2])
    rows = HeldFile.rows
    with monkeypatch.context() as patch, pytest.raises(ConservationError, match=r"2024.*instead of"):
        patch.setattr(HeldFile, "rows", lambda held: rows(held).slice(1))
        compact(tables)
    assert len(read_table(tables.place, SILVER_TABLE)) == 3


def test_what_older_files_lack_stays_null_so_that_the_default_can_still_be_declared_otherwise(tables, monkeypatch):
    add(tables, 1, [1])
    add(tables, 2, [2])
    brand = Column("marca", Type.TEXT, "Marca", "-")
    monkeypatch.setitem(schema.TABLES, SILVER_TABLE, (*schema.SILVER_COLUMNS, brand))
    tables.create_tables()
    (held,) = compact(tables)
    assert pq.read_table(held.path, partitioning=None)["marca"].null_count == 2
    assert held.rows()["marca"].to_pylist() == ["-", "-"]


def test_a_column_that_is_not_declared_any_more_keeps_its_values(tables):
    add(tables, 1, [1])
    add(tables, 2, [2])
    with opened_table(tables.place, SILVER_TABLE).update_schema() as change:
        change.rename_column("Vendedor", "quem vendeu")
    (held,) = compact(tables)
    assert pq.read_table(held.path, partitioning=None)["quem vendeu"].to_pylist() == ["Rita", "Rita"]


def test_a_table_that_calls_its_times_otherwise_yet_is_compacted_without_an_order(tables):
    for number in range(10):
        add(tables, number, [number] * 5)
    before = sorted(in_order(read_table(tables.place, SILVER_TABLE)))
    with opened_table(tables.place, SILVER_TABLE).update_schema() as change:
        change.rename_column(MOMENT, "Data")  # one of its other names, of which the next run makes the declared one
    assert sorted(held.count for held in compact(tables)) == [5, 15, 15, 15]
    tables.create_tables()
    assert sorted(in_order(read_table(tables.place, SILVER_TABLE))) == before


@pytest.mark.slow
def test_manifests_do_not_pile_up(tables):
    for number in range(30):
        record(tables, [], [Event(name_of(number), "registros.csv", "bronze", f"r{number}")])
        add(tables, number, [number])
    ledger, silver = (manifests(tables, table) for table in (LEDGER_TABLE, SILVER_TABLE))
    assert (len(ledger), len([found for found in ledger if found.has_added_files()])) == (2, 1)
    assert len(silver) <= 5
    assert len(read_events(tables.place)) == len(read_table(tables.place, SILVER_TABLE)) == 30


def manifests(tables, table):
    return opened_table(tables.place, table).current_snapshot().manifests(LakeFileIO())


# --- rows that other programs deleted beside their files


@pytest.fixture
def deleted(tables):
    """Return a lake after another program has deleted sales: one of a file, all of another, none of a third."""
    for number, hours in enumerate([(0, 1, 2), (3, 4), (5,)]):
        add(tables, number, hours)
    delete(tables, name_of(0), 1)
    delete(tables, name_of(1), 0, 1)
    return tables


def delete(tables, file, *places):
    opened = opened_table(tables.place, SILVER_TABLE)
    (task,) = scan_tasks(opened, SILVER_TABLE, is_one_of(FILE_COLUMNS[SILVER_TABLE], [file]))
    delete_beside(opened, task.file, *places)


def maintain(tables):
    return maintain_table(tables.place, tables.workers, SILVER_TABLE, timedelta(days=7))


def hours(tables):
    return [(moment - BEGUN) // timedelta(hours=1) for moment, *_ in in_order(read_table(tables.place, SILVER_TABLE))]


def delete_files(tables):
    """Return how many files of deleted rows the table has, by its manifests and by its summary."""
    opened = opened_table(tables.place, SILVER_TABLE)
    found = [entry for entry in entries_of(opened) if entry.data_file.content != DataFileContent.DATA]
    assert len(found) == int(opened.current_snapshot().summary["total-delete-files"])
    return len(found)


def test_rows_deleted_beside_their_file_are_not_taken_for_there(tables):
    add(tables, 0, range(3))
    delete(tables, name_of(0), 1)
    with pytest.raises(VendasError, match="has delete files.*\n.*vendas maintain"):
        hours(tables)


def test_upkeep_makes_deleted_rows_part_of_the_data_files(deleted):
    assert delete_files(deleted) == 2
    upkeep = maintain(deleted)
    assert (hours(deleted), delete_files(deleted), upkeep.after.data_files) == ([0, 2, 5], 0, 1)


def test_delete_files_that_concern_no_file_any_more_go(deleted, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACTED_FROM_FILES", 99)
    opened = opened_table(deleted.place, SILVER_TABLE)
    gone = [task.file for task in scan_tasks(opened, SILVER_TABLE) if task.delete_files]
    replace_files(opened, [], gone)
    assert (hours(deleted), delete_files(deleted)) == ([5], 2)
    maintain(deleted)
    assert (hours(deleted), delete_files(deleted)) == ([5], 0)


def test_a_commit_keeps_deleted_rows_of_other_files_deleted(deleted):
    """Manifests are merged, those of delete files apart from those of data files."""
    opened = opened_table(deleted.place, SILVER_TABLE)
    new = silver_table([silver_row(name_of(9), **{MOMENT: BEGUN + timedelta(hours=9)})])
    replace_files(opened, [deleted.target(SILVER_TABLE).write(new, 2024)], merged_from=2)
    contents = [one.content for one in manifests(deleted, SILVER_TABLE)]
    assert contents == [ManifestContent.DATA, ManifestContent.DELETES, ManifestContent.DELETES]
    maintain(deleted)
    assert hours(deleted) == [0, 2, 5, 9]
