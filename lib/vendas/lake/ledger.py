"""The ledger: one event per file and finished stage, kept in the lake.

What is pending follows from the events alone, so a lost trigger or a crash loses nothing: a stage processes every file
whose previous stage has a newer event than its own. A file that was undone is processed the same way, with no rows.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa

from vendas import schema
from vendas.lake import tables as lake_tables
from vendas.lake.table_reader import read_table
from vendas.landing.arrivals import Arrival, BronzeFile
from vendas.rules.fingerprint import rules_fingerprint
from vendas.storage import Location

STAGES = ("bronze", "silver", "gold", "dw")
PROCESSED, REJECTED, UNDONE, PENDING = "processado", "rejeitado", "desfeito", "pendente"
BY_HAND = "manual"  # the run id of a notebook that no run executes


@dataclass(frozen=True)
class Event:
    """A finished stage of one file: a row of the ledger, fields as in LEDGER_COLUMNS. Counts are rows."""

    arquivo: str
    arquivo_recebido: str
    etapa: str
    run_id: str
    situacao: str = PROCESSED
    motivo: str | None = None
    lidas: int = 0
    duplicadas: int = 0
    quarentena: int = 0
    duvidosas: int = 0
    gravadas: int = 0
    dialeto: str | None = None
    # Times are UTC, without a zone; `record` sets them and the executed notebook.
    registrado_em: datetime | None = None
    iniciado_em: datetime | None = None
    notebook: str | None = None
    contrato: int = schema.SALES.version
    regras: str | None = field(default_factory=rules_fingerprint)

    @property
    def recorded_at(self) -> datetime:
        """When the event was recorded; an event that is not recorded yet counts as newer than all others."""
        return self.registrado_em or datetime.max


def read_events(place: Location) -> list[Event]:
    """Return all events ever recorded in a lake; read without Spark, whose first query takes seconds."""
    rows = read_table(place, lake_tables.LEDGER_TABLE).to_pylist()
    # A lake of an older version lacks these columns until its next run, and has nulls in them afterwards.
    return [
        Event(**{"regras": None} | row | {"duvidosas": row.get("duvidosas") or 0, "contrato": row.get("contrato") or 1})
        for row in rows
    ]


def record(tables: lake_tables.Lake, known: Iterable[Event], events: list[Event]) -> None:
    """Add events in one commit, each newer than all `known` events of its file; without events, commit nothing."""
    if not events:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    newest = {event.arquivo: event.recorded_at for event in sorted(known, key=lambda event: event.recorded_at)}
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
    tables.record(pa.Table.from_pylist([asdict(row) for row in rows], schema.arrow_schema(schema.LEDGER_COLUMNS)))


def notebook_of(stage: str) -> str:
    """Return the name of the stage's notebook: `01_bronze`."""
    return f"{STAGES.index(stage) + 1:02d}_{stage}"


def latest(events: Iterable[Event]) -> dict[str, dict[str, Event]]:
    """Return the last event of each file and stage, `{arquivo: {etapa: event}}`, in bronze order."""
    by_time = sorted(events, key=lambda event: event.recorded_at)
    newest = {(event.arquivo, event.etapa): event for event in by_time}
    files: dict[str, dict[str, Event]] = {}
    for (arquivo, etapa), event in sorted(newest.items(), key=lambda item: BronzeFile.of(item[0][0])):
        files.setdefault(arquivo, {})[etapa] = event
    return files


def pending(events: Iterable[Event], stage: str) -> list[Event]:
    """Return the previous stage's events of the files that this stage has yet to process.

    Files that the stage already holds come first, because their sales precede those of new files, in the order in which
    it took them: so a file that is processed again, by rules that give the same, gets its own sales back. Then the new
    files, in bronze order; also those taken together are in bronze order.
    """
    events = list(events)
    previous, taken = STAGES[STAGES.index(stage) - 1], _when_taken(events, stage)
    files = [done[previous] for done in latest(events).values() if _is_pending(done, previous, stage)]
    return sorted(files, key=lambda event: taken.get(event.arquivo, datetime.max))


def _when_taken(events: Iterable[Event], stage: str) -> dict[str, datetime]:
    """Return for each file that the stage holds when it took it: first, or first after it was undone."""
    taken: dict[str, datetime] = {}
    of_stage = [event for event in events if event.etapa == stage]
    for event in sorted(of_stage, key=lambda event: event.recorded_at):
        if event.situacao == PROCESSED:
            taken.setdefault(event.arquivo, event.recorded_at)
        else:
            taken.pop(event.arquivo, None)
    return taken


def _is_pending(done: dict[str, Event], previous: str, stage: str) -> bool:
    if previous not in done:
        return False
    if stage not in done:
        return done[previous].situacao == PROCESSED
    return done[stage].recorded_at < done[previous].recorded_at


def find_drifted(events: Iterable[Event], stage: str, held: dict[str, int]) -> list[Event]:
    """Return the previous stage's events of files that this stage has done, but of which it now holds other rows."""
    previous = STAGES[STAGES.index(stage) - 1]
    files = latest(events).values()
    done = [file for file in files if stage in file and not _is_pending(file, previous, stage)]
    return [file[previous] for file in done if held.get(file[stage].arquivo, 0) != file[stage].gravadas]


def done_before(events: Iterable[Event], stage: str, pending: Iterable[Event]) -> list[str]:
    """List the pending files that this stage has processed before."""
    files = latest(events)
    return [event.arquivo for event in pending if stage in files[event.arquivo]]


def with_duplicates(events: Iterable[Event], leaving: Iterable[Event]) -> list[Event]:
    """Return silver's events of files that had duplicates dropped and are not in `leaving`, in bronze order.

    Empty if `leaving` is empty.
    """
    left_out = {event.arquivo for event in leaving}
    if not left_out:
        return []
    silver = [done["silver"] for done in latest(events).values() if "silver" in done]
    return [event for event in silver if event.duplicadas and event.arquivo not in left_out]


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
    seen = latest(events)
    resent = {arrival.bronze_name for arrival in arrived}
    return [
        file
        for file in files
        if file.name not in seen
        or file in replay
        or _is_outdated(seen[file.name]["bronze"])
        or (file.name in resent and seen[file.name]["bronze"].situacao == REJECTED)
    ]


def mark_undone(events: Iterable[Event], files: Iterable[BronzeFile], run_id: str) -> list[Event]:
    """Return bronze's events that remove files from every layer; none for a file that is already undone."""
    seen = latest(events)
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


def list_outdated(events: Iterable[Event]) -> list[str]:
    """List the bronze files that an older version of the contract read and that are not undone, in bronze order."""
    events = list(events)
    if all(event.contrato >= schema.SALES.version for event in events):
        return []  # the usual case, which need not sort the whole ledger
    return [arquivo for arquivo, done in latest(events).items() if _is_outdated(done["bronze"])]


def list_of_older_rules(events: Iterable[Event]) -> list[str]:
    """List the bronze files that a stage processed by other rules than the library's, in bronze order.

    Undone files are left out. A file may be the same by today's rules: only processing it shows that.
    """
    rules = rules_fingerprint()
    files = latest(events).items()
    return [arquivo for arquivo, done in files if done["bronze"].situacao != UNDONE and _is_of_older(done, rules)]


def _is_of_older(done: dict[str, Event], rules: str) -> bool:
    return any(done[stage].regras != rules for stage in STAGES[:3] if stage in done)


def _is_outdated(bronze: Event) -> bool:
    return bronze.contrato < schema.SALES.version and bronze.situacao != UNDONE


def count_rows_in(events: Iterable[Event], stage: str) -> int:
    """Return how many rows a stage's table holds in all, according to the ledger."""
    return sum(done[stage].gravadas for done in latest(events).values() if stage in done)


def list_entries(events: Iterable[Event], run_id: str | None = None) -> list[dict]:
    """Return one entry per file, as the command line's JSON has it; with `run_id`, only files that this run touched."""
    files = latest(events).values()
    return [_entry(done) for done in files if run_id in (None, *(event.run_id for event in done.values()))]


def is_refused(entry: dict) -> bool:
    """Return whether intake took no row of a file: it was rejected, or it has rows and all of them were refused."""
    return entry["situacao"] == REJECTED or 0 < entry["lidas"] == entry["quarentena"]


def attention_order(entry: dict) -> tuple[bool, ...]:
    """Return a sort key that puts files that need attention first: not taken, then with refused or doubtful rows."""
    taken = entry["situacao"] == PROCESSED and not is_refused(entry)
    return taken, not entry["quarentena"], not entry["duvidosas"]


def _entry(done: dict[str, Event]) -> dict:
    bronze, silver = done["bronze"], done.get("silver")
    waiting = any(_is_pending(done, *pair) for pair in pairwise(STAGES))
    return {
        "arquivo": bronze.arquivo,
        "arquivo_recebido": bronze.arquivo_recebido,
        "situacao": PENDING if waiting else bronze.situacao,
        "motivo": "; ".join(filter(None, [bronze.motivo, silver.motivo if silver else None])) or None,
        "lidas": silver.lidas if silver else 0,
        "duplicadas": silver.duplicadas if silver else 0,
        "quarentena": silver.quarentena if silver else 0,
        "duvidosas": silver.duvidosas if silver else 0,
        **{stage: done[stage].gravadas if stage in done else 0 for stage in STAGES[1:]},
    }
