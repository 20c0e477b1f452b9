"""A run, on a lake made in this process, with notebooks and warehouse replaced: when it works, and what it tells."""

import shutil
from contextlib import nullcontext
from threading import Event

import pytest

from helpers.plain_lake import make_lake
from helpers.runs import STAGES
from helpers.terminal import real_files
from vendas.errors import WarehouseError
from vendas.lake import ledger
from vendas.lake.table_reader import Shape
from vendas.results import Stage
from vendas.runs import pipeline
from vendas.runs.pipeline import Corrections, Progress, RunReport, is_up_to_date, run_pipeline
from vendas.settings import load_settings


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a lake and a copy of it, which can be read only where it was made."""
    folder = tmp_path_factory.mktemp("run")
    return make_lake(folder / "lago", real_files()), shutil.copytree(folder / "lago", folder / "copy")


class Told(Progress):
    """Progress that keeps what it is told."""

    def __init__(self):
        self.runs, self.stages, self.warnings = [], [], []

    def starting(self, run_id):
        self.runs.append(run_id)

    def stage_done(self, stage):
        self.stages.append(stage.notebook)

    def warning(self, text):
        self.warnings.append(text)


class Here:
    """A lake as it was made, and what its run's notebooks were given."""

    def __init__(self, lake, monkeypatch):
        self.settings = load_settings(lake=lake, report=False)
        self.settings.landing.mkdir()
        self.given, self.bytes, self.is_initialized, self.is_as_declared = [], [], True, True
        monkeypatch.setattr(pipeline, "is_initialized", lambda dw: self.is_initialized)
        monkeypatch.setattr(pipeline, "ensure_running", lambda dw: dw)
        monkeypatch.setattr(pipeline.load, "is_as_declared", lambda dw: self.is_as_declared)
        monkeypatch.setattr(pipeline, "ForkServer", lambda lake: nullcontext("forks"))
        monkeypatch.setattr(pipeline, "kernel_environment", self.begin_workers)
        monkeypatch.setattr(pipeline, "execute", self.execute)

    def begin_workers(self, settings, log, work_bytes):
        self.bytes.append(work_bytes)
        return nullcontext({"GATEWAY": "1"})

    def execute(self, notebook, settings, folder, environment, own, on_cell, forks):
        assert (environment, forks, folder.parent) == ({"GATEWAY": "1"}, "forks", settings.runs)
        self.given.append((notebook, own))

    def run(self, corrections=pipeline.NO_CORRECTIONS):
        told = Told()
        return run_pipeline(self.settings, told, corrections), told


@pytest.fixture
def here(made, monkeypatch):
    lake, copy = made
    shutil.rmtree(lake)
    return Here(shutil.copytree(copy, lake), monkeypatch)


def test_where_nothing_is_pending_no_notebook_runs(here):
    report, told = here.run()
    assert (report.stages, report.files, told.runs, here.given) == ([], [], [], [])
    assert report.status == "ok" and not report.folder.exists()


def test_the_warehouse_starts_while_stages_before_its_own_work(here, monkeypatch):
    """What fails there fails its stage, too, which reports it."""
    started = Event()

    def start(dw):
        started.set()
        raise WarehouseError(f"no database in {dw}")

    def execute(notebook, *given):
        here.execute(notebook, *given)
        assert notebook == STAGES[0] or started.wait(60)

    monkeypatch.setattr(pipeline, "ensure_running", start)
    monkeypatch.setattr(pipeline, "execute", execute)
    here.is_initialized = False
    report, _ = here.run()
    assert len(report.stages) == len(STAGES)


def test_a_new_file_is_work_for_every_stage(here):
    (here.settings.landing / "registros_novo.csv").write_bytes(b"12345")
    report, told = here.run()
    nothing = {"undo": [], "replay": []}
    assert here.given == [(name, nothing if name == STAGES[0] else {}) for name in STAGES]
    assert [stage.notebook for stage in report.stages] == told.stages == [*STAGES]
    assert told.runs == [report.run_id] and here.bytes == [5] and told.warnings == []
    assert report.folder == here.settings.runs / report.run_id


def test_corrections_are_for_the_first_stage_and_may_read_everything(here):
    here.run(Corrections(undo=["a.csv"], replay=["b.csv"]))
    assert here.given[0] == (STAGES[0], {"undo": ["a.csv"], "replay": ["b.csv"]}) and here.given[1][1] == {}
    assert here.bytes == [sum(path.stat().st_size for path in here.settings.bronze.iterdir())]


def test_a_file_that_stays_is_in_the_report(here):
    (here.settings.landing / "vendas.csv").touch()
    report, _ = here.run()
    assert [path.name for path in report.left] == ["vendas.csv"]


def test_a_lake_of_an_older_version_is_told_with_its_counts(here, monkeypatch):
    monkeypatch.setattr(ledger, "list_of_older_contract", lambda events: list(events.file_places))
    _, told = here.run()
    assert [warning.partition(":")[0] for warning in told.warnings] == [
        "This lake was made by an older version",
        "The lake is up to date with this version",
    ]
    counts = "70 sales and 0 refused rows"
    assert (
        "all of bronze is read again, once, by today's rules (4 files)." in told.warnings[0]
        and f"{counts} before, {counts} now." in told.warnings[1]
    )


def test_a_warehouse_of_another_declaration_is_told_if_there_was_one(here):
    here.is_as_declared = False
    assert [warning.partition(":")[0] for warning in here.run()[1].warnings] == [
        "The declared columns or defaults are not those of this lake"
    ]
    here.is_initialized = False
    assert here.run()[1].warnings == []


def missing_columns(here, monkeypatch):
    monkeypatch.setattr(pipeline, "shape", lambda lake, table: Shape({"Nome": "string"}, is_sorted=False))


CHANGES = {
    "a file waits": lambda here, _: (here.settings.landing / "registros_b.csv").touch(),
    "there is no warehouse": lambda here, _: setattr(here, "is_initialized", False),
    "its tables are others": lambda here, _: setattr(here, "is_as_declared", False),
    "a bronze file is unknown": lambda here, _: (
        here.settings.bronze / "registros_x_20240101T000000000Z_aaaaaaaa.csv"
    ).touch(),
    "the lake's tables lack columns": missing_columns,
    "there is no lake yet": lambda here, _: shutil.rmtree(here.settings.lake),
}


def test_a_lake_is_up_to_date_until_something_is_to_do(here):
    assert is_up_to_date(here.settings)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_then_it_is_not(here, monkeypatch, change):
    change(here, monkeypatch)
    assert not is_up_to_date(here.settings)


REFUSED = {"situacao": "processado", "lidas": 2, "quarentena": 2}
FILES = [
    ([], "ok"),
    ([{"situacao": "processado", "lidas": 2, "quarentena": 1}], "ok"),
    ([{"situacao": "rejeitado", "lidas": 0, "quarentena": 0}], "with_rejections"),
    ([{"situacao": "processado", "lidas": 2, "quarentena": 0}, REFUSED], "with_rejections"),
]


@pytest.mark.parametrize(("files", "status"), FILES)
def test_a_run_has_rejections_if_a_file_gave_no_row(tmp_path, files, status):
    report = RunReport("r1", 1.5, [Stage("01_bronze", 1.0)], files, tmp_path)
    assert report.status == status
    assert report.as_json() == {
        "run_id": "r1",
        "status": status,
        "seconds": 1.5,
        "stages": [{"notebook": "01_bronze", "seconds": 1.0}],
        "files": files,
    }
