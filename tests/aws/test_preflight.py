"""The preflight of a stack: all findings are ok on the emulators, and each one fails with a fault of its own."""

import json
import uuid
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import boto3
import numpy
import psycopg
import pytest
from pyspark.sql import SparkSession

from conftest import COPY_ROLE, REGION
from helpers import redshift_double
from helpers.redshift_rules import INTERNAL, Refused
from helpers.star import Warehouse, make_outdated
from helpers.workers import workers_of
from vendas import resources, schema, storage
from vendas.doctor import job_probes, warehouse_probes
from vendas.doctor.preflight_job import Preflight, run_probe
from vendas.lake.spark import map_on_workers
from vendas.machine.job_environment import WRITABLE, job_environment
from vendas.settings import load_settings
from vendas.warehouse import load
from vendas.warehouse.endpoint import RedshiftEndpoint

SQL = resources.folder("sql")


@pytest.fixture
def settings(bucket, double):
    """Return the settings of a stack on the emulators."""
    storage.client.cache_clear()
    held = {"host": "127.0.0.1", "port": double.port, "dbname": "vendas", "username": "vendas"}
    held |= {"password": double.endpoint.password, "sslrootcert": double.endpoint.root_certificate}
    secret = boto3.client("secretsmanager").create_secret(Name=str(uuid.uuid4()), SecretString=json.dumps(held))["ARN"]
    name = f"d{uuid.uuid4().hex}"
    boto3.client("glue").create_database(DatabaseInput={"Name": name, "LocationUri": f"s3://{bucket}"})
    given = {"lake": f"s3://{bucket}", "glue_database": name}
    yield load_settings(redshift_secret=secret, redshift_copy_role=COPY_ROLE, **given)
    storage.client.cache_clear()


@pytest.fixture
def job(s3_spark, settings, aws, empty, tmp_path, monkeypatch):
    """Return the probes of a job with a JVM and an environment like those of Glue."""
    of_java = {"aws.endpointUrl": aws, "aws.region": REGION, "aws.accessKeyId": "t", "aws.secretAccessKey": "t"}
    for name, value in of_java.items():
        s3_spark._jvm.System.setProperty(name, value)
    for name, value in job_environment(tmp_path, [], REGION).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH")
    gateway = s3_spark.sparkContext._gateway.gateway_parameters
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", str(gateway.port))
    monkeypatch.setenv("PYSPARK_GATEWAY_SECRET", gateway.auth_token)
    of_workers = dict(s3_spark.sparkContext.environment)
    yield Preflight(settings, REGION)
    s3_spark.sparkContext.environment.clear()
    s3_spark.sparkContext.environment.update(of_workers)


# --- ok


def test_a_stack_that_works_is_all_green_and_keeps_nothing(job, settings, empty):
    findings = job.findings()
    assert [finding for finding in findings if not finding.ok] == []
    assert boto3.client("s3").list_objects_v2(Bucket=settings.lake.bucket).get("Contents", []) == []
    assert boto3.client("glue").get_tables(DatabaseName=settings.glue_database)["TableList"] == []
    statements = next(finding.found for finding in findings if finding.what == "SQL")
    assert statements.endswith("nothing kept")


def test_the_warehouse_of_an_older_version_is_green_too_and_stays_as_it_is(job, s3_spark, empty):
    load.apply_ddl(workers_of(s3_spark), empty.endpoint)
    dw = Warehouse(workers_of(s3_spark), empty.endpoint, staging=None, behind=empty.backend)
    make_outdated(dw)
    before = dw.ask("select table_name, column_name from information_schema.columns where table_schema = 'public'")
    statements = next(finding for finding in job.findings() if finding.what == "SQL")
    assert (statements.ok, statements.found.endswith("nothing kept")) == (True, True), statements.found
    after = dw.ask("select table_name, column_name from information_schema.columns where table_schema = 'public'")
    assert sorted(after) == sorted(before)


# --- faults


def spark_of_another_glue(patch, job, tmp_path):
    patch.setattr(SparkSession, "version", "3.3.0-amzn-1")


def old_numpy(patch, job, tmp_path):
    patch.setattr(numpy, "__version__", "1.26.4")


def old_psycopg_of_workers(patch, job, tmp_path):
    (tmp_path / "psycopg.py").write_text("__version__ = '1.0'")
    job._workers.spark.sparkContext.environment["PYTHONPATH"] = str(tmp_path)


def no_place_for_matplotlib(patch, job, tmp_path):
    patch.setenv("MPLCONFIGDIR", "/proc/no-home")


def another_region(patch, job, tmp_path):
    patch.setenv("AWS_DEFAULT_REGION", "us-east-2")


def another_region_of_workers(patch, job, tmp_path):
    job._workers.spark.sparkContext.environment["AWS_DEFAULT_REGION"] = "us-east-2"


def kernel_without_the_project(patch, job, tmp_path):
    (tmp_path / "vendas.py").write_text("raise ImportError('no vendas here')")
    patch.setenv("PYTHONPATH", str(tmp_path))


def no_database(patch, job, tmp_path):
    boto3.client("glue").delete_database(Name=job._settings.glue_database)


def no_bucket(patch, job, tmp_path):
    boto3.client("s3").delete_bucket(Bucket=job._settings.lake.bucket)


def wrong_password(patch, job, tmp_path):
    held = json.loads(
        boto3.client("secretsmanager").get_secret_value(SecretId=job._settings.redshift_secret)["SecretString"]
    )
    text = json.dumps(held | {"password": "another"})
    boto3.client("secretsmanager").put_secret_value(SecretId=job._settings.redshift_secret, SecretString=text)


def sql_that_redshift_lacks(patch, job, tmp_path):
    (tmp_path / "checks").mkdir()
    file = tmp_path / "checks" / "x.sql"
    patch.setattr(
        warehouse_probes,
        "sql_files",
        lambda kind, all=warehouse_probes.sql_files: (
            all(kind) | ({file: "select generate_series(1, 2)"} if kind == "checks" else {})
        ),
    )


def copy_role_without_rights(patch, job, tmp_path):
    def refuse(*_):
        raise Refused(INTERNAL, "S3ServiceException:Access Denied,Status 403")

    patch.setattr(redshift_double, "rows_as_csv", refuse)


FAULTS = {
    "Spark": (spark_of_another_glue, "expected Spark 3.5 or 4.1"),
    "Python modules": (old_numpy, "expected numpy 2."),
    "Python modules of workers": (old_psycopg_of_workers, "expected psycopg 3."),
    "Paths": (no_place_for_matplotlib, "not writable: MPLCONFIGDIR=/proc/no-home"),
    "Region of the driver": (another_region, "boto3 us-east-2, S3A us-east-2; the stack is in us-east-1"),
    "Region of workers": (another_region_of_workers, "boto3 us-east-2; the stack is in us-east-1"),
    "Notebook": (kernel_without_the_project, "no vendas here"),
    "Catalog": (no_database, "NoSuchNamespaceError: Database"),
    "Staging": (no_bucket, "The specified bucket does not exist"),
    "Warehouse": (wrong_password, "password authentication failed"),
    "SQL": (sql_that_redshift_lacks, "checks/x.sql: ERROR: function generate_series() does not exist"),
    "COPY": (copy_role_without_rights, "S3ServiceException:Access Denied"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_would_not_work_is_red(job, what, tmp_path, monkeypatch):
    fault, said = FAULTS[what]
    fault(monkeypatch, job, tmp_path)
    finding = run_probe(what, job.looks()[what])
    assert (finding.ok, said in finding.found, finding.remedy != "") == (False, True, True), finding


def test_what_waits_for_a_warehouse_that_cannot_be_reached_is_not_looked_at(job, tmp_path, monkeypatch):
    wrong_password(monkeypatch, job, tmp_path)
    looks = {what: look for what, look in job.looks().items() if look.needs or what == "Warehouse"}
    monkeypatch.setattr(job, "looks", lambda: looks)
    assert [(finding.what, finding.ok, finding.found[:13]) for finding in job.findings()] == [
        ("Warehouse", False, "WarehouseErro"),
        ("SQL", False, "not looked at"),
        ("COPY", False, "not looked at"),
    ]


def test_every_look_has_its_fault(job):
    assert list(job.looks()) == list(FAULTS)


def test_a_job_without_a_region_says_so(settings, job):
    assert "--aws_region" in run_probe("x", Preflight(settings, None).looks()["Region of the driver"]).found


def test_a_session_gives_s3a_and_its_workers_the_region(job, s3_spark, monkeypatch):
    s3_spark.sparkContext.environment.pop("AWS_DEFAULT_REGION", None)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    assert map_on_workers(job._workers.spark, [0], lambda _: job_probes.region_of_process()) == ["sa-east-1"]
    assert s3_spark._jsc.hadoopConfiguration().get("fs.s3a.endpoint.region") == "sa-east-1"


# --- SQL


def test_every_file_of_sql_is_asked_of_redshift():
    asked = {step.file for step in warehouse_probes.statements(RedshiftEndpoint(port=1, password=""))}
    files = [file for file in SQL.rglob("*.sql") if "postgresql" not in file.parts]
    of_administrators = SQL / "views" / "redshift"
    loads = {f"{file.parent.name}/{file.name}" for file in files if file.parent != of_administrators}
    assert asked == loads | {"load.py"}


def test_statements_of_procedures_are_planned_and_the_tables_they_need_are_made():
    steps = list(warehouse_probes.statements(RedshiftEndpoint(port=1, password="")))
    asked = [step.asked.split("(")[0].split(" as")[0] for step in steps if step.file == "star/refresh_star.sql"]
    dimensions = [f"explain insert into {dimension.table}" for dimension in schema.SALES.dimensions]
    assert [" ".join(text.split()[:4]) for text in asked[1:]] == [
        *dimensions,
        *(
            f"explain {what}"
            for table in ("vendas_por_dia", "vendas_por_mes")
            for what in (f"update {table} set", f"insert into {table}", f"delete from {table}")
        ),
        "explain delete from somas_pendentes",
    ]


def test_each_statement_that_is_refused_is_named(job, monkeypatch):
    more = {Path("checks/a.sql"): "select generate_series(1, 2)", Path("checks/b.sql"): "select x from fato_vendas"}
    all_files = warehouse_probes.sql_files
    monkeypatch.setattr(
        warehouse_probes, "sql_files", lambda kind: all_files(kind) | (more if kind == "checks" else {})
    )
    said = run_probe("SQL", job.looks()["SQL"]).found.splitlines()
    assert [line.partition(": ")[0] for line in said] == ["checks/a.sql", "checks/b.sql"]


def test_a_warehouse_stays_as_it_is(job, s3_spark, double):
    load.apply_ddl(workers_of(s3_spark), double.endpoint)
    with psycopg.connect(double.backend.url) as connection:
        row = ("a.csv", 3, datetime(2024, 3, 31), Decimal("30.00"), Decimal("27.00"))
        connection.execute("insert into arquivos_carregados values (%s, %s, %s, %s, %s)", row)
        connection.commit()
        tables = "select table_name from information_schema.tables where table_schema = 'public' order by 1"
        before = connection.execute(tables).fetchall()
        connection.commit()
        assert run_probe("SQL", job.looks()["SQL"]).ok and run_probe("COPY", job.looks()["COPY"]).ok
        assert connection.execute("select * from arquivos_carregados").fetchall() == [row]
        assert connection.execute(tables).fetchall() == before


# --- versions


@pytest.mark.parametrize(
    ("version", "pin", "same"),
    [
        ("3.5.6", "3.5.6", True),
        ("3.5.6+amzn.1", "3.5.6", True),
        ("3.5.6-amzn-1", "3.5.6", True),
        ("3.5.60", "3.5.6", False),
        ("3.5.5", "3.5.6", False),
        ("3.5", "3.5.6", False),
    ],
)
def test_a_suffix_of_awss_is_no_other_version(version, pin, same):
    assert job_probes._same(version, pin) is same


def test_a_job_has_a_place_for_whatever_writes_beside_its_work(tmp_path):
    modules = tmp_path / "lib" / "python3.11" / "site-packages"
    modules.mkdir(parents=True)
    (tmp_path / "share" / "jupyter").mkdir(parents=True)
    made = job_environment(tmp_path, ["", str(modules), "/no/such/place", str(modules)], "sa-east-1")
    assert all((tmp_path / name.lower()).is_dir() and made[name].startswith(str(tmp_path)) for name in WRITABLE)
    assert made["PYTHONPATH"].split(":")[1:] == [str(modules)]
    assert made["JUPYTER_PATH"] == str(tmp_path / "share" / "jupyter")
    assert (made["AWS_DEFAULT_REGION"], made["AWS_REGION"]) == ("sa-east-1", "sa-east-1")
