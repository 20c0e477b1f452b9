"""`vendas watch`: what counts as work, when it is attempted, what ends the loop; and one test of the real command."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from pathlib import Path

import psutil
import psycopg
import pytest
from hypothesis import given, strategies as st

from helpers.terminal import vendas_here
from vendas.errors import WarehouseError
from vendas.lake import ledger
from vendas.lake.events import Event, Events
from vendas.runs import watch
from vendas.runs.warm import WarmForkServer
from vendas.runs.watch import Lookout, Task, keep_doing, refresh_star, until_signal
from vendas.settings import load_settings
from vendas.tuning import WATCH_LONGEST_WAIT_SECONDS
from vendas.warehouse import embedded

FIXTURES = Path(__file__).parent / "fixtures"
VENDAS = Path(sys.executable).with_name("vendas")
BRONZE_NAME = "registros_a_20240101T000000000Z_aaaaaaaa.csv"


@pytest.fixture
def settings(tmp_path):
    found = load_settings(lake=tmp_path / "lago")
    found.landing.mkdir(parents=True)
    return found


@pytest.fixture
def lookout(settings):
    return Lookout(settings)


@pytest.fixture
def events(settings, monkeypatch):
    """Replace the ledger by a list of events; each addition is a commit, and `reads` counts the reads."""
    return Ledger(settings, monkeypatch)


class Ledger(list):
    def __init__(self, settings, monkeypatch):
        super().__init__()
        self.folder, self.reads = settings.lake / "ledger" / "metadata", 0
        self.folder.mkdir(parents=True)
        monkeypatch.setattr(ledger, "read_events", self.read)

    def read(self, lake):
        self.reads += 1
        return Events.of(self)

    def commit(self, *events):
        for event in events:
            self.append(replace(event, registrado_em=datetime(2024, 1, 1) + timedelta(seconds=len(self))))
        (self.folder / f"v{len(self)}.metadata.json").touch()


def drop(settings, name="registros_a.csv", text="x"):
    (settings.landing / name).write_text(text)


# --- work


def test_a_file_is_work_once_two_looks_found_it_the_same(settings, lookout):
    drop(settings)
    assert [lookout.sees_work(), lookout.sees_work()] == [False, True]


@pytest.mark.parametrize("change", ["size", "time", "another"])
def test_a_file_that_changes_between_two_looks_is_not_work_yet(settings, lookout, change):
    drop(settings)
    lookout.sees_work()
    if change == "size":
        drop(settings, text="xx")
    elif change == "time":
        os.utime(settings.landing / "registros_a.csv", (time.time() - 1,) * 2)
    else:
        drop(settings, "registros_b.csv")
    assert [lookout.sees_work(), lookout.sees_work()] == [False, True]


def test_a_file_that_has_not_changed_for_the_quiet_time_is_work_at_once(settings, lookout):
    drop(settings)
    os.utime(settings.landing / "registros_a.csv", (time.time() - 2.5,) * 2)
    assert lookout.sees_work()


def test_a_file_that_is_open_for_writing_is_no_work_and_told_once(settings):
    told = []
    lookout = Lookout(settings, lambda path, why: told.append((path.name, why)))
    with (settings.landing / "registros_a.csv").open("w"):
        os.utime(settings.landing / "registros_a.csv", (1, 1))
        assert [lookout.sees_work() for _ in range(3)] == [False] * 3
    assert told == [("registros_a.csv", "is still being written; the next run takes it")]
    assert lookout.sees_work()


def test_a_file_that_goes_on_growing_keeps_no_complete_one_waiting(settings, lookout):
    drop(settings, "registros_a.csv")
    os.utime(settings.landing / "registros_a.csv", (1, 1))
    seen = []
    for number in range(3):
        drop(settings, "registros_b.csv", text="x" * number)
        seen.append(lookout.sees_work())
    assert seen == [True, True, True]


def test_an_original_that_a_killed_sweep_left_under_a_hidden_name_is_work(settings, lookout):
    drop(settings, ".registros_a.csv.0123abcd.taken")
    assert lookout.sees_work()


def test_files_that_stay_for_their_names_are_no_work_and_told_once(settings):
    told = []
    lookout = Lookout(settings, lambda path, why: told.append(path.name))
    drop(settings, "vendas.csv")
    drop(settings, f"registros_{'x' * 230}.csv")
    assert [lookout.sees_work() for _ in range(3)] == [False] * 3
    assert sorted(told) == [f"registros_{'x' * 230}.csv", "vendas.csv"]


def test_what_is_no_sales_file_is_never_work(settings, lookout):
    drop(settings, "leia-me.txt")
    assert [lookout.sees_work(), lookout.sees_work()] == [False, False]


def test_a_lake_without_anything_is_no_work(tmp_path):
    lookout = Lookout(load_settings(lake=tmp_path / "lago"))
    assert not lookout.sees_work() and not (tmp_path / "lago").exists()


def test_a_bronze_file_that_no_stage_knows_is_work_at_once(settings, lookout):
    settings.bronze.mkdir()
    (settings.bronze / BRONZE_NAME).touch()
    assert lookout.sees_work()


def test_a_stage_that_is_behind_is_work_until_it_is_done(lookout, events):
    done = [Event(BRONZE_NAME, "registros_a.csv", stage, "r1") for stage in ledger.STAGES]
    seen = []
    for event in done:
        events.commit(event)
        seen.append(lookout.sees_work())
    assert seen == [True, True, True, False]


def test_a_stage_that_is_behind_is_work_also_while_a_file_grows(settings, lookout, events):
    events.commit(Event(BRONZE_NAME, "registros_a.csv", "bronze", "r1"))
    drop(settings)
    assert lookout.sees_work()


def test_the_ledger_is_read_again_only_after_something_changed(settings, lookout, events):
    events.commit(*(Event(BRONZE_NAME, "registros_a.csv", stage, "r1") for stage in ledger.STAGES))
    for _ in range(3):
        lookout.sees_work()
    assert events.reads == 1
    settings.bronze.mkdir()
    lookout.sees_work()
    assert events.reads == 2


# --- time


class Clock:
    """A clock that advances only by sleeping."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def attempts(tasks, until):
    """Run the tasks for this many seconds; return the failures, with the seconds until the next attempt."""
    clock, failures = Clock(), []
    keep_doing(tasks, lambda *failure: failures.append(failure), lambda: clock.now > until, clock, clock.sleep)
    return failures


class Act:
    """An action that counts its calls, and raises the given outcomes in turn, where they are errors."""

    def __init__(self, *outcomes):
        self.outcomes, self.calls = list(outcomes), 0

    def __call__(self):
        self.calls += 1
        if self.outcomes and (error := self.outcomes.pop(0)):
            raise error


def test_tasks_are_done_at_once_and_then_each_at_its_time():
    often, seldom = Act(), Act()
    attempts([Task(often, every=10, retry=10), Task(seldom, every=60, retry=10)], until=100)
    assert (often.calls, seldom.calls) == (11, 2)


def test_a_refresh_may_be_due_more_often_than_a_look():
    look, refresh = Act(), Act()
    attempts([Task(look, every=60, retry=60), Task(refresh, every=10, retry=60)], until=59)
    assert (look.calls, refresh.calls) == (1, 6)


def test_what_fails_is_tried_less_and_less_often_until_it_works():
    errors = [WarehouseError("a"), OSError("b"), None, WarehouseError("c")]
    failures = attempts([Task(Act(*errors), every=10, retry=10)], until=100)
    assert failures == [(errors[0], 20), (errors[1], 40), (errors[3], 20)]


def test_a_task_that_fails_keeps_no_other_from_its_time():
    failing, other = Act(*[OSError()] * 100), Act()
    attempts([Task(failing, every=10, retry=10), Task(other, every=10, retry=10)], until=100)
    assert (failing.calls, other.calls) == (3, 11)


@given(st.integers(1, 5000), st.integers(1, 200))
def test_the_wait_grows_to_a_bound(every, times):
    clock, failing, waits = Clock(), Act(*[OSError()] * times), []
    task = Task(failing, every, retry=every)
    keep_doing([task], lambda _, wait: waits.append(wait), lambda: not failing.outcomes, clock, clock.sleep)
    assert waits == [min(every * 2**n, max(WATCH_LONGEST_WAIT_SECONDS, every)) for n in range(1, times + 1)]


@pytest.mark.parametrize("every", [10, WATCH_LONGEST_WAIT_SECONDS, 2 * WATCH_LONGEST_WAIT_SECONDS])
@pytest.mark.parametrize(("outcome", "calls"), [(None, 2), (OSError(), 1)])
def test_a_task_hurries_unless_it_failed(outcome, calls, every):
    clock, act = Clock(), Act(outcome)
    task = Task(act, every, retry=every)
    keep_doing([task], lambda *_: None, lambda: clock.now > 5, clock, lambda _: (task.hurry(), clock.sleep(6)))
    assert act.calls == 1
    keep_doing([task], lambda *_: None, lambda: clock.now > 6, clock, clock.sleep)
    assert act.calls == calls


def test_an_error_nobody_foresaw_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        attempts([Task(Act(ZeroDivisionError()), every=10, retry=10)], until=100)


# --- the loop over a lake


def watched(settings, run, until, monkeypatch, closing=inf):
    """Watch the lake for this many seconds, looking every 10; return the number of refreshes of the star.

    At the second `closing`, the closing of a file in landing is seen.
    """
    clock, refreshed = Clock(), []

    def wait(_, seconds):
        is_seen = clock.now < closing <= clock.now + seconds
        clock.now = closing if is_seen else clock.now + seconds
        return is_seen

    monkeypatch.setattr(watch, "refresh_star", refreshed.append)
    monkeypatch.setattr(WarmForkServer, "start", lambda self: None)
    monkeypatch.setattr(watch.keep_doing, "__defaults__", (clock, clock.sleep))
    monkeypatch.setattr(watch.Closings, "wait", wait)
    warm = WarmForkServer(settings, print)
    watch.watch(settings, 10, 3600, lambda: run(clock.now), warm, pytest.fail, lambda: clock.now > until, print)
    return len(refreshed)


def taking(settings):
    """Drop a file; return a run that takes it, after the list of the times at which it is called."""
    drop(settings)
    runs = []

    def run(now):
        runs.append(now)
        (settings.landing / "registros_a.csv").unlink()

    return runs, run


def test_runs_when_there_is_work_and_refreshes_on_schedule(settings, monkeypatch):
    runs, run = taking(settings)
    assert watched(settings, run, 7205, monkeypatch) == 3
    assert runs == [10]


def test_a_closing_that_is_seen_brings_the_look_forward(settings, monkeypatch):
    runs, run = taking(settings)
    watched(settings, run, 100, monkeypatch, closing=4)
    assert runs == [4]


def test_what_comes_during_a_run_is_taken_up_by_the_next_look(settings, monkeypatch):
    drop(settings)
    runs = []

    def run(now):
        runs.append(now)
        (settings.landing / "registros_a.csv").unlink(missing_ok=True)
        drop(settings, "registros_b.csv") if len(runs) == 1 else (settings.landing / "registros_b.csv").unlink()

    watched(settings, run, 100, monkeypatch)
    assert runs == [10, 20]


# --- the star


def test_no_warehouse_is_made_for_a_refresh(settings):
    refresh_star(settings)
    assert not settings.dw.exists()


def test_the_star_of_a_warehouse_is_refreshed(settings, monkeypatch):
    refreshed = []
    monkeypatch.setattr(embedded, "is_initialized", lambda dw: dw == settings.dw)
    monkeypatch.setattr(embedded, "ensure_running", lambda dw: ("the one of", dw))
    monkeypatch.setattr(watch.load, "refresh", refreshed.append)
    refresh_star(settings)
    assert refreshed == [("the one of", settings.dw)]


@pytest.mark.engine
def test_a_stopped_warehouse_is_started_and_its_star_refreshed(settings):
    with psycopg.connect(embedded.ensure_running(settings.dw).url) as connection:
        connection.execute("create table arquivos_carregados (n int)")
        connection.execute(
            "create procedure refresh_star() language sql as 'insert into arquivos_carregados values (1)'"
        )
    embedded.stop(settings.dw)
    refresh_star(settings)
    with psycopg.connect(embedded.find_running(settings.dw).url) as connection:
        assert connection.execute("select n from arquivos_carregados").fetchall() == [(1,)]
    embedded.stop(settings.dw)


# --- signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_and_is_told(number):
    with until_signal() as stopped:
        before = stopped()
        signal.raise_signal(number)
        pytest.fail("the block went on")
    assert (before, stopped()) == (False, True)


def test_a_second_signal_does_not_interrupt_the_clearing_up():
    cleared = []
    with until_signal():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleared.append("all")
    assert cleared == ["all"]


def test_the_handlers_of_before_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with until_signal():
        pass
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


# --- the command


@pytest.mark.parametrize("words", [["--every", "0"], ["--refresh", "-1"], ["--every", "often"]])
def test_senseless_seconds_are_refused(tmp_path, capsys, words):
    done = vendas_here(capsys, "watch", "--lake", tmp_path / "lago", *words)
    assert done.returncode == 1 and "Error: " in done.stderr and list(tmp_path.iterdir()) == []


def test_the_command_looks_refreshes_and_shows_as_it_is_told(tmp_path, capsys, monkeypatch):
    given = []

    def keep_up_to_date(settings, every, refresh, run_and_show, warm, failed, stopped, tell):
        given.extend([settings.lake, every, refresh, settings.landing.is_dir(), stopped()])
        tell(settings.landing / "registros_a.csv", "is still being written")
        failed(WarehouseError("It is gone."), 20)

    monkeypatch.setattr(watch, "watch", keep_up_to_date)
    done = vendas_here(capsys, "watch", "--lake", tmp_path / "lago", "--every", "7", "--refresh", "90")
    assert given == [tmp_path / "lago", 7, 90, True, False]
    assert [line for line in done.stderr.splitlines() if line] == [
        f"Watching {tmp_path / 'lago' / 'landing'}; Ctrl-C ends it.",
        f"{tmp_path / 'lago' / 'landing' / 'registros_a.csv'} is still being written.",
        "WarehouseError: It is gone.",
        "Trying again in 20 s.",
        "Stopped. Nothing is lost: the next run, or watch, takes up what is pending.",
    ]
    assert done.returncode == 0 and done.stdout == ""


@pytest.mark.engine
def test_takes_up_a_file_and_stops_in_the_middle_of_the_next_run(tmp_path):
    lake = tmp_path / "lago"
    command = [VENDAS, "watch", "--every", "1", "--json", "--lake", lake]
    environment = os.environ | {"VENDAS_SPARK_MEMORY": "1g"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr.readline() == f"Watching {lake / 'landing'}; Ctrl-C ends it.\n"
        shutil.copy(FIXTURES / "registros_website.csv", lake / "landing")
        report = json.loads(process.stdout.readline())
        status = subprocess.run([VENDAS, "status", "--lake", lake, "--json"], capture_output=True, text=True)
        assert json.loads(status.stdout)["files"] == report["files"]
        assert [(entry["arquivo_recebido"], entry["dw"]) for entry in report["files"]] == [("registros_website.csv", 5)]
        shutil.copy(FIXTURES / "registros_aplicativo.csv", lake / "landing")
        for awaited in ("Report: ", "01_bronze done"):  # the end of the first run, the middle of the second
            assert any(line.startswith(awaited) for line in process.stderr)
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        rest, said = process.communicate()
        assert (process.returncode, rest) == (0, "")
        assert said.splitlines() == ["Stopped. Nothing is lost: the next run, or watch, takes up what is pending."]
        assert started and psutil.wait_procs(started, timeout=30)[1] == []
    finally:
        process.kill()
        embedded.stop(lake / "dw")
