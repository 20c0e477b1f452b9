"""Fixtures of all tests: a Spark session with a lake of its own, and a lake after a run."""

import fcntl
import gc
import json
import os
import runpy
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from helpers.terminal import run_real_files
from vendas.lake import spark as vendas_spark
from vendas.lake.jars import ICEBERG_AWS, PACKAGES, REDSHIFT_DRIVER, S3A
from vendas.runs.fork_server import ForkServer
from vendas.runs.pipeline import Progress, run_pipeline
from vendas.settings import load_settings
from vendas.warehouse import embedded

HERE = Path(__file__).parent
REAL_LAKE = Path("dados de março", "lago")

# No example has a time limit, because other tests and other programs take the processors, too.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure(config):
    """If tests marked engine are excluded, let no other test start one, in this Python or in one that it starts."""
    config.add_cleanup(gc.unfreeze)  # after pytest's own collections; else DuckDB reports what stays as leaked
    if "not engine" in config.option.markexpr:
        runpy.run_path(str(HERE / "no_engine" / "sitecustomize.py"))
        # The library comes first, because the command line restarts without a PYTHONPATH that lacks it.
        paths = [HERE.parent / "lib", HERE / "no_engine", os.environ.get("PYTHONPATH")]
        os.environ["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, paths)))


def pytest_xdist_auto_num_workers(config):
    """Use one worker more than cores, because some tests wait: for a process to end, a clock to move on, a poll."""
    return (os.cpu_count() or 1) + 1


def pytest_itemcollected(item):
    if "engine" in item.fixturenames:
        item.add_marker("engine")


def pytest_collection_modifyitems(config, items):
    """Put files with an engine first: they take longest, and the others then fill up the time of all workers."""
    if "not engine" not in config.option.markexpr:  # else the order is the command's
        long = {item.path for item in items if item.get_closest_marker("engine")}
        items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish():
    """Let no garbage collection look at modules and tests again, which would take a sixth of the tests' time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def engine():
    """Required by fixtures that start a JVM or PostgreSQL, so that the tests that use these are marked `engine`."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory, engine):
    settings = load_settings(lake=tmp_path_factory.mktemp("spark") / "lago", spark_master="local[2]", spark_memory="2g")
    with pytest.MonkeyPatch.context() as patch:  # the AWS tests use the same JVM
        patch.setattr(vendas_spark, "PACKAGES", tuple(dict.fromkeys((*PACKAGES, ICEBERG_AWS, REDSHIFT_DRIVER, *S3A))))
        patch.setattr(vendas_spark, "configuration", partial(vendas_spark.configuration, work_bytes=0))
        session = vendas_spark.session(settings)  # a JVM for little work, which starts faster
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def real_lake(tmp_path_factory, engine):
    """Return a lake whose path has blanks and accents, after a run with the four real files, and the run's output.

    All workers have the same one, which the first to need it makes. Tests must not change its tables.
    """
    here = tmp_path_factory.getbasetemp()
    folder = (here.parent if "PYTEST_XDIST_WORKER" in os.environ else here) / REAL_LAKE
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "run.json").open("a+") as told:
        fcntl.flock(told, fcntl.LOCK_EX)
        told.seek(0)
        if not (said := told.read()):
            said = json.dumps(run_real_files(folder))
            told.write(said)
    return folder, json.loads(said)


def pytest_sessionfinish(session):
    """Stop the database of the lake of all workers, once they have ended."""
    if not hasattr(session.config, "workerinput"):
        embedded.stop(session.config._tmp_path_factory.getbasetemp() / REAL_LAKE / "dw")


@pytest.fixture(scope="session")
def forks():
    """Return a fork server for all tests that need one; its start takes longer than what most of them do."""
    with ForkServer() as server:
        yield server


class KeptForks:
    """The tests' fork server as that of `vendas watch`, which a run need not start then."""

    def __init__(self, forks):
        self._forks = forks

    def fork_server(self):
        return nullcontext(self._forks)


@pytest.fixture(scope="session")
def run_here(forks, engine):
    """Return a function that does what `vendas run` does, in this process."""
    return lambda lake: run_pipeline(load_settings(lake=lake), Progress(), warm=KeptForks(forks))


@pytest.fixture
def landing(tmp_path):
    """Return an empty landing folder for the test."""
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def bronze(tmp_path):
    """Return the path of the test's bronze folder, which does not exist yet."""
    return tmp_path / "bronze"
