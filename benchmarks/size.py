"""Bytes: of the layers against their CSV, and of memory while they are made; and a run over many small files."""

from pathlib import Path

from benchmarks.data import write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun, run
from vendas.embedded import stop
from vendas.settings import Settings, load_settings

MB = 1e6
ROWS_OF_A_SMALL_FILE = 100
MEMORY_ROWS = 1_000_000  # what larger runs are held against


def of_layers(settings: Settings, csv_bytes: int) -> list[Figure]:
    """Silver's and gold's Parquet files against the CSV files they came from."""
    return [
        Figure(f"Parquet of {layer}", [_parquet_bytes(settings.lake / layer) / MB], "CSV", [csv_bytes / MB], 0.15, "MB")
        for layer in ("silver", "gold")
    ]


def of_memory(runs: list[PipelineRun], rows: int, folder: Path) -> Figure:
    """The most memory of a run, against a run over a million rows where it was over more."""
    peaks = [run.peak_bytes / MB for run in runs]
    if rows <= MEMORY_ROWS:
        return Figure("most memory of a run", peaks, unit="MB")
    smaller = _one_run(folder / "memory", MEMORY_ROWS).peak_bytes / MB
    return Figure("most memory of a run", peaks, "with 1,000,000 rows", [smaller] * len(peaks), 1.3, "MB")


def of_many_files(files: int, folder: Path) -> list[Figure]:
    """Seconds and Spark jobs of one run over so many files of a hundred rows each."""
    many = _one_run(folder / "many", files * ROWS_OF_A_SMALL_FILE, files)
    name = f"{files:,} files of {ROWS_OF_A_SMALL_FILE} rows, all layers"
    return [
        Figure(f"{name}, beyond the JVM's start", [sum(cost.wall for cost in many.notebooks.values())]),
        Figure(f"{name}: Spark jobs", [many.spark_jobs], unit=""),
    ]


def _one_run(lake: Path, rows: int, files: int | None = None) -> PipelineRun:
    settings = load_settings(lake=lake)
    try:
        return run(settings, write_rows(rows, settings.landing, files=files), "run")
    finally:
        stop(settings.dw)


def _parquet_bytes(table: Path) -> int:
    return sum(path.stat().st_size for path in (table / "data").rglob("*.parquet"))
