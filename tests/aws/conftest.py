"""An AWS of this machine's own: moto's server on 127.0.0.1, for boto3, subprocesses and Spark alike."""

import uuid

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "us-east-1"


@pytest.fixture(scope="session")
def aws():
    """The emulator's URL. While it runs, the environment leads every AWS client to it, also those of subprocesses."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield url
    server.stop()


@pytest.fixture
def bucket(aws):
    """An empty bucket's name."""
    name = f"vendas-{uuid.uuid4()}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def s3a_options(url):
    """Hadoop's options for `s3://` on the emulator; Spark's configuration takes them behind `spark.hadoop.`."""
    return {
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.endpoint": url,
        "fs.s3a.endpoint.region": REGION,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": "false",
        "fs.s3a.access.key": "testing",
        "fs.s3a.secret.key": "testing",
    }


@pytest.fixture(scope="session")
def s3_spark(spark, aws):
    """The unit tests' session, which reads and writes `s3://` on the emulator."""
    for name, value in s3a_options(aws).items():
        spark._jsc.hadoopConfiguration().set(name, value)
    return spark
