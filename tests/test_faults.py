"""Runs killed at random moments: after the next command, every table is as after undisturbed runs.

`FAULTS=200 FAULTS_SEED=7 make test` kills two hundred runs instead of a few.
"""

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from helpers.inprocess import Intake, drop, run_all_stages
from helpers.lake_twin import Shelf, contents
from helpers.rows import HEADER
from helpers.terminal import NO_REPORT, kill_with_children, real_files
from vendas.warehouse.embedded import stop

pytestmark = pytest.mark.engine

FIXTURES = Path(__file__).parent / "fixtures"
VENDAS = Path(sys.executable).with_name("vendas")
KILLS = int(os.environ.get("FAULTS", "3"))
SEED = int(os.environ.get("FAULTS_SEED", "1"))
KILLS_IN_A_ROW = min(20, 1 + KILLS // 10)

QUICKLY = {"VENDAS_SPARK_MEMORY": "1g", "VENDAS_SPARK_MASTER": "local[2]"} | NO_REPORT

HITS = Counter()  # where the kills hit; `pytest -s` shows it

SALES = [
    f"0{day}/03/2024 1{day}:30;Zoë;D'Ávila;z@x.br;;Cadeira {day};{day}0,50;Site;Web;;Rui;5,5%;" for day in range(1, 8)
]


def send(landing, name, *rows, at):
    drop(landing.parent, name, "\r\n".join([HEADER.replace(",", ";"), *rows]).encode("cp1252"), at=at)


def send_the_real_files(landing):
    for number, (name, data) in enumerate(real_files().items()):
        drop(landing.parent, name, data, at=1_700_000_000 + number)


def send_good_and_bad(landing):
    send(landing, "registros_a.csv", *SALES[:4], SALES[0], "curta;demais", at=1_700_001_000)
    send(landing, "registros_b.csv", *SALES[2:6], SALES[1].replace("20,50", "1.234"), at=1_700_002_000)
    drop(landing.parent, "registros_vazio.csv", b"", at=1_700_003_000)
    again = (FIXTURES / "registros_website.csv").read_bytes()
    drop(landing.parent, "registros_website.csv", again, at=1_700_004_000)


def send_more(landing):
    send(landing, "registros_c.csv", *SALES[1:7], at=1_700_000_500)


@dataclass
class Step:
    """A step in the history of a lake: files arrive, then a run takes them, and undoes or replays a file."""

    correction: tuple[str, str] | None = None
    arrive: object = lambda landing: None

    @property
    def command(self):
        return [*self.correction, "--yes"] if self.correction else ["run"]


STEPS = {
    "the first run": Step(None, send_the_real_files),
    "good and bad files": Step(None, send_good_and_bad),
    "undo": Step(("undo", "registros_a.csv")),
    "new files beside a replay": Step(("replay", "registros_b.csv"), send_more),
    "replay of what was undone": Step(("replay", "registros_a.csv")),
}


def start(lake, *command):
    running = subprocess.Popen(
        [VENDAS, *command, "--lake", lake],
        env=os.environ | QUICKLY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running.begun = time.time()
    return running


def complete(lake, *command):
    running = start(lake, *command)
    said = running.communicate()[1]
    assert running.returncode in (0, 2) and "Traceback" not in said, said


class Undisturbed:
    """The lake before and after each undisturbed step, and the seconds that a command takes."""

    def __init__(self, folder):
        self.lake = folder / "lago"
        self.shelf = Shelf(self.lake, folder)
        self.after, self.seconds = {}, 0.0
        (self.lake / "landing").mkdir(parents=True)
        for name, step in STEPS.items():
            step.arrive(self.lake / "landing")
            self.shelf.keep(name)
            if not self.seconds:  # a step by the command tells how long one takes, the others save its processes
                begun = time.monotonic()
                complete(self.lake, *step.command)
                self.seconds = time.monotonic() - begun
            else:
                self._run(name, step)
            self.after[name] = contents(self.lake)

    def _run(self, name, step):
        known = Intake(self.lake).bronze_names
        given = {kind: [known[received]] for kind, received in filter(None, [step.correction])}
        run_all_stages(self.lake, name, **given)


@pytest.fixture(scope="module")
def undisturbed(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    made = Undisturbed(folder)
    yield made
    stop(made.lake / "dw")
    shutil.rmtree(folder)
    print(f"{sum(HITS.values())} kills hit {dict(HITS)}")


def kill(running, lake, database):
    """Kill the command's process group and its notebook kernels, and sometimes the database, at the same time.

    Return what was running: the current notebook, `start` before the first one, nothing after the end.
    """
    if running.poll() is not None:
        return None
    hit = max(
        (path.stem for path in (lake / "runs").glob("*/*.ipynb") if path.stat().st_mtime > running.begun),
        default="start",
    )
    data = lake / "dw" / "cluster" / "data"
    servers = [process for process in psutil.process_iter() if works_in(process, data)] if database else []
    kill_with_children(running, *servers)
    return hit


def works_in(process, folder):
    try:
        return os.path.samefile(process.cwd(), folder)
    except (psutil.Error, OSError):
        return False


def plan():
    """Plan the trials: a step, the time of each kill (a fraction of the step's), and whether it kills the database.

    The last item says whether a run follows, as on a schedule, or the same command again.
    """
    chance, left, trials = random.Random(SEED), KILLS, []
    while left:
        in_a_row = min(left, chance.randint(1, KILLS_IN_A_ROW))
        kills = [(round(chance.uniform(0, 1), 3), chance.random() < 0.3) for _ in range(in_a_row)]
        trials.append((list(STEPS)[(SEED + 2 * len(trials)) % len(STEPS)], kills, chance.random() < 0.5))
        left -= in_a_row
    return trials


@pytest.mark.parametrize(("name", "kills", "scheduled"), plan(), ids=lambda value: str(value).replace(" ", "-"))
def test_a_killed_run_and_another_are_one_undisturbed_run(undisturbed, name, kills, scheduled):
    step, lake = STEPS[name], undisturbed.lake
    undisturbed.shelf.bring_back(name)
    for moment, database in kills:
        running = start(lake, *step.command)
        with suppress(subprocess.TimeoutExpired):
            running.wait(moment * undisturbed.seconds)
        HITS[kill(running, lake, database)] += 1
    if scheduled:
        complete(lake, "run")
    if not scheduled or step.command != ["run"]:
        complete(lake, *step.command)
    found = contents(lake)
    assert [table for table, rows in found.items() if rows != undisturbed.after[name][table]] == []
