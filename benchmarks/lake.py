"""CSV → silver → gold: the first three notebooks against DuckDB, and against a script as it is usually written."""

import sys
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun
from benchmarks.processes import Cost, cost_of

NOTEBOOKS = ("01_bronze", "02_silver", "03_gold")


def peer_cost(peer: str, landing: Path, folder: Path) -> Cost:
    """What it cost that a process does the lake's work with a module of `benchmarks.peers`."""
    folder.mkdir()
    words = [sys.executable, "-m", f"benchmarks.peers.{peer}", landing, folder]
    return cost_of(words, Path(__file__).parents[1])


def figures(runs: list[PipelineRun], with_duckdb: list[Cost], with_script: list[Cost]) -> list[Figure]:
    """The lake's figures, of runs and peers by turn; ours begins at the prompt, so it has the JVM's start."""
    ours = [sum((run.notebooks[name] for name in NOTEBOOKS), Cost(0, 0)) for run in runs]
    return [
        _figure("from the prompt", ours, "DuckDB", with_duckdb, at_most=2),
        _figure("from the prompt", ours, "plain PySpark script", with_script, at_most=0.5),
        _figure("processors' seconds", ours, "DuckDB", with_duckdb, clock="cpu"),
        _figure("processors' seconds", ours, "plain PySpark script", with_script, clock="cpu"),
    ]


def _figure(
    what: str, ours: list[Cost], peer_name: str, peer: list[Cost], at_most: float | None = None, clock: str = "wall"
) -> Figure:
    ours_seconds, peer_seconds = ([getattr(cost, clock) for cost in costs] for costs in (ours, peer))
    return Figure(f"CSV → silver → gold, {what}", ours_seconds, peer_name, peer_seconds, at_most)
