"""A plan: what processing files again, by the rules as the library has them now, would change. Nothing is published."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from vendas.errors import VendasError
from vendas.lake import ledger
from vendas.lake.events import PENDING, PROCESSED, REJECTED, UNDONE, Event, Events
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.lake.workers import Workers
from vendas.landing.arrivals import BronzeFile, check_present, list_bronze_files
from vendas.stages import reconciliation, transform
from vendas.stages.difference import Difference, FileDifference, Moves, compare_all
from vendas.stages.rehearsal import RehearsalLake
from vendas.stages.survey import SurveyedFile, survey_files
from vendas.storage import Location

_RUN = "plano"


def make_plan(place: Location, workers: Workers, files: Collection[str] = ()) -> Difference:
    """Return what `vendas replay` of these bronze files together would change; without files, of all not undone.

    The stages' own functions do the work, so the two cannot disagree. Memory is bounded, except for a few hundred bytes
    a file.
    Raises: VendasError if a file is not there, is undone or is pending; ConservationError if rows would be lost.
    """
    known = ledger.read_events(place)
    done = ledger.latest(known)
    chosen = _choose(known, files)
    check_present([file.name for file in chosen], list_bronze_files(place / "bronze"))
    if not chosen:
        return Difference()
    tables = RehearsalLake(place, workers)
    surveyed = survey_files(workers, place / "bronze", chosen, [], _RUN)
    silver = rehearse_files(tables, known, [event for event in surveyed if event.situacao == PROCESSED])
    rejected = [replace(event, etapa="silver") for event in surveyed if event.situacao == REJECTED]
    order = {file.name: place for place, file in enumerate(chosen)}
    events = sorted(silver + rejected, key=lambda event: order[event.arquivo])
    found = compare_all(tables, events)
    files_now = zip(found.files, events, strict=True)
    return replace(found, files=[_with_situation(file, done[event.arquivo], event) for file, event in files_now])


def _choose(known: Events, files: Collection[str]) -> list[BronzeFile]:
    """Return the bronze files to plan for, in bronze order.

    Raises: VendasError if one of `files` cannot be planned for.
    """
    entries = {entry["arquivo"]: entry["situacao"] for entry in ledger.list_entries(known)}
    for name in files:
        if entries.get(name, PENDING) == PENDING:
            raise VendasError(f"{name} is still pending, so there is nothing to compare it with. First: vendas run")
        if entries[name] == UNDONE:
            raise VendasError(f"{name} was undone. `vendas replay {name}` takes it in again; there is nothing to plan.")
    given = files or [name for name, situacao in entries.items() if situacao in (PROCESSED, REJECTED)]
    return sorted(map(BronzeFile.of, given))


def rehearse_files(tables: RehearsalLake, known: Events, surveyed: Sequence[Event]) -> list[Event]:
    """Do the work of silver and gold on accepted files, as their notebooks do it, in `tables`; return silver's events.

    `surveyed` are the files' bronze events.
    Raises: ConservationError if rows would be lost.
    """
    of_files = known.of_files({event.arquivo for event in surveyed})
    again = ledger.pending([*of_files, *(replace(event, registrado_em=None) for event in surveyed)], "silver")
    arquivos = [event.arquivo for event in again]
    files = [SurveyedFile.of(tables.place / "bronze", event) for event in again]
    validated = transform.validate_files(tables.workers, files, tables.staging, tables.target(QUARANTINE_TABLE))
    quarantined = tables.replace(QUARANTINE_TABLE, validated.refused, arquivos)
    replaced = ledger.done_before(known, "silver", again)
    change = tables.change(SILVER_TABLE)
    sales = transform.write_silver(tables, validated, change, arquivos, replaced)
    held = change.publish(
        sales.files,
        arquivos,
        replaced=replaced,
        audit=lambda held: reconciliation.check_conservation(
            reconciliation.silver_events(again, quarantined, held, _RUN), sales.counts
        ),
    )
    silver = reconciliation.silver_events(again, quarantined, held, _RUN)
    gold = transform.write_gold(
        tables.workers, tables.files_of(SILVER_TABLE, arquivos), arquivos, tables.target(GOLD_TABLE)
    )
    tables.replace(GOLD_TABLE, gold, arquivos, audit=lambda held: reconciliation.check_carried(silver, held))
    return silver


def _with_situation(file: FileDifference, before: dict[str, Event], after: Event) -> FileDifference:
    """Return the difference of a file that intake takes now and rejected before, or the reverse, with its duplicates.

    A rejected file has no duplicates; those of the other side are all that it has.
    """
    was_rejected, is_rejected = before["bronze"].situacao == REJECTED, after.situacao == REJECTED
    if was_rejected == is_rejected:
        return file
    duplicates = after.duplicadas if was_rejected else before["silver"].duplicadas
    moves = Moves(duplicates, 0) if was_rejected else Moves(0, duplicates)
    return replace(file, duplicadas=moves, motivo=after.motivo if is_rejected else None)
