"""One Spark session for all unit tests, on a lake of its own."""

import pytest

from vendas import spark as vendas_spark
from vendas.settings import load_settings


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    settings = load_settings(lake=tmp_path_factory.mktemp("spark") / "lago", spark_master="local[2]", spark_memory="2g")
    session = vendas_spark.session(settings)
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()
