"""What a small file costs in a small lake, against dlt and dbt, and in a large one; and to find that nothing is new."""

import shutil
from pathlib import Path

from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, LessThan

from benchmarks import star
from benchmarks.agreement import Disagreement
from benchmarks.data import SMALL, write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import run
from benchmarks.processes import Cost
from vendas import schema
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import held_files
from vendas.lake.tables import SILVER_TABLE
from vendas.settings import Settings

DAY, DAY_AFTER = "2023-05-10T00:00:00", "2023-05-11T00:00:00"


def measure(large: Settings, small: Settings, rows: int, rounds: int, folder: Path) -> list[Figure]:
    """A file of 1,000 rows into a lake, and a database, that had one before, and into a lake of so many rows."""
    into_small, into_large, peers, idle = [], [], [], []
    for turn in range(rounds + 1):
        source = folder / f"small-{turn}"
        write_rows(SMALL, source, seed=1000 + turn, files=1)
        into_small.append(_take(small, source))
        peers.append(star.peer_cost(small, source, folder / "small-dlt", fresh=not turn))
        if turn:  # the first one makes the small lake
            into_large.append(_take(large, source))
            idle.append(run(large).whole.wall)
    return [
        *star.figures(SMALL, into_small[1:], peers[1:]),
        Figure(
            f"{SMALL:,} rows into a lake of {rows:,}, prompt to prompt",
            [cost.wall for cost in into_large],
            "the same into a small one",
            [cost.wall for cost in into_small[1:]],
            1.2,
        ),
        _pruned(large),
        Figure("a run that finds nothing new, prompt to prompt", idle, at_most=10),
    ]


def _pruned(large: Settings) -> Figure:
    """How many of silver's files the plan leaves for sales of one day: those of its year and, by statistics, its time.

    The sales of the increment above are of six years, so it gains nothing by that.
    """
    day = And(GreaterThanOrEqual(schema.TIMESTAMP.name, DAY), LessThan(schema.TIMESTAMP.name, DAY_AFTER))
    left, held = (len(held_files(large.lake, SILVER_TABLE, where)) for where in (day, AlwaysTrue()))
    return Figure("silver's files that sales of one day are compared with", [left], "all", [held], unit="")


def _take(settings: Settings, source: Path) -> Cost:
    """What a run costs that finds one new file."""
    shutil.copytree(source, settings.landing, dirs_exist_ok=True)
    done = run(settings)
    (entry,) = list_entries(read_events(settings.lake), done.run_id)
    if (entry["lidas"], entry["dw"]) != (SMALL, entry["silver"]):
        raise Disagreement(f"an increment of {SMALL} rows: {entry}")
    return done.whole
