"""The pages of a run: what it did, its executed notebooks, the data dictionary; and the list of all runs.

A run writes them when its data is already published, so a failure here is only a warning.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from vendas.formatting import format_moment, format_number
from vendas.lake import ledger
from vendas.lake.table_reader import read_table
from vendas.lake.tables import QUARANTINE_TABLE
from vendas.reasons import Reason
from vendas.reports.cost import Usage
from vendas.reports.dictionary import dictionary_page
from vendas.reports.pages import Notebook, notebook_page, notebook_pages, render, write
from vendas.reports.report_charts import fates_chart, seconds_chart
from vendas.results import Stage
from vendas.storage import Location
from vendas.tuning import FILES_DRAWN, FILES_SHOWN

# One thread for all runs of a watch, because Matplotlib opens its fonts once for each thread that draws.
_MEANWHILE = ThreadPoolExecutor(max_workers=1)
EXPLORATION = "05_exploracao"
SUMMARY = "run.json"
_FATES = {"lidas": "Lidas", "silver": "Silver", "duplicadas": "Duplicadas", "quarentena": "Quarentena"}
_LAYERS = {"silver": "silver", "gold": "gold", "dw": "DW"}
_COUNT_HEADINGS = ("Lidas", "Duplicadas", "Quarentena", "Duvidosas", "Silver", "Gold", "DW")


def exploration_failed(error: Exception) -> str:
    """Return the note for the report of a run whose exploration failed."""
    return f"A exploração falhou; os dados estão publicados.\n{error}"


@dataclass
class Run:
    """The state of a run. `files` are the ledger entries of the files that it processed."""

    run_id: str
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0
    stages: list[Stage] = field(default_factory=list)
    files: list[dict] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)  # number of quarantined rows of these files, by reason
    failure: str | None = None  # the error of the failed stage
    notes: list[str] = field(default_factory=list)  # failures that did not affect the data
    usage: Usage | None = None  # on AWS: the resources that are billed
    page: Path | None = None

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return (datetime.now(UTC) - self.begun).total_seconds()

    @property
    def rejected(self) -> int:
        """The number of files that intake rejected."""
        return sum(file["situacao"] == ledger.REJECTED for file in self.files)

    @property
    def refused(self) -> int:
        """The number of files that intake accepted, but of which it refused all rows."""
        return sum(map(ledger.is_refused, self.files)) - self.rejected

    @property
    def kind(self) -> str:
        """`done`, `warned` or `failed`."""
        return "failed" if self.failure else "warned" if self.rejected or self.refused or self.notes else "done"

    @property
    def state(self) -> str:
        """How the run ended, in words."""
        if self.failure:
            return "Falhou"
        rejected = f"{_files(self.rejected)} rejeitado{'s' if self.rejected > 1 else ''}"
        refused = f"{_files(self.refused)} sem nenhuma linha aceita"
        told = [words for words, count in ((rejected, self.rejected), (refused, self.refused)) if count]
        return "Concluída" + (f", com {' e '.join(told)}" if told else "")


@dataclass(frozen=True)
class Summary:
    """A run in the list of all runs; counts are rows, except `files`."""

    begun: datetime
    seconds: float
    kind: str
    state: str
    files: int
    lidas: int
    duplicadas: int
    quarentena: int
    silver: int

    @classmethod
    def of(cls, run: Run) -> Self:
        totals = _totals(run.files, _FATES)
        return cls(run.begun, run.seconds, run.kind, run.state, len(run.files), **totals)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the summary at `path`; return None if there is none, as for a run that was killed."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, path: Path) -> None:
        write(path, TypeAdapter(Summary).dump_json(self).decode())


class Law(NamedTuple):
    """An equation that must hold for every file, as a sentence with the run's totals."""

    holds: bool
    sentence: str


@contextmanager
def reported(run: Run, lake: Location, folder: Path, warn: Callable[[str], None]) -> Generator[None]:
    """Write the run's pages when the block ends, also with an exception, which gets a note with the page's path.

    The block fills in `run`. If the report cannot be written, call `warn` with one line; the run does not fail.
    """
    try:
        yield
    except Exception as error:
        run.failure = str(error)
        write_pages(run, lake, folder, warn)
        if run.page:
            error.add_note(f"Report: {run.page}")
        raise
    write_pages(run, lake, folder, warn)


@contextmanager
def written_meanwhile(run: Run, lake: Location, folder: Path) -> Generator[None]:
    """Write the pages of what the run has done, while the block executes its exploration, and mostly waits.

    What is left to write at the run's end takes a tenth of a second, and a run that is killed in the block has a page.
    """
    so_far = replace(run, seconds=run.elapsed())
    executed = sorted(folder.glob("*.ipynb"))

    def write_all() -> None:
        with suppress(Exception):  # `write_pages` gets the same error, and reports it
            so_far.reasons = reasons_of(lake, so_far.files)
            _write_run(folder, so_far, [notebook_page(path) for path in executed])

    written = _MEANWHILE.submit(write_all)
    try:
        yield
    finally:
        wait([written])


def write_pages(run: Run, lake: Location, folder: Path, warn: Callable[[str], None]) -> None:
    """Write the run's pages to the folder and set `run.page`; on an error, call `warn` with one line."""
    try:
        run.seconds = run.elapsed()
        if run.failure:
            run.files = ledger.list_entries(ledger.read_events(lake), run.run_id)
        run.reasons = reasons_of(lake, run.files)
        run.page = write_report(folder, run, lake)
    except Exception as error:  # ignore it: the data is already published, or the run's own failure matters more
        warn(f"The report was not written: {type(error).__name__}: {' '.join(str(error).split())}")


def write_report(folder: Path, run: Run, lake: Location) -> Path:
    """Write the pages of a run to its folder, and the list of runs beside the folder; return the run's main page.

    Raises: OSError if a page cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_run(folder, run, sorted(notebook_pages(folder), key=lambda notebook: notebook.name != EXPLORATION))
    Summary.of(run).write(folder / SUMMARY)
    write(folder.parent / "index.html", _list_of_runs(folder.parent, lake))
    return folder / "index.html"


def _write_run(folder: Path, run: Run, notebooks: list[Notebook]) -> None:
    write(folder / "dicionario.html", dictionary_page())
    write(folder / "index.html", _index(folder, run, notebooks))


def reasons_of(lake: Location, files: list[dict]) -> dict[str, int]:
    """Count the quarantined rows of these ledger entries' files by reason, the most frequent first."""
    names = [file["arquivo"] for file in files if file["quarentena"]]
    if not names:
        return {}
    rows = read_table(lake, QUARANTINE_TABLE)
    ours = pc.is_in(rows["arquivo"], value_set=pa.array(names, rows["arquivo"].type))
    return dict(Counter(pc.list_flatten(rows.filter(ours)["motivos"]).to_pylist()).most_common())


def _index(folder: Path, run: Run, notebooks: list[Notebook]) -> str:
    titles = {notebook.name: notebook.title for notebook in notebooks}
    done = {stage.notebook for stage in run.stages}
    files = sorted(run.files, key=ledger.attention_order)
    stages = [(titles.get(stage.notebook, stage.notebook), stage.seconds) for stage in run.stages]
    return render(
        "run",
        title=f"Execução de {format_moment(run.begun, zone=False)[:-3]}",
        run=run,
        notebooks=notebooks,
        exploration=EXPLORATION,
        notes=[*run.notes, *(notebook.problem for notebook in notebooks if notebook.problem)],
        failed=next((book for book in notebooks if book.name not in {*done, EXPLORATION}), None),
        logs=sorted(path.name for path in folder.glob("*.log") if path.stat().st_size),
        facts={"Arquivos": len(files)} | {_FATES[name]: rows for name, rows in _totals(files, _FATES).items()},
        laws=list(_laws(files)),
        charts=_charts(files, stages),
        reasons=[{"code": code, "sentence": Reason(code).sentence, "rows": n} for code, n in run.reasons.items()],
        counts=dict(zip(ledger.COUNTS, _COUNT_HEADINGS, strict=True)),
        doubtful=_totals(files, ["duvidosas"])["duvidosas"],
        shown=files[:FILES_SHOWN],
        hidden=len(files[FILES_SHOWN:]),
    )


def _totals(files: list[dict], counts: Iterable[str]) -> dict[str, int]:
    return {name: sum(file[name] for file in files) for name in counts}


def _laws(files: list[dict]) -> Iterator[Law]:
    """Yield the conservation rules: for all files, and from layer to layer for those that all stages have processed."""
    conserved = all(file["lidas"] == file["silver"] + file["duplicadas"] + file["quarentena"] for file in files)
    read, silver, twice, refused = map(format_number, _totals(files, _FATES).values())
    yield Law(conserved, f"{read} lidas = {silver} silver + {twice} duplicadas + {refused} quarentena")
    if through := [file for file in files if file["situacao"] == ledger.PROCESSED]:
        carried = all(file["silver"] == file["gold"] == file["dw"] for file in through)
        held = _totals(through, _LAYERS)
        yield Law(carried, " = ".join(f"{format_number(held[name])} {layer}" for name, layer in _LAYERS.items()))


def _charts(files: list[dict], stages: list[tuple[str, float]]) -> dict[str, str]:
    charts = {}
    if files:
        left_out = f", os primeiros {FILES_DRAWN}" if len(files) > FILES_DRAWN else ""
        charts[f"Linhas por arquivo e destino{left_out}"] = fates_chart(files)
    if stages:
        charts["Segundos por etapa"] = seconds_chart(stages)
    return charts


def _list_of_runs(runs: Path, lake: Location) -> str:
    listed = [{"name": path.name, "summary": Summary.read(path / SUMMARY)} for path in runs.iterdir() if path.is_dir()]
    return render("runs", runs=sorted(listed, key=_begun, reverse=True), lake=lake, counts=_FATES)


def _begun(listed: dict) -> str:
    """Return the start of a run in the form that begins run names; of a killed run only its name is known."""
    return f"{listed['summary'].begun:%Y%m%dT%H%M%SZ}" if listed["summary"] else listed["name"]


def _files(count: int) -> str:
    return f"{format_number(count)} arquivo{'s' if count != 1 else ''}"
