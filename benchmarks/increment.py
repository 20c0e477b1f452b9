"""What a small file costs in a large lake, and what it costs to find that nothing is new."""

import time
from pathlib import Path

from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, LessThan

from benchmarks.agreement import Disagreement
from benchmarks.data import write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import jvm
from vendas import schema
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import held_files
from vendas.lake.tables import SILVER_TABLE
from vendas.runs.fork_server import ForkServer
from vendas.runs.pipeline import Progress, run_notebooks
from vendas.settings import Settings, load_settings
from vendas.warehouse.embedded import ensure_running, stop

ROWS = 1000
DAY, DAY_AFTER = "2023-05-10T00:00:00", "2023-05-11T00:00:00"


def measure(large: Settings, rows: int, rounds: int, folder: Path) -> list[Figure]:
    """A file of 1,000 rows into this lake of so many rows and into an empty one, in JVMs that have looked once."""
    into_large, into_empty, idle = [], [], []
    for turn in range(rounds):
        empty = load_settings(lake=folder / f"empty-{turn}")
        into_empty.append(_seconds(empty, turn)[1])
        nothing_new, seconds = _seconds(large, turn)
        idle.append(nothing_new)
        into_large.append(seconds)
        stop(empty.dw)
    return [
        Figure(f"{ROWS:,} rows into a lake of {rows:,}", into_large, "the same into an empty one", into_empty, 1.2),
        _pruned(large),
        Figure("four notebooks over nothing new, beyond the JVM's start", idle, at_most=10),
    ]


def _pruned(large: Settings) -> Figure:
    """How many of silver's files the plan leaves for sales of one day: those of its year and, by statistics, its time.

    The sales of the increment above are of six years, so it gains nothing by that.
    """
    day = And(GreaterThanOrEqual(schema.TIMESTAMP.name, DAY), LessThan(schema.TIMESTAMP.name, DAY_AFTER))
    left, held = (len(held_files(large.lake, SILVER_TABLE, where)) for where in (day, AlwaysTrue()))
    return Figure("silver's files that sales of one day are compared with", [left], "all", [held], unit="")


def _seconds(settings: Settings, turn: int) -> tuple[float, float]:
    """Seconds of the notebooks for nothing new, which makes a new lake's tables, then for a new file."""
    ensure_running(settings.dw)
    with jvm(settings, settings.runs / f"jvm-{turn}", work_bytes=0) as (environment, forks):
        nothing = _timed(settings, f"nothing-{turn}", environment, forks)
        write_rows(ROWS, settings.landing, seed=1000 + turn, files=1)
        seconds = _timed(settings, f"increment-{turn}", environment, forks)
    (entry,) = list_entries(read_events(settings.lake), f"increment-{turn}")
    if (entry["lidas"], entry["dw"]) != (ROWS, entry["silver"]):
        raise Disagreement(f"an increment of {ROWS} rows: {entry}")
    return nothing, seconds


def _timed(settings: Settings, name: str, environment: dict[str, str], forks: ForkServer) -> float:
    begun = time.monotonic()
    list(run_notebooks(settings, settings.runs / name, environment, Progress(), forks=forks))
    return time.monotonic() - begun
