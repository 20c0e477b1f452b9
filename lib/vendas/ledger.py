"""What happened to each file: one event a file and finished stage, kept in the lake; and the rule that no row is lost.

What is pending follows from the events alone, so a lost trigger or a crash leaves nothing behind: a stage takes up
every file whose previous stage is done and newer than its own.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from vendas import lake, schema
from vendas.arrivals import Arrival, BronzeFile
from vendas.errors import ConservationError

STAGES = ("bronze", "silver", "gold", "dw")
PROCESSED, REJECTED, PENDING = "processado", "rejeitado", "pendente"


@dataclass(frozen=True)
class Event:
    """One stage done with one file: a row of the ledger, its fields in schema.LEDGER's order. Counts are rows."""

    arquivo: str
    arquivo_recebido: str
    etapa: str
    run_id: str
    situacao: str = PROCESSED
    motivo: str | None = None
    lidas: int = 0
    duplicadas: int = 0
    quarentena: int = 0
    gravadas: int = 0
    dialeto: str | None = None
    registrado_em: datetime | None = None  # UTC, without a zone; given when it is recorded


def read_events(folder: Path) -> list[Event]:
    """All events ever recorded in a local lake; read without Spark, whose first query costs seconds."""
    return [Event(**row) for row in lake.read_without_spark(folder, lake.LEDGER).to_pylist()]


def record(tables: lake.Lake, events: list[Event]) -> None:
    """Adds events, all of the same moment, in one commit; none, no commit."""
    if not events:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [astuple(replace(event, registrado_em=now)) for event in events]
    tables.record(tables.spark.createDataFrame(rows, schema.ddl(schema.LEDGER)))


def latest(events: Iterable[Event]) -> dict[str, dict[str, Event]]:
    """The last event of each file and stage: `{arquivo: {etapa: event}}`, in bronze order."""
    by_time = sorted(events, key=lambda event: event.registrado_em)
    newest = {(event.arquivo, event.etapa): event for event in by_time}
    files: dict[str, dict[str, Event]] = {}
    for (arquivo, etapa), event in sorted(newest.items(), key=lambda item: BronzeFile.parse(item[0][0])):
        files.setdefault(arquivo, {})[etapa] = event
    return files


def pending(events: Iterable[Event], stage: str) -> list[Event]:
    """The previous stage's events of the files this stage has yet to take up, in bronze order."""
    previous = STAGES[STAGES.index(stage) - 1]
    return [done[previous] for done in latest(events).values() if _is_pending(done, previous, stage)]


def _is_pending(done: dict[str, Event], previous: str, stage: str) -> bool:
    if previous not in done or done[previous].situacao == REJECTED:
        return False
    return stage not in done or done[stage].registrado_em < done[previous].registrado_em


def unsurveyed(events: Iterable[Event], files: Iterable[BronzeFile], arrived: Iterable[Arrival]) -> list[BronzeFile]:
    """The bronze files that intake has yet to look at: new ones, and rejected ones that were sent again."""
    seen = latest(events)
    resent = {arrival.bronze_name for arrival in arrived}
    return [
        file
        for file in files
        if file.name not in seen or (file.name in resent and seen[file.name]["bronze"].situacao == REJECTED)
    ]


def as_frame(events: Iterable[Event]) -> pd.DataFrame:
    """Events as a table to look at in a notebook."""
    columns = ["arquivo", "situacao", "motivo", "lidas", "duplicadas", "quarentena", "gravadas"]
    return pd.DataFrame([{name: getattr(event, name) for name in columns} for event in events], columns=columns)


def entries(events: Iterable[Event], run_id: str | None = None) -> list[dict]:
    """One entry a file, as the command line's JSON shows it; with `run_id` only the files that run touched."""
    files = latest(events).values()
    return [_entry(done) for done in files if run_id in (None, *(event.run_id for event in done.values()))]


def _entry(done: dict[str, Event]) -> dict:
    bronze, silver = done["bronze"], done.get("silver")
    rejected = bronze.situacao == REJECTED
    finished = "dw" in done and all(not _is_pending(done, *pair) for pair in zip(STAGES, STAGES[1:], strict=False))
    return {
        "arquivo": bronze.arquivo,
        "arquivo_recebido": bronze.arquivo_recebido,
        "situacao": REJECTED if rejected else PROCESSED if finished else PENDING,
        "motivo": "; ".join(filter(None, [bronze.motivo, silver and silver.motivo])) or None,
        "lidas": silver.lidas if silver else 0,
        "duplicadas": silver.duplicadas if silver else 0,
        "quarentena": silver.quarentena if silver else 0,
        **{stage: done[stage].gravadas if stage in done else 0 for stage in STAGES[1:]},
    }


def silver_events(
    surveyed: Iterable[Event],
    quarantined: dict[str, int],
    held: dict[str, int],
    run_id: str,
    mended: dict[str, int] | None = None,
) -> list[Event]:
    """Silver's events of the surveyed files, from the rows of each in quarantine and in silver.

    `mended` counts the rows that came back from quarantine, for the files that brought some.
    """
    returned = mended or {}
    return [
        replace(
            event,
            etapa="silver",
            run_id=run_id,
            motivo=f"Linhas corrigidas, vindas da quarentena: {n}" if (n := returned.get(event.arquivo)) else None,
            dialeto=None,
            quarentena=quarantined[event.arquivo],
            gravadas=held[event.arquivo],
            duplicadas=event.lidas - quarantined[event.arquivo] - held[event.arquivo],
        )
        for event in surveyed
    ]


def carried_events(previous: Iterable[Event], stage: str, held: dict[str, int], run_id: str) -> list[Event]:
    """A later stage's events, from the rows of each file that it holds."""
    return [replace(event, etapa=stage, run_id=run_id, motivo=None, gravadas=held[event.arquivo]) for event in previous]


def check_conservation(silver: Iterable[Event], counted: dict[str, int]) -> None:
    """Silver's rule: of every file, rows read = rows in silver + duplicates + quarantined.

    Rows read were counted by the survey, silver's and quarantine's in the tables; `counted` are silver.sales_counts,
    over all files, taken where duplicates were dropped. Raises ConservationError.
    """
    silver, good_rows, kept_rows = list(silver), counted["linhas"], counted["vendas"]
    broken = [
        f"{e.arquivo}: {e.lidas} read, but {e.gravadas} in silver and {e.quarentena} quarantined"
        for e in silver
        if e.duplicadas < 0
    ]
    read, quarantined = sum(e.lidas for e in silver), sum(e.quarentena for e in silver)
    if read - quarantined != good_rows:
        broken.append(f"all files: {read} rows read and {quarantined} quarantined, but {good_rows} good rows")
    if (held := sum(e.gravadas for e in silver)) != kept_rows:
        broken.append(f"all files: {kept_rows} distinct sales, but {held} in silver")
    _raise_if(broken)


def check_carried(previous: Iterable[Event], held: dict[str, int]) -> None:
    """The later stages' rule: a stage holds as many rows of each file as the one before. Raises ConservationError."""
    _raise_if(
        [
            f"{e.arquivo}: {e.gravadas} rows in {e.etapa}, {held[e.arquivo]} in the next stage"
            for e in previous
            if held[e.arquivo] != e.gravadas
        ]
    )


def _raise_if(broken: list[str]) -> None:
    if broken:
        raise ConservationError(
            "Rows are not conserved; nothing was published.\n" + "\n".join(broken[:20]) + "\n"
            "The files stay pending. Run again; if it happens again, the lake's tables were changed by other hands."
        )
