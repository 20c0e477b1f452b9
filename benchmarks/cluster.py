"""The run on a cluster: Spark's own, with two workers that share nothing but the lake, which is on an emulator of S3.

Both are on this machine, so this tells what spreading costs, not what it gains. After each notebook the processes of
both workers that held its data are killed, and their disks emptied: what a stage needs of another is in the lake, or
the run fails.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

import boto3
import psutil
import pyspark

from benchmarks.agreement import COUNTS, Disagreement
from benchmarks.figures import Figure
from benchmarks.lake import NOTEBOOKS
from benchmarks.pipeline_run import PipelineRun
from vendas.lake import spark
from vendas.lake.jars import ICEBERG_AWS, PACKAGES
from vendas.lake.ledger import list_entries, read_events
from vendas.runs.fork_server import ForkServer
from vendas.runs.pipeline import Progress, run_notebooks
from vendas.settings import Settings, load_settings

WORKERS = 2
BUCKET, DATABASE = "vendas", "vendas"
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"


def measure(here: Settings, runs: list[PipelineRun], source: Path, folder: Path) -> Figure:
    """The lake's notebooks over the same files as `runs`, which left the lake `here`; its counts must be the same."""
    with (
        _emulator(folder) as environment,
        patch.dict(os.environ, environment),
        _master(folder) as master,
        _workers(master, folder) as workers,
    ):
        _upload(source)
        seconds, counted = _run(load_settings(lake=f"s3://{BUCKET}", spark_master=master), workers, folder)
    expected = _counts(here)
    if counted != expected:
        raise Disagreement(f"on a cluster: {counted}; on this machine: {expected}")
    local = [sum(run.notebooks[name].wall for name in NOTEBOOKS) for run in runs]
    name = f"CSV → silver → gold by {WORKERS} workers, lake on S3's emulator"
    return Figure(name, [seconds] * len(local), "in one process, lake in folders", local)


def _run(settings: Settings, workers: dict[Path, subprocess.Popen], folder: Path) -> tuple[float, list[int]]:
    seconds, packages = 0.0, patch.object(spark, "PACKAGES", (*PACKAGES, ICEBERG_AWS))  # Glue has it
    with packages, spark.gateway_environment(settings, folder / "spark.log") as gateway, ForkServer() as forks:
        stages = run_notebooks(settings, folder / "cluster", gateway, Progress(), forks=forks)
        for number in range(len(NOTEBOOKS)):
            if number:
                _renew(workers)
            begun = time.monotonic()
            next(stages)
            seconds += time.monotonic() - begun
    return seconds, _counts(settings)


def _counts(settings: Settings) -> list[int]:
    """Of all files together: they come in another order here, and so the first of equal sales is another's."""
    return [sum(entry[name] for entry in list_entries(read_events(settings.lake))) for name in (*COUNTS, "gold")]


@contextmanager
def _emulator(folder: Path) -> Iterator[dict[str, str]]:
    """Moto's server; yields the variables that lead AWS clients to it."""
    port = _free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "VENDAS_GLUE_DATABASE": DATABASE,
    }
    log = folder / "emulator.log"
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output, _until_stopped(subprocess.Popen(words, stdout=output, stderr=output), port, log):
        yield environment


def _upload(source: Path) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    boto3.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    for path in sorted(source.iterdir()):
        s3.upload_file(str(path), BUCKET, f"landing/{path.name}")


@contextmanager
def _master(folder: Path) -> Iterator[str]:
    """Spark's master; its address."""
    port, log = _free_port(), folder / "master.log"
    with _until_stopped(_start_spark(["master.Master", "--port", str(port)], log, {}), port, log):
        yield f"spark://127.0.0.1:{port}"


@contextmanager
def _workers(master: str, folder: Path) -> Iterator[dict[Path, subprocess.Popen]]:
    """As many workers as WORKERS, of one processor and 1 GB each; yields the process of each by its disk."""
    words = ["worker.Worker", "--cores", "1", "--memory", "1g"]
    started: dict[Path, subprocess.Popen] = {}
    try:
        for number in range(WORKERS):
            disk = folder / f"worker-{number}"
            disk.mkdir()
            more = {"SPARK_LOCAL_DIRS": str(disk)}
            started[disk] = _start_spark([*words, "--work-dir", str(disk), master], folder / f"{disk.name}.log", more)
        yield started
    finally:
        for worker in started.values():
            _stop(worker)


def _renew(workers: dict[Path, subprocess.Popen]) -> None:
    """Kill each worker's executor, which has data in memory, and delete its files; the worker starts another one."""
    for disk, worker in workers.items():
        left = [*disk.glob("*/*/*")]  # files of Spark and of its executor; those of the next one have other names
        children = psutil.Process(worker.pid).children()  # at times with its start's dead bash, never reaped
        executors = [child for child in children if child.name() == "java"]
        for executor in executors:
            executor.kill()  # and with it end its Python workers
        psutil.wait_procs(executors)
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _start_spark(words: list[str], log: Path, more: dict[str, str]) -> subprocess.Popen:
    own, *rest = words
    command = [SPARK_CLASS, f"org.apache.spark.deploy.{own}", "--host", "127.0.0.1", "--webui-port", "0", *rest]
    environment = os.environ | {"JAVA_HOME": str(spark.java_home()), "SPARK_LOCAL_IP": "127.0.0.1"} | more
    with log.open("wb") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


@contextmanager
def _until_stopped(process: subprocess.Popen, port: int, log: Path) -> Iterator[None]:
    try:
        _wait_for(port, process, log)
        yield
    finally:
        _stop(process)


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"It ended: {log.read_text()[-2000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
