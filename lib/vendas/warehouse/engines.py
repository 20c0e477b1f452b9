"""PostgreSQL and Amazon Redshift: what one does otherwise than the other. All other SQL and code is the same for both.

Each says how to connect, which locks keep loads apart, what the common DDL becomes, which own DDL follows it, which
indexes follow the first rows, what is checked beside what all check, what tells its planner that a load is small, how
a table is emptied, how rows are put into a file (by Spark's Python workers), and how such files get into a table.
"""

from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.redshift import Redshift

Engine = type[PostgreSQL] | type[Redshift]


def engine_of(endpoint: Endpoint) -> Engine:
    """The engine that listens there."""
    return Redshift if isinstance(endpoint, RedshiftEndpoint) else PostgreSQL


def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
    """A java.sql.Connection to the engine that listens there."""
    if isinstance(endpoint, RedshiftEndpoint):
        return Redshift.connect(spark, endpoint)
    return PostgreSQL.connect(spark, endpoint)
