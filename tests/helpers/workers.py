"""Workers for tests that are not about them: this process, or those of the tests' Spark session."""

from vendas.lake.workers import SparkWorkers, ThisProcess
from vendas.settings import load_settings


def alone():
    """Return this process as workers, without a JVM."""
    return ThisProcess(load_settings())


def workers_of(spark):
    """Return the workers of a session that is there."""
    workers = SparkWorkers(load_settings())
    workers.spark = spark
    return workers
