"""An emulated AWS: moto's server on 127.0.0.1, for boto3, subprocesses and Spark."""

import logging
import os
import threading
import uuid

import boto3
import psycopg
import pytest
from moto.moto_api._internal import moto_api_backend
from moto.server import ThreadedMotoServer

from helpers import certificates
from helpers.redshift_double import RedshiftDouble
from helpers.star import TABLES, Warehouse
from helpers.workers import workers_of
from vendas.storage import S3Path
from vendas.warehouse import embedded, load
from vendas.warehouse.endpoint import RedshiftEndpoint

REGION = "us-east-1"
COPY_ROLE = "arn:aws:iam::123456789012:role/copy"


@pytest.fixture(scope="module", autouse=True)
def account():
    """Empty the emulated account after each file of tests, because stacks, queues and functions have fixed names."""
    yield
    moto_api_backend.reset()


class AtomicWrites:
    """moto's application with S3's promise that of writes with one condition one succeeds.

    moto looks at the condition and then writes, while its other threads do the same.
    """

    def __init__(self, app):
        self._app, self._lock = app, threading.Lock()

    def __call__(self, environ, start_response):
        if {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} & environ.keys():
            with self._lock:
                return self._app(environ, start_response)
        return self._app(environ, start_response)


@pytest.fixture(scope="session")
def emulator():
    """Start moto's server."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # otherwise it logs a line per request
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    server._server.app = AtomicWrites(server._server.app)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def aws(emulator):
    """Return the emulator's URL; the environment points all AWS clients to it, also those of subprocesses."""
    url = "http://{}:{}".format(*emulator.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_REGION", REGION)  # the variable that Java reads
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield url


@pytest.fixture
def bucket(aws):
    """Create an empty bucket and return its name."""
    name = f"vendas-{uuid.uuid4()}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def s3a_options(url):
    """Return Hadoop's options for `s3://` on the emulator; Spark's configuration needs the prefix `spark.hadoop.`."""
    return {
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint": url,
        "fs.s3a.endpoint.region": REGION,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.access.key": "testing",
        "fs.s3a.secret.key": "testing",
        "fs.s3a.directory.marker.retention": "keep",  # this and the next save requests, of which Hadoop makes many
        "mapreduce.fileoutputcommitter.algorithm.version": "2",
    }


@pytest.fixture(scope="session")
def s3_spark(spark, aws):
    """Return the unit tests' session, configured for `s3://` on the emulator."""
    for name, value in s3a_options(aws).items():
        spark._jsc.hadoopConfiguration().set(name, value)
    # The JVM started before these variables were set, so the Python workers that it starts would lack them.
    spark.sparkContext.environment |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return spark


@pytest.fixture(scope="session")
def double(tmp_path_factory, aws, engine):
    """Start a double of Redshift; its `endpoint` has what a client needs."""
    folder = tmp_path_factory.mktemp("redshift")
    authority, certificate, key = certificates.make(folder)
    backend = embedded.ensure_running(folder / "dw")
    with RedshiftDouble(backend, certificate, key) as double:
        double.endpoint = RedshiftEndpoint(
            port=double.port, password=backend.password, copy_role=COPY_ROLE, root_certificate=str(authority)
        )
        yield double
    embedded.stop(folder / "dw")


@pytest.fixture
def empty(double):
    """Return the double with an empty database."""
    with psycopg.connect(double.backend.url) as connection:
        connection.execute("drop schema public cascade; create schema public")
    double.tables.clear()
    double.seen.clear()
    double.conflicts = 0
    return double


@pytest.fixture
def redshift(s3_spark, double, bucket, request):
    """Return an empty warehouse on the double; its tables are created once and emptied for each test."""
    dw = Warehouse(workers_of(s3_spark), double.endpoint, S3Path(bucket, "staging/carga"), behind=double.backend)
    if set(TABLES) <= double.tables:
        dw.tell(f"truncate {', '.join(TABLES)}", "drop function if exists spoil cascade")
    else:
        request.getfixturevalue("empty")
        load.apply_ddl(dw.workers, double.endpoint)
    double.seen.clear()
    double.conflicts = 0
    return dw
