"""Bytes: of the layers against their CSV, and of memory while they are made; and a run over many small files."""

from pathlib import Path

from benchmarks.data import write_rows
from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun, run
from vendas.settings import Settings, load_settings
from vendas.warehouse.embedded import stop

MB = 1e6
ROWS_OF_A_SMALL_FILE = 100
MEMORY_ROWS = 1_000_000  # what larger runs are held against


def of_layers(settings: Settings, csv_bytes: int) -> list[Figure]:
    """Silver's and gold's Parquet files against the CSV files they came from."""
    return [
        Figure(f"Parquet of {layer}", [_parquet_bytes(settings.lake / layer) / MB], "CSV", [csv_bytes / MB], 0.15, "MB")
        for layer in ("silver", "gold")
    ]


def of_memory(runs: list[PipelineRun], rows: int, folder: Path) -> list[Figure]:
    """The most memory of a run, and of its driver, against a run over a million rows where it was over more."""
    smaller = _one_run(folder / "memory", MEMORY_ROWS) if rows > MEMORY_ROWS else None
    return [
        _memory("most memory of a run", [run.peak_bytes for run in runs], smaller and smaller.peak_bytes),
        _memory("… of its driver", [run.driver_peak_bytes for run in runs], smaller and smaller.driver_peak_bytes),
    ]


def of_many_files(files: int, folder: Path) -> list[Figure]:
    """Seconds of one run over so many files of a hundred rows each."""
    many = _one_run(folder / "many", files * ROWS_OF_A_SMALL_FILE, files)
    return [Figure(f"{files:,} files of {ROWS_OF_A_SMALL_FILE} rows, prompt to prompt", [many.whole.wall])]


def _memory(name: str, peaks: list[int], smaller: int | None) -> Figure:
    ours = [peak / MB for peak in peaks]
    if smaller is None:
        return Figure(name, ours, unit="MB")
    return Figure(name, ours, "with 1,000,000 rows", [smaller / MB] * len(ours), 1.3, "MB")


def _one_run(lake: Path, rows: int, files: int | None = None) -> PipelineRun:
    settings = load_settings(lake=lake)
    try:
        write_rows(rows, settings.landing, files=files)
        return run(settings)
    finally:
        stop(settings.dw)


def _parquet_bytes(table: Path) -> int:
    return sum(path.stat().st_size for path in (table / "data").rglob("*.parquet"))
