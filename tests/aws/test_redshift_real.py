"""A load on a real Redshift, for those who have one; what it leaves there is a star of one sale."""

import os

import psycopg
import pytest

from star import SALE
from vendas import schema, warehouse
from vendas.settings import load_settings

SECRET, STAGING = os.environ.get("VENDAS_REAL_REDSHIFT"), os.environ.get("VENDAS_REAL_STAGING")
HOW = (
    "to try a real Redshift: VENDAS_REAL_REDSHIFT=<secret of a database whose name ends in _teste>, "
    "VENDAS_REAL_STAGING=s3://<bucket>/<folder>, VENDAS_REDSHIFT_COPY_ROLE=<arn>, and run this file alone"
)


@pytest.mark.skipif(not (SECRET and STAGING), reason=HOW)
def test_a_sale_is_loaded_and_taken_back(spark):
    spark._jsc.hadoopConfiguration().set("fs.s3.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem")
    endpoint = warehouse.endpoint_of(load_settings(lake=STAGING, redshift_secret=SECRET))
    assert endpoint.database.endswith("_teste"), HOW
    gold = spark.createDataFrame([tuple(SALE.values())], schema.ddl(schema.GOLD))
    warehouse.apply_ddl(spark, endpoint)
    assert warehouse.rebuild(spark, endpoint, gold, ["a.csv"], STAGING) == {"a.csv": 1}
    with psycopg.connect(endpoint.url) as connection:
        found = connection.execute("select venda_id, data_id, timestamp_do_registro from fato_vendas").fetchall()
    assert found == [("c95905e88141f0301d19dd8d0e762f84", 20240229, SALE["timestamp_do_registro"])]
