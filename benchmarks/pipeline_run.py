"""The pipeline's own runs, timed: the workflow's notebooks in one JVM, as `vendas run` without its pages."""

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import nbformat
import psutil
from py4j.java_gateway import GatewayParameters, JavaGateway

from vendas.embedded import ensure_running
from vendas.pipeline import Progress, run_notebooks
from vendas.settings import Settings
from vendas.spark import gateway_environment

SAMPLE_SECONDS = 0.2
OPEN_SESSION = """
import sys
from vendas.settings import load_settings
from vendas.spark import session

session(load_settings(lake=sys.argv[1]))
"""


@dataclass(frozen=True)
class PipelineRun:
    """One run: seconds until the JVM had its session, then by notebook; the most memory it held, and its Spark jobs."""

    jvm: float
    notebooks: dict[str, float]
    peak_bytes: int
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


@contextmanager
def jvm(settings: Settings, folder: Path, work_bytes: int) -> Iterator[dict[str, str]]:
    """A JVM that has its session: what its start costs is behind, and not half hidden beside the first notebook's."""
    with gateway_environment(settings, folder / "spark.log", work_bytes) as environment:
        subprocess.run([sys.executable, "-c", OPEN_SESSION, settings.lake], env=os.environ | environment, check=True)
        yield environment


def run(settings: Settings, work_bytes: int, name: str) -> PipelineRun:
    """Takes up all that waits in the lake. The warehouse is started before the clock."""
    ensure_running(settings.dw)
    folder = settings.runs / name
    with peak_memory() as memory:
        begun = time.monotonic()
        with jvm(settings, folder, work_bytes) as environment:
            started = time.monotonic() - begun
            notebooks = run_all(settings, folder, environment)
            jobs = _jobs_so_far(environment)
    return PipelineRun(started, notebooks, memory[0], jobs, folder)


def run_all(settings: Settings, folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Executes the notebooks in this JVM; seconds of each."""
    stages = run_notebooks(settings, folder, environment, Progress())
    return {stage.notebook: stage.seconds for stage in stages}


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """A list whose one number becomes the most bytes that all processes begun by this one held at a time, as RSS.

    Pages that forked Python workers share are counted for each.
    """
    peak, done = [0], Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(map(_resident, psutil.Process().children(recursive=True))))

    thread = Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _first_line(source: str) -> str:
    first = next(node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom))
    return source.splitlines()[first.lineno - 1]


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


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
