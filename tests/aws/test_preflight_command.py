"""The preflight as a user starts it: the choice of the stack, the result of its job, and the function's test move."""

import io
import json
import subprocess

import boto3
import pytest
from typer.testing import CliRunner

from helpers.arrival_world import LANDING, failure, world
from test_project import ROOT
from vendas import storage
from vendas.cli.commands import app
from vendas.doctor import preflight
from vendas.doctor.findings import Finding
from vendas.doctor.preflight import StackOutputs, stack_of
from vendas.doctor.preflight_job import result_path
from vendas.errors import ArrivalError, SettingsError
from vendas.storage import S3Lake, S3Path

OUTPUTS = {"PreflightJob": "loja-00-preflight", "ArrivalFunction": "loja-arrival", "LandingBucket": "chegada"}
OF_JOB = {"what": "Spark", "ok": True, "found": "Glue 5.1", "remedy": ""}


class Account:
    """The clients of an account whose job ends with this state and findings, and whose function gives this answer."""

    def __init__(self, bucket, states=("SUCCEEDED",), answer=None, **ended):
        self.states, self.ended, self.bucket, self.told = list(states), ended, bucket, []
        self.answer = answer or {"Payload": io.BytesIO(b'{"copied": "s3://lago/bronze/_preflight/x"}')}

    def client(self, service):
        return self if service in ("glue", "lambda") else boto3.client(service)

    def start_job_run(self, JobName, Arguments):
        path = result_path(S3Path(self.bucket), Arguments["--preflight"])
        if self.states[-1] == "SUCCEEDED":
            path.write_bytes(json.dumps({"ok": True, "findings": [OF_JOB]}).encode())
        return {"JobRunId": "jr_1"}

    def get_job_run(self, JobName, RunId):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"JobRun": {"JobRunState": state, **self.ended}}

    def invoke(self, FunctionName, Payload):
        there = boto3.client("s3").get_object(Bucket="chegada", Key=json.loads(Payload)["preflight"])
        assert there["Body"].read() == b"preflight\n"
        if b'"s3:' in self.answer["Payload"].getvalue():
            boto3.client("s3").delete_object(Bucket="chegada", Key=json.loads(Payload)["preflight"])
        return self.answer


@pytest.fixture
def stack(bucket):
    storage.client.cache_clear()
    boto3.client("s3").create_bucket(Bucket="chegada")
    yield StackOutputs("loja", OUTPUTS | {"LakeBucket": bucket})
    assert boto3.client("s3").list_objects_v2(Bucket="chegada").get("Contents", []) == []
    boto3.client("s3").delete_bucket(Bucket="chegada")
    storage.client.cache_clear()


def look(stack, account, monkeypatch):
    monkeypatch.setattr(preflight, "client", account.client)
    told = []
    findings = preflight.preflight(stack, told.append, poll_seconds=0)
    return {finding.what: finding for finding in findings}, told


def test_what_the_job_found_comes_between_job_and_function(stack, bucket, monkeypatch):
    found, told = look(stack, Account(bucket, ["WAITING", "RUNNING", "RUNNING", "SUCCEEDED"]), monkeypatch)
    assert list(found) == ["Job", "Spark", "Function"]
    assert found["Spark"] == Finding(**OF_JOB)
    assert [line.rpartition(" ")[2] for line in told[1:]] == ["WAITING", "RUNNING", "SUCCEEDED"]
    assert boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", []) == []


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED", "ERROR"])
def test_a_job_that_does_not_start_is_red_with_glues_reason(stack, bucket, monkeypatch, state):
    account = Account(bucket, ["RUNNING", state], ErrorMessage="KeyError: '3.5.6+amzn'")
    found, _ = look(stack, account, monkeypatch)
    assert list(found) == ["Job", "Function"]
    assert not found["Job"].ok and f"{state} after 0 s: KeyError: '3.5.6+amzn'" in found["Job"].found
    assert found["Job"].remedy and found["Function"].ok


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {
                "FunctionError": "Unhandled",
                "Payload": b'{"errorType": "ArrivalError", "errorMessage": "Access Denied"}',
            },
            "Access Denied",
        ),
        ({"Payload": b'{"copied": null}'}, '"copied": null'),
        ({"Payload": b"null"}, "answered null"),
    ],
)
def test_a_function_that_cannot_copy_is_red(stack, bucket, monkeypatch, answer, said):
    answer = answer | {"Payload": io.BytesIO(answer["Payload"])}
    found, _ = look(stack, Account(bucket, answer=answer), monkeypatch)
    assert not found["Function"].ok and said in found["Function"].found and found["Function"].remedy


# --- the command


@pytest.mark.parametrize(
    ("findings", "code", "document"),
    [
        ([Finding("Spark", True, "3.5.6")], 0, {"ok": True}),
        ([Finding("Spark", True, "3.5.6"), Finding("COPY", False, "Access Denied", "Attach it.")], 1, {"ok": False}),
    ],
)
def test_doctor_of_a_lake_in_s3_shows_what_was_found(monkeypatch, findings, code, document):
    monkeypatch.setattr(preflight, "stack_of", lambda lake: StackOutputs(f"stack of {lake}", {}))
    monkeypatch.setattr(preflight, "preflight", lambda stack, progress: progress(stack.name) or findings)
    done = CliRunner().invoke(app, ["doctor", "--lake", "s3://lago", "--json"])
    assert done.exit_code == code
    assert json.loads(done.stdout.splitlines()[-1]) == document | {"findings": [vars(f) for f in findings]}
    shown = CliRunner().invoke(app, ["doctor", "--lake", "s3://lago"])
    assert shown.exit_code == code
    assert all(text in shown.stdout for f in findings for text in (f.what, f.remedy))


@pytest.mark.slow
def test_make_preflight_looks_at_the_stack_of_that_name(aws, bucket):
    outputs = {
        key: {"Value": value} for key, value in (OUTPUTS | {"LakeBucket": bucket, "LandingBucket": bucket}).items()
    }
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName="da-loja", TemplateBody=json.dumps(template))
    done = subprocess.run(
        ["make", "--old-file=.venv/.installed", "preflight", "STACK=da-loja"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0 and "by the function loja-arrival" in done.stderr
    assert ("Job" in done.stdout, "EntityNotFoundException" in done.stdout.replace("\n", "")) == (True, True)


# --- the choice of the stack


@pytest.fixture(scope="module")
def deployed(aws):
    storage.client.cache_clear()
    outputs = {"LakeBucket": {"Value": "lago-da-loja"}}
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    boto3.client("cloudformation").create_stack(StackName="vendas", TemplateBody=json.dumps(template))


def test_a_stack_is_found_by_its_lake(deployed):
    assert stack_of(S3Lake("lago-da-loja")) == StackOutputs("vendas", {"LakeBucket": "lago-da-loja"})


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: stack_of(S3Lake("outro")), "No stack here has the LakeBucket outro"),
        (
            lambda: stack_of(S3Lake("lago-da-loja"))["PreflightJob"],
            "no output PreflightJob: it was deployed by an older",
        ),
    ],
)
def test_a_stack_that_cannot_be_looked_at_is_told(deployed, ask, said):
    with pytest.raises(SettingsError, match=said):
        ask()


def test_an_account_that_does_not_answer_is_told(deployed, monkeypatch):
    monkeypatch.setattr(preflight, "client", lambda service: boto3.client(service, endpoint_url="http://127.0.0.1:1"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SettingsError, match="AWS does not tell of stacks: .*\n.*AWS_PROFILE"):
        stack_of(S3Lake("lago-da-loja"))


# --- the function's test move


def test_the_function_tries_a_move_and_leaves_nothing():
    with world() as aws:
        before = aws.user.list_objects_v2(Bucket="lake-bucket").get("Contents", [])
        aws.user.put_object(Bucket=LANDING.bucket, Key="_preflight/x.txt", Body=b"preflight\n")
        copied = aws.handle({"preflight": "_preflight/x.txt"})["copied"]
        assert copied.startswith("s3://lake-bucket/bronze/_preflight/x.txt/")
        assert (aws.in_landing(), aws.user.list_objects_v2(Bucket="lake-bucket").get("Contents", [])) == ([], before)
        assert aws.workflow_runs() == []


@pytest.mark.parametrize("key", ["registros.csv", "../registros.csv", "", 1, None])
def test_the_function_tries_a_move_of_nothing_else(key):
    with world() as aws:
        upload = aws.upload("registros.csv")
        with pytest.raises(ArrivalError, match="Not an event of this function"):
            aws.handle({"preflight": key})
        assert aws.in_landing() == [(upload.key, upload.body)]


def test_a_move_that_is_refused_is_told():
    with world() as aws:
        aws.user.put_object(Bucket=LANDING.bucket, Key="_preflight/x.txt", Body=b"preflight\n")
        aws.before.append(lambda call, _: failure("AccessDenied", 403) if call == "CopyObject" else None)
        with pytest.raises(ArrivalError, match="AccessDenied"):
            aws.handle({"preflight": "_preflight/x.txt"})
        with pytest.raises(ArrivalError, match="is not there"):
            aws.handle({"preflight": "_preflight/y.txt"})
