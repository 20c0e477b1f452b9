"""What a small file costs in a large lake, and what it costs to find that nothing is new."""

from pyiceberg.expressions import AlwaysTrue, And, GreaterThanOrEqual, LessThan

from benchmarks.agreement import Disagreement
from benchmarks.data import SMALL, write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import run
from vendas import schema
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import held_files
from vendas.lake.tables import SILVER_TABLE
from vendas.settings import Settings

DAY, DAY_AFTER = "2023-05-10T00:00:00", "2023-05-11T00:00:00"


def measure(large: Settings, small: Settings, rows: int, rounds: int) -> list[Figure]:
    """A file of 1,000 rows into a lake of so many rows, and into one that had a few such files before."""
    into_large, into_small, idle = [], [], []
    for turn in range(rounds):
        into_small.append(_seconds(small, turn))
        into_large.append(_seconds(large, turn))
        idle.append(run(large).whole.wall)
    return [
        Figure(
            f"{SMALL:,} rows into a lake of {rows:,}, prompt to prompt",
            into_large,
            "the same into a small one",
            into_small,
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


def _seconds(settings: Settings, turn: int) -> float:
    """Seconds of a run that finds one new file."""
    write_rows(SMALL, settings.landing, seed=1000 + turn, files=1)
    done = run(settings)
    (entry,) = list_entries(read_events(settings.lake), done.run_id)
    if (entry["lidas"], entry["dw"]) != (SMALL, entry["silver"]):
        raise Disagreement(f"an increment of {SMALL} rows: {entry}")
    return done.whole.wall
