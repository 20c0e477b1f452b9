"""The exploration: its notebook from the start of the kernel to the last chart, asking about all sales of the star."""

import time
from pathlib import Path

from benchmarks.figures import Figure
from vendas.reports.report import EXPLORATION
from vendas.runs.lake_notebooks import ALL_SALES, execute
from vendas.settings import Settings

AT_MOST_SECONDS = 10  # also of ten million sales


def figures(settings: Settings, rounds: int, folder: Path) -> list[Figure]:
    """The seconds that the exploration of the lake takes, again and again."""
    seconds = []
    for turn in range(rounds):
        begun = time.monotonic()
        execute(EXPLORATION, settings, folder / f"exploration-{turn}", {}, ALL_SALES)
        seconds.append(time.monotonic() - begun)
    return [Figure("the exploration's answers, and their charts", seconds, at_most=AT_MOST_SECONDS)]
