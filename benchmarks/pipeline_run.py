"""The pipeline's own runs, timed: the workflow's notebooks in one JVM, as `vendas run` without its pages."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from py4j.java_gateway import GatewayParameters, JavaGateway

from benchmarks.processes import Cost, Watch, watched
from vendas.lake.spark import gateway_environment
from vendas.results import Stage
from vendas.runs.fork_server import ForkServer
from vendas.runs.pipeline import Progress, run_notebooks
from vendas.settings import Settings
from vendas.warehouse.embedded import ensure_running

OPEN_SESSION = """
import sys
from vendas.settings import load_settings
from vendas.lake.spark import session

session(load_settings(lake=sys.argv[1]))
"""


@dataclass(frozen=True)
class PipelineRun:
    """One run: what it cost until the JVM had its session, then by notebook; its most memory, and its Spark jobs.

    The driver is the JVM and a notebook's kernel: all but Spark's Python workers.
    """

    jvm: Cost
    notebooks: dict[str, Cost]
    peak_bytes: int
    driver_peak_bytes: int
    spark_jobs: int
    folder: Path

    def cells(self) -> list[tuple[str, str, float]]:
        """Notebook, first line but imports, and seconds of each code cell, as papermill kept them."""
        return [
            (name, _first_line(cell.source), cell.metadata.papermill.duration)
            for name in self.notebooks
            for cell in nbformat.read(self.folder / f"{name}.ipynb", 4).cells
            if cell.cell_type == "code"
        ]


class _Costs(Progress):
    """Takes note of what each notebook cost."""

    def __init__(self, watch: Watch, before: Cost):
        self._watch, self._before = watch, before
        self.notebooks: dict[str, Cost] = {}

    def stage_done(self, stage: Stage) -> None:
        self.notebooks[stage.notebook] = self._watch.since(self._before)
        self._before = self._watch.until_now()


@contextmanager
def jvm(settings: Settings, folder: Path, work_bytes: int) -> Iterator[tuple[dict[str, str], ForkServer]]:
    """A JVM that has its session, and a fork server: what their start costs is not half hidden by a notebook's."""
    with ForkServer() as forks, gateway_environment(settings, folder / "spark.log", work_bytes) as environment:
        subprocess.run([sys.executable, "-c", OPEN_SESSION, settings.lake], env=os.environ | environment, check=True)
        yield environment, forks


def run(settings: Settings, work_bytes: int, name: str) -> PipelineRun:
    """Takes up all that waits in the lake. The warehouse is started before the clock."""
    ensure_running(settings.dw)
    folder = settings.runs / name
    with watched() as watch, jvm(settings, folder, work_bytes) as (environment, forks):
        started = watch.until_now()
        progress = _Costs(watch, started)
        list(run_notebooks(settings, folder, environment, progress, forks=forks))
        jobs = _jobs_so_far(environment)
    return PipelineRun(started, progress.notebooks, watch.peak_bytes, watch.driver_peak_bytes, jobs, folder)


def _first_line(source: str) -> str:
    first = next(node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom))
    return source.splitlines()[first.lineno - 1]


def _jobs_so_far(environment: dict[str, str]) -> int:
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(
            port=int(environment["PYSPARK_GATEWAY_PORT"]), auth_token=environment["PYSPARK_GATEWAY_SECRET"]
        )
    )
    try:
        context = gateway.jvm.org.apache.spark.sql.SparkSession.builder().getOrCreate().sparkContext()
        return context.dagScheduler().numTotalJobs()  # the status store forgets all but the last thousand
    finally:
        gateway.close()
