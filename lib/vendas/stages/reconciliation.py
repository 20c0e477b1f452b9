"""What a stage tells the ledger, counted in its tables, and the rule that no row is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from vendas.errors import ConservationError
from vendas.lake.ledger import Event

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


def silver_events(
    surveyed: Iterable[Event],
    quarantined: dict[str, int],
    held: dict[str, int],
    run_id: str,
    resubmitted: Mapping[str, int] = NO_COUNTS,
    doubtful: Mapping[str, int] = NO_COUNTS,
) -> list[Event]:
    """Silver's events of the surveyed files, from the rows of each in quarantine and in silver.

    `resubmitted` counts the rows that came back from quarantine, for the files that brought some, `doubtful` those
    that were taken but look damaged.
    """
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
        )
        for event in surveyed
    ]


def taken_out_events(
    leaving: Iterable[Event], sharing: Iterable[Event], held: dict[str, int], run_id: str
) -> list[Event]:
    """Silver's events of files that left it, and of sharing ones that have other rows there than the ledger says.

    `leaving` are bronze's events, `sharing` silver's; `held` are the rows silver has of each.
    """
    left = [replace(e, etapa="silver", run_id=run_id, motivo=None, gravadas=held[e.arquivo]) for e in leaving]
    return left + recounted_events(sharing, held, run_id)


def recounted_events(silver: Iterable[Event], held: dict[str, int], run_id: str) -> list[Event]:
    """Silver's events, of those files only of which it has other rows than they say. Raises ConservationError."""
    changed = [
        replace(e, run_id=run_id, gravadas=held[e.arquivo], duplicadas=e.lidas - e.quarentena - held[e.arquivo])
        for e in silver
        if held[e.arquivo] != e.gravadas
    ]
    _raise_if(_with_too_many(changed))
    return changed


def carried_events(previous: Iterable[Event], stage: str, held: dict[str, int], run_id: str) -> list[Event]:
    """A later stage's events, from the rows of each file that it holds."""
    return [replace(event, etapa=stage, run_id=run_id, motivo=None, gravadas=held[event.arquivo]) for event in previous]


def check_conservation(silver: Iterable[Event], counted: dict[str, int]) -> None:
    """Silver's rule: of every file, rows read = rows in silver + duplicates + quarantined.

    Rows read were counted by the survey, silver's and quarantine's in the tables; `counted` are silver.sales_counts,
    over all files, taken where duplicates were dropped. Raises ConservationError.
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
