"""One Spark session for all unit tests, on a lake of its own; one lake with a run behind it."""

import os
import runpy
import shutil
from functools import partial
from pathlib import Path

import pytest

from terminal import FIXTURES, run
from vendas.lake import spark as vendas_spark
from vendas.lake.jars import ICEBERG_AWS, PACKAGES, REDSHIFT_DRIVER, S3A
from vendas.settings import load_settings
from vendas.warehouse import embedded

HERE = Path(__file__).parent


def pytest_configure(config):
    """Where tests marked engine are left out, no other may start one, neither here nor in a Python it starts."""
    if "not engine" in config.option.markexpr:
        runpy.run_path(str(HERE / "no_engine" / "sitecustomize.py"))
        # The library comes first: the command line starts again without a PYTHONPATH that lacks it.
        paths = [HERE.parent / "lib", HERE / "no_engine", os.environ.get("PYTHONPATH")]
        os.environ["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, paths)))


def pytest_itemcollected(item):
    if "engine" in item.fixturenames:
        item.add_marker("engine")


@pytest.fixture(scope="session")
def engine():
    """Asked for by fixtures that start a JVM or PostgreSQL; whatever asks for those is marked so."""


@pytest.fixture(scope="session")
def spark(tmp_path_factory, engine):
    settings = load_settings(lake=tmp_path_factory.mktemp("spark") / "lago", spark_master="local[2]", spark_memory="2g")
    with pytest.MonkeyPatch.context() as patch:  # this one JVM serves the AWS tests, too
        patch.setattr(vendas_spark, "PACKAGES", tuple(dict.fromkeys((*PACKAGES, ICEBERG_AWS, REDSHIFT_DRIVER, *S3A))))
        patch.setattr(vendas_spark, "configuration", partial(vendas_spark.configuration, work_bytes=0))
        session = vendas_spark.session(settings)  # for little work: a JVM that starts quicker
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def real_lake(tmp_path_factory, engine):
    """A lake whose path has blanks and accents, with the four real files run through it, and what that run printed.

    Tests add to it; none takes away what it has.
    """
    folder = tmp_path_factory.mktemp("dados de março") / "lago"
    (folder / "landing").mkdir(parents=True)
    for path in FIXTURES.glob("*.csv"):
        shutil.copy(path, folder / "landing")
    yield folder, run(folder)
    embedded.stop(folder / "dw")


@pytest.fixture
def landing(tmp_path):
    """An empty landing folder of the test's own."""
    folder = tmp_path / "landing"
    folder.mkdir()
    return folder


@pytest.fixture
def bronze(tmp_path):
    """Where that test's bronze folder will be made."""
    return tmp_path / "bronze"
