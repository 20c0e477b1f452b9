"""Load and refresh of the star: the fourth notebook, against COPY alone of the same rows into the same PostgreSQL."""

import time
from pathlib import Path

import duckdb
import psycopg

from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun
from vendas.schema import GOLD_COLUMNS, names
from vendas.settings import Settings
from vendas.warehouse.embedded import ensure_running

NOTEBOOK = "04_dw"
CHUNK_BYTES = 1 << 20


def copy_seconds(settings: Settings, folder: Path) -> float:
    """Seconds for COPY of gold's rows, from a CSV file that is there, into a table like registros_vendas; committed."""
    rows = folder / "gold.csv"
    gold = f"read_parquet('{settings.lake}/gold/data/**/*.parquet')"
    duckdb.execute(f"copy (select {', '.join(names(GOLD_COLUMNS))} from {gold}) to '{rows}' (format csv, header false)")
    with psycopg.connect(ensure_running(settings.dw).url) as connection:
        connection.execute("create table copied (like registros_vendas)")
        connection.commit()
        begun = time.monotonic()
        with connection.cursor().copy("copy copied from stdin (format csv)") as copy, rows.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                copy.write(chunk)
        connection.commit()
        seconds = time.monotonic() - begun
        connection.execute("drop table copied")
    rows.unlink()
    return seconds


def figures(runs: list[PipelineRun], with_copy: list[float]) -> list[Figure]:
    """The load's figures, of runs and COPY's seconds by turn.

    Ours is the whole notebook, the first of its warehouse: rows and keys made ready, tables, star, indexes, checks, and
    what it shows. COPY writes one table without keys.
    """
    seconds = [run.notebooks[NOTEBOOK].wall for run in runs]
    return [Figure("load and refresh of the star", seconds, "COPY alone", with_copy, at_most=3)]
