"""Spark's extra jars: fetched once from Maven Central into the usual Ivy cache, by the Ivy that Spark ships.

Spark could resolve `spark.jars.packages` itself, but does so at every start (about a second) and trusts only the
certificates inside its own Java, which fails behind a company's TLS proxy. Here Ivy runs once an artifact, with the
certificates this machine trusts.
"""

import ssl
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyspark
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

from vendas.errors import DownloadError


class _Jars(NamedTuple):
    """What goes with one version of Spark."""

    iceberg: str
    iceberg_aws: str  # beside Iceberg for a lake on S3
    s3a: tuple[str, ...]  # Hadoop's way to S3, with the parts of the AWS SDK it needs


_OF_SPARK = {
    "3.5": _Jars(  # AWS Glue 5.1
        iceberg="org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0",
        iceberg_aws="org.apache.iceberg:iceberg-aws-bundle:1.10.0",
        s3a=(  # 13 MB; Hadoop's usual bundle of the whole SDK has 280
            "org.apache.hadoop:hadoop-aws:3.3.4",
            "com.amazonaws:aws-java-sdk-core:1.12.262",
            "com.amazonaws:aws-java-sdk-dynamodb:1.12.262",
            "com.amazonaws:aws-java-sdk-kms:1.12.262",
            "com.amazonaws:aws-java-sdk-s3:1.12.262",
            "com.amazonaws:aws-java-sdk-sts:1.12.262",
            "com.amazonaws:jmespath-java:1.12.262",
            "org.wildfly.openssl:wildfly-openssl:1.0.7.Final",
        ),
    ),
    "4.1": _Jars(  # AWS Glue 6.0
        iceberg="org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0",
        iceberg_aws="org.apache.iceberg:iceberg-aws-bundle:1.11.0",
        s3a=(  # 65 MB, for Iceberg's bundle has most of the SDK that Hadoop asks for; the whole has 640
            "org.apache.hadoop:hadoop-aws:3.4.2",
            "org.apache.iceberg:iceberg-aws-bundle:1.11.0",
            "software.amazon.awssdk:s3-transfer-manager:2.29.52",
            "org.wildfly.openssl:wildfly-openssl:2.1.4.Final",
        ),
    ),
}
ICEBERG, ICEBERG_AWS, S3A = _OF_SPARK[".".join(pyspark.__version__.split(".")[:2])]  # AWS adds to the third
POSTGRESQL = "org.postgresql:postgresql:42.7.4"
PACKAGES = (ICEBERG, POSTGRESQL)
REDSHIFT = "com.amazon.redshift:redshift-jdbc42:2.1.0.30"  # AWS Glue brings a driver of its own

_STORE_PASSWORD = "changeit"  # a truststore holds public certificates only; Java's own uses this password too


def jar_path(package: str, cache: Path) -> Path:
    """Where Ivy keeps the jar of `group:artifact:version`."""
    group, artifact, version = package.split(":")
    return cache / "jars" / f"{group}_{artifact}-{version}.jar"


def fetch_jars(java_home: Path, cache: Path, progress=print, packages: Sequence[str] = PACKAGES) -> list[Path]:
    """Paths of the jars of these packages, downloading what the cache lacks.

    Raises DownloadError naming the artifact that could not be had.
    """
    missing = [package for package in packages if not jar_path(package, cache).is_file()]
    for package in missing:
        progress(f"Fetching {package} from Maven Central (once, into {cache})")
        _fetch(package, java_home, cache)
    return [jar_path(package, cache) for package in packages]


def _fetch(package: str, java_home: Path, cache: Path) -> None:
    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            java_home / "bin" / "java", *_trust_options(Path(folder)), "-jar", ivy,
            "-dependency", *package.split(":"), "-notransitive", "-confs", "default", "-cache", cache / "cache",
            "-retrieve", cache / "jars" / "[organisation]_[artifact]-[revision].[ext]",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not jar_path(package, cache).is_file():
        reasons = [line.strip() for line in done.stdout.splitlines() if "rror" in line or "not found" in line]
        raise DownloadError(
            f"Could not fetch {package} from Maven Central.\n"
            f"Ivy said: {'; '.join(reasons[:4]) or done.stderr.strip()[-500:]}\n"
            f"Check the network (or copy the jar to {jar_path(package, cache)}) and run again."
        )


def _trust_options(folder: Path) -> list[str]:
    """Java options that make it trust what Python trusts on this machine; none where Python knows no certificate."""
    certificates = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not certificates:
        return []
    store = folder / "trust.p12"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # some old roots have a serial number of 0
        entries = [
            pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), str(number).encode())
            for number, der in enumerate(certificates)
        ]
    store.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(_STORE_PASSWORD.encode())))
    return [f"-Djavax.net.ssl.trustStore={store}", f"-Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}"]
