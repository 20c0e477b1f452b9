"""The ledger: one event per file and finished stage, kept in the lake.

What is pending follows from the events alone, so a lost trigger or a crash loses nothing: a stage processes every file
whose previous stage has a newer event than its own. A file that was undone is processed the same way, with no rows.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake import tables as lake_tables
from vendas.lake.data_files import HeldFile
from vendas.lake.events import (
    PENDING,
    PROCESSED,
    REJECTED,
    STAGES,
    UNDONE,
    Event,
    Events,
    as_rows,
    at,
    stage_before,
)
from vendas.lake.table_reader import columns_of, read_kept, table_exists
from vendas.landing.arrivals import Arrival, BronzeFile
from vendas.rules.fingerprint import rules_fingerprint
from vendas.storage import Location
from vendas.tuning import LEDGER_KEPT_ROWS, LEDGER_SMALL_FILE_BYTES

SILVER_COUNTS = ("lidas", "duplicadas", "quarentena", "duvidosas")  # of a file's rows, counted by silver
COUNTS = (*SILVER_COUNTS, *STAGES[1:])  # of an entry: these, and the rows of each table
BY_HAND = "manual"  # the run id of a notebook that no run executes


def read_events(place: Location) -> Events:
    """Return all events ever recorded in a lake."""
    rows = read_kept(place, lake_tables.LEDGER_TABLE, _rows_of)
    # A lake of an older version lacks these columns until its next run; what it wrote has nulls in them.
    for name, value in (("duvidosas", 0), ("contrato", 1)):
        rows = rows.set_column(rows.column_names.index(name), name, pc.fill_null(rows[name], value))
    return Events(rows)


def read_ahead(place: Path) -> None:
    """Read the ledger's large files, so that `read_events` in this process, or in a fork of it, need not.

    It starts no thread.
    """
    if table_exists(place, lake_tables.LEDGER_TABLE):
        columns = columns_of(place, lake_tables.LEDGER_TABLE)
        for path in (place / lake_tables.LEDGER_TABLE / "data").glob("*.parquet"):
            if path.stat().st_size >= LEDGER_SMALL_FILE_BYTES:
                _rows_in(path, columns)


def _rows_of(file: HeldFile) -> pa.Table:
    large = file.count is None or file.count >= LEDGER_KEPT_ROWS
    return _rows_in(file.path, file.columns) if large else file.rows()


@lru_cache(maxsize=64)
def _rows_in(path: Location, columns: pa.Schema) -> pa.Table:
    return HeldFile(path, columns).rows()


def record(tables: lake_tables.Lake, known: Iterable[Event], events: list[Event]) -> None:
    """Add events in one commit, each newer than all `known` events of its file; without events, commit nothing."""
    if not events:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    of_files = Events.of(known).of_files({event.arquivo for event in events})
    newest = {event.arquivo: event.recorded_at for event in sorted(of_files, key=lambda event: event.recorded_at)}
    rows = [
        replace(
            event,
            # Even if the clock was set back, an event must be newer than those it follows from.
            registrado_em=max(now, newest.get(event.arquivo, now) + timedelta(microseconds=1)),
            iniciado_em=tables.opened_at,
            notebook=None if event.run_id == BY_HAND else f"runs/{event.run_id}/{notebook_of(event.etapa)}.ipynb",
        )
        for event in events
    ]
    tables.record(as_rows(rows))


def notebook_of(stage: str) -> str:
    """Return the name of the stage's notebook: `01_bronze`."""
    return f"{STAGES.index(stage) + 1:02d}_{stage}"


def latest(events: Iterable[Event], arquivos: Collection[str] | None = None) -> dict[str, dict[str, Event]]:
    """Return the last event of each file and stage, `{arquivo: {etapa: event}}`, in bronze order.

    With `arquivos`, only of these files; they need not be known.
    """
    events = Events.of(events)
    places = events.last
    if arquivos is not None:
        places = places[sorted(events.file_places[arquivo] for arquivo in {*arquivos} & events.file_places.keys())]
    files: dict[str, dict[str, Event]] = {}
    for event in events.take(places[places >= 0]):
        files.setdefault(event.arquivo, {})[event.etapa] = event
    return dict(sorted(files.items(), key=lambda item: BronzeFile.of(item[0])))


def pending(events: Iterable[Event], stage: str) -> list[Event]:
    """Return the previous stage's events of the files that this stage has yet to process.

    Files that the stage already holds come first, because their sales precede those of new files, in the order in which
    it took them: so a file that is processed again, by rules that give the same, gets its own sales back. Then the new
    files, in bronze order; also those taken together are in bronze order.
    """
    events = Events.of(events)
    found = events.take(events.last_of(stage_before(stage))[_are_pending(events, stage)])
    taken = _when_taken(events, stage, [event.arquivo for event in found])
    return sorted(_in_bronze_order(found), key=lambda event: taken.get(event.arquivo, datetime.max))


def _in_bronze_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda event: BronzeFile.of(event.arquivo))


def _when_taken(events: Events, stage: str, arquivos: Collection[str]) -> dict[str, datetime]:
    """Return for each of these files that the stage holds when it took it: first, or first after it was undone."""
    taken: dict[str, datetime] = {}
    of_stage = events.take(np.flatnonzero(events.are_of(arquivos) & events.equal("etapa", stage)))
    for event in sorted(of_stage, key=lambda event: event.recorded_at):
        if event.situacao == PROCESSED:
            taken.setdefault(event.arquivo, event.recorded_at)
        else:
            taken.pop(event.arquivo, None)
    return taken


def _are_pending(events: Events, stage: str) -> np.ndarray:
    """Return which files of `events` the stage has yet to process."""
    done, own = events.last_of(stage_before(stage)), events.last_of(stage)
    is_older = at(own, events.moments, 0) < at(done, events.moments, 0)
    return (done >= 0) & np.where(own < 0, events.are(PROCESSED, done), is_older)


def find_drifted(events: Iterable[Event], stage: str, held: dict[str, int]) -> list[Event]:
    """Return the previous stage's events of files that this stage has done, but of which it now holds other rows."""
    events = Events.of(events)
    done, own = events.last_of(stage_before(stage)), events.last_of(stage)
    holds = np.array([held.get(arquivo, 0) for arquivo in events.files], np.int64)
    drifted = (done >= 0) & (own >= 0) & ~_are_pending(events, stage) & (holds != events.counts("gravadas", own))
    return _in_bronze_order(events.take(done[drifted]))


def done_before(events: Iterable[Event], stage: str, pending: Iterable[Event]) -> list[str]:
    """List the pending files that this stage has processed before."""
    events = Events.of(events)
    own = events.last_of(stage)
    return [event.arquivo for event in pending if own[events.file_places[event.arquivo]] >= 0]


def with_duplicates(events: Iterable[Event], leaving: Iterable[Event]) -> list[Event]:
    """Return silver's events of files that had duplicates dropped and are not in `leaving`, in bronze order.

    Empty if `leaving` is empty.
    """
    left_out = {event.arquivo for event in leaving}
    if not left_out:
        return []
    events = Events.of(events)
    silver = events.last_of("silver")
    dropped = silver[events.counts("duplicadas", silver) > 0]
    return [event for event in _in_bronze_order(events.take(dropped)) if event.arquivo not in left_out]


def last_done(events: Iterable[Event], stage: str, without: Collection[str] = ()) -> list[Event]:
    """Return the stage's last events of the files that it took in its last run that took any, in bronze order.

    Leave out those that are undone, also where the stage does not know it yet, and those `without`.
    """
    events = Events.of(events)
    places = events.last_of(stage)
    gone = events.are(UNDONE, places) | events.are(UNDONE, events.last_of(STAGES[0]))
    gone |= pc.is_in(pa.array(events.files, pa.string()), pa.array(without, pa.string())).to_numpy(zero_copy_only=False)
    places = places[(places >= 0) & ~gone]
    # An older version did not record when a stage began.
    begun = pc.coalesce(events.column("iniciado_em"), events.column("registrado_em")).take(pa.array(places))
    last = pc.fill_null(pc.equal(begun, pc.max(begun)), False).to_numpy(zero_copy_only=False)
    return _in_bronze_order(events.take(places[last]))


def find_unsurveyed(
    events: Iterable[Event],
    files: Iterable[BronzeFile],
    arrived: Iterable[Arrival],
    replay: Collection[BronzeFile] = (),
) -> list[BronzeFile]:
    """Return the bronze files that intake has to survey.

    These are new files, rejected files that were sent again, those to `replay`, and those that an older version of the
    contract read.
    """
    events = Events.of(events)
    known, again = events.file_places, {file.name for file in replay}.union(list_of_older_contract(events))
    resent = latest(events, [arrival.bronze_name for arrival in arrived])
    again |= {arquivo for arquivo, done in resent.items() if done["bronze"].situacao == REJECTED}
    return [file for file in files if file.name not in known or file.name in again]


def mark_undone(events: Iterable[Event], files: Iterable[BronzeFile], run_id: str) -> list[Event]:
    """Return bronze's events that remove files from every layer; none for a file that is already undone."""
    files = list(files)
    seen = latest(events, [file.name for file in files])
    return [
        Event(
            file.name,
            seen[file.name]["bronze"].arquivo_recebido if file.name in seen else file.received_as,
            "bronze",
            run_id,
            situacao=UNDONE,
            motivo="Desfeito a pedido; `vendas replay` volta a processá-lo",
        )
        for file in files
        if file.name not in seen or seen[file.name]["bronze"].situacao != UNDONE
    ]


def list_of_older_contract(events: Iterable[Event]) -> list[str]:
    """List the bronze files that an older version of the contract read and that are not undone, in bronze order."""
    events = Events.of(events)
    older = pc.less(events.column("contrato"), schema.SALES.version).to_numpy(zero_copy_only=False)
    bronze = events.last_of("bronze")
    return _names(events, at(bronze, older) & ~events.are(UNDONE, bronze))


def list_of_older_rules(events: Iterable[Event]) -> list[str]:
    """List the bronze files that a stage processed by other rules than the library's, in bronze order.

    Undone files are left out. A file may be the same by today's rules: only processing it shows that.
    """
    events = Events.of(events)
    other = ~events.equal("regras", rules_fingerprint())
    older = np.logical_or.reduce([at(events.last_of(stage), other) for stage in STAGES[:3]])
    return _names(events, older & ~events.are(UNDONE, events.last_of("bronze")))


def list_processed(events: Iterable[Event]) -> list[str]:
    """List the bronze files that intake accepted and that are not undone, in bronze order."""
    events = Events.of(events)
    return _names(events, events.are(PROCESSED, events.last_of("bronze")))


def list_waiting(events: Iterable[Event]) -> list[str]:
    """List the bronze files that a stage has yet to process, in bronze order."""
    events = Events.of(events)
    return _names(events, _are_waiting(events))


def _are_waiting(events: Events) -> np.ndarray:
    return np.logical_or.reduce([_are_pending(events, stage) for stage in STAGES[1:]])


def _names(events: Events, chosen: np.ndarray) -> list[str]:
    """Return the names of the chosen files, in bronze order."""
    return sorted((events.files[place] for place in np.flatnonzero(chosen)), key=BronzeFile.of)


def count_rows_in(events: Iterable[Event], stage: str) -> int:
    """Return how many rows a stage's table holds in all, according to the ledger."""
    events = Events.of(events)
    return int(events.counts("gravadas", events.last_of(stage)).sum())


def list_entries(events: Iterable[Event], run_id: str | None = None) -> list[dict]:
    """Return one entry per file, as the command line's JSON has it; with `run_id`, only files that this run touched."""
    entries = entry_columns(events, run_id).to_pylist()
    return sorted(entries, key=lambda entry: BronzeFile.of(entry["arquivo"]))


def entry_columns(events: Iterable[Event], run_id: str | None = None) -> pa.Table:
    """Return what `list_entries` does as columns, in no order, without a dictionary for each entry."""
    events = Events.of(events)
    chosen = np.ones(len(events.files), bool)
    if run_id is not None:
        chosen = at(events.last, events.equal("run_id", run_id)).any(axis=1)
    bronze, silver = (events.last_of(stage)[chosen] for stage in ("bronze", "silver"))
    reasons = [events.texts("motivo", places) for places in (bronze, silver)]
    columns = {
        "arquivo": events.texts("arquivo", bronze),
        "arquivo_recebido": events.texts("arquivo_recebido", bronze),
        "situacao": pc.if_else(pa.array(_are_waiting(events)[chosen]), PENDING, events.texts("situacao", bronze)),
        "motivo": pc.coalesce(pc.binary_join_element_wise(*reasons, "; "), *reasons),
        **{name: events.counts(name, silver) for name in SILVER_COUNTS},
        **{stage: events.counts("gravadas", events.last_of(stage)[chosen]) for stage in STAGES[1:]},
    }
    return pa.table(columns)


def list_entries_of_new(files: Iterable[BronzeFile]) -> list[dict]:
    """Return the entries of bronze files that no run has recorded yet: they are pending."""
    return list_entries(Event(file.name, file.received_as, "bronze", BY_HAND) for file in files)


def is_refused(entry: dict) -> bool:
    """Return whether intake took no row of a file: it was rejected, or it has rows and all of them were refused."""
    return entry["situacao"] == REJECTED or 0 < entry["lidas"] == entry["quarentena"]


def attention_order(entry: dict) -> tuple[bool, ...]:
    """Return a sort key that puts files that need attention first: not taken, then with refused or doubtful rows."""
    taken = entry["situacao"] == PROCESSED and not is_refused(entry)
    return taken, not entry["quarentena"], not entry["duvidosas"]
