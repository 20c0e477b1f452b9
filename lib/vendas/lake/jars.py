"""Spark's extra jars: each downloaded once from Maven Central and verified by its checksum.

Spark could resolve `spark.jars.packages` itself, but does so at every start (about a second) and trusts only the
certificates inside its own Java, which fails behind a company's TLS proxy. Python downloads them with this machine's
certificates and proxy settings (HTTPS_PROXY, NO_PROXY). AWS Glue brings its own jars.
"""

import hashlib
import http.client
import os
import re
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyspark

from vendas.errors import DownloadError
from vendas.machine import full_disk
from vendas.machine.environment import temporary_folder
from vendas.tuning import DOCTOR_TIMEOUT_SECONDS, DOWNLOAD_ATTEMPTS, DOWNLOAD_PAUSE_SECONDS, DOWNLOAD_TIMEOUT_SECONDS

_CHUNK_BYTES = 1 << 20
_SPARKS_OWN = {*'#,:*?[]{}\\"'}  # characters with a special meaning to Spark or Java in a jar's path


class _Jars(NamedTuple):
    """The jars for one version of Spark."""

    iceberg: str
    iceberg_aws: str  # in addition, for a lake on S3
    s3a: tuple[str, ...]  # Hadoop's S3 file system, with the parts of the AWS SDK that it needs


_OF_SPARK = {
    "3.5": _Jars(  # AWS Glue 5.1
        iceberg="org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0",
        iceberg_aws="org.apache.iceberg:iceberg-aws-bundle:1.10.0",
        s3a=(  # 13 MB; the usual bundle of the whole SDK is 280 MB
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
        s3a=(  # 65 MB, since Iceberg's bundle has most of the SDK that Hadoop needs; the whole SDK is 640 MB
            "org.apache.hadoop:hadoop-aws:3.4.2",
            "org.apache.iceberg:iceberg-aws-bundle:1.11.0",
            "software.amazon.awssdk:s3-transfer-manager:2.29.52",
            "org.wildfly.openssl:wildfly-openssl:2.1.4.Final",
        ),
    ),
}
SHA256 = {
    "com.amazon.redshift:redshift-jdbc42:2.1.0.30": "f919d7e46ea13ba473b8955b3395a6d2dd3a66f16db3c17f4e9c973e366592fa",
    "com.amazonaws:aws-java-sdk-core:1.12.262": "06fed99f929c389e168278c1b111aaf1afb270d07202fbbce92e73d1e4279678",
    "com.amazonaws:aws-java-sdk-dynamodb:1.12.262": "7af4ba06d0d9b3c2ab435089caecd0567810d203aa285f7aa72861f1964d442e",
    "com.amazonaws:aws-java-sdk-kms:1.12.262": "c00f5ae7b334255f661d85512e7203af9523a04fb65d0c431c2eea2003ed8ae2",
    "com.amazonaws:aws-java-sdk-s3:1.12.262": "a0cb7580178bc0d4d3558295a5bb890008478da8a6b3241989c71238b0ed3be5",
    "com.amazonaws:aws-java-sdk-sts:1.12.262": "659f48d8ebc02025c5042cc4b925f62610e81f334498f1b9e7a271ce20ecbcae",
    "com.amazonaws:jmespath-java:1.12.262": "9001ea993a45d82a2d3086edcbda8a40b4e012d049a70fbf071fd329c0fbd777",
    "org.apache.hadoop:hadoop-aws:3.3.4": "53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a",
    "org.apache.hadoop:hadoop-aws:3.4.2": "d2d24e6b715b5656b9d238bf13b6682a07e2004dd36aad74a73aeb854319f4d9",
    "org.apache.iceberg:iceberg-aws-bundle:1.10.0": "172370cfc32a5f1ae5399b210e86fc04a366dc29a112d97ac8ffc74df7525596",
    "org.apache.iceberg:iceberg-aws-bundle:1.11.0": "38f01da7e96850cdd05e6616d758b77b43314b712a8808e3f9a824d56976162f",
    "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0": (
        "70f9471870b2d456167d703c829f098a446b86bb1379eee338c0efa03a341026"
    ),
    "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0": (
        "d6ea6c5d099288daeb7d5a92061bd3d7d8f296492632b42378e5f2f0e3066242"
    ),
    "org.wildfly.openssl:wildfly-openssl:1.0.7.Final": (
        "9f7058778978ec2ad90c7224401a4b0013d93e0dd3fa0f72b25244ffa3507ca8"
    ),
    "org.wildfly.openssl:wildfly-openssl:2.1.4.Final": (
        "95decbc5d088b40e85f58d7726b8c8f4e3be6312a0f2660c2d714a23cee80279"
    ),
    "software.amazon.awssdk:s3-transfer-manager:2.29.52": (
        "0c9e654637247187a7e2494eb7a8799477a772a7d554cd3ae787cd3e3bae3c55"
    ),
}


def spark_version(version: str) -> str:
    """Return major and minor version of a Spark version, which may have an AWS suffix (`3.5.6+amzn.1`)."""
    return ".".join(re.findall(r"\d+", version)[:2])


ICEBERG, ICEBERG_AWS, S3A = _OF_SPARK.get(spark_version(pyspark.__version__), _OF_SPARK["3.5"])
PACKAGES = (ICEBERG,)
REDSHIFT_DRIVER = "com.amazon.redshift:redshift-jdbc42:2.1.0.30"  # AWS Glue brings its own driver


def jar_path(package: str, cache: Path) -> Path:
    """Return the path of the jar of `group:artifact:version` in the cache."""
    group, artifact, version = package.split(":")
    return cache / f"{group}_{artifact}-{version}.jar"


def jar_cache() -> Path:
    """Return the folder of the jars: in the user's cache, or a temporary folder if that cannot be used.

    A read-only cache is used if it already has all of Spark's jars. A path with `#`, a comma, a colon, a quote or a
    character of Spark's patterns is skipped, because Spark would not find the jars there.
    """
    given, home = os.environ.get("XDG_CACHE_HOME", ""), os.path.expanduser("~")
    folders = [Path(given)] if Path(given).is_absolute() else []
    folders += [Path(home) / ".cache"] if home != "~" else []
    caches = [path for path in (folder / "vendas" / "jars" for folder in folders) if not _SPARKS_OWN & {*str(path)}]
    complete = (cache for cache in caches if not missing_jars(cache))
    writable = (cache for cache in caches if os.access(full_disk.nearest_existing(cache.parent), os.W_OK))
    return next(complete, None) or next(writable, None) or temporary_folder() / "jars"


def missing_jars(cache: Path, packages: Sequence[str] = PACKAGES) -> list[str]:
    """Return the packages whose jars are not in the cache."""
    return [package for package in packages if not os.path.isfile(jar_path(package, cache))]


def damaged_jars(cache: Path, packages: Sequence[str] = PACKAGES) -> list[Path]:
    """Return the jars in the cache whose checksum is wrong, such as one that was copied there incompletely."""
    there = [package for package in packages if os.path.isfile(jar_path(package, cache))]
    return [path for package in there if _sha256(path := jar_path(package, cache)) != SHA256[package]]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_jars(
    cache: Path,
    progress: Callable[[str], object] = print,
    packages: Sequence[str] = PACKAGES,
    repository: str | None = None,
) -> list[Path]:
    """Return the paths of the jars of these packages, downloading those that the cache lacks.

    `repository` is the address of a mirror of Maven Central.
    Raises: DownloadError naming the artifact that cannot be downloaded or has the wrong checksum.
    """
    for package in missing_jars(cache, packages):
        asked = repository or maven_central()
        progress(f"Fetching {package} from {asked} (once, into {cache})")
        _fetch(package, cache, asked)
    return [jar_path(package, cache) for package in packages]


def can_be_fetched(package: str, repository: str | None = None) -> str | None:
    """Return None if the package's jar can be downloaded, else the reason why not; download nothing."""
    request = urllib.request.Request(_url(package, repository or maven_central()), method="HEAD")
    try:
        with urllib.request.build_opener().open(request, timeout=DOCTOR_TIMEOUT_SECONDS):
            return None
    except (OSError, http.client.HTTPException) as error:
        return f"{request.full_url}: {getattr(error, 'reason', None) or error}"


def _url(package: str, repository: str) -> str:
    group, artifact, version = package.split(":")
    return f"{repository.rstrip('/')}/{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"


def _fetch(package: str, cache: Path, repository: str) -> None:
    url = _url(package, repository)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:  # several processes may fetch at once
            part = Path(folder) / "part.jar"
            found = _download(url, part)
            if found != SHA256[package]:
                raise DownloadError(
                    f"What came as {package} from {url} is not that jar: its SHA-256 is {found}, expected "
                    f"{SHA256[package]}.\nA proxy may have answered in its place: look at HTTPS_PROXY and "
                    "VENDAS_MAVEN_URL, and run again. Nothing was kept."
                )
            part.replace(jar_path(package, cache))
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(
            f"Could not fetch {package} from {url}: {getattr(error, 'reason', None) or error}.\n"
            "Check the network and HTTPS_PROXY, or name a mirror of Maven Central in VENDAS_MAVEN_URL; or copy the jar "
            f"to {jar_path(package, cache)}. Then run again.{full_disk.explain(str(error), cache)}"
        ) from error


def _download(url: str, target: Path) -> str:
    """Download a file, with a few attempts; return its SHA-256. Raises: OSError, HTTPException."""
    for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
        digest = hashlib.sha256()
        try:
            opener = urllib.request.build_opener()  # a new opener, which reads the current proxy variables
            with opener.open(url, timeout=DOWNLOAD_TIMEOUT_SECONDS) as answer, target.open("wb") as file:
                while chunk := answer.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
                if answer.length:  # bytes missing from the announced length
                    raise http.client.IncompleteRead(b"", answer.length)
            return digest.hexdigest()
        except (OSError, http.client.HTTPException) as error:
            refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if attempt == DOWNLOAD_ATTEMPTS or refused:
                raise
            time.sleep(DOWNLOAD_PAUSE_SECONDS * attempt)
    raise AssertionError


def maven_central() -> str:
    """Return the address of Maven Central, as configured in Spark's own Ivy."""
    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    with zipfile.ZipFile(ivy) as jar:
        properties = jar.read("org/apache/ivy/core/settings/repository.properties").decode()
    (root,) = re.findall(r"^ivy\.ibiblio\.default\.artifact\.root\s*=\s*(\S+)", properties, re.MULTILINE)
    return root
