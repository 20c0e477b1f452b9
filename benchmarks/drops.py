"""Files dropped one after another into the landing of `vendas watch`: seconds until the star has each one's sales.

The command is called as a user does, with its defaults, pages included. The clock begins before a file is copied into
landing and ends when another connection to the warehouse sees the file's facts. The next file comes when the watch has
ended the run of the one before, which explores the star and writes the pages.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from benchmarks.agreement import Disagreement
from benchmarks.data import SMALL, write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import COMMAND
from benchmarks.size import MB
from vendas.settings import Settings, load_settings
from vendas.warehouse.embedded import find_running, stop

START_SECONDS, LOOK_SECONDS = 300, 0.01


@dataclass(frozen=True)
class Drop:
    """One file: seconds until its sales are in the star, and until its run has ended; what the watch then holds."""

    to_star: float
    to_end: float
    processes: int
    descriptors: int
    bytes: int


def measure(count: int, folder: Path) -> list[Figure]:
    """Drop so many files of 1,000 rows, one after another, into an empty lake; the first one makes its database."""
    settings = load_settings(lake=folder / "drops")
    settings.landing.mkdir(parents=True)
    with _watch(settings) as process:
        drops = [_drop(settings, process, number) for number in range(count)]
    stop(settings.dw)
    first, second, *_ = drops
    last = drops[-1]
    return [
        Figure(f"drop to star, {SMALL:,} rows, in `vendas watch`", [drop.to_star for drop in drops[1:]], at_most=5),
        Figure("… the slowest of them", [max(drop.to_star for drop in drops[1:])]),
        Figure("… the first file, which makes the database", [first.to_star]),
        Figure("… to the end of the run, exploration and pages included", [drop.to_end for drop in drops[1:]]),
        Figure("… memory that the watch keeps", [drop.bytes / MB for drop in drops], unit="MB"),
        Figure(f"… processes after {count} files", [last.processes], "after 2", [second.processes], 1, unit=""),
        Figure(f"… open files after {count} files", [last.descriptors], "after 2", [second.descriptors], 1, unit=""),
    ]


@contextmanager
def _watch(settings: Settings) -> Iterator[subprocess.Popen]:
    command = [COMMAND, "watch", "--json", "--lake", settings.lake]
    said = settings.lake.with_name("watch.log")
    with said.open("w") as output:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True)
    try:
        while not said.read_text().startswith("Watching "):
            if process.poll() is not None:
                raise Disagreement(f"`vendas watch` has ended: {said.read_text()}")
            time.sleep(LOOK_SECONDS)
        yield process
    finally:
        process.terminate()
        process.wait()


def _drop(settings: Settings, process: subprocess.Popen, number: int) -> Drop:
    source = settings.lake.with_name("dropped")
    write_rows(SMALL, source, seed=5000 + number, files=1)
    (written,) = source.iterdir()
    name = f"registros_{number:05d}"
    begun = time.monotonic()
    shutil.copyfile(written, settings.landing / f"{name}.csv")
    facts = _wait_for_facts(settings, name, begun + START_SECONDS)
    to_star = time.monotonic() - begun
    (entry,) = json.loads(process.stdout.readline())["files"]
    to_end = time.monotonic() - begun
    if facts != entry["dw"] or entry["lidas"] != SMALL:
        raise Disagreement(f"{facts} facts of {entry}")
    written.unlink()
    time.sleep(1)  # the watch lets go of the run
    return Drop(to_star, to_end, *_held(process))


def _wait_for_facts(settings: Settings, name: str, until: float) -> int:
    while time.monotonic() < until:
        with suppress(psycopg.Error):  # the first file makes the database, and its tables
            if (endpoint := find_running(settings.dw)) is not None:
                with psycopg.connect(endpoint.url, autocommit=True) as connection:
                    while time.monotonic() < until:
                        query = "select count(*) from fato_vendas where arquivo_de_origem like %s"
                        if facts := connection.execute(query, [f"{name}_%"]).fetchone()[0]:
                            return facts
                        time.sleep(LOOK_SECONDS)
        time.sleep(LOOK_SECONDS)
    raise Disagreement(f"{name} did not come into the star")


def _held(process: subprocess.Popen) -> tuple[int, int, int]:
    """Processes, open files and bytes of the watch and what it keeps; the database is left out."""
    watch = psutil.Process(process.pid)
    kept = [watch, *(child for child in watch.children(recursive=True) if child.name() != "postgres")]
    return len(kept), sum(child.num_fds() for child in kept), sum(child.memory_full_info().uss for child in kept)
