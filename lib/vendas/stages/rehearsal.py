"""Rehearsal: a stage's work as its notebook does it, by rules on trial if need be, of which nothing is published.

What it writes goes to a folder of its own, which is deleted. A sample needs no JVM.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile.records import read_block
from vendas.errors import RuleError, SettingsError
from vendas.lake import ledger
from vendas.lake.data_files import DataFile, HeldFile, Target, one_of
from vendas.lake.events import Event, Events, stage_before
from vendas.lake.table_reader import add_counts, count_by_file, count_rows, files_between
from vendas.lake.tables import FILE_COLUMNS, SILVER_TABLE, TIMESTAMPS, Audit, Change, Lake, pass_any
from vendas.lake.workers import ThisProcess, Workers, open_workers
from vendas.landing.arrivals import BronzeFile
from vendas.rules.trial import RuleOf, trying, under_rules
from vendas.settings import Settings, check_lake_exists
from vendas.stages.survey import SurveyedFile, dialect_text
from vendas.storage import Location, S3Path, location
from vendas.tuning import SAMPLE_FILES, SAMPLE_ROWS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Item = TypeVar("Item")
Result = TypeVar("Result")

NO_RULES: Mapping[str, RuleOf] = {}


@dataclass(frozen=True)
class WorkersOnTrial:
    """Workers that work by rules on trial."""

    workers: Workers
    rules: Mapping[str, RuleOf]

    @property
    def parallelism(self) -> int:
        """How many items are worked on at a time."""
        return self.workers.parallelism

    @property
    def spark(self) -> "SparkSession":
        """The workers' session."""
        return self.workers.spark

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return the result of `work` for each item, in order."""
        return self.workers.map(self._under_rules(work), items)

    def stream(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Yield the result of `work` for each item as soon as it is there, in any order."""
        return self.workers.stream(self._under_rules(work), items)

    def _under_rules(self, work: Callable[[Item], Result]) -> Callable[[Item], Result]:
        return partial(under_rules, work=work, rules=self.rules)


def open_lake(
    settings: Settings, ensaio: bool = False, regras: Mapping[str, RuleOf] = NO_RULES, amostra: bool = True
) -> Lake:
    """Return the lake's tables, as a stage's notebook uses them; in a rehearsal (`ensaio`) nothing is published.

    `regras` take the place of the library's rules, by the column that they compute. A rehearsal is of a sample of the
    newest files (`amostra`), in this process, or of all files.
    Raises: SettingsError if there is no such lake to rehearse on, or `ensaio` is neither True nor False; RuleError if
    `regras` maps no columns to functions, or it is no rehearsal: then they would be published, and be in no library.
    """
    if not isinstance(ensaio, bool):
        raise SettingsError(f"ensaio is {ensaio!r}: expected True to rehearse, or False to publish.")
    if not isinstance(regras, Mapping):
        raise RuleError(f"regras is {regras!r}: expected rules by column, like {{'Canal': rule}}, or {{}} for none.")
    if not ensaio:
        if regras:
            raise RuleError(
                f"The rules for {', '.join(regras)} are a cell's. Only a rehearsal (ensaio = True) takes those: a run "
                "publishes what the library's rules make. Put them into lib/vendas/rules, or leave `regras` empty."
            )
        tables = Lake(settings.lake, open_workers(settings))
        tables.create_tables()
        return tables
    check_lake_exists(settings)
    follow_edits()
    with trying(regras):  # to tell here, and not amid the work, what cannot be one
        pass
    workers: Workers = ThisProcess(settings) if amostra else open_workers(settings)
    return RehearsalLake(settings.lake, WorkersOnTrial(workers, dict(regras)) if regras else workers, amostra)


def follow_edits() -> None:
    """Let a notebook use modules of the library that were edited since it imported them, from the next cell on."""
    from IPython.core.getipython import get_ipython  # here, because only notebooks need it

    if shell := get_ipython():
        shell.run_line_magic("reload_ext", "autoreload")  # silent also where it is loaded already
        shell.run_line_magic("autoreload", "2")


def files_to_rehearse(known: Events) -> list[BronzeFile]:
    """Return the newest bronze files that are processed, a sample of all, in bronze order."""
    return [BronzeFile.of(arquivo) for arquivo in ledger.list_processed(known)[-SAMPLE_FILES:]]


def known_events(tables: Lake, stage: str) -> Events:
    """Return the ledger's events; in a rehearsal, those that make the files to rehearse pending for this stage."""
    known = ledger.read_events(tables.place)
    return tables.as_pending(known, stage) if isinstance(tables, RehearsalLake) else known


class RehearsalLake(Lake):
    """The lake's tables as a stage uses them, in a rehearsal: published rows are read, no row is published."""

    publishes = False

    def __init__(self, place: Location, workers: Workers, sampled: bool = False):
        super().__init__(place, workers)
        self.sampled = sampled
        self.written: dict[str, list[HeldFile]] = {}  # by table: what this rehearsal wrote
        self.last_lines: dict[str, int] = {}  # by file: the last line that is rehearsed, if not all are
        self._files_in: dict[Location, set[str]] = {}  # by data file: the bronze files of its rows
        self._folder = None if isinstance(place, S3Path) else _temporary(None if sampled else place / "staging")
        self._token = secrets.token_hex(4)

    @property
    def staging(self) -> Location:
        """The folder of this rehearsal's files, which are deleted with it; in S3 by a lifecycle rule."""
        return Path(self._folder.name) if self._folder else self.place / "staging" / f"ensaio-{self._token}"

    def create_tables(self) -> None:
        """Do nothing."""

    def files_of(self, table: str, files: Collection[str]) -> list[HeldFile]:
        """Return the data files that can hold rows of these bronze files: the rehearsed ones, if there are any."""
        return self.written[table] if table in self.written else super().files_of(table, files)

    def rehearsed_files_of(self, table: str, files: Collection[str]) -> list[HeldFile]:
        """Return the rehearsed data files that have rows of these bronze files."""
        return [file for file in self.written.get(table, []) if not self._files_in[file.path].isdisjoint(files)]

    def published_files_of(self, table: str, files: Collection[str]) -> list[HeldFile]:
        """Return the published data files that can hold rows of these bronze files."""
        return super().files_of(table, files)

    def keep(self, table: str, written: list[HeldFile], files_in: Mapping[Location, set[str]]) -> None:
        """Keep data files as the table's rehearsed ones; `files_in` has the bronze files of each one's rows."""
        self.written[table] = written
        self._files_in.update(files_in)

    def target(self, table: str) -> Target:
        """Return the target that rehearsed data files of the table are written to."""
        return Target(self.staging / table, schema.arrow_schema(schema.TABLES[table]))

    def total(self, table: str) -> int:
        """Return how many rows are published."""
        return count_rows(self.place, table)

    def record(self, rows: pa.Table) -> None:
        """Do nothing: the ledger has only what was published."""

    def as_pending(self, known: Events, stage: str) -> Events:
        """Return the events of the files to rehearse, with a newer one that makes each pending for the stage.

        Of a sample, silver's and gold's rehearsal take the first SAMPLE_ROWS rows of each file; the newer events count
        only these.
        """
        previous = stage_before(stage)
        chosen = ledger.list_processed(known)[-SAMPLE_FILES if self.sampled else 0 :]
        files = ledger.latest(known, chosen)
        done = [files[arquivo][previous] for arquivo in chosen if previous in files[arquivo]]
        newest = max((event.recorded_at for event in known.of_files(chosen)), default=self.opened_at)
        newest += timedelta(seconds=1)
        newer = [replace(event, registrado_em=newest) for event in done]
        if self.sampled and stage == "silver":
            newer = [self._only_head(event) for event in newer]
        if self.sampled and stage == "gold":
            newer = self._sample_silver(newer)
        return Events.of([*known.of_files(chosen), *newer])

    def _only_head(self, event: Event) -> Event:
        """Return a file's event as if the file ended after its first SAMPLE_ROWS records."""
        head = SurveyedFile.of(self.place / "bronze", event).head(SAMPLE_ROWS)
        for block in head.survey.blocks:
            for records in read_block(head.path, block, head.survey):
                self.last_lines[event.arquivo] = records[schema.LINHA][-1].as_py()
        rows = head.survey.rows
        return replace(event, lidas=rows, gravadas=rows, dialeto=dialect_text(head.survey))

    def _sample_silver(self, silver: Sequence[Event]) -> list[Event]:
        """Rehearse on the first rows that silver's data files have of each file; return these files' events."""
        arquivo, target = schema.ARQUIVO.name, self.target(SILVER_TABLE)
        missing = {event.arquivo: min(SAMPLE_ROWS, event.gravadas) for event in silver}
        taken: list[pa.Table] = []
        for file in self.published_files_of(SILVER_TABLE, list(missing)):
            wanted = pa.array([name for name, rows in missing.items() if rows], pa.string())
            for rows in file.rows_where({arquivo: one_of(wanted)}) if len(wanted) else ():
                for name in pc.unique(rows[arquivo]).to_pylist():
                    found = rows.filter(pc.equal(rows[arquivo], name)).slice(0, missing[name])
                    missing[name] -= len(found)
                    taken.append(found)
        rows = pa.concat_tables([target.columns.empty_table(), *(part.cast(target.columns) for part in taken)])
        years = pc.unique(rows[schema.ANO.name]).to_pylist()
        of_year = [(ano, rows.filter(pc.equal(rows[schema.ANO.name], ano))) for ano in years]
        written = [target.write(sales, ano) for ano, sales in of_year]
        self.written[SILVER_TABLE] = [HeldFile(location(file.path), target.columns, file.ano) for file in written]
        counts = Counter(rows[arquivo].to_pylist())
        return [replace(event, gravadas=counts[event.arquivo]) for event in silver]

    def change(self, table: str) -> "RehearsedChange":
        """Begin a change that will not be published."""
        return RehearsedChange(self, table)

    def replace(
        self, table: str, rows: Sequence[DataFile], files: Collection[str], audit: Audit = pass_any
    ) -> dict[str, int]:
        """Keep `rows` as the rehearsed rows of these bronze files; return the number of rows by file."""
        return self.change(table).publish(rows, files, replaced=files, audit=audit)


def _temporary(folder: Path | None) -> TemporaryDirectory:
    """Return a temporary folder: for a sample the system's, for all rows in the lake, where there is room for them."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(prefix="ensaio-", dir=folder)


class RehearsedChange(Change):
    """A change that is audited as any other, and then kept apart instead of published."""

    def __init__(self, lake: RehearsalLake, table: str):
        self._of, self._table = lake, table

    def files_between(self, first: datetime, last: datetime) -> list[HeldFile]:
        """Return the published data files that can hold sales from `first` to `last`."""
        return files_between(self._of.place, self._table, TIMESTAMPS[self._table], first, last)

    def publish(
        self, rows: Sequence[DataFile], files: Collection[str], replaced: Collection[str] = (), audit: Audit = pass_any
    ) -> dict[str, int]:
        """Keep the written rows for the rehearsal, after `audit` has accepted them; return their number by file."""
        columns, column = self._of.target(self._table).columns, FILE_COLUMNS[self._table]
        written = [HeldFile(location(file.path), columns, file.ano) for file in rows]
        counts = {file.path: file.count_values(column) for file in written}
        gone, counted = set(replaced), add_counts(counts.values())
        stays = [file for file in files if file not in gone]
        counted.update(count_by_file(self._of.place, self._table, column, stays))
        held = {file: counted[file] for file in files}
        audit(held)
        self._of.keep(self._table, written, {path: set(found) for path, found in counts.items()})
        return held
