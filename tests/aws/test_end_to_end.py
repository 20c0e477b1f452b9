"""From an upload to the star on AWS, on emulators and doubles, with the template's names, jobs, triggers and roles."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import boto3
import nbformat
import psycopg
import pytest

from conftest import COPY_ROLE, s3a_options
from goldens import rehearsal_of
from helpers.glue_jvm import VERSIONS, submit
from helpers.glue_python import NO_HOME
from helpers.permissions import Recorder
from helpers.stack import Stack
from helpers.star import DIMENSIONS
from helpers.terminal import real_files
from helpers.workflow_double import WorkflowDouble, metrics_of
from test_preflight import FAULTS
from vendas import storage
from vendas.doctor import preflight
from vendas.errors import NotebookError
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, SILVER_TABLE
from vendas.landing.s3_objects import list_objects
from vendas.landing.s3_versions import list_versions
from vendas.privacy.erasure_requests import leave_request, take_answer
from vendas.privacy.search import Request
from vendas.reports.cost import Usage
from vendas.runs.lake_notebooks import NOTEBOOKS
from vendas.runs.notebook_runner import run_notebook
from vendas.schema import TABLES
from vendas.storage import S3Lake
from vendas.tuning import SNAPSHOTS_KEPT_MIN_HOURS
from vendas.warehouse.embedded import ensure_running

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
JOBS = ["BronzeJob", "SilverJob", "GoldJob", "WarehouseJob"]
INVOKE = """
import json, sys
from types import SimpleNamespace
import handler
context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn:f", aws_request_id="r")
print(json.dumps(handler.handle(json.load(sys.stdin), context)))
"""


class Cloud:
    """The stack's resources on the emulator, and the calls of its actors."""

    def __init__(self, url, double, recorder):
        held = {"host": "127.0.0.1", "port": double.port, "dbname": "vendas", "username": "vendas"}
        held |= {"password": double.endpoint.password, "sslrootcert": double.endpoint.root_certificate}
        secret = boto3.client("secretsmanager").create_secret(Name="loja/dw", SecretString=json.dumps(held))["ARN"]
        self.stack = Stack(
            ArtifactsBucket="artefatos",
            JobModules="vendas/modulos.gluewheels.zip",
            JobScript="vendas/glue_job.py",
            WarehouseSecretArn=secret,
            WarehouseCopyRoleArn=COPY_ROLE,
        )
        self.double, self.recorder = double, recorder
        self.landing, self.bucket = self.stack.name("LandingBucket"), self.stack.name("LakeBucket")
        self.lake = S3Lake(self.bucket, database=self.stack.name("Database"))
        spark = {f"spark.hadoop.{name}": value for name, value in s3a_options(url).items()}
        # Otherwise S3 would see all jobs as one actor, in a region that the job was not given.
        for key in ("fs.s3a.access.key", "fs.s3a.secret.key", "fs.s3a.endpoint.region"):
            del spark[f"spark.hadoop.{key}"]
        self.workflow = WorkflowDouble(self.stack, submit(self.stack, spark))
        self._make()

    def _make(self):
        s3, glue = boto3.client("s3"), boto3.client("glue")
        for bucket in (self.landing, self.bucket):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("secretsmanager").create_secret(Name=self.stack.name("PrivacySecret"), SecretString="k" * 64)
        self.queue = boto3.client("sqs").create_queue(QueueName=self.stack.name("ArrivalQueue"))["QueueUrl"]
        arn = self.stack.arn("ArrivalQueue")
        told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        s3.put_bucket_notification_configuration(Bucket=self.landing, NotificationConfiguration=told)
        glue.create_database(DatabaseInput=self.stack.properties("Database")["DatabaseInput"])
        glue.create_workflow(Name=self.workflow.name)

    def send(self, name, data):
        boto3.client("s3").put_object(Bucket=self.landing, Key=name, Body=data)

    def messages(self):
        """Take the messages from the queue, in the form in which Lambda gets them."""
        sqs, records = boto3.client("sqs"), []
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                records.append({"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"})
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return {"Records": records}

    def invoke(self, event):
        """Call the Lambda function under its own role, in its own environment, and return its answer."""
        given = self.stack.properties("ArrivalFunction")["Environment"]["Variables"]
        path = os.pathsep.join([str(ROOT / "lambda"), str(ROOT / "lib")])
        role = {"AWS_ACCESS_KEY_ID": self.stack.role_of("ArrivalFunction"), "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "-c", INVOKE],
            input=json.dumps(event),
            env=os.environ | given | role,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def last_run(self):
        return boto3.client("glue").get_workflow_runs(Name=self.workflow.name)["Runs"][-1]["WorkflowRunId"]

    def keys(self, prefix):
        return sorted(path.name for path in list_objects(boto3.client("s3"), self.lake / prefix))

    def ask(self, query):
        with psycopg.connect(self.double.backend.url) as connection:
            return connection.execute(query).fetchall()

    def entries(self):
        return {entry["arquivo_recebido"]: entry for entry in list_entries(read_events(self.lake))}


class Account:
    """The clients of a user's boto3: the emulator, and the stack's jobs and function, as in Cloud."""

    def __init__(self, cloud):
        self._cloud, self._runs = cloud, {}
        outputs = {key: {"Value": value} for key, value in cloud.stack.outputs.items()}
        template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
        boto3.client("cloudformation").create_stack(StackName="loja", TemplateBody=json.dumps(template))

    def client(self, service):
        return self if service in ("glue", "lambda") else boto3.client(service)

    def start_job_run(self, JobName, Arguments):
        assert JobName == self._cloud.stack.name("PreflightJob")
        done = self._cloud.workflow.run_job("PreflightJob", "none", **Arguments)
        self._runs["jr"] = {"JobRunState": done.state, "ErrorMessage": done.error[-2000:], "ExecutionTime": 1}
        return {"JobRunId": "jr"}

    def get_job_run(self, JobName, RunId):
        return {"JobRun": self._runs[RunId]}

    def invoke(self, FunctionName, Payload):
        assert FunctionName == self._cloud.stack.name("ArrivalFunction")
        return {"Payload": io.BytesIO(json.dumps(self._cloud.invoke(json.loads(Payload))).encode())}


@pytest.fixture(scope="module")
def cloud(aws, emulator, double):
    storage.client.cache_clear()
    recorder = Recorder(emulator._server.app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator._server, "app", recorder)
        with psycopg.connect(double.backend.url) as connection:
            connection.execute("drop schema public cascade; create schema public")
        double.tables.clear()
        yield Cloud(aws, double, recorder)
    storage.client.cache_clear()


def all_keys(bucket):
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def gold_rows(lake):
    rows = read_table(lake, GOLD_TABLE).drop_columns(["arquivo_de_origem"]).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=repr)


@pytest.fixture(scope="module")
def first_run(cloud):
    """Upload the four real files; the function moves them to bronze and starts the workflow."""
    for name, data in real_files().items():
        cloud.send(name, data)
    cloud.send("leia-me.txt", b"nada")
    answer = cloud.invoke(cloud.messages())
    return answer, cloud.workflow.follow(cloud.last_run())


def test_an_upload_becomes_the_star(cloud, first_run, real_lake):
    answer, jobs = first_run
    folder, _ = real_lake
    assert answer == {"batchItemFailures": []}
    assert [done.said for done in jobs.values() if done.state != "SUCCEEDED"] == []
    assert list(jobs) == JOBS
    assert boto3.client("s3").list_objects_v2(Bucket=cloud.landing)["Contents"][0]["Key"] == "leia-me.txt"
    counts = {name: entry["lidas"] for name, entry in cloud.entries().items()}
    assert counts == {path.name: len(path.read_bytes().splitlines()) - 1 for path in FIXTURES.glob("*.csv")}
    assert gold_rows(cloud.lake) == gold_rows(folder)
    assert read_table(cloud.lake, SILVER_TABLE).num_rows == 70
    local = psycopg.connect(ensure_running(folder / "dw").url)
    with local:
        for name in DIMENSIONS:
            members = f"select * from dim_{name} order by 1"
            assert cloud.ask(members) == local.execute(members).fetchall()
        totals = "select count(*), sum(valor_da_compra), sum(valor_com_desconto) from fato_vendas"
        assert cloud.ask(totals) == local.execute(totals).fetchall()


def test_every_call_is_allowed_by_its_actors_role(cloud, first_run):
    actors = {cloud.stack.role_of(job) for job in [*JOBS, "ArrivalFunction"]}
    assert actors <= {call.actor for call in cloud.recorder.calls}
    refused = [
        call
        for actor in sorted(actors)
        for call in cloud.recorder.of(actor)
        if not cloud.stack.allows(cloud.stack.arn(actor), call.action, call.resource, dict(call.context))
    ]
    assert refused == []


def test_the_preflight_is_green_and_its_calls_are_allowed(cloud, monkeypatch):
    monkeypatch.setattr(preflight, "client", Account(cloud).client)
    findings = preflight.preflight(preflight.stack_of(cloud.lake), print, poll_seconds=0)
    assert [finding for finding in findings if not finding.ok] == []
    told = {finding.what: finding.found for finding in findings}
    assert list(told) == ["Job", *FAULTS, "Function"]
    assert f"pyspark {VERSIONS[0]}" in told["Python modules"] and NO_HOME in told["Paths"]
    assert told["Region of the driver"] == "boto3 us-east-1, S3A us-east-1"
    assert told["Region of workers"] == "boto3 us-east-1"
    calls = cloud.recorder.of("PreflightRole")
    allows = partial(cloud.stack.allows, cloud.stack.arn("PreflightRole"))
    assert calls and [call for call in calls if not allows(call.action, call.resource, dict(call.context))] == []
    assert [key for bucket in (cloud.landing, cloud.bucket) for key in all_keys(bucket) if "preflight" in key] == []


def test_jobs_say_what_they_did(cloud, first_run):
    _, jobs = first_run
    told = {name: value for job in jobs.values() for name, value in metrics_of(job.said).items()}
    assert told["silver", "RowsRead"] == [93] and told["silver", "Duplicates"] == [23] and told["dw", "Seconds"][0] > 0
    assert told[None, "PendingFiles"] == [0]
    kept = cloud.keys(f"runs/{cloud.last_run()}")
    notebooks = ("01_bronze", "02_silver", "03_gold", "04_dw", "05_exploracao")
    assert {f"{name}.{kind}" for name in notebooks for kind in ("html", "ipynb")} < set(kept)
    page = (cloud.lake / f"runs/{cloud.last_run()}/index.html").open("rb").read().decode()
    assert "Custo estimado" in page and "exploração falhou" not in page
    assert "93 lidas = 70 silver + 23 duplicadas + 0 quarentena" in page


def test_the_notebooks_show_rows_here_too(cloud, first_run):
    folder = cloud.lake / f"runs/{cloud.last_run()}"
    texts = {name: (folder / f"{name}.ipynb").open("rb").read().decode() for name in NOTEBOOKS}
    assert [name for name, text in texts.items() if "Não foi possível mostrar" in text or "Nenhuma venda" in text] == []
    assert "registros_website_" in texts["02_silver"] and "dim_vendedor" in texts["04_dw"]


def test_the_estimate_of_requests_is_near_what_was_asked(cloud, first_run):
    of_jobs = {cloud.stack.role_of(job) for job in JOBS}
    asked = Counter()
    for call, times in cloud.recorder.calls.items():
        asked[call.action] += times if call.actor in of_jobs else 0
    writes = asked["s3:PutObject"] + asked["s3:ListBucket"] + asked["s3:ListBucketVersions"]
    used = Usage.of([], 2, [event for event in read_events(cloud.lake) if event.etapa == "bronze"])
    assert (writes, asked["s3:GetObject"]) == (
        pytest.approx(used.writes, rel=0.3),
        pytest.approx(used.reads, rel=0.3),
    )


@pytest.mark.parametrize(("stage", "job"), [("02_silver", "SilverJob"), ("03_gold", "GoldJob")])
def test_a_rehearsal_is_allowed_by_the_role_of_its_job(cloud, first_run, tmp_path, stage, job):
    role, notebook = cloud.stack.role_of(job), tmp_path / f"{stage}.ipynb"
    nbformat.write(rehearsal_of(ROOT / "notebooks" / f"{stage}.ipynb"), notebook)
    given = {"lake": str(cloud.lake), "run_id": "r1", "ensaio": True}
    by_hand = {"AWS_ACCESS_KEY_ID": role, "VENDAS_GLUE_DATABASE": cloud.lake.database}
    with pytest.raises(NotebookError, match="was a rehearsal"):
        run_notebook(notebook, tmp_path / "out.ipynb", given, by_hand, 60)
    calls, allows = cloud.recorder.of(role), partial(cloud.stack.allows, cloud.stack.arn(role))
    assert [call for call in calls if "/staging/ensaio-" in call.resource]
    assert [call for call in calls if not allows(call.action, call.resource, dict(call.context))] == []


def test_what_failed_is_taken_up_and_corrections_come_as_properties(cloud, first_run):
    """A file whose event was lost, a file to undo, and a warehouse that is unavailable at first."""
    s3 = boto3.client("s3")
    s3.put_bucket_notification_configuration(Bucket=cloud.landing, NotificationConfiguration={})
    cloud.send("registros_perdido.csv", (FIXTURES / "registros_website.csv").read_bytes())
    assert len(cloud.invoke({"sweep": True})["moved"]) == 1
    website = cloud.entries()["registros_website.csv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloud.double, "_logged_in", lambda stream: False)
        jobs = cloud.workflow.start(undo=json.dumps([website["arquivo"]]))
    assert [done.state for done in jobs.values()] == ["SUCCEEDED"] * 3 + ["FAILED"]
    said = jobs["WarehouseJob"].said
    assert "NotebookError: 04_dw.ipynb failed" in said and f"Executed notebook: {cloud.lake}/runs/" in said
    assert "Falhou: 4 · Warehouse" in (cloud.lake / f"runs/{cloud.last_run()}/index.html").open("rb").read().decode()
    assert cloud.entries()["registros_website.csv"]["dw"] == website["dw"] > 0
    again = cloud.workflow.run_job("WarehouseJob", cloud.last_run())
    assert again.state == "SUCCEEDED", again.error
    told = cloud.entries()
    assert told["registros_website.csv"]["situacao"] == "desfeito"
    assert told["registros_perdido.csv"]["dw"] == website["dw"]
    assert cloud.ask("select count(*), sum(valor_da_compra) > 0 from fato_vendas") == [(70, True)]


def test_the_upkeep_changes_no_row_and_its_calls_are_allowed(cloud, first_run):
    """A late test, because by then the tables have files of several runs."""
    before = [read_table(cloud.lake, table).num_rows for table in TABLES]
    done = cloud.workflow.run_job("UpkeepJob", "none", **{"--upkeep": SNAPSHOTS_KEPT_MIN_HOURS})
    assert done.state == "SUCCEEDED", done.error
    tables = json.loads(done.said.splitlines()[-1])["tables"]
    assert [upkeep["table"] for upkeep in tables] == list(TABLES)
    assert [read_table(cloud.lake, table).num_rows for table in TABLES] == before
    silver, years = tables[0], set(read_table(cloud.lake, SILVER_TABLE)["ano"].to_pylist())
    assert silver["after"]["data_files"] == len(years) < silver["before"]["data_files"]
    assert silver["after"]["disk_bytes"] > silver["after"]["data_bytes"] > 0
    calls = cloud.recorder.of("UpkeepRole")
    allows = partial(cloud.stack.allows, cloud.stack.arn("UpkeepRole"))
    assert {"s3:PutObject", "glue:UpdateTable"} <= {call.action for call in calls}
    assert [call for call in calls if not allows(call.action, call.resource, dict(call.context))] == []


def test_a_person_is_erased_by_the_job_and_known_by_the_next_run(cloud, first_run):
    """The last test, because it changes the lake; every call is allowed by its actor's role."""
    email = read_table(cloud.lake, GOLD_TABLE)["email"].to_pylist()[0]
    before, star = cloud.entries(), cloud.ask("select count(*), sum(valor_com_desconto) from fato_vendas")
    name = leave_request(cloud.lake, Request(frozenset({email})), "LGPD")
    done = cloud.workflow.run_job("ErasureJob", "none")
    assert done.state == "SUCCEEDED", done.error
    receipt = take_answer(cloud.lake, name).receipt
    assert email not in done.said + done.error and receipt.linhas > 0
    assert (
        cloud.entries().keys() == before.keys() and email not in read_table(cloud.lake, GOLD_TABLE)["email"].to_pylist()
    )
    assert cloud.ask("select count(*), sum(valor_com_desconto) from fato_vendas") == star
    assert cloud.ask(f"select email from dim_cliente where email in ('{email}', '{receipt.token}')") == [
        (receipt.token,)
    ]
    for name, data in real_files().items():
        cloud.send(name, data)
    assert len(cloud.invoke({"sweep": True})["moved"]) == len(list(FIXTURES.glob("*.csv")))
    again = cloud.workflow.run_job("BronzeJob", cloud.last_run())
    assert again.state == "SUCCEEDED", again.error
    versions = [version for found in list_versions(boto3.client("s3"), cloud.lake / "bronze") for version in found]
    texts = [v.path.open("rb").read() for v in versions if v.is_latest and not v.is_marker]
    assert [text for text in texts if email.encode() in text.lower()] == []
    assert [v for v in versions if not v.is_latest and v.path.name.startswith("registros")] == []
    for actor in ("ErasureRole", "BronzeRole"):
        allows = partial(cloud.stack.allows, cloud.stack.arn(actor))
        calls = cloud.recorder.of(actor)
        assert "s3:DeleteObjectVersion" in {call.action for call in calls if "bronze" in call.resource}
        assert [call for call in calls if not allows(call.action, call.resource, dict(call.context))] == []
