"""Closings seen in landing: a file that was closed is taken at once, any other after its quiet time."""

import os
import shutil
import subprocess
import sys
from threading import Timer

import pytest

from vendas.landing import closings, folder_moves
from vendas.landing.closings import Closings
from vendas.runs.watch import Lookout
from vendas.settings import load_settings
from vendas.tuning import CLOSED_QUIET_SECONDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

LONG = 30  # seconds that no test waits


@pytest.fixture
def landing(tmp_path):
    folder = tmp_path / "lago" / "landing"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def seen(landing):
    with Closings(landing) as seen:
        yield seen


@pytest.fixture
def slept(monkeypatch):
    """Replace the sleep of the sweep by a list of the seconds."""
    slept = []
    monkeypatch.setattr(folder_moves.time, "sleep", slept.append)
    return slept


def write(path, text="x"):
    path.write_text(text)
    return path


def test_a_closing_ends_the_wait(landing, seen):
    Timer(0.1, write, [landing / "registros_a.csv"]).start()
    assert seen.wait(LONG)
    assert seen.has_seen(landing / "registros_a.csv")


def test_a_file_renamed_into_the_folder_ends_the_wait(tmp_path, landing, seen):
    write(tmp_path / "x.part").rename(landing / "registros_a.csv")
    assert seen.wait(LONG) and seen.has_seen(landing / "registros_a.csv")


def test_a_file_that_is_written_but_not_closed_does_not(landing, seen):
    with (landing / "registros_a.csv").open("w") as file:
        file.write("x")
        file.flush()
        assert not seen.wait(0.05)


def test_a_file_that_has_changed_since_is_not_seen_closed(landing, seen):
    path = write(landing / "registros_a.csv")
    assert seen.wait(LONG)
    os.truncate(path, 0)
    assert not seen.has_seen(path)


def test_a_file_from_before_is_not_seen_closed(landing):
    path = write(landing / "registros_a.csv")
    with Closings(landing) as seen:
        assert not seen.wait(0) and not seen.has_seen(path)


def test_a_folder_made_anew_is_watched_again(landing, seen):
    shutil.rmtree(landing)
    landing.mkdir()
    seen.wait(0)
    seen.wait(0)
    write(landing / "registros_a.csv")
    assert seen.wait(LONG) and seen.has_seen(landing / "registros_a.csv")


def test_where_nothing_is_seen_the_wait_is_whole(landing, monkeypatch):
    slept = []
    monkeypatch.setattr(closings, "_inotify", lambda: None)
    monkeypatch.setattr(closings.time, "sleep", slept.append)
    with Closings(landing) as seen:
        path = write(landing / "registros_a.csv")
        assert (seen.wait(7), slept, seen.has_seen(path)) == (False, [7], False)


def test_the_descriptor_is_closed(landing):
    before = len(os.listdir("/proc/self/fd"))
    with Closings(landing) as seen:
        seen.wait(0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_whose_closing_was_seen_is_work_at_once(landing, seen):
    lookout = Lookout(load_settings(lake=landing.parent), is_closed=seen.has_seen)
    write(landing / "registros_a.csv")
    assert seen.wait(LONG) and lookout.sees_work()


def test_a_sweep_waits_less_for_a_file_whose_closing_was_seen(landing, seen, slept):
    write(landing / "registros_a.csv")
    with seen.told():
        moved = folder_moves.sweep(landing, landing.parent / "bronze", quiet=LONG)
    assert len(moved) == 1 and sum(slept) <= CLOSED_QUIET_SECONDS


def test_a_sweep_waits_the_quiet_time_for_one_that_was_opened_again(landing, seen, slept):
    path = write(landing / "registros_a.csv")
    with seen.told():
        os.truncate(path, 0)
        folder_moves.sweep(landing, landing.parent / "bronze", quiet=LONG)
    assert sum(slept) > CLOSED_QUIET_SECONDS


def test_the_processes_of_a_block_start_however_many_files_were_closed(landing, seen):
    paths = [write(landing / f"registros_{number:0200}.csv") for number in range(1000)]
    with seen.told():
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        assert all(closings.is_seen_closed(path, path.stat()) for path in paths)


def test_no_list_stays_after_the_block(landing, seen, tmp_path, monkeypatch):
    monkeypatch.setattr(closings.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with seen.told():
        assert [*(tmp_path / "temporary").iterdir()]
    assert not [*(tmp_path / "temporary").iterdir()]


def test_nobody_is_told_after_the_block(landing, seen):
    path = write(landing / "registros_a.csv")
    with seen.told():
        told = closings.is_seen_closed(path, path.stat())
    assert (told, closings.is_seen_closed(path, path.stat())) == (True, False)
