"""`vendas run` as it is typed: a process of its own, all defaults, from the prompt to the prompt."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from benchmarks.processes import Cost, watched
from vendas.settings import Settings
from vendas.warehouse.embedded import ensure_running

COMMAND = Path(sys.executable).with_name("vendas")


@dataclass(frozen=True)
class PipelineRun:
    """One run: what all of it cost, what each stage's notebook, its most memory, its id, and the executed notebooks.

    The first notebook's cost begins at the prompt, each other's at the end of the one before. What follows the last
    one, the exploration and the pages, is in `whole` only. The driver is all but Spark's Python workers.
    """

    whole: Cost
    notebooks: dict[str, Cost]
    peak_bytes: int
    driver_peak_bytes: int
    run_id: str
    executed: dict[str, NotebookNode]

    def cells(self) -> list[tuple[str, str, float]]:
        """Notebook, first line but imports, and seconds of each code cell, as papermill kept them."""
        return [
            (name, _first_line(cell.source), cell.metadata.papermill.duration)
            for name, notebook in self.executed.items()
            for cell in notebook.cells
            if cell.cell_type == "code"
        ]


def run(settings: Settings) -> PipelineRun:
    """Takes up all that waits in the lake. The warehouse is started before the clock, as on a machine in use."""
    ensure_running(settings.dw)
    with watched() as watch:
        done = subprocess.run([COMMAND, "run", "--lake", settings.lake, "--json"], stdout=subprocess.PIPE, text=True)
        whole = watch.until_now()
    if done.returncode:
        raise RuntimeError(f"vendas run ended with {done.returncode}: {done.stdout[-2000:]}")
    report = json.loads(done.stdout)
    folder = settings.runs / report["run_id"]
    names = [stage["notebook"] for stage in report["stages"]]  # none if there was nothing to do
    executed = {name: nbformat.read(folder / f"{name}.ipynb", 4) for name in names}
    marks = [Cost(0, 0), *(watch.at(_ended(notebook)) for notebook in executed.values())]
    notebooks = {name: until - since for name, (since, until) in zip(names, pairwise(marks), strict=True)}
    return PipelineRun(whole, notebooks, watch.peak_bytes, watch.driver_peak_bytes, report["run_id"], executed)


def _ended(notebook: NotebookNode) -> float:
    """When papermill ended an executed notebook, in seconds since 1970."""
    return datetime.fromisoformat(notebook.metadata.papermill.end_time).timestamp()


def _first_line(source: str) -> str:
    first = next(node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom))
    return source.splitlines()[first.lineno - 1]
