"""An erasure's files on S3: edited copies, versions, requests, and what stages and movers do meanwhile."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers.people import E_MAIL, FILES, as_csv
from helpers.terminal import vendas_here
from vendas import storage
from vendas.cli import person_on_aws
from vendas.cli.person_on_aws import erase_by_job, with_stack
from vendas.doctor.preflight import StackOutputs
from vendas.errors import PersonError, SettingsError, VendasError
from vendas.lake import erasures
from vendas.lake.erasures import (
    Erased,
    Receipt,
    is_unfinished,
    keyed_hash,
    mark_of,
    note_export,
    plan_of,
    read_key,
    remember_person,
)
from vendas.lake.private_files import change_private, read_private, write_private
from vendas.landing import s3_moves
from vendas.landing.arrivals import list_bronze_files
from vendas.landing.s3_versions import Version, delete_versions, versions_of
from vendas.privacy import edited_files, layers
from vendas.privacy.edited_files import check_length, edit_file
from vendas.privacy.erase import Erasure, erase_person
from vendas.privacy.erasure_requests import Answer, answer_request, leave_request, take_answer, waiting_requests
from vendas.privacy.intake import protect_erased
from vendas.privacy.layers import search_texts
from vendas.privacy.old_versions import old_texts, purge_old_versions
from vendas.privacy.search import Request
from vendas.rules.people import Keys, Values
from vendas.runs import job
from vendas.runs.erasure_job import run_erasure
from vendas.settings import load_settings
from vendas.stages import quarantine
from vendas.storage import S3Lake, S3Path

HER = Values(Keys(frozenset({E_MAIL})))
TOKEN = "ANONIMIZADO-0123456789ab"
RECEIPT = Receipt("20260101T000000Z-0a1b", "2026-01-01T00:00:00+00:00", "LGPD", TOKEN, 1, 2)


either_bucket = pytest.mark.parametrize("versioned", [True, False], ids=["versioned", "unversioned"])


@pytest.fixture
def versioned():
    return True  # as the stack's buckets are


@pytest.fixture
def lake(bucket, versioned):
    storage.client.cache_clear()
    if versioned:
        boto3.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield S3Lake(bucket)
    storage.client.cache_clear()


@pytest.fixture
def settings(lake, bucket):
    boto3.client("secretsmanager").create_secret(Name=bucket, SecretString="0123456789abcdef" * 4)
    return load_settings(lake=str(lake), landing=f"s3://{bucket}/landing", privacy_secret=bucket)


def put(path, body):
    boto3.client("s3").put_object(Bucket=path.bucket, Key=path.key, Body=body)


def get(path):
    return boto3.client("s3").get_object(Bucket=path.bucket, Key=path.key)["Body"].read()


def delete(path):
    boto3.client("s3").delete_object(Bucket=path.bucket, Key=path.key)


def bodies(path):
    """Return the bytes of all versions of an object, and None for a delete marker."""
    s3, found = boto3.client("s3"), versions_of(boto3.client("s3"), path)
    return [
        None if v.is_marker else s3.get_object(Bucket=path.bucket, Key=path.key, VersionId=v.id)["Body"].read()
        for v in found
    ]


def append(text):
    def edit(copy):
        copy.write_bytes(copy.read_bytes() + text)
        return True

    return edit


# --- files


@either_bucket
def test_an_edited_object_leaves_no_other_version(lake):
    path = lake / "bronze" / "a.csv"
    put(path, b"1")
    put(path, b"2")
    assert edit_file(path, append(b"x")) and bodies(path) == [b"2x"]


@either_bucket
def test_an_object_that_edit_leaves_alone_keeps_its_versions(lake, versioned):
    path = lake / "bronze" / "a.csv"
    put(path, b"1")
    put(path, b"2")
    assert not edit_file(path, lambda copy: False) and len(bodies(path)) == (2 if versioned else 1)
    assert not edit_file(lake / "bronze" / "missing.csv", append(b"x"))


@either_bucket
def test_an_object_that_somebody_writes_meanwhile_is_edited_anew(lake):
    path = lake / "bronze" / "a.csv"
    put(path, b"1")
    once = [path]

    def edit(copy):
        if once:
            put(once.pop(), b"2")
        return append(b"x")(copy)

    assert edit_file(path, edit) and bodies(path) == [b"2x"]


@either_bucket
def test_versions_that_a_killed_edit_left_go_with_the_next_one(lake, monkeypatch):
    path = lake / "bronze" / "a.csv"
    put(path, b"1")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(edited_files, "delete_noncurrent", raising(KeyboardInterrupt))
        edit_file(path, append(b"x"))
    assert not edit_file(path, lambda copy: False) and bodies(path) == [b"1x"]


def raising(error):
    def raise_it(*_, **__):
        raise error

    return raise_it


@either_bucket
def test_an_object_that_is_too_long_is_refused_before_it_is_changed(lake, monkeypatch):
    path = lake / "bronze" / "a.csv"
    put(path, b"123")
    monkeypatch.setattr(edited_files, "EDITED_BYTES", 2)
    for refused in (lambda: check_length(path), lambda: edit_file(path, append(b"x"))):
        with pytest.raises(PersonError, match="a.csv holds the person and has more than 2 bytes"):
            refused()
    assert bodies(path) == [b"123"]


def test_a_private_file_is_changed_by_one_writer_at_a_time(lake):
    place, others = lake / "privacy" / "people.json", ["b", "a"]

    def add(text):
        if others:
            write_private(place, (text or "") + others.pop())
        return (text or "") + "c"

    change_private(place, add)
    assert read_private(place) == "abc"


def test_what_s3_does_not_delete_is_named(lake, monkeypatch):
    path = lake / "bronze" / "a.csv"
    answer = {"Errors": [{"Key": path.key, "VersionId": "7", "Code": "AccessDenied"}]}
    s3 = SimpleNamespace(delete_objects=lambda **_: answer)
    with pytest.raises(VendasError, match=r"version 7 of s3://.*/bronze/a.csv: AccessDenied"):
        delete_versions(s3, [Version(path, "7", False, False, None)])


# --- old versions


@either_bucket
def test_old_versions_with_the_person_go_and_others_stay(settings, lake, versioned):
    her, other = f"x;{E_MAIL}".encode(), b"x;ana@exemplo.com.br"
    for name, first, second in [
        ("runs/r/a.html", her, other),
        ("bronze/b.csv", her.decode().encode("utf-16"), other),
        ("bronze/c.csv", other, other),
        ("silver/data/d.parquet", b"", b""),
        ("privacy/people.json", her, b"[]"),
    ]:
        put(lake / name, first)
        put(lake / name, second)
    for name, body in {"bronze/gone.csv": her, "bronze/kept.csv": other, "landing/e.csv": her}.items():
        put(lake / name, body)
        delete(lake / name)
    put(lake / "landing" / "waits.csv", her)  # both of these are taken up by the next sweep
    put(lake / "landing" / "waits.csv", her)
    put(lake / "staging" / "x", her)
    assert {version.path.key for version in old_texts(settings, HER)} == (
        {"runs/r/a.html", "bronze/b.csv", "bronze/gone.csv", "landing/e.csv"} if versioned else set()
    )
    purge_old_versions(settings, HER)
    names = ["runs/r/a.html", "bronze/b.csv", "silver/data/d.parquet", "privacy/people.json"]
    assert [len(bodies(lake / name)) for name in names] == [1] * 4
    assert [bodies(lake / name) for name in ("bronze/gone.csv", "landing/e.csv", "staging/x")] == [[]] * 3
    if versioned:
        assert bodies(lake / "bronze/kept.csv") == [other, None] and len(bodies(lake / "bronze/c.csv")) == 2
        assert len(bodies(lake / "landing" / "waits.csv")) == 2


# --- arrivals


@either_bucket
def test_a_late_mover_does_not_put_the_original_back(settings, lake, monkeypatch):
    """It copied the object and was killed before it deleted it; meanwhile the person was erased from the copy."""
    put(lake / "landing" / "registros.csv", f"x;{E_MAIL}".encode())
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(s3_moves, "_delete", raising(KeyboardInterrupt))
        s3_moves.sweep(settings.landing, settings.bronze)
    (file,) = list_bronze_files(settings.bronze)
    edit_file(settings.bronze / file.name, lambda copy: bool(copy.write_bytes(b"x;" + TOKEN.encode())))
    (arrival,) = s3_moves.sweep(settings.landing, settings.bronze)
    assert arrival.bronze_name == file.name and bodies(settings.bronze / file.name) == [b"x;" + TOKEN.encode()]
    assert bodies(lake / "landing" / "registros.csv") == []


@either_bucket
def test_a_file_that_brings_her_back_has_the_token_in_bronze_and_no_other_version(settings, lake):
    remember_person(lake, Erased(TOKEN, [keyed_hash(read_key(settings), "email", E_MAIL)]))
    put(lake / "landing" / "registros_b.csv", as_csv(*FILES["registros_b.csv"]))
    s3_moves.sweep(settings.landing, settings.bronze)
    (file,) = list_bronze_files(settings.bronze)
    for expected in (2, 0):
        assert protect_erased(settings, [file]) == expected
        (body,) = bodies(settings.bronze / file.name)
        assert body.count(TOKEN.encode()) == 8 and b"zuleica" not in body.lower() and b"ana@" in body


@pytest.mark.parametrize(
    ("secret", "said"),
    [(None, "Set VENDAS_PRIVACY_SECRET"), ("nenhum", "cannot be read"), ("curto", "has 5 characters; expected")],
)
def test_without_the_key_nobody_is_let_in_unseen(settings, lake, secret, said):
    remember_person(lake, Erased(TOKEN, ["0" * 32]))
    if secret == "curto":
        boto3.client("secretsmanager").create_secret(Name=f"{lake.bucket}-curto", SecretString="chave")
        secret = f"{lake.bucket}-curto"
    put(lake / "bronze" / "a.csv", b"x")
    without = settings.model_copy(update={"privacy_secret": secret})
    with pytest.raises(PersonError, match=said):
        protect_erased(without, [SimpleNamespace(name="a.csv")])


def test_another_key_is_refused_for_nobody_would_be_recognized(settings, lake):
    key = read_key(settings)
    remember_person(lake, Erased(TOKEN, [keyed_hash(key, "email", E_MAIL)], key_mark=mark_of(key)))
    put(lake / "bronze" / "a.csv", b"x")
    assert protect_erased(settings, [SimpleNamespace(name="a.csv")]) == 0
    boto3.client("secretsmanager").put_secret_value(SecretId=settings.privacy_secret, SecretString="another" * 9)
    with pytest.raises(PersonError, match="is not the one by which they were erased"):
        protect_erased(settings, [SimpleNamespace(name="a.csv")])


def test_an_object_that_is_too_long_cannot_be_searched_and_one_that_is_gone_need_not(lake, monkeypatch):
    values = Values(Keys(frozenset({E_MAIL})))
    long, hers = lake / "runs" / "long.log", lake / "runs" / "hers.log"
    put(hers, E_MAIL.encode())
    put(long, b"x" * 100)
    monkeypatch.setattr(layers, "LONGEST_TEXT_BYTES", 99)
    assert search_texts([long, lake / "gone", hers], values) == ([hers], [long])


# --- requests


def test_a_request_is_answered_and_leaves_nothing_of_the_person(lake):
    request = Request(frozenset({E_MAIL}), frozenset({"11987654321"}), frozenset({("a.csv", 7)}))
    name = leave_request(lake, request, "LGPD")
    assert list(waiting_requests(lake)) == [(name, request, "LGPD")] and take_answer(lake, name) is None
    answer_request(lake, name, Erasure(RECEIPT, [S3Path("b", "x.csv")], ["outra:/x"], [S3Path("b", "y.log")]))
    assert take_answer(lake, name) == Answer(RECEIPT, ["s3://b/x.csv"], ["outra:/x"], ["s3://b/y.log"])
    assert take_answer(lake, name) is None
    assert list(waiting_requests(lake)) == []
    found = boto3.client("s3").list_object_versions(Bucket=lake.bucket, Prefix="privacy/")
    assert "Versions" not in found and "DeleteMarkers" not in found


def test_a_request_that_cannot_be_done_is_refused_and_stops_no_other(settings, lake, stack):
    glue = stack(Glue(lake, work=lambda: run_erasure(settings)))
    nobody = leave_request(lake, Request(frozenset({E_MAIL})), "LGPD")
    wrong = Request(frozenset({E_MAIL}), lines=frozenset({("registros_x.csv", 7)}))
    with pytest.raises(PersonError, match="No bronze file is named registros_x.csv"):
        erase_by_job(lake, wrong, "LGPD", print, poll_seconds=0.01)
    assert take_answer(lake, nobody) == Answer() and list(waiting_requests(lake)) == [] and len(glue.started) == 1


class Glue:
    """A job that answers what waits when it is started; or is busy, or fails."""

    class exceptions:
        class ConcurrentRunsExceededException(Exception):
            pass

    def __init__(self, lake, busy=0, state="SUCCEEDED", refuses=None, work=None, elsewhere=()):
        self.lake, self.busy, self.state, self.refuses, self.started = lake, busy, state, refuses, []
        self.work, self.elsewhere = work or self.answer_all, list(elsewhere)

    def start_job_run(self, JobName, Arguments=None):
        if self.refuses:
            raise self.refuses
        if self.busy:
            self.busy -= 1
            raise self.exceptions.ConcurrentRunsExceededException
        self.started.append((JobName, Arguments))
        if self.state == "SUCCEEDED":
            self.work()
        return {"JobRunId": "jr_1"}

    def answer_all(self):
        for name, _, _ in list(waiting_requests(self.lake)):
            answer_request(self.lake, name, Erasure(RECEIPT, elsewhere=self.elsewhere))

    def get_job_run(self, JobName, RunId):
        return {"JobRun": {"JobRunState": self.state, "ErrorMessage": "PersonError: x"}}


@pytest.fixture
def stack(lake, monkeypatch):
    outputs = {"ErasureJob": "loja-06-erasure", "LandingBucket": "chegada", "PrivacySecret": "chave"}
    monkeypatch.setattr(person_on_aws, "stack_of", lambda _: StackOutputs("loja", outputs))

    def use(glue):
        monkeypatch.setattr(person_on_aws, "client", lambda service: glue)
        return glue

    return use


@pytest.mark.parametrize("busy", [0, 2])
def test_a_command_waits_for_the_jobs_answer(lake, stack, busy):
    glue = stack(Glue(lake, busy))
    answer = erase_by_job(lake, Request(frozenset({E_MAIL})), "LGPD", print, poll_seconds=0.01)
    assert answer.receipt == RECEIPT and glue.started == [("loja-06-erasure", {})]


def test_a_job_that_fails_is_told_and_its_request_waits_for_the_next(lake, stack):
    stack(Glue(lake, state="FAILED"))
    with pytest.raises(PersonError, match=r"run jr_1, ended as FAILED: PersonError: x\n.*request waits"):
        erase_by_job(lake, Request(frozenset({E_MAIL})), "LGPD", print, poll_seconds=0.01)
    assert len(list(waiting_requests(lake))) == 1


def test_a_job_that_cannot_be_started_leaves_no_request(lake, stack):
    refused = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "StartJobRun")
    stack(Glue(lake, refuses=refused))
    with pytest.raises(ClientError):
        erase_by_job(lake, Request(frozenset({E_MAIL})), "LGPD", print, poll_seconds=0.01)
    assert list(waiting_requests(lake)) == []


def test_the_stack_tells_what_is_not_set(lake, stack, monkeypatch):
    settings = with_stack(load_settings(lake=str(lake)))
    assert (settings.landing, settings.privacy_secret) == (S3Path("chegada"), "chave")
    monkeypatch.setattr(person_on_aws, "stack_of", raising(SettingsError))
    own = load_settings(lake=str(lake), landing="s3://minha", privacy_secret="x")
    assert with_stack(own) == own


def test_the_command_shows_a_person_of_a_lake_in_s3(capsys, settings, lake, monkeypatch):
    for name in ("landing", "privacy_secret"):
        monkeypatch.setenv(f"VENDAS_{name.upper()}", str(getattr(settings, name)))
    put(lake / "landing" / "registros_b.csv", as_csv(*FILES["registros_b.csv"]))
    s3_moves.sweep(settings.landing, settings.bronze)
    put(lake / "landing" / "registros_d.csv", as_csv(*FILES["registros_b.csv"]))
    put(lake / "runs" / "r" / "02_silver.ipynb", E_MAIL.encode())
    done = vendas_here(capsys, "person", "show", "--json", "--lake", f"s3://{lake.bucket}", "--email", E_MAIL)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [len(found[layer]) for layer in ("landing", "bronze", "gold", "recibos")] == [2, 2, 0, 0]
    assert found["notebooks"] == [f"s3://{lake.bucket}/runs/r/02_silver.ipynb"]
    assert "Redshift was not asked" in done.stderr.replace("\n", " ")


def test_exports_are_noted_with_their_machine_and_looked_into_there(capsys, settings, lake, monkeypatch, tmp_path):
    for name in ("landing", "privacy_secret"):
        monkeypatch.setenv(f"VENDAS_{name.upper()}", str(getattr(settings, name)))
    for machine, folder in [("minha", tmp_path), ("outra", Path("/home/ana/a corrigir")), ("minha", tmp_path)]:
        monkeypatch.setattr("platform.node", lambda machine=machine: machine)
        note_export(lake, folder)
    (tmp_path / "a.csv").write_text(f"x;{E_MAIL}")
    (tmp_path / "b.csv").write_text("x;ana@exemplo.com.br")
    done = vendas_here(capsys, "person", "show", "--json", "--lake", f"s3://{lake.bucket}", "--email", E_MAIL)
    found = json.loads(done.stdout)
    assert found["exportados"] == [str(tmp_path / "a.csv")]
    assert found["outras_maquinas"] == ["outra:/home/ana/a corrigir"]
    monkeypatch.setattr("platform.node", lambda: "do Glue")
    done = erase_person(settings, Request(frozenset({E_MAIL})), pytest.fail)
    assert done == Erasure(None, [], [f"minha:{tmp_path}", "outra:/home/ana/a corrigir"])


def test_what_cannot_be_noted_is_not_exported(lake, monkeypatch, tmp_path):
    arquivo, survey = "registros_20240331T140509123Z_1a2b3c4d.csv", {"delimiter": ";", "header": ["a"]}
    row = quarantine.QuarantinedRow(arquivo, 2, E_MAIL, ("numero_de_campos",), False)
    monkeypatch.setattr(quarantine, "read_quarantine", lambda _: [row])
    monkeypatch.setattr(quarantine, "_surveys", lambda *_: {row.arquivo: survey})
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
    with (
        monkeypatch.context() as patch,
        pytest.raises(PersonError, match=r"(?s)cannot be noted in s3://.*exports\.json"),
    ):
        patch.setattr(erasures, "change_private", raising(refused))
        quarantine.export_quarantine(lake, S3Path("chegada"), tmp_path / "fora")
    assert not (tmp_path / "fora").exists()
    quarantine.export_quarantine(lake, S3Path("chegada"), tmp_path / "fora")
    assert erasures.exported_folders(lake) == ([tmp_path / "fora"], [])


def test_the_command_erases_by_the_stacks_job(capsys, monkeypatch, lake, stack):
    stack(Glue(lake, elsewhere=["outra:/x"]))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the interval of polling
    command = ["person", "erase", "--yes", "--json", "--lake", f"s3://{lake.bucket}", "--email", E_MAIL]
    done = vendas_here(capsys, *command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"recibo": RECEIPT.recibo, "arquivos": 1, "linhas": 2, "token": TOKEN}
    assert "Rows were exported to outra:/x: look there for this person, too." in done.stderr


def test_what_aws_refuses_is_told_without_a_traceback(capsys, lake, stack):
    stack(
        Glue(lake, refuses=ClientError({"Error": {"Code": "AccessDeniedException", "Message": "não"}}, "StartJobRun"))
    )
    done = vendas_here(capsys, "person", "erase", "--yes", "--lake", f"s3://{lake.bucket}", "--email", E_MAIL)
    assert done.returncode == 1 and "AWS refused" in done.stderr and "Traceback" not in done.stderr


# --- stages while an erasure is unfinished


@pytest.mark.parametrize("may_start", [True, False])
def test_a_stage_refuses_and_has_the_erasure_completed(settings, lake, monkeypatch, may_start):
    write_private(plan_of(lake), json.dumps({}))
    assert is_unfinished(lake)
    glue = Glue(lake)
    with monkeypatch.context() as patch:
        patch.setattr(job, "client", lambda service: glue if service == "glue" else boto3.client(service))
        patch.setattr(job, "execute", pytest.fail)
        told = job.JobRun("jr", erasure_job="loja-06-erasure" if may_start else None)
        with pytest.raises(PersonError, match="began and did not end"):
            job.run_job("02_silver", settings, told)
    assert [name for name, _ in glue.started] == (["loja-06-erasure"] if may_start else [])
