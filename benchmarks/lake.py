"""CSV → silver → gold: the first three notebooks against DuckDB, and against a script as it is usually written."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun

NOTEBOOKS = ("01_bronze", "02_silver", "03_gold")


def peer_seconds(peer: str, landing: Path, folder: Path) -> float:
    """Seconds of the process that does the lake's work with a module of `benchmarks.peers`."""
    folder.mkdir()
    begun = time.monotonic()
    words = [sys.executable, "-m", f"benchmarks.peers.{peer}", landing, folder]
    done = subprocess.run(words, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - begun
    if done.returncode:
        raise RuntimeError(f"The peer {peer} failed:\n{done.stderr[-2000:]}")
    return seconds


def figures(runs: list[PipelineRun], with_duckdb: list[float], with_script: list[float]) -> list[Figure]:
    """The lake's figures, of runs and peers' seconds by turn."""
    beyond = [sum(run.notebooks[name] for name in NOTEBOOKS) for run in runs]
    whole = [run.jvm + seconds for run, seconds in zip(runs, beyond, strict=True)]
    return [
        Figure("CSV → silver → gold, JVM's start included", whole, "DuckDB", with_duckdb, at_most=3),
        Figure("CSV → silver → gold, beyond the JVM's start", beyond, "DuckDB", with_duckdb),
        Figure("CSV → silver → gold, JVM's start included", whole, "plain PySpark script", with_script, at_most=0.5),
    ]
