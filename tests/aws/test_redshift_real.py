"""A load on a real Redshift, if one is available; it leaves a star with one sale there."""

import os

import pytest

from helpers.star import SALE, gold_file
from helpers.workers import workers_of
from vendas.reports.exploration import ask, connect
from vendas.settings import load_settings
from vendas.storage import S3Path
from vendas.warehouse import load

SECRET, STAGING = os.environ.get("VENDAS_REAL_REDSHIFT"), os.environ.get("VENDAS_REAL_STAGING")
HOW = (
    "to try a real Redshift: VENDAS_REAL_REDSHIFT=<secret of a database whose name ends in _teste>, "
    "VENDAS_REAL_STAGING=s3://<bucket>/<folder>, VENDAS_REDSHIFT_COPY_ROLE=<arn>, and run this file alone"
)


@pytest.mark.skipif(not (SECRET and STAGING), reason=HOW)
def test_a_sale_is_loaded_and_taken_back(spark, tmp_path):
    workers = workers_of(spark)
    endpoint = load.endpoint_of(load_settings(lake=STAGING, redshift_secret=SECRET))
    assert endpoint.database.endswith("_teste"), HOW
    load.apply_ddl(workers, endpoint)
    gold, staging = [gold_file(tmp_path, [SALE])], S3Path.parse(STAGING)
    assert load.rebuild(workers, endpoint, gold, ["a.csv"], staging) == {"a.csv": 1}
    asked = ask(connect(endpoint), "select venda_id, data_id, timestamp_do_registro from fato_vendas")
    found = asked.values.tolist()
    assert found == [["c95905e88141f0301d19dd8d0e762f84", 20240229, SALE["timestamp_do_registro"]]]
