"""Survey bronze files in the workers: how each is to be read, and in which blocks."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Self

from vendas.csvfile.column_names import join_names
from vendas.csvfile.dialect import Block, Survey, survey
from vendas.csvfile.grammar import bytes_between, windows
from vendas.errors import FileRejected
from vendas.lake.events import REJECTED, Event
from vendas.lake.workers import Workers
from vendas.landing.arrivals import Arrival, BronzeFile
from vendas.rules.fingerprint import rules_fingerprint
from vendas.storage import Location
from vendas.tuning import SAMPLE_BYTES


def survey_files(
    workers: Workers, folder: Location, files: Iterable[BronzeFile], arrived: Iterable[Arrival], run_id: str
) -> list[Event]:
    """Return bronze's event of each file: how to read it and its number of rows, or why it is rejected."""
    received = {arrival.bronze_name: arrival.name for arrival in arrived}
    given = {"folder": folder, "received": received, "run_id": run_id, "rules": rules_fingerprint()}
    return workers.map(partial(survey_file, **given), list(files))


def survey_file(file: BronzeFile, folder: Location, received: dict[str, str], run_id: str, rules: str | None) -> Event:
    """Return the event of one file; `received` maps bronze names to received names of files that have just arrived.

    `rules` is the rules' fingerprint.
    """
    event = Event(file.name, received.get(file.name, file.received_as), "bronze", run_id, regras=rules)
    try:
        found = survey(folder / file.name)
    except FileRejected as reason:
        return replace(event, situacao=REJECTED, motivo=str(reason))
    return replace(
        event,
        motivo=_ignored(found),
        lidas=found.rows,
        gravadas=found.rows,
        dialeto=dialect_text(found),
    )


def dialect_text(found: Survey) -> str:
    """Return how to read a file, as the ledger keeps it; `SurveyedFile.of` reads it."""
    return json.dumps(asdict(found), ensure_ascii=False)


def _ignored(found: Survey) -> str | None:
    """Return what was ignored in a file, for the ledger."""
    extra = [f"Colunas ignoradas: {join_names(found.extra)}"] if found.extra else []
    lines, more = ", ".join(map(str, found.repeated_lines)), found.repeated - len(found.repeated_lines)
    where = f"{'nas linhas' if found.repeated > 1 else 'na linha'} {lines}" + (f" e mais {more}" if more else "")
    return "; ".join(extra + ([f"Cabeçalho repetido, ignorado: {where}"] if found.repeated else [])) or None


@dataclass(frozen=True)
class SurveyedFile:
    """A bronze file's path and how to read it."""

    path: Location
    survey: Survey

    @classmethod
    def of(cls, folder: Location, event: Event) -> Self:
        """Return the surveyed file of one of bronze's events."""
        assert event.dialeto is not None  # bronze records it for every accepted file
        known = json.loads(event.dialeto)
        blocks = tuple(Block(**block) for block in known.pop("blocks"))
        known.pop("positions", None)  # as an older version kept them, of the columns that were declared then
        lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        return cls(folder / event.arquivo, Survey(**known | lists, blocks=blocks))

    def head(self, records: int) -> Self:
        """Return the file as if it ended after this many records, or after about SAMPLE_BYTES."""
        survey = self.survey
        if not survey.blocks:
            return self
        first, last = survey.blocks[0], survey.blocks[-1]
        length = read = rows = 0
        with self.path.open("rb") as opened:
            rest = bytes_between(opened, first.offset, last.offset + last.length)
            for window in windows(rest, survey.delimiter, first.first_line, SAMPLE_BYTES):
                taken = min(len(window), records - read)
                length = window.offset + int(window.bounds[taken])
                read += taken
                rows += int(survey.finder.rows(window)[:taken].sum())
                if read == records or length >= SAMPLE_BYTES:
                    break
        block = replace(first, length=length)
        return replace(self, survey=replace(survey, blocks=(block,) if rows else (), rows=rows))
