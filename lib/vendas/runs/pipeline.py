"""A full run: the notebooks of all stages in order, under the lake's lock."""

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from vendas.formatting import format_counted
from vendas.lake import ledger
from vendas.lake.events import Events
from vendas.lake.lock import hold_lake
from vendas.lake.table_reader import count_rows, shape
from vendas.lake.tables import GOLD_TABLE, SILVER_TABLE
from vendas.lake.workers import kernel_environment, own_workers
from vendas.landing.arrivals import (
    explain_left_by_run,
    landing_folder,
    list_bronze_files,
    list_waiting_files,
    look_at_landing,
)
from vendas.privacy.erase import complete_erasure
from vendas.reports.report import Run, reported, written_meanwhile
from vendas.results import Stage
from vendas.runs.fork_server import ForkServer
from vendas.runs.lake_notebooks import NOTEBOOKS, execute, explore
from vendas.runs.run_log import LOG, logged
from vendas.runs.warm import WarmForkServer
from vendas.schema import TABLES, names
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.warehouse import load
from vendas.warehouse.embedded import ensure_running, is_initialized


@dataclass(frozen=True)
class Corrections:
    """Bronze files to take out of every layer (`undo`), and to process again (`replay`)."""

    undo: list[str] = field(default_factory=list)
    replay: list[str] = field(default_factory=list)


NO_CORRECTIONS = Corrections()


@dataclass(frozen=True)
class RunReport:
    """The result of a run; `files` are the ledger entries of the files that it processed, `report` its page, if any."""

    run_id: str
    seconds: float
    stages: list[Stage]
    files: list[dict]
    folder: Path
    report: Path | None = None
    left: dict[Path, str] = field(default_factory=dict)  # files that stay in landing, and why

    @property
    def status(self) -> str:
        """`ok`, or `with_rejections` if intake rejected a file, or refused all rows of one."""
        return "with_rejections" if any(map(ledger.is_refused, self.files)) else "ok"

    def as_json(self) -> dict:
        """Return the document that `vendas run --json` prints."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "seconds": self.seconds,
            "stages": [asdict(stage) for stage in self.stages],
            "files": self.files,
        }


class Progress:
    """Callbacks that report the progress of a run; here they do nothing."""

    def waiting(self) -> None:
        """Report that another run holds the lake."""

    def starting(self, run_id: str) -> None:
        """Report that a run begins, because something is pending."""

    def cell_done(self, notebook: str, done: int, total: int) -> None:
        """Report that `done` of `total` cells of the notebook are done."""

    def stage_done(self, stage: Stage) -> None:
        """Report that a notebook has returned its result."""

    def warning(self, text: str) -> None:
        """Report a failure that does not affect the data; the run continues."""


def run_pipeline(
    settings: Settings,
    progress: Progress,
    corrections: Corrections = NO_CORRECTIONS,
    warm: WarmForkServer | None = None,
) -> RunReport:
    """Process all that is pending, from landing to star, and return a report of the run.

    If the ledger shows that nothing is pending, no notebook runs and the report has no stages. The fork server is that
    of `warm`, if given, and else this run's alone.
    Raises: VendasError if a stage fails.
    """
    begun = time.monotonic()
    lake, landing = as_folder(settings.lake), landing_folder(settings.landing)
    with hold_lake(settings.lake, progress.waiting):
        complete_erasure(settings, own_workers)
        run = Run(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}")
        folder = as_folder(settings.runs) / run.run_id
        if corrections != NO_CORRECTIONS or not is_up_to_date(settings):
            progress.starting(run.run_id)
            warn = partial(_warn, progress)
            report = reported(run, settings.lake, folder, warn) if settings.report else nullcontext()
            with logged(run, folder), report, warm.fork_server() if warm else ForkServer(lake) as forks:
                before = ledger.read_events(settings.lake)
                if outdated := ledger.list_of_older_contract(before):
                    warn(
                        "This lake was made by an older version: all of bronze is read again, once, by today's rules "
                        f"({format_counted(len(outdated), 'file')}). What was undone stays undone."
                    )
                elif before and is_initialized(as_folder(settings.dw)) and not is_as_declared(settings):
                    warn(
                        "The declared columns or defaults are not those of this lake: its tables get them, and the "
                        "warehouse is loaded anew from gold, once, in one step for its readers."
                    )
                work = _bytes_to_read(settings, before, corrections)
                workers = kernel_environment(settings, folder / "spark.log", work)
                with workers as environment, ThreadPoolExecutor(1) as meanwhile:
                    for stage in run_notebooks(settings, folder, environment, progress, corrections, forks):
                        run.stages.append(stage)
                        # A new database takes a second. What it raises here is not read: 04_dw raises it again.
                        if len(run.stages) == 1:
                            meanwhile.submit(ensure_running, as_folder(settings.dw))
                after = ledger.read_events(settings.lake)
                if outdated:
                    warn(f"The lake is up to date with this version: {_count(before)} before, {_count(after)} now.")
                run.files = ledger.list_entries(after, run.run_id)
                if settings.report:
                    with written_meanwhile(run, settings.lake, folder):
                        run.notes = explore(settings, folder, {}, warn, progress.cell_done, forks)
    left = explain_left_by_run(look_at_landing(landing, settings.quiet_seconds))
    seconds = round(time.monotonic() - begun, 3)
    return RunReport(run.run_id, seconds, run.stages, run.files, folder, run.page, left)


def _count(events: Events) -> str:
    entries = ledger.list_entries(events)
    sales, refused = (sum(entry[name] for entry in entries) for name in ("silver", "quarentena"))
    return f"{format_counted(sales, 'sale')} and {format_counted(refused, 'refused row')}"


def is_up_to_date(settings: Settings) -> bool:
    """Return whether a run has nothing to do; False for a lake without events, whose tables may have to be created."""
    if list_waiting_files(settings.landing) or not is_initialized(as_folder(settings.dw)):
        return False
    events = ledger.read_events(settings.lake)
    return bool(events) and not is_behind(settings, events) and is_as_declared(settings)


def is_as_declared(settings: Settings) -> bool:
    """Return whether the tables of lake and warehouse have the declared columns, and the warehouse the defaults."""
    made = {table: shape(settings.lake, table) for table in (SILVER_TABLE, GOLD_TABLE)}
    in_lake = all(found is None or {*names(TABLES[table])} <= found.columns.keys() for table, found in made.items())
    return in_lake and load.is_as_declared(ensure_running(as_folder(settings.dw)))


def is_behind(settings: Settings, events: Events) -> bool:
    """Return whether a stage, or the current contract, has yet to process a file, or silver differs from the ledger."""
    if ledger.list_of_older_contract(events):
        return True
    if count_rows(settings.lake, SILVER_TABLE) != ledger.count_rows_in(events, "silver"):
        return True  # a run must find the equal sales that a second writer added
    if list_bronze_files(settings.bronze, but=events.file_places):
        return True
    return any(ledger.pending(events, stage) for stage in ledger.STAGES[1:])


def _bytes_to_read(settings: Settings, events: Events, corrections: Corrections) -> int:
    """Return the bytes of new and pending files; with corrections those of all files, as any may have to be read."""
    bronze, names = as_folder(settings.bronze), {*ledger.list_waiting(events), *ledger.list_of_older_contract(events)}
    known = () if corrections != NO_CORRECTIONS else events.file_places
    paths = [bronze / name for name in names | {file.name for file in list_bronze_files(bronze, but=known)}]
    waiting = look_at_landing(landing_folder(settings.landing), 0).waiting
    return sum(path.stat().st_size for path in [*paths, *waiting] if path.exists())


def run_notebooks(
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    progress: Progress,
    corrections: Corrections = NO_CORRECTIONS,
    forks: ForkServer | None = None,
) -> Iterator[Stage]:
    """Execute the notebooks of all stages in order into `folder`, whose name is the run's id; yield each when done.

    `environment` is added to their kernels', which get their workers by it. Kernels are those of `forks`, if given.
    Raises: NotebookError if a notebook fails.
    """
    own = {ledger.notebook_of("bronze"): asdict(corrections)}
    for notebook in NOTEBOOKS:
        begun = time.monotonic()
        execute(notebook, settings, folder, environment, own.get(notebook, {}), progress.cell_done, forks)
        stage = Stage(notebook, round(time.monotonic() - begun, 3))
        progress.stage_done(stage)
        yield stage


def _warn(progress: Progress, text: str) -> None:
    LOG.warning("%s", text)
    progress.warning(text)
