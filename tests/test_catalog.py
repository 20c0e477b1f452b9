"""Commits to a lake in a folder: of two at once one wins, none is lost, and a kill leaves the old or the new table."""

import gzip
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.expressions import visitors

from helpers.kills import Killed
from helpers.lakes import empty_lake
from helpers.rows import silver_row, silver_table
from vendas.errors import ConcurrentChange, VendasError
from vendas.lake import catalog, file_io
from vendas.lake.file_io import LakeFileIO
from vendas.lake.metadata_files import HINT
from vendas.lake.table_files import delete_orphans
from vendas.lake.table_reader import opened_table, read_table
from vendas.lake.tables import LEDGER_TABLE, QUARANTINE_TABLE, SILVER_TABLE, Lake
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings

ROUNDS = 60


@pytest.fixture
def tables(tmp_path):
    return empty_lake(tmp_path)


def name_of(number):
    return f"registros_{number}_20240101T000000000Z_{number:08x}.csv"


def publish(tables, number):
    """Put a sale of file `number` in the place of the one that silver has of it."""
    row = silver_table([silver_row(name_of(number), Nome=f"Ana {number}")])
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(row, 2024)], [name_of(number)])


def names(tables):
    return sorted(read_table(tables.place, SILVER_TABLE)["Nome"].to_pylist())


def metadata_of(tables, table=SILVER_TABLE):
    return tables.place / table / "metadata"


def versions(tables, table=SILVER_TABLE):
    return sorted(int(path.name[1:].partition(".")[0]) for path in metadata_of(tables, table).glob("v*.metadata.json"))


def set_property(tables, key, table=SILVER_TABLE, value="1"):
    with opened_table(tables.place, table).transaction() as change:
        change.set_properties({key: value})


# --- two at once

WRITER = """
import sys
from pathlib import Path
from pyiceberg.exceptions import CommitFailedException
from vendas.lake.table_reader import opened_table

place, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
refused = 0
for number in range(rounds):
    while True:
        try:
            with opened_table(place, "silver").transaction() as change:
                change.set_properties({f"{name}.{number}": "1"})
            break
        except CommitFailedException:
            refused += 1
print(refused)
"""

RECORDER = """
import sys
from pathlib import Path
from vendas.errors import ConcurrentChange
from vendas.lake.events import Event
from vendas.lake.ledger import record
from vendas.lake.tables import Lake
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings

place, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
tables = Lake(place, ThisProcess(load_settings(lake=place)))
print("ready", flush=True)
sys.stdin.readline()
for number in range(rounds):
    event = Event("registros_a_20240101T000000000Z_0000000a.csv", "a.csv", "bronze", f"{name}.{number}")
    while True:
        try:
            record(tables, [], [event])
            break
        except ConcurrentChange:  # after several attempts
            pass
print(0)
"""


def at_once(program, place, rounds):
    """Run the program in two processes at once; return what each printed last, a number."""
    command = [sys.executable, "-c", program, str(place)]
    processes = [
        subprocess.Popen([*command, name, str(rounds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "other")
    ]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [int(last) for last in said]


@pytest.mark.slow
def test_of_two_processes_exactly_one_wins_each_version_and_no_commit_is_lost(tables):
    set_property(tables, "write.metadata.delete-after-commit.enabled", value="false")
    before = versions(tables)
    refused = at_once(WRITER, tables.place, ROUNDS)
    expected = {f"{name}.{number}" for name in ("one", "other") for number in range(ROUNDS)}
    assert expected <= opened_table(tables.place, SILVER_TABLE).properties.keys()
    assert versions(tables) == [*before, *range(before[-1] + 1, before[-1] + 1 + 2 * ROUNDS)]
    assert sum(refused) > 0  # else they did not meet


@pytest.mark.slow
def test_two_processes_that_record_at_once_lose_no_event(tables):
    at_once(RECORDER, tables.place, 8)
    runs = read_table(tables.place, LEDGER_TABLE)["run_id"].to_pylist()
    assert sorted(runs) == sorted(f"{name}.{number}" for name in ("one", "other") for number in range(8))


def test_a_file_is_found_in_its_manifest_though_threads_look_at_several_at_once(tables, monkeypatch):
    """pyiceberg lets them share an object that holds the bounds of the manifest that was last begun."""
    for year in (2022, 2023, 2024):
        row = silver_table([silver_row(name_of(year), Nome="Ana")])
        tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(row, year)], [name_of(year)])

    def set_late(visitor, bounds):
        visitor.bounds = bounds
        time.sleep(0.01)  # until the other threads have begun

    late = property(lambda visitor: visitor.bounds, set_late)
    monkeypatch.setattr(visitors._ManifestEvalVisitor, "partition_fields", late, raising=False)
    publish(tables, 2024)
    assert names(tables) == ["Ana", "Ana", "Ana 2024"]


def test_a_change_to_a_table_that_changed_meanwhile_is_refused_and_leaves_no_metadata(tables):
    change = tables.change(SILVER_TABLE)
    publish(tables, 1)
    files = {path.name for path in metadata_of(tables).iterdir()}
    row = tables.target(SILVER_TABLE).write(silver_table([silver_row(name_of(2))]), 2024)
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        change.publish([row], [name_of(2)])
    assert names(tables) == ["Ana 1"] and {path.name for path in metadata_of(tables).iterdir()} == files


def test_a_commit_that_comes_so_late_that_its_name_is_free_again_is_refused(tables, monkeypatch):
    """Old versions are deleted, so that the name of the next one is no proof that there is none."""
    set_property(tables, "write.metadata.previous-versions-max", value="2")
    late = opened_table(tables.place, SILVER_TABLE)
    write = catalog.ToOutputFile.table_metadata

    def write_late(*given, **more):
        monkeypatch.setattr(catalog.ToOutputFile, "table_metadata", write)
        for number in range(5):
            publish(tables, number)
        write(*given, **more)

    monkeypatch.setattr(catalog.ToOutputFile, "table_metadata", write_late)
    with pytest.raises(CommitFailedException, match="another process has written"), late.transaction() as change:
        change.set_properties(late="1")
    assert names(tables) == [f"Ana {number}" for number in range(5)]
    assert "late" not in opened_table(tables.place, SILVER_TABLE).properties and len(versions(tables)) == 3


@pytest.mark.parametrize("links", [True, False])
def test_a_version_that_another_program_writes_at_the_last_moment_is_not_overwritten(tables, monkeypatch, links):
    publish(tables, 1)
    place = metadata_of(tables) / f"v{versions(tables)[-1] + 1}.metadata.json"
    rename = catalog._rename_to_new

    def rename_too_late(aside, new):
        shutil.copy(opened_table(tables.place, SILVER_TABLE).metadata_location, place)
        rename(aside, new)

    monkeypatch.setattr(catalog, "_rename_to_new", rename_too_late)
    if not links:
        without_links(monkeypatch)
    with pytest.raises(ConcurrentChange):
        publish(tables, 2)
    assert names(tables) == ["Ana 1"]


def test_a_commit_that_a_network_file_system_reports_as_failed_counts_once(tables, monkeypatch):
    """A server whose answer is lost is asked again for the same link, which is there by then."""
    link = os.link

    def link_twice(path, new):
        link(path, new)
        link(path, new)

    monkeypatch.setattr(os, "link", link_twice)
    publish(tables, 1)
    set_property(tables, "one")
    assert names(tables) == ["Ana 1"] and "one" in opened_table(tables.place, SILVER_TABLE).properties


# --- a lake at another place


def test_a_copied_lake_is_refused_since_what_it_adds_would_be_put_into_the_original(tmp_path):
    tables, copy = empty_lake(tmp_path / "lago"), tmp_path / "copy"
    publish(tables, 1)
    shutil.copytree(tables.place, copy)
    there = {*tables.place.rglob("*")}
    for work in (lambda: publish(Lake(copy, tables.workers), 2), lambda: read_table(copy, SILVER_TABLE)):
        with pytest.raises(VendasError, match="silver was made as .*lago/silver, and its files are looked for there"):
            work()
    assert {*tables.place.rglob("*")} == there


def test_a_lake_that_was_moved_with_a_link_in_its_place_is_the_same_lake(tmp_path):
    tables = empty_lake(tmp_path / "lago")
    publish(tables, 1)
    moved = tables.place.rename(tmp_path / "moved")
    tables.place.symlink_to(moved)
    publish(Lake(moved, tables.workers), 2)
    assert names(tables) == ["Ana 1", "Ana 2"]


# --- a file system without hard links


def without_links(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_a_file_system_without_hard_links_will_do(tables, monkeypatch):
    without_links(monkeypatch)
    publish(tables, 1)
    change = tables.change(SILVER_TABLE)
    publish(tables, 2)
    with pytest.raises(ConcurrentChange):
        change.publish([], [name_of(1)], replaced=[name_of(1)])
    assert names(tables) == ["Ana 1", "Ana 2"]
    assert not [path for path in metadata_of(tables).iterdir() if path.name[:1] != "v" and path.suffix == ".json"]


SLOW_WITHOUT_LINKS = """
import os, pathlib, time

def link(*_):
    raise PermissionError(1, "Operation not permitted")

def exists(path, exists=pathlib.Path.exists):
    found = exists(path)
    time.sleep(0.01)
    return found

os.link, pathlib.Path.exists = link, exists
"""


@pytest.mark.slow
def test_two_processes_on_a_file_system_without_hard_links_lose_no_commit(tables):
    at_once(SLOW_WITHOUT_LINKS + WRITER, tables.place, 20)
    expected = {f"{name}.{number}" for name in ("one", "other") for number in range(20)}
    assert expected <= opened_table(tables.place, SILVER_TABLE).properties.keys()


# --- a kill


class Disk:
    """The disk's operations that change something; the process is killed at the `last` one, some way into it."""

    def __init__(self, monkeypatch, last):
        self.left = last
        for owner, name in (
            (Path, "write_bytes"),
            (Path, "write_text"),
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
            (Path, "mkdir"),
            (os, "link"),
        ):
            monkeypatch.setattr(owner, name, self.counted(name, getattr(owner, name)))

    def counted(self, name, operation):
        def done(place, *given, **more):
            self.left -= 1
            if self.left == 0 and name.startswith("write"):
                operation(place, given[0][: len(given[0]) // 2])
            if self.left <= 0:  # a dead process does nothing more
                raise Killed
            return operation(place, *given, **more)

        return done


def test_all_that_a_commit_names_is_on_the_disk_before_it_and_its_own_name_after_it(tables, monkeypatch):
    done, flush, link = [], os.fsync, os.link

    def noted_flush(descriptor):
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        flush(descriptor)

    def noted_link(path, new):
        done.append("commit")
        link(path, new)
        assert done[done.index("commit") - 1] == path

    monkeypatch.setattr(os, "fsync", noted_flush)
    monkeypatch.setattr(os, "link", noted_link)
    there = {*(tables.place / SILVER_TABLE).rglob("*")}
    publish(tables, 1)
    made = {path for path in (tables.place / SILVER_TABLE).rglob("*") if path.suffix in (".parquet", ".avro")} - there
    before = done[: done.index("commit")]
    assert len(made) == 3 and made <= {*before} and done[len(before) + 1 :] == [metadata_of(tables)]


@pytest.mark.slow
def test_a_kill_at_any_operation_of_a_commit_leaves_the_old_or_the_new_table(tables, monkeypatch):
    set_property(tables, "write.metadata.previous-versions-max", value="2")  # so that a commit deletes a version, too
    for number in range(3):
        publish(tables, number)
    held, last, seen = names(tables), 0, []
    while not seen or seen[-1] != "done":
        last += 1
        new = sorted({*held, f"Ana {last + 2}"})
        with monkeypatch.context() as patch:
            disk = Disk(patch, last)
            try:
                publish(tables, last + 2)
                seen.append("done")
            except Killed:
                seen.append("old" if names(tables) == held else "new")
        assert names(tables) in (held, new) and (seen[-1] == "old") == (names(tables) == held)
        held = names(tables)
        publish(tables, 0)  # whatever the kill left, the next commit is done
        assert names(tables) == held
    assert disk.left > 0 and seen == ["old"] * seen.count("old") + ["new"] * seen.count("new") + ["done"]
    assert seen.count("old") >= 5 and seen.count("new") >= 3
    assert {path.suffix for path in metadata_of(tables).iterdir()} > {".hint"}  # what the kills left
    delete_orphans(tables.place, SILVER_TABLE, datetime.now(UTC) + timedelta(days=1))
    left = {path.name for path in metadata_of(tables).iterdir() if path.suffix != ".avro"}
    assert (
        left == {".lock", HINT, *(f"v{version}.metadata.json" for version in versions(tables))}
        and names(tables) == held
    )


@pytest.mark.slow
def test_a_kill_while_a_table_is_made_leaves_none_or_an_empty_one(tmp_path, monkeypatch):
    last, done = 0, False
    while not done:
        last += 1
        lake = Lake(tmp_path / str(last), ThisProcess(load_settings(lake=tmp_path)))
        with monkeypatch.context() as patch:
            Disk(patch, last)
            try:
                lake.create_tables()
                done = True
            except Killed:
                pass
        assert [len(read_table(lake.place, table)) for table in (SILVER_TABLE, QUARANTINE_TABLE)] == [0, 0]
        lake.create_tables()
        publish(lake, 1)
        assert names(lake) == ["Ana 1"]
    assert last > 10


# --- what is found


@pytest.mark.parametrize("hint", ["1", "", "99", None], ids=["old", "empty", "wrong", "missing"])
def test_no_hint_hides_a_commit_or_stops_the_next(tables, hint):
    publish(tables, 1)
    path = metadata_of(tables) / HINT
    path.write_text(hint) if hint is not None else path.unlink()
    assert names(tables) == ["Ana 1"]
    publish(tables, 2)
    assert names(tables) == ["Ana 1", "Ana 2"] and path.read_text() == str(versions(tables)[-1])


@pytest.mark.parametrize(
    "content", [b"", b'{"format-version"', b"\xff\xfe", b"{}"], ids=["empty", "cut", "binary", "other"]
)
def test_damaged_metadata_is_told_with_what_to_do_and_without_it_the_table_is_the_one_before(tables, content):
    publish(tables, 1)
    publish(tables, 2)
    newest = Path(opened_table(tables.place, SILVER_TABLE).metadata_location)
    newest.write_bytes(content)
    *_, before, _ = versions(tables)
    says = (
        f"silver cannot be read.*{newest.name}, is damaged .{len(content)} bytes.*\n.*move it away"
        f".*the commit before left .v{before}.metadata.json.*vendas replay"
    )
    for work in (lambda: names(tables), lambda: publish(tables, 3), lambda: tables.total(SILVER_TABLE)):
        with pytest.raises(VendasError, match=says):
            work()
    newest.unlink()
    assert names(tables) == ["Ana 1"]
    publish(tables, 2)
    assert names(tables) == ["Ana 1", "Ana 2"]


def test_metadata_that_another_program_compressed_is_read(tables):
    publish(tables, 1)
    newest = Path(opened_table(tables.place, SILVER_TABLE).metadata_location)
    newest.with_name(newest.name.replace(".metadata", ".gz.metadata")).write_bytes(gzip.compress(newest.read_bytes()))
    newest.unlink()
    assert names(tables) == ["Ana 1"]
    publish(tables, 2)
    assert names(tables) == ["Ana 1", "Ana 2"]


@pytest.mark.parametrize("name", ["v9 (copy)", "v9-damaged", "v9.old"])
def test_what_somebody_left_beside_the_versions_is_none_of_them(tables, name):
    publish(tables, 1)
    (metadata_of(tables) / f"{name}.metadata.json").write_text("{}")
    assert names(tables) == ["Ana 1"]
    publish(tables, 2)
    assert names(tables) == ["Ana 1", "Ana 2"]


def test_a_version_let_go_of_while_it_is_read_is_replaced_by_the_newer_one(tables, monkeypatch):
    publish(tables, 1)
    newest, looks = catalog.current_metadata, [lambda folder: folder / "v0.metadata.json"]
    monkeypatch.setattr(catalog, "current_metadata", lambda folder: (looks.pop() if looks else newest)(folder))
    assert names(tables) == ["Ana 1"] and looks == []


def test_a_version_that_is_found_and_cannot_be_read_is_told(tables, monkeypatch):
    """As a link to a file that is gone."""
    looks = [Path("v9.metadata.json")] * 2
    monkeypatch.setattr(catalog, "current_metadata", lambda folder: looks.pop())
    with pytest.raises(FileNotFoundError, match="v9"):
        catalog.open_table(tables.place, SILVER_TABLE)


def test_versions_that_were_let_go_of_are_not_missed(tables):
    publish(tables, 1)
    for number in range(25):
        set_property(tables, str(number))
    (metadata_of(tables) / HINT).unlink()
    assert len(versions(tables)) == 21 and 1 not in versions(tables) and names(tables) == ["Ana 1"]


def test_a_table_that_was_deleted_meanwhile_is_named(tables):
    change = tables.change(SILVER_TABLE)
    shutil.rmtree(tables.place / SILVER_TABLE)
    with pytest.raises(NoSuchTableError, match="has no table silver"):
        change.publish([], [name_of(1)])


@pytest.mark.parametrize("name", ["snap-*.avro", "*-m0.avro"])
@pytest.mark.parametrize("part", [0, 0.01, 0.1, 0.5, 0.999])
def test_a_manifest_that_was_cut_short_is_named_and_nothing_is_committed(tables, name, part):
    publish(tables, 1)
    (path,) = metadata_of(tables).glob(name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    for work in (lambda: names(tables), lambda: publish(tables, 2)):
        with pytest.raises(VendasError, match=f"{path.name} is damaged .*\n.* from a copy"):
            work()
    assert tables.total(SILVER_TABLE) == 1


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_a_damaged_data_file_is_named(tables, kept):
    publish(tables, 1)
    (path,) = (tables.place / SILVER_TABLE).rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(VendasError, match=f"{path.name} cannot be read, most likely because it is damaged"):
        names(tables)


def test_a_data_file_that_is_missing_is_named(tables):
    publish(tables, 1)
    for path in (tables.place / SILVER_TABLE).rglob("*.parquet"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="parquet"):
        names(tables)


def test_metadata_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(ValueError), LakeFileIO().new_output(str(tmp_path / "a" / "b.avro")).create() as file:
        file.write(b"half")
        raise ValueError
    assert list(tmp_path.iterdir()) == []
    with LakeFileIO().new_output(str(tmp_path / "a" / "b.avro")).create() as file:
        file.write(b"all")
    assert len(LakeFileIO().new_input(str(tmp_path / "a" / "b.avro"))) == 3


def test_metadata_is_written_once_however_often_it_is_closed(tmp_path):
    file = LakeFileIO().new_output(str(tmp_path / "b.avro")).create()
    file.write(b"all")
    file.close()
    (tmp_path / "b.avro").unlink()
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def objects(monkeypatch):
    """Return in place of S3 the bytes of objects, or the code of an error, by bucket and key."""

    def get_object(Bucket, Key):
        if isinstance(found := objects[Bucket, Key], str):
            raise ClientError({"Error": {"Code": found}}, "GetObject")
        return {"Body": BytesIO(found)}

    objects = {}
    monkeypatch.setattr(file_io, "client", lambda name: SimpleNamespace(get_object=get_object))
    return objects


@pytest.mark.parametrize("code", ["NoSuchKey", "404"])
def test_metadata_that_is_not_in_s3_is_missing(objects, code):
    objects["lago", "silver/a.json"] = code
    file = LakeFileIO().new_output("s3://lago/silver/a.json")
    with pytest.raises(FileNotFoundError, match="s3://lago/silver/a.json"):
        file.to_input_file().open()
    assert not file.exists()


def test_metadata_that_s3_refuses_is_not_taken_for_missing(objects):
    objects["lago", "silver/a.json"] = "AccessDenied"
    with pytest.raises(ClientError, match="AccessDenied"):
        LakeFileIO().new_output("s3://lago/silver/a.json").exists()


def test_metadata_in_s3_is_read_whole(objects):
    objects["lago", "silver/a.json"] = b"all"
    file = LakeFileIO().new_output("s3://lago/silver/a.json")
    assert file.exists() and len(file) == 3 and file.to_input_file().open().read() == b"all"
