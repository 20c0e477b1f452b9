"""The events that a stage records in the ledger, counted in its tables, and the check that no row is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from vendas.errors import ConservationError
from vendas.lake.events import Event
from vendas.rules.fingerprint import rules_fingerprint

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


def silver_events(
    surveyed: Iterable[Event],
    quarantined: dict[str, int],
    held: dict[str, int],
    run_id: str,
    resubmitted: Mapping[str, int] = NO_COUNTS,
    doubtful: Mapping[str, int] = NO_COUNTS,
) -> list[Event]:
    """Return silver's events of the surveyed files, from the counts of each file's rows in quarantine and in silver.

    `resubmitted` has the number of rows that came back from quarantine, for the files with such rows; `doubtful` the
    number of rows that were accepted but look damaged.
    """
    rules = rules_fingerprint()
    return [
        replace(
            event,
            etapa="silver",
            run_id=run_id,
            motivo=f"Linhas corrigidas, vindas da quarentena: {n}" if (n := resubmitted.get(event.arquivo)) else None,
            dialeto=None,
            quarentena=quarantined[event.arquivo],
            duvidosas=doubtful.get(event.arquivo, 0),
            gravadas=held[event.arquivo],
            duplicadas=event.lidas - quarantined[event.arquivo] - held[event.arquivo],
            regras=rules,
        )
        for event in surveyed
    ]


def taken_out_events(
    leaving: Iterable[Event], sharing: Iterable[Event], held: dict[str, int], run_id: str
) -> list[Event]:
    """Return silver's events of the files that leave, and of sharing files whose rows there differ from the ledger.

    `leaving` has bronze's events, `sharing` silver's; `held` the number of rows that silver has of each file.
    Raises: ConservationError if silver has more rows of a sharing file than were read.
    """
    left = [replace(e, etapa="silver", run_id=run_id, motivo=None, gravadas=held[e.arquivo]) for e in leaving]
    return left + recounted_events(sharing, held, run_id)


def recounted_events(silver: Iterable[Event], held: dict[str, int], run_id: str) -> list[Event]:
    """Return silver's events with new counts, only for files of which silver has another number of rows than recorded.

    Raises: ConservationError if silver has more rows of a file than were read and not quarantined.
    """
    changed = [
        replace(e, run_id=run_id, gravadas=held[e.arquivo], duplicadas=e.lidas - e.quarentena - held[e.arquivo])
        for e in silver
        if held[e.arquivo] != e.gravadas
    ]
    _raise_if(_with_too_many(changed))
    return changed


def carried_events(previous: Iterable[Event], stage: str, held: dict[str, int], run_id: str) -> list[Event]:
    """Return a later stage's events, from the number of rows that it has of each file."""
    now = {"etapa": stage, "run_id": run_id, "motivo": None, "regras": rules_fingerprint()}
    return [replace(event, gravadas=held[event.arquivo], **now) for event in previous]


def check_conservation(silver: Iterable[Event], counted: dict[str, int]) -> None:
    """Check silver's rule: of every file, rows read = rows in silver + duplicates + quarantined.

    The survey counted the rows read; the rows of silver and quarantine were counted in the tables. `counted` has the
    counts over all files from the step that dropped duplicates (`Sales.counts`): `linhas`, the good rows, and `vendas`,
    the distinct sales.
    Raises: ConservationError if the counts differ.
    """
    silver, good_rows, kept_rows = list(silver), counted["linhas"], counted["vendas"]
    broken = _with_too_many(silver)
    read, quarantined = sum(e.lidas for e in silver), sum(e.quarentena for e in silver)
    if read - quarantined != good_rows:
        broken.append(f"all files: {read} rows read and {quarantined} quarantined, but {good_rows} good rows")
    if (held := sum(e.gravadas for e in silver)) != kept_rows:
        broken.append(f"all files: {kept_rows} distinct sales, but {held} in silver")
    _raise_if(broken)


def _with_too_many(silver: Iterable[Event]) -> list[str]:
    return [
        f"{e.arquivo}: {e.lidas} read, but {e.gravadas} in silver and {e.quarentena} quarantined"
        for e in silver
        if e.duplicadas < 0
    ]


def check_carried(previous: Iterable[Event], held: dict[str, int]) -> None:
    """Check the later stages' rule: a stage has as many rows of each file as the stage before.

    Raises: ConservationError if the counts differ.
    """
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
