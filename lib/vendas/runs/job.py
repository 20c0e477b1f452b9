"""A stage as a job of AWS Glue: its notebook runs in the JVM that Glue has started; its results are kept in S3."""

import json
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import nbformat
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from vendas.errors import PersonError, SettingsError, VendasError
from vendas.lake import ledger
from vendas.lake.erasures import is_unfinished
from vendas.lake.lock import hold_lake
from vendas.reports import report
from vendas.reports.cost import Usage
from vendas.results import Stage, StageResult
from vendas.runs import run_archive
from vendas.runs.lake_notebooks import execute, explore
from vendas.settings import Settings
from vendas.storage import as_s3, client

NAMESPACE, SERVICE = "Vendas", "pipeline"
TAKES_CORRECTIONS, BEFORE_EXPLORATION = ledger.notebook_of("bronze"), ledger.notebook_of("dw")
CORRECTIONS = ("undo", "replay")
WAITING = "another job or the upkeep holds the lake; waiting for its end"


@dataclass(frozen=True)
class JobRun:
    """A run of a job on a number of DPUs, and the run of the workflow that started it, if one did.

    `erasure_job` is the name of the job that completes an erasure, if this one may start it.
    """

    job_run: str
    workflow: str | None = None
    workflow_run: str | None = None
    dpus: float = 0
    erasure_job: str | None = None

    @property
    def run_id(self) -> str:
        """The run's id in the ledger; all jobs that one run of the workflow starts share it."""
        return self.workflow_run or self.job_run

    def properties(self) -> dict[str, str]:
        """Return the run properties that were given to the start of the workflow; empty without a workflow."""
        if not self.workflow:
            return {}
        asked = client("glue").get_workflow_run_properties(Name=self.workflow, RunId=self.workflow_run)
        return asked["RunProperties"]


class Failed(NamedTuple):
    """A stage that failed: its notebook, and the message of its error."""

    notebook: str
    said: str


def run_job(notebook: str, settings: Settings, job_run: JobRun) -> StageResult:
    """Run a stage's notebook and return its result; store the executed notebook and the run's pages in S3.

    They are stored even if the notebook fails.
    Raises: VendasError if the notebook fails or the run's properties are unusable.
    """
    log = Logger(service=SERVICE, run_id=job_run.run_id, notebook=notebook)
    # Until the pages are stored: what was fetched before an erasure must not be stored again after it.
    with tempfile.TemporaryDirectory() as temporary, hold_lake(settings.lake, lambda: log.info(WAITING)):
        folder, kept = Path(temporary) / job_run.run_id, settings.runs / job_run.run_id
        _check_no_erasure_is_unfinished(settings, job_run)
        run_archive.fetch(as_s3(settings.runs), job_run.run_id, folder)
        try:
            own = read_corrections(job_run.properties()) if notebook == TAKES_CORRECTIONS else {}
            result = execute(notebook, settings, folder, settings.as_environment(), own)
        except VendasError as error:
            said = str(error).replace(str(folder), str(kept))  # name the files where they will be stored
            log.error(said)
            _tell(settings, job_run, folder, log, Failed(notebook, said))
            raise type(error)(said) from error
        for file in result.files:
            log.info("stage done with file", arquivo=file)
        log.info(str(result))
        explored = notebook == BEFORE_EXPLORATION and settings.report
        notes = explore(settings, folder, settings.as_environment(), log.warning) if explored else []
        _tell(settings, job_run, folder, log, result, notes)
        return result


def _check_no_erasure_is_unfinished(settings: Settings, job_run: JobRun) -> None:
    """Check that no erasure was killed halfway, when bronze no longer is what the ledger says of it; have it completed.

    Raises: PersonError if one was.
    """
    if not is_unfinished(settings.lake):
        return
    started = "Start the job of erasures, which completes it"
    if job_run.erasure_job:
        glue = client("glue")
        with suppress(glue.exceptions.ConcurrentRunsExceededException):  # it is at work
            glue.start_job_run(JobName=job_run.erasure_job)
        started = f"The job {job_run.erasure_job} was started to complete it"
    raise PersonError(
        f"An erasure from {settings.lake} began and did not end. {started}; then run the workflow again. "
        "This stage did nothing, and nothing is lost."
    )


def read_corrections(properties: dict[str, str]) -> dict[str, list[str]]:
    """Return the bronze files to undo and to replay, from JSON lists among the workflow run's properties.

    Raises: SettingsError if a property is not a JSON list of texts.
    """
    given: dict[str, list[str]] = {}
    for name in CORRECTIONS:
        text = properties.get(name, "[]")
        try:
            files = json.loads(text)
        except ValueError:
            files = None
        if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
            raise SettingsError(
                f"The workflow run's property {name} is not usable: expected a JSON list of bronze files, such as "
                f'["registros_site_20240102T030405678Z_0a1b2c3d.csv"], got {text!r}. Start the workflow again with it.'
            )
        given[name] = files
    return given


def _tell(
    settings: Settings,
    job_run: JobRun,
    folder: Path,
    log: Logger,
    outcome: StageResult | Failed,
    notes: Sequence[str] = (),
) -> None:
    """Write pages, store notebooks, and send metrics.

    An error here is logged and does not fail the job, because the data is already published.
    """
    try:
        executed, failed = _executed(folder), outcome if isinstance(outcome, Failed) else None
        no_stage = {report.EXPLORATION, failed.notebook if failed else None}
        events = ledger.read_events(settings.lake)
        surveyed = [event for event in events if event.etapa == "bronze" and event.run_id == job_run.run_id]
        run = report.Run(
            job_run.run_id,
            begun=min((begun for _, begun in executed), default=datetime.now(UTC)),
            stages=[stage for stage, _ in executed if stage.notebook not in no_stage],
            files=ledger.list_entries(events, job_run.run_id),
            failure=failed.said if failed else None,
            notes=list(notes),
            usage=Usage.of([stage.seconds for stage, _ in executed], job_run.dpus, surveyed),
        )
        report.write_pages(run, settings.lake, folder, log.warning)
        run_archive.store(folder, as_s3(settings.runs))
        if isinstance(outcome, StageResult):
            _measure(outcome, run.stages[-1].seconds)
        _count_pending(ledger.list_entries(events))
    except Exception:
        log.exception("Pages or metrics of this job are missing; its data is not.")


def _executed(folder: Path) -> list[tuple[Stage, datetime]]:
    """Return the notebooks that the run has executed so far, in order, with the time when each began."""
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        told = nbformat.read(path, as_version=4).metadata.papermill
        found.append((Stage(path.stem, told.duration or 0.0), datetime.fromisoformat(told.start_time)))
    return found


def _measure(result: StageResult, seconds: float) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension("stage", result.stage)
    counted = {
        "RowsRead": result.read,
        "Duplicates": result.duplicates,
        "Quarantined": result.quarantined,
        "FilesRejected": result.rejected,
    }
    for name, value in counted.items():
        metrics.add_metric(name, MetricUnit.Count, value)
    metrics.add_metric("Seconds", MetricUnit.Seconds, seconds)
    metrics.flush_metrics()


def _count_pending(entries: Iterable[dict]) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    pending = sum(entry["situacao"] == ledger.PENDING for entry in entries)
    metrics.add_metric("PendingFiles", MetricUnit.Count, pending)
    metrics.flush_metrics()
