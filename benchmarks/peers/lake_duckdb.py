"""The lake's work done by DuckDB: `python -m benchmarks.peers.lake_duckdb LANDING FOLDER`."""

import os
import sys
from pathlib import Path

import duckdb

from vendas.landing.arrivals import sweep

SCRIPT = Path(__file__).with_suffix(".sql")


def main(landing: Path, folder: Path) -> None:
    """From the files of `landing`, by the pipeline's own verified move, to bronze, silver and gold in `folder`."""
    sweep(landing, folder / "bronze")
    os.chdir(folder)
    duckdb.execute(SCRIPT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
