"""Files that are still being written: no data is lost if their writers pause, reopen or rename."""

import fcntl
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from helpers.writers import HOLDS, another_process
from vendas.errors import ArrivalError
from vendas.landing import folder_moves, open_files
from vendas.landing.arrivals import explain_left_behind, list_bronze_files, list_waiting_files, look_at_landing, sweep

QUIET = 0.2
OLD = (1_700_000_000, 1_700_000_000)


@pytest.fixture(params=["lease", "proc"])
def seen_by(request, monkeypatch):
    """Select how writers are detected: by a lease, or by the open files in /proc where no lease can be taken."""
    if request.param == "proc":
        monkeypatch.setattr(open_files, "_lease", lambda file: None)
    return request.param


def contents(bronze):
    return [(bronze / file.name).read_bytes() for file in list_bronze_files(bronze)]


@pytest.mark.parametrize("mode", ["a", "r+", "w"])
def test_a_file_that_a_process_has_open_for_writing_is_left_alone_however_old(landing, bronze, seen_by, mode):
    path = landing / "registros.csv"
    path.write_text("a\n")
    with another_process(HOLDS, path, mode):
        os.utime(path, OLD)
        assert sweep(landing, bronze, QUIET) == [] and contents(bronze) == []
        assert explain_left_behind(look_at_landing(landing, QUIET)) == {
            path: "is still being written; the next run takes it"
        }
        assert list_waiting_files(landing) == []
    assert len(sweep(landing, bronze, QUIET)) == 1


def test_a_file_that_a_process_only_reads_is_taken(landing, bronze, seen_by):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, OLD)
    with another_process(HOLDS, path, "r"):
        assert len(sweep(landing, bronze, QUIET)) == 1


def test_a_file_that_is_mapped_for_writing_is_left_alone(landing, bronze, seen_by):
    path = landing / "registros.csv"
    path.write_bytes(b"a" * 4096)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        os.utime(path, OLD)
        assert sweep(landing, bronze, QUIET) == []


def test_a_young_file_is_waited_for_and_taken(landing, bronze, monkeypatch):
    (landing / "registros.csv").write_text("a\n")
    waited = []
    monkeypatch.setattr(folder_moves.time, "sleep", waited.append)
    assert len(sweep(landing, bronze, 2.0)) == 1
    assert len(waited) == 1 and 1.0 < waited[0] <= 2.0


def test_files_that_are_old_enough_are_not_waited_for(landing, bronze, monkeypatch):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, OLD)
    monkeypatch.setattr(folder_moves.time, "sleep", lambda seconds: pytest.fail("waited"))
    assert len(sweep(landing, bronze, 2.0)) == 1


def test_a_file_that_grows_within_the_quiet_time_stays_though_nobody_holds_it(landing, bronze, monkeypatch):
    path = landing / "registros.csv"
    path.write_text("a\n")
    monkeypatch.setattr(folder_moves.time, "sleep", lambda seconds: path.write_text("a\nb\n"))
    assert sweep(landing, bronze, QUIET) == [] and path.read_text() == "a\nb\n"
    assert "is still being written" in explain_left_behind(look_at_landing(landing, QUIET))[path]


@pytest.mark.parametrize("grows", [False, True])
def test_of_a_file_whose_time_lies_in_the_future_two_looks_decide(landing, bronze, monkeypatch, grows):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, (time.time() + 3600,) * 2)
    if grows:
        monkeypatch.setattr(folder_moves.time, "sleep", lambda seconds: path.write_text("a\nb\n"))
    assert len(sweep(landing, bronze, QUIET)) == (0 if grows else 1)


def test_a_writer_that_opens_the_file_while_it_is_copied_is_noticed(landing, bronze, monkeypatch):
    path = landing / "registros.csv"
    path.write_bytes(b"a" * 100)
    os.utime(path, OLD)

    def write_more():
        with path.open("ab") as file:  # blocks until the lease is released
            file.write(b"b")

    writer = Thread(target=write_more)
    plain_md5 = folder_moves._md5

    def md5_while_somebody_opens(part):
        writer.start()
        time.sleep(0.3)
        return plain_md5(part)

    monkeypatch.setattr(folder_moves, "_md5", md5_while_somebody_opens)
    assert sweep(landing, bronze, QUIET) == []
    writer.join()
    monkeypatch.undo()
    assert path.read_bytes() == b"a" * 100 + b"b" and contents(bronze) == []
    assert len(sweep(landing, bronze, QUIET)) == 1 and contents(bronze) == [b"a" * 100 + b"b"]


def test_a_file_renamed_over_the_one_that_was_copied_is_not_deleted(landing, bronze, monkeypatch):
    path, newer = landing / "registros.csv", landing / "registros.csv.part"
    path.write_text("old\n")
    newer.write_text("new\n")
    for file in (path, newer):
        os.utime(file, OLD)
    plain_md5 = folder_moves._md5

    def md5_while_somebody_renames(part):
        newer.rename(path)
        return plain_md5(part)

    monkeypatch.setattr(folder_moves, "_md5", md5_while_somebody_renames)
    assert sweep(landing, bronze, QUIET) == [] and path.read_text() == "new\n"
    monkeypatch.undo()
    sweep(landing, bronze, QUIET)
    assert contents(bronze) == [b"new\n"] and list(landing.iterdir()) == []


@pytest.mark.parametrize("step", ["rename", "unlink"])
def test_a_sweep_that_is_killed_on_the_way_loses_and_doubles_nothing(landing, bronze, monkeypatch, step):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, OLD)

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    monkeypatch.setattr(folder_moves, "_put_back", lambda taken, path: None)  # as a killed process restores nothing
    monkeypatch.setattr(folder_moves, "sync" if step == "unlink" else "_changed", die)
    with pytest.raises(Killed):
        folder_moves.move_to_bronze(path, bronze_made(bronze))
    monkeypatch.undo()
    assert not path.exists()  # it is under its hidden name
    sweep(landing, bronze, QUIET)
    assert contents(bronze) == [b"a\n"] and list(landing.iterdir()) == []


def bronze_made(bronze):
    bronze.mkdir(exist_ok=True)
    return bronze


def test_a_newer_file_of_the_same_name_is_taken_before_a_killed_sweeps_one(landing, bronze):
    hidden, newer = landing / ".registros.csv.0123abcd.taken", landing / "registros.csv"
    for number, file in enumerate((hidden, newer)):
        file.write_text(f"{number}\n")
        os.utime(file, OLD)
    sweep(landing, bronze, QUIET)
    sweep(landing, bronze, QUIET)
    assert sorted(contents(bronze)) == [b"0\n", b"1\n"] and list(landing.iterdir()) == []


@pytest.mark.parametrize("code", ["EACCES", "EINVAL", "ENOLCK"])
def test_where_no_lease_can_be_had_a_file_is_taken_all_the_same(landing, bronze, monkeypatch, code):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, OLD)
    plain = fcntl.fcntl

    def refuse(file, command, *given):
        if command == fcntl.F_SETLEASE:
            raise OSError(getattr(__import__("errno"), code), "no lease")
        return plain(file, command, *given)

    monkeypatch.setattr(open_files.fcntl, "fcntl", refuse)
    assert len(sweep(landing, bronze, QUIET)) == 1


def test_an_unreadable_landing_file_is_an_error_that_names_it(landing, bronze, monkeypatch):
    path = landing / "registros.csv"
    path.write_text("a\n")
    os.utime(path, OLD)
    plain = Path.open
    refuse = PermissionError(13, "Permission denied")
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: (_ for _ in ()).throw(refuse) if self == path else plain(self, *a, **k)
    )
    with pytest.raises(ArrivalError, match=r"registros\.csv.*Permission denied"):
        sweep(landing, bronze, QUIET)


# A writer of lines with pauses: it keeps the file open, closes and appends, or writes another file and renames it.
WRITER = """
import os, random, sys, time
path, seed, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)
how = draw.choice(["open", "reopen", "rename"])
print("ready", flush=True)
file = open(path + ".part" if how == "rename" else path, "w")
for number in range(lines):
    file.write(f"{seed};{number};" + "x" * draw.randrange(2000) + "\\n")
    file.flush()
    if how == "reopen" and draw.random() < 0.3:
        file.close()
        time.sleep(draw.random() * 0.05)
        file = open(path, "a")
    if draw.random() < 0.4:
        time.sleep(draw.random() * 0.15)
file.close()
if how == "rename":
    os.rename(path + ".part", path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
def test_writers_that_pause_at_random_moments_lose_nothing(landing, bronze, batch):
    """Ten writers at a time, a hundred in all, during consecutive sweeps."""
    quiet = 12 * 0.05  # times the longest pause of a writer that has closed its file, as a busy machine prolongs it
    seeds = [batch * 10 + number for number in range(10)]
    lines = {seed: Random(seed).randrange(1, 20) for seed in seeds}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(landing / f"registros_{seed}.csv"), str(seed), str(lines[seed])],
            stdout=subprocess.DEVNULL,
        )
        for seed in seeds
    ]
    while any(process.poll() is None for process in processes):
        sweep(landing, bronze, quiet)
    for _ in range(2):  # the second takes the files that were too young for the first
        sweep(landing, bronze, quiet)
    arrived = [line.split(b";")[:2] for content in contents(bronze) for line in content.splitlines()]
    expected = [[b"%d" % seed, b"%d" % number] for seed in seeds for number in range(lines[seed])]
    assert all(process.returncode == 0 for process in processes)
    assert sorted(arrived) == sorted(expected) and list(landing.iterdir()) == []
    assert len(list_bronze_files(bronze)) == len(seeds)
