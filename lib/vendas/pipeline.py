"""One full run: the workflow's notebooks in order, in one JVM, under the lake's lock."""

import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from vendas import ledger, resources
from vendas.arrivals import bronze_files, waiting_files
from vendas.lock import hold_lake
from vendas.settings import Settings
from vendas.spark import gateway_environment
from vendas.workflow import notebooks_in_order


@dataclass(frozen=True)
class Stage:
    """A notebook that ran, and for how many seconds."""

    notebook: str
    seconds: float


@dataclass(frozen=True)
class RunReport:
    """What a run did; `files` are ledger entries of the files it touched."""

    run_id: str
    seconds: float
    stages: list[Stage]
    files: list[dict]
    folder: Path

    @property
    def status(self) -> str:
        """`ok`, or `with_rejections` when intake refused a whole file."""
        refused = any(entry["situacao"] == ledger.REJECTED for entry in self.files)
        return "with_rejections" if refused else "ok"

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


def run_pipeline(settings: Settings, progress: Progress) -> RunReport:
    """Takes up all that is pending, from landing to star. Raises VendasError when a stage fails.

    Where the ledger knows that nothing is pending, no notebook runs and the report has no stages.
    """
    begun = time.monotonic()
    with hold_lake(settings.lake, progress.waiting):
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        folder = settings.runs / run_id
        stages, files = [], []
        if not is_up_to_date(settings):
            progress.starting(run_id)
            with gateway_environment(settings, folder / "spark.log") as environment:
                stages = run_notebooks(settings, folder, environment, progress)
            files = ledger.entries(ledger.read_events(settings.lake), run_id)
    return RunReport(run_id, round(time.monotonic() - begun, 3), stages, files, folder)


def is_up_to_date(settings: Settings) -> bool:
    """Whether a run would find nothing to do. A lake without any event is not: its tables may still have to be made."""
    events = ledger.read_events(settings.lake)
    return bool(events) and not waiting_files(settings.landing) and not is_behind(settings, events)


def is_behind(settings: Settings, events: list[ledger.Event]) -> bool:
    """Whether bronze holds a file that some stage has yet to take up."""
    if ledger.unsurveyed(events, bronze_files(settings.bronze), arrived=[]):
        return True
    return any(ledger.pending(events, stage) for stage in ledger.STAGES[1:])


def run_notebooks(settings: Settings, folder: Path, environment: dict[str, str], progress: Progress) -> list[Stage]:
    """The workflow's notebooks in order, executed into `folder`, whose name is the run's id.

    `environment` is added to their kernels': where it names no gateway, each starts a JVM of its own.
    """
    return [
        _run_stage(notebook, folder, settings, environment, progress)
        for notebook in notebooks_in_order(resources.folder("workflow") / "template.yaml")
    ]


def _run_stage(
    notebook: str, folder: Path, settings: Settings, environment: dict[str, str], progress: Progress
) -> Stage:
    from vendas.runner import run_notebook  # here, because papermill takes a second to import: the JVM starts meanwhile

    begun = time.monotonic()
    run_notebook(
        resources.folder("notebooks") / f"{notebook}.ipynb",
        folder / f"{notebook}.ipynb",
        {"lake": str(settings.lake), "run_id": folder.name},
        environment,
        settings.cell_timeout,
        lambda done, total: progress.cell_done(notebook, done, total),
    )
    stage = Stage(notebook, round(time.monotonic() - begun, 3))
    progress.stage_done(stage)
    return stage
