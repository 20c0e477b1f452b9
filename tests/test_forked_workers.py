import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from vendas.errors import RuleError, WorkerError
from vendas.lake import forked_workers
from vendas.lake.forked_workers import results_of
from vendas.lake.workers import ForkedWorkers

ITEMS = range(9)


@pytest.fixture(autouse=True)
def four_processors(monkeypatch):
    monkeypatch.setattr(forked_workers, "processors", lambda: 4)


def forks(of=None):
    return [child for child in (of or psutil.Process()).children() if child.status() != psutil.STATUS_ZOMBIE]


def wait_until_gone(pids):
    """Wait until none of these processes is there."""
    until = time.monotonic() + 30
    while any(map(psutil.pid_exists, pids)):
        assert time.monotonic() < until
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)


def test_results_come_in_the_order_of_the_items_from_several_processes():
    secret = object()  # which no pickle could bring there
    before = forks()
    done = ForkedWorkers().map(lambda item: (item * item, os.getpid(), secret is not None), ITEMS)
    assert [square for square, _, _ in done] == [item * item for item in ITEMS]
    assert os.getpid() not in {pid for _, pid, _ in done} and forks() == before


@pytest.mark.parametrize(("items", "processes"), [(range(2), 2), (ITEMS, 4)])
def test_there_are_no_more_processes_than_items_or_processors(items, processes):
    before, parent = len(forks()), psutil.Process()
    assert max(ForkedWorkers().map(lambda _: len(forks(parent)), items)) - before == processes


@pytest.mark.parametrize("items", [[], [7]])
def test_for_one_item_no_process_is_made(items):
    assert ForkedWorkers().map(lambda item: (item, os.getpid()), items) == [(item, os.getpid()) for item in items]
    assert list(ForkedWorkers().stream(lambda item: item, items)) == items


def test_results_come_as_soon_as_they_are_there(tmp_path):
    def work(item):
        while item == 0 and not (tmp_path / "go").exists():
            time.sleep(0.01)
        return item

    results = ForkedWorkers().stream(work, ITEMS)
    first = [next(results) for _ in ITEMS[1:]]
    (tmp_path / "go").touch()
    assert sorted(first) == list(ITEMS[1:]) and list(results) == [0]


def test_who_leaves_early_leaves_no_process(tmp_path):
    def work(item):
        (tmp_path / str(item)).touch()
        time.sleep(600 if item else 0)
        return item

    before = forks()
    with closing(ForkedWorkers().stream(work, ITEMS)) as results:
        assert next(results) == 0
    assert forks() == before and len(list(tmp_path.iterdir())) < len(ITEMS)


def test_an_error_of_the_work_is_raised_here_and_ends_the_others():
    def work(item):
        if item == 1:
            raise RuleError("the rule is wrong")
        time.sleep(600)

    before = forks()
    with pytest.raises(RuleError, match="^the rule is wrong$"):
        ForkedWorkers().map(work, ITEMS)
    assert forks() == before


def test_a_killed_process_is_one_message():
    def work(item):
        if item == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    before = forks()
    with pytest.raises(WorkerError, match=r"was killed, most likely because memory was short(?s:.*)taskset"):
        ForkedWorkers().map(work, ITEMS)
    assert forks() == before


def test_an_interrupt_ends_all(tmp_path):
    given = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background ignores it

    def work(item):
        (tmp_path / str(item)).touch()
        while item == 0 and len(list(tmp_path.iterdir())) < 4:
            time.sleep(0.01)
        if item == 0:
            time.sleep(0.5)  # until nothing is left to be started, where Python may ignore an interrupt
            os.kill(parent, signal.SIGINT)
        time.sleep(600)

    parent, before = os.getpid(), forks()
    try:
        with pytest.raises(KeyboardInterrupt):
            ForkedWorkers().map(work, ITEMS)
    finally:
        signal.signal(signal.SIGINT, given)
    assert forks() == before


ORPHANS = """
import os, sys, time
from pathlib import Path
from vendas.lake import forked_workers
from vendas.lake.workers import ForkedWorkers

def work(item):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)

forked_workers.processors = lambda: 3
ForkedWorkers().map(work, range(3))
"""


@pytest.mark.slow
def test_processes_end_soon_after_the_one_that_made_them_was_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ORPHANS, tmp_path])
    while len(begun := [int(path.name) for path in Path(tmp_path).iterdir()]) < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    wait_until_gone(begun)


def test_a_second_call_has_its_own_work():
    assert dict(results_of(str, [1, 2])) == {0: "1", 1: "2"} and dict(results_of(float, [3, 4])) == {0: 3.0, 1: 4.0}
