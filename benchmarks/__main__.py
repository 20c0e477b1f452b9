"""All benchmarks, into a page: `python -m benchmarks [ROWS] [--rounds N] [--files N] [--drops N] [--page FILE]`."""

import os
import shutil
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from benchmarks import cluster, drops, exploration, increment, lake, load, showing, size, star
from benchmarks.agreement import check_same_lake
from benchmarks.data import write_rows
from benchmarks.figures import keep, section
from benchmarks.pipeline_run import PipelineRun, run
from vendas.settings import Settings, load_settings
from vendas.warehouse.embedded import stop

RESULTS = Path(__file__).with_name("RESULTS.md")


def main(words: list[str] | None = None) -> None:
    parser = ArgumentParser(prog="benchmarks", description="Measures the pipeline against its peers.")
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000, help="rows of the lake")
    parser.add_argument("--rounds", type=int, default=3, help="turns that ours and its peers take")
    parser.add_argument("--files", type=int, default=2000, help="files of the run over many small ones")
    parser.add_argument("--drops", type=int, default=100, help="files that are dropped one after another")
    parser.add_argument("--page", type=Path, default=RESULTS, help="where the results are kept")
    given = parser.parse_args(words)
    if not star.ENVIRONMENT.exists():
        parser.error(f"{star.ENVIRONMENT.name}, with dlt and dbt, is missing: `make bench` sets it up")
    before = os.getloadavg()[0] / os.cpu_count()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            text = measure(given, before, Path(temporary))
        finally:
            for warehouse in Path(temporary).glob("**/dw"):
                stop(warehouse)
    print(text)
    keep(given.page, given.rows, text)


def measure(given: Namespace, before: float, folder: Path) -> str:
    """Runs all benchmarks in `folder`; the section of the page."""
    rows, rounds = given.rows, given.rounds
    csv_bytes = write_rows(rows, folder / "input")
    runs, peers, settings = _turns(rounds, folder)
    small = load_settings(lake=folder / "small-lake")
    figures = [
        *star.figures(rows, [run.whole for run in runs], peers["star"]),
        *lake.figures(runs, peers["lake_duckdb"], peers["lake_spark"]),
        *load.figures(runs, peers["copy"]),
        *exploration.figures(settings, rounds, folder),
        *size.of_layers(settings, csv_bytes),
        *showing.of_previews(runs),
    ]
    figures += [cluster.measure(settings, runs, folder / "input", folder)]  # before the lake grows by increments
    figures += increment.measure(settings, small, rows, rounds, folder)
    figures += [*size.of_memory(runs, rows, folder), *size.of_many_files(given.files, folder)]
    figures += drops.measure(given.drops, folder)
    return section(rows, rounds, before, figures, runs[-1].cells())


def _turns(rounds: int, folder: Path) -> tuple[list[PipelineRun], dict[str, list[float]], Settings]:
    """Ours and its peers in turn, each on the same files; the lake of the last turn stays."""
    runs: list[PipelineRun] = []
    peers: dict[str, list] = {"lake_duckdb": [], "lake_spark": [], "copy": [], "star": []}
    for turn in range(rounds):
        here = folder / f"turn-{turn}"
        settings = load_settings(lake=here / "lago")
        for place in ("duckdb-landing", "spark-landing", "lago/landing"):
            shutil.copytree(folder / "input", here / place)
        peers["lake_duckdb"].append(lake.peer_cost("lake_duckdb", here / "duckdb-landing", here / "duckdb"))
        peers["lake_spark"].append(lake.peer_cost("lake_spark", here / "spark-landing", here / "spark"))
        runs.append(run(settings))
        peers["star"].append(star.peer_cost(settings, folder / "input", here / "dlt"))
        star.check_same_star(settings)
        check_same_lake(settings, here / "duckdb", here / "spark")
        peers["copy"].append(load.copy_seconds(settings, here))
        print(f"turn {turn + 1} of {rounds}: {runs[-1].whole}, {runs[-1].notebooks}, {peers}", flush=True)
        if turn < rounds - 1:
            stop(settings.dw)
            shutil.rmtree(here)
    return runs, peers, settings


if __name__ == "__main__":
    main()
