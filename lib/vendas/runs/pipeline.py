"""One full run: the workflow's notebooks in order, in one JVM, under the lake's lock."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from vendas import resources
from vendas.errors import NotebookError
from vendas.lake import ledger
from vendas.lake.lock import hold_lake
from vendas.lake.spark import gateway_environment
from vendas.lake.table_reader import count_rows
from vendas.lake.tables import SILVER_TABLE
from vendas.landing.arrivals import (
    explain_left_by_run,
    landing_folder,
    list_bronze_files,
    list_waiting_files,
    look_at_landing,
)
from vendas.reports.report import EXPLORATION, Run, exploration_failed, reported
from vendas.results import Stage
from vendas.runs.workflow import notebooks_in_order
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.warehouse.embedded import is_initialized


@dataclass(frozen=True)
class Corrections:
    """Bronze files to take out of every layer (`undo`), and to process again (`replay`)."""

    undo: list[str] = field(default_factory=list)
    replay: list[str] = field(default_factory=list)


NO_CORRECTIONS = Corrections()


@dataclass(frozen=True)
class RunReport:
    """What a run did; `files` are ledger entries of the files it touched, `report` is its page, if it has one."""

    run_id: str
    seconds: float
    stages: list[Stage]
    files: list[dict]
    folder: Path
    report: Path | None = None
    left: dict[Path, str] = field(default_factory=dict)  # files that stay in landing, and why

    @property
    def status(self) -> str:
        """`ok`, or `with_rejections` when intake rejected a file, or refused all rows of one."""
        return "with_rejections" if any(map(ledger.is_refused, self.files)) else "ok"

    def as_json(self) -> dict:
        """The document that `vendas run --json` prints."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "seconds": self.seconds,
            "stages": [asdict(stage) for stage in self.stages],
            "files": self.files,
        }


class Progress:
    """What a run tells while it goes on; this one keeps silent."""

    def waiting(self) -> None:
        """Another run holds the lake."""

    def starting(self, run_id: str) -> None:
        """The JVM is being started."""

    def cell_done(self, notebook: str, done: int, total: int) -> None:
        """So many cells of the notebook are done."""

    def stage_done(self, stage: Stage) -> None:
        """A notebook has returned its result."""

    def warning(self, text: str) -> None:
        """Something beside the data went wrong; the run goes on."""


def run_pipeline(settings: Settings, progress: Progress, corrections: Corrections = NO_CORRECTIONS) -> RunReport:
    """Takes up all that is pending, from landing to star. Raises VendasError when a stage fails.

    Where the ledger knows that nothing is to be done, no notebook runs and the report has no stages.
    """
    begun = time.monotonic()
    landing = landing_folder(settings.landing)
    with hold_lake(settings.lake, progress.waiting):
        run = Run(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
        folder = as_folder(settings.runs) / run.run_id
        if corrections != NO_CORRECTIONS or not is_up_to_date(settings):
            progress.starting(run.run_id)
            report = reported(run, settings.lake, folder, progress.warning) if settings.report else nullcontext()
            with report:
                work = _bytes_to_read(settings, corrections)
                with gateway_environment(settings, folder / "spark.log", work) as environment:
                    run.stages.extend(run_notebooks(settings, folder, environment, progress, corrections))
                run.files = ledger.list_entries(ledger.read_events(settings.lake), run.run_id)
                run.notes = _explore(settings, folder, progress) if settings.report else []
    left = explain_left_by_run(look_at_landing(landing, settings.quiet_seconds))
    seconds = round(time.monotonic() - begun, 3)
    return RunReport(run.run_id, seconds, run.stages, run.files, folder, run.page, left)


def is_up_to_date(settings: Settings) -> bool:
    """Whether a run would find nothing to do. A lake without any event is not: its tables may still have to be made."""
    events = ledger.read_events(settings.lake)
    if not events or list_waiting_files(settings.landing) or not is_initialized(as_folder(settings.dw)):
        return False
    return not is_behind(settings, events)


def is_behind(settings: Settings, events: list[ledger.Event]) -> bool:
    """Whether bronze holds a file that some stage has yet to take up, or silver what the ledger does not know of."""
    if count_rows(settings.lake, SILVER_TABLE) != ledger.count_rows_in(events, "silver"):
        return True  # a second writer's equal sales are to be found
    if ledger.find_unsurveyed(events, list_bronze_files(settings.bronze), arrived=[]):
        return True
    return any(ledger.pending(events, stage) for stage in ledger.STAGES[1:])


def _bytes_to_read(settings: Settings, corrections: Corrections) -> int:
    """Bytes of the files that are new or pending; with corrections of all in bronze, for any may have to be read."""
    events, files = ledger.read_events(settings.lake), list_bronze_files(settings.bronze)
    unfinished = {entry["arquivo"] for entry in ledger.list_entries(events) if entry["situacao"] == ledger.PENDING}
    new = {file.name for file in ledger.find_unsurveyed(events, files, arrived=[])}
    everything = corrections != NO_CORRECTIONS
    bronze = as_folder(settings.bronze)
    paths = [bronze / file.name for file in files if everything or file.name in unfinished | new]
    waiting = look_at_landing(landing_folder(settings.landing), 0).waiting
    return sum(path.stat().st_size for path in [*paths, *waiting] if path.exists())


def run_notebooks(
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    progress: Progress,
    corrections: Corrections = NO_CORRECTIONS,
) -> Iterator[Stage]:
    """The workflow's notebooks in order, executed into `folder`, whose name is the run's id; each once it is done.

    `environment` is added to their kernels': where it names no gateway, each starts a JVM of its own.
    """
    own = {ledger.notebook_of("bronze"): asdict(corrections)}
    for notebook in notebooks_in_order(resources.folder("workflow") / "template.yaml"):
        begun = time.monotonic()
        _execute(notebook, own.get(notebook, {}), folder, settings, environment, progress)
        stage = Stage(notebook, round(time.monotonic() - begun, 3))
        progress.stage_done(stage)
        yield stage


def _explore(settings: Settings, folder: Path, progress: Progress) -> list[str]:
    """Executes the exploration, which is no stage: the data is published by now. What went wrong, for the report."""
    try:
        _execute(EXPLORATION, {}, folder, settings, {}, progress)
    except NotebookError as error:
        progress.warning(f"The exploration failed; the data is published. {str(error).splitlines()[0]}")
        return [exploration_failed(error)]
    return []


def _execute(
    notebook: str,
    parameters: Mapping[str, object],
    folder: Path,
    settings: Settings,
    environment: dict[str, str],
    progress: Progress,
) -> None:
    from vendas.runs.notebook_runner import (
        run_notebook,  # here, because papermill takes a second to import: the JVM starts meanwhile
    )

    run_notebook(
        resources.folder("notebooks") / f"{notebook}.ipynb",
        folder / f"{notebook}.ipynb",
        {"lake": str(settings.lake), "run_id": folder.name, **parameters},
        environment,
        settings.cell_timeout,
        lambda done, total: progress.cell_done(notebook, done, total),
    )
