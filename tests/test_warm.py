"""What `vendas watch` keeps between its runs: used again, bounded, and ended when it is of no more use."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Timer

import psutil
import psycopg
import pytest

from vendas.runs import warm
from vendas.runs.warm import WarmForkServer
from vendas.sample.generator import write_sample
from vendas.settings import load_settings
from vendas.tuning import WARM_IDLE_SECONDS
from vendas.warehouse import embedded

VENDAS = Path(sys.executable).with_name("vendas")
FILES, MOST_FILES, ROWS = 3, 6, 20


class Process:
    """In place of a fork server."""

    running = True

    def __init__(self, *_):
        self.ended = 0
        started.append(self)

    def is_running(self):
        return self.running

    def end(self):
        self.ended += 1


started: list[Process] = []


@pytest.fixture
def told():
    return []


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def kept(tmp_path, monkeypatch, told, clock):
    started.clear()
    monkeypatch.setattr(warm, "ForkServer", Process)
    with WarmForkServer(load_settings(lake=tmp_path), told.append, lambda: clock[0]) as kept:
        yield kept


def run(kept, error=None):
    """Run once; return how many processes were started for it."""
    before = len(started)
    with suppress(RuntimeError), kept.fork_server():
        if error:
            raise error
    return len(started) - before


def test_a_second_run_starts_nothing(kept, told):
    assert [run(kept), run(kept), run(kept)] == [1, 0, 0]
    assert told == [] and not any(process.ended for process in started)


def test_what_was_started_before_the_first_run_is_used(kept):
    kept.start()
    assert (len(started), run(kept)) == (1, 0)


def test_the_block_ends_it(tmp_path, kept, told):
    run(kept)
    kept.__exit__()
    assert [process.ended for process in started] == [1] and told == []


def test_a_failed_run_ends_it(kept, told):
    run(kept, RuntimeError())
    assert [process.ended for process in started] == [1]
    assert told == ["Ended the kernels' imports, kept for 0 runs: a run failed. The next run starts them anew."]
    assert run(kept) == 1


def test_the_runs_of_each_that_is_started_are_counted(kept, told):
    for good in (2, 1):
        for error in (*[None] * good, RuntimeError()):
            run(kept, error)
    assert [re.findall(r"kept for (\d+) runs", line) for line in told] == [["2"], ["1"]]


def test_another_takes_the_place_of_one_that_has_ended(kept, told):
    run(kept)
    started[0].running = False
    assert run(kept) == 1 and "their process has ended" in told[0]


def test_an_idle_hour_ends_it(kept, told, clock):
    clock[0] += 100
    run(kept)
    clock[0] += WARM_IDLE_SECONDS - 1
    kept.end_if_idle()
    assert told == []
    clock[0] += 1
    kept.end_if_idle()
    assert "no run for 60 minutes" in told[0] and run(kept) == 1


def test_an_edited_library_ends_it(kept, told, tmp_path, monkeypatch):
    package = tmp_path / "vendas" / "rules"
    package.mkdir(parents=True)
    (package / "gold.py").write_text("x = 1")
    monkeypatch.setattr(warm.vendas, "__file__", str(tmp_path / "vendas" / "__init__.py"))
    run(kept)
    (package / "gold.py").write_text("x = 10")
    assert run(kept) == 1 and "the library has changed" in told[0]


class Watched:
    """`vendas watch` on a lake, with what it has said."""

    def __init__(self, lake, temporary):
        self.settings = load_settings(lake=lake)
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [VENDAS, "watch", "--every", "1", "--json", "--lake", lake],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"VENDAS_SPARK_MEMORY": "1g", "TMPDIR": str(temporary), "VENDAS_REPORT": "false"},
        )
        self.temporary = temporary
        self.watchdog = Timer(300, self.process.kill)  # then every read comes to its end
        self.watchdog.start()
        self.until("Watching ")

    def until(self, line):
        """Read what it says until a line that begins so."""
        while not (said := self.process.stderr.readline()).startswith(line):
            self.said.append(said or pytest.fail("".join(self.said)))

    def drop(self, number):
        folder = self.settings.lake.with_name("sample")
        write_sample(ROWS, folder, seed=number, files=1, flaws=False)
        (written,) = folder.iterdir()
        shutil.move(written, self.settings.landing / f"registros_{number}.csv")

    def run(self, number):
        """Have it take up a file; return the rows that it says are in the star."""
        self.drop(number)
        return self.report()

    def report(self):
        return sum(entry["dw"] for entry in json.loads(self.process.stdout.readline())["files"])

    def rest(self, awaited=None):
        """Wait for a while until the awaited resources are held."""
        for _ in range(100 if awaited else 20):
            if awaited == self.resources():
                break
            time.sleep(0.1)

    def kill_forks(self):
        (forks,) = psutil.Process(self.process.pid).children()  # whose children are kernels
        forks.kill()
        with suppress(psutil.NoSuchProcess):  # once the command has asked for its end
            while forks.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)

    def facts(self):
        with psycopg.connect(embedded.find_running(self.settings.dw).url) as connection:
            return connection.execute("select count(*) from fato_vendas").fetchone()[0]

    def kept(self):
        """Return the processes that it keeps, PostgreSQL's left out."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if child.name() != "postgres"]

    def resources(self):
        """Count open files by what they are, and entries of the temporary folder."""
        opened = [open_files(process) for process in (psutil.Process(self.process.pid), *self.kept())]
        return sum(opened, Counter(temporary=len([*self.temporary.rglob("*")])))


def open_files(process):
    """Count a process's open files by what they are: a path, or a kind without the number of the one."""
    found = Counter()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found[re.sub(r"[0-9]+", "N", os.readlink(descriptor))] += 1
    return found


@pytest.mark.engine
def test_files_in_a_row_lose_nothing_and_leave_nothing_also_if_what_is_kept_is_killed(tmp_path):
    (temporary := tmp_path / "tmp").mkdir()
    watched = Watched(tmp_path / "lago", temporary)
    try:
        loaded = [watched.run(0), watched.run(1)]
        watched.rest()
        held, kept = [watched.resources()], watched.kept()
        while len(loaded) < FILES or (held[-1] != held[-2] and len(loaded) < MOST_FILES):
            loaded.append(watched.run(len(loaded)))
            watched.rest(held[-1])
            held.append(watched.resources())
        assert held[-1] == held[-2] and watched.kept() == kept

        watched.kill_forks()  # between two runs
        kept_for = len(loaded)
        loaded.append(watched.run(kept_for))
        watched.until(f"Ended the kernels' imports, kept for {kept_for} runs: ")
        watched.until("04_dw done")

        watched.drop(len(loaded))
        watched.until("01_bronze done")
        watched.kill_forks()  # in a run, which fails and is tried again, or is between two kernels and needs none
        loaded.append(watched.report())
        assert (watched.facts(), len(loaded)) == (sum(loaded), kept_for + 2)

        left = watched.kept()
        watched.process.terminate()
        watched.process.communicate()
        assert watched.process.returncode == 0 and psutil.wait_procs(left, timeout=30)[1] == []
        assert [path for path in temporary.rglob("*") if path.is_file()] == []
    finally:
        watched.watchdog.cancel()
        watched.process.kill()
        embedded.stop(watched.settings.dw)
