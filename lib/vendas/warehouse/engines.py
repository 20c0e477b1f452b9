"""The engines PostgreSQL and Amazon Redshift: where they differ. All other SQL and code is the same for both.

An engine defines how to connect, the locks that keep loads apart, how to adapt the common DDL, which own DDL to run
after it, what to prepare before the rows, which indexes to create after them, which checks to run besides the common
ones, the planner's settings for few or many rows and for quick statistics, how to empty a table, how to count what is
loaded, how to insert rows that are here, how to write rows to a file (in Spark's Python workers), how to copy such
files into a table, and whether to do so in parts, as soon as some are written.
"""

from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.redshift import Redshift

Engine = type[PostgreSQL] | type[Redshift]


def engine_of(endpoint: Endpoint) -> Engine:
    """Return the engine of an endpoint."""
    return Redshift if isinstance(endpoint, RedshiftEndpoint) else PostgreSQL


def connect(spark: SparkSession, endpoint: Endpoint) -> JavaObject:
    """Return a java.sql.Connection to the engine at this endpoint."""
    if isinstance(endpoint, RedshiftEndpoint):
        return Redshift.connect(spark, endpoint)
    return PostgreSQL.connect(spark, endpoint)
