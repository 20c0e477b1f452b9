"""The input, output and stored files of a Glue job; test_end_to_end runs complete jobs."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from time import sleep

import boto3
import pytest

import glue_job
from helpers.runs import a_run, entry
from vendas import storage
from vendas.errors import NotebookError, SettingsError
from vendas.lake import s3_lock
from vendas.lake.events import Event
from vendas.lake.lock import LOCK, hold_lake
from vendas.lake.maintenance import Size, Upkeep
from vendas.landing.s3_objects import list_objects
from vendas.reports.cost import Usage
from vendas.reports.report import write_report
from vendas.results import StageResult
from vendas.runs import job, run_archive, upkeep_job
from vendas.settings import load_settings
from vendas.storage import S3Lake, S3Path


@pytest.fixture(autouse=True)
def fresh_clients(aws):
    storage.client.cache_clear()
    yield
    storage.client.cache_clear()


# --- its input


def test_corrections_are_json_lists_among_the_properties():
    assert job.read_corrections({"trigger": "x"}) == {"undo": [], "replay": []}
    assert job.read_corrections({"undo": '["a.csv", "b.csv"]'}) == {"undo": ["a.csv", "b.csv"], "replay": []}


@pytest.mark.parametrize("text", ["a.csv", '"a.csv"', "[1]", "{}", "", "null"])
def test_other_corrections_are_refused(text):
    with pytest.raises(SettingsError, match="(?s)property replay.*JSON list"):
        job.read_corrections({"replay": text})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lake", "/lago"], "SettingsError: --lake is /lago; expected s3://bucket"),
        (["--lake", "s3://"], "VENDAS_LAKE.*expected s3://bucket"),
        (["--lake", "s3://b", "--glue_database", "A-B"], "VENDAS_GLUE_DATABASE"),
        (["--lake", "s3://b", "--cell_timeout", "soon"], "VENDAS_CELL_TIMEOUT"),
        (["--lake", "s3://b", "--upkeep", "23"], "--upkeep is 23; expected 24 hours or more"),
    ],
)
def test_a_job_that_is_given_nonsense_ends_with_one_message(arguments, said):
    with pytest.raises(SystemExit, match=said):
        glue_job.main(["--notebook", "01_bronze", "--enable-metrics", "true", *arguments])


# --- the lock of its lake


def test_a_stage_waits_for_who_holds_the_lake_and_holds_it_itself(bucket, monkeypatch, capsys):
    monkeypatch.setattr(s3_lock, "LOCK_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(job, "SERVICE", "waiting")  # a logger keeps the output of the test that first used its service
    settings, order = load_settings(lake=f"s3://{bucket}"), []

    def execute(*_, **__):
        held = boto3.client("s3").get_object(Bucket=bucket, Key=LOCK)["Body"].read()
        order.append(json.loads(held)["is_held"])
        return StageResult("silver", "jr")

    monkeypatch.setattr(job, "execute", execute)
    stage = Thread(target=job.run_job, args=("02_silver", settings, job.JobRun("jr")))
    with hold_lake(settings.lake, pytest.fail):
        stage.start()
        while job.WAITING not in capsys.readouterr().out:
            assert stage.is_alive()
            sleep(0.02)
        order.append("upkeep")
    stage.join()
    assert order == ["upkeep", True]


# --- the exploration


@pytest.mark.parametrize(
    ("notebook", "report", "explored"), [("04_dw", True, 1), ("04_dw", False, 0), ("02_silver", True, 0)]
)
def test_the_star_is_explored_after_its_load_if_pages_are_wanted(bucket, monkeypatch, notebook, report, explored):
    calls = []
    monkeypatch.setattr(job, "execute", lambda *_: StageResult(notebook[3:], "jr"))
    monkeypatch.setattr(job, "explore", lambda *_: calls.append(True) or [])
    job.run_job(notebook, load_settings(lake=f"s3://{bucket}", report=report), job.JobRun("jr"))
    assert len(calls) == explored


def test_a_page_that_cannot_be_written_fails_no_job_and_is_told(bucket, monkeypatch, capsys):
    def fail(*_):
        raise RuntimeError("no page")

    monkeypatch.setattr(job, "SERVICE", "pages")  # as above
    monkeypatch.setattr(job, "execute", lambda *_: StageResult("silver", "jr"))
    monkeypatch.setattr(job.report, "write_pages", fail)
    assert job.run_job("02_silver", load_settings(lake=f"s3://{bucket}"), job.JobRun("jr")).stage == "silver"
    said = capsys.readouterr().out
    assert "Pages or metrics of this job are missing; its data is not." in said and "no page" in said


def test_a_stage_that_fails_names_its_notebook_where_it_is_kept(bucket, monkeypatch, capsys):
    told = []

    def execute(notebook, settings, folder, environment, own):
        assert (folder.name, own) == ("wr-1", {"undo": ["a.csv"], "replay": []})
        raise NotebookError(f"A cell failed; see {folder}/{notebook}.ipynb.")

    monkeypatch.setattr(job, "SERVICE", "failing")  # as above
    monkeypatch.setattr(job.JobRun, "properties", lambda _: {"undo": '["a.csv"]'})
    monkeypatch.setattr(job, "execute", execute)
    monkeypatch.setattr(job.report, "write_pages", lambda run, *_: told.append(run.failure))
    settings = load_settings(lake=f"s3://{bucket}")
    said = f"A cell failed; see {settings.lake}/runs/wr-1/01_bronze.ipynb."
    with pytest.raises(NotebookError) as raised:
        job.run_job("01_bronze", settings, job.JobRun("jr", workflow="vendas", workflow_run="wr-1"))
    assert (str(raised.value), told) == (said, [said])
    assert said in capsys.readouterr().out


def test_only_the_first_stage_asks_for_corrections(bucket, monkeypatch):
    given = []
    monkeypatch.setattr(job.JobRun, "properties", lambda _: pytest.fail("asked"))
    monkeypatch.setattr(job, "execute", lambda *words: given.append(words[-1]) or StageResult("gold", "jr", ("a.csv",)))
    job.run_job("03_gold", load_settings(lake=f"s3://{bucket}"), job.JobRun("jr"))
    assert given == [{}]


# --- the upkeep


def test_the_upkeep_keeps_what_is_read_for_a_day_and_prints_its_sizes(bucket, monkeypatch, capsys):
    settings, given = load_settings(lake=f"s3://{bucket}"), []

    def maintain_tables(settings, keep, open_session, waiting, done):
        given.extend([settings, keep])
        waiting()
        done("silver")
        return [Upkeep("silver", Size(9, 90, 3, 900), Size(1, 80, 1, 100))]

    monkeypatch.setattr(upkeep_job, "SERVICE", "upkeep")  # as above
    monkeypatch.setattr(upkeep_job, "maintain_tables", maintain_tables)
    with pytest.raises(SettingsError, match="--upkeep is 23; expected 24 hours or more"):
        upkeep_job.run_upkeep(settings, 23)
    assert given == []
    upkeep_job.run_upkeep(settings, 24)
    assert given == [settings, timedelta(days=1)]
    *logged, sizes = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["message"] for line in logged] == [job.WAITING, "upkeep done of table"]
    before = {"data_files": 9, "data_bytes": 90, "snapshots": 3, "disk_bytes": 900}
    after = {"data_files": 1, "data_bytes": 80, "snapshots": 1, "disk_bytes": 100}
    assert json.loads(sizes) == {"tables": [{"table": "silver", "before": before, "after": after}]}


# --- places in S3


def test_a_lake_in_s3_has_its_places_there():
    settings = load_settings(lake="s3://lago/vendas/", landing="s3://chegada", glue_database="dados")
    assert settings.lake == S3Lake("lago", "vendas", database="dados")
    assert [str(place) for place in (settings.landing, settings.bronze, settings.runs, settings.staging)] == [
        "s3://chegada",
        "s3://lago/vendas/bronze",
        "s3://lago/vendas/runs",
        "s3://lago/vendas/staging",
    ]
    assert load_settings(lake="s3://lago").landing == S3Path("lago", "landing")


def test_a_process_that_is_handed_the_settings_has_the_same(monkeypatch):
    settings = load_settings(lake="s3://lago", landing="s3://chegada", cell_timeout=7)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.parametrize("name", ["registros_loja.csv", "registros São+1%20#?'\".csv"])
def test_an_object_is_read_from_wherever_one_seeks(bucket, name):
    data = bytes(range(256)) * 4096
    boto3.client("s3").put_object(Bucket=bucket, Key=f"bronze/{name}", Body=data)
    place = S3Path.parse(f"s3://{bucket}/bronze") / name
    assert (place.name, str(place)) == (name, f"s3://{bucket}/bronze/{name}")
    with place.open("rb") as file:
        file.seek(700_000)
        assert file.read(1000) == data[700_000:701_000]
        file.seek(3)
        assert file.read() == data[3:]


# --- what it stores


def test_runs_are_kept_and_listed_as_those_on_a_machine(bucket, tmp_path):
    runs = S3Path(bucket, "runs")
    for place, (run_id, hour) in enumerate([("wr_b", 14), ("wr_a", 15), ("wr_c", 13)]):
        folder = tmp_path / str(place) / run_id
        folder.parent.mkdir()
        run_archive.fetch(runs, run_id, folder)
        begun = datetime(2024, 3, 31, hour, tzinfo=UTC)
        write_report(folder, a_run(files=[entry()], begun=begun), S3Lake(bucket))
        run_archive.store(folder, runs)
    again = tmp_path / "again" / "wr_a"
    again.parent.mkdir()
    run_archive.fetch(runs, "wr_a", again)
    assert {path.name for path in again.iterdir()} == {"index.html", "dicionario.html", "run.json"}
    page = (runs / "index.html").open("rb").read().decode()
    assert page.index("wr_a/") < page.index("wr_b/") < page.index("wr_c/") and f"s3://{bucket}" in page
    assert [path.name for path in list_objects(boto3.client("s3"), runs)] == ["index.html"]
    assert boto3.client("s3").head_object(Bucket=bucket, Key="runs/wr_a/index.html")["ContentType"] == "text/html"


# --- its cost


def test_a_job_is_billed_for_a_minute_at_least():
    used = Usage.of([10, 100.5], 2, [])
    assert used.dpu_seconds == (60 + 100.5) * 2
    more = Usage.of([10, 100.5], 4, [])
    assert more.dollars > used.dollars > Decimal("0.03")


def test_files_cost_requests_and_are_counted_in_bytes():
    known = '{"blocks": [{"offset": 10, "length": 90, "line": 2}, {"offset": 100, "length": 50, "line": 9}]}'
    files = [Event("a.csv", "a.csv", "bronze", "r", dialeto=known), Event("b.csv", "b.csv", "bronze", "r")]
    used, idle = Usage.of([], 2, files), Usage.of([], 2, [])
    assert (used.bytes_read, idle.bytes_read) == (140, 0)
    assert used.writes > idle.writes > 0 and used.reads > idle.reads > 0
