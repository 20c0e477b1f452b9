"""The quarantined rows for people: to read, export as CSV, correct, and put into landing again."""

import csv
import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vendas.errors import QuarantineError
from vendas.lake.erasures import note_export
from vendas.lake.ledger import read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE
from vendas.landing.bronze_names import BronzeFile, fitting_name
from vendas.reasons import Reason
from vendas.schema import ORIGIN_NAME, REASONS_NAME
from vendas.storage import Location
from vendas.text import find_invisible


@dataclass(frozen=True)
class QuarantinedRow:
    """A refused row: bronze file, physical line, exact text, reason codes; and whether a corrected one came back."""

    arquivo: str
    linha: int
    texto: str
    motivos: tuple[str, ...]
    corrigida: bool

    @property
    def sentences(self) -> str:
        """All reasons as sentences in Portuguese, with a sentence on invisible characters in the row, if any."""
        return " ".join([*(Reason(code).sentence for code in self.motivos), *self.unseen])

    @property
    def unseen(self) -> list[str]:
        """A sentence on the invisible characters, which may be the cause; empty if there are none."""
        found = find_invisible(self.texto)
        return [f"A linha tem caracteres que não se veem ({', '.join(found)}); redigite o campo."] if found else []


def read_quarantine(lake: Location) -> list[QuarantinedRow]:
    """List the rows of quarantine in bronze order, by line."""
    links = read_table(lake, RESUBMITTED_TABLE).to_pylist()
    resubmitted = {(link["arquivo_de_origem"], link["linha_de_origem"]) for link in links}
    rows = [
        QuarantinedRow(
            **row | {"motivos": tuple(row["motivos"])}, corrigida=(row["arquivo"], row["linha"]) in resubmitted
        )
        for row in read_table(lake, QUARANTINE_TABLE).to_pylist()
    ]
    return sorted(rows, key=lambda row: (BronzeFile.of(row.arquivo), row.linha))


def export_quarantine(lake: Location, landing: Location, folder: Path) -> dict[Path, int]:
    """Write the rows that have not come back corrected to CSV files, one per bronze file; return the rows per file.

    Each file has the original header, rows and delimiter, in UTF-8 with a BOM, which spreadsheets need, and two more
    columns: the reasons, which intake ignores, and the row's origin, by which a corrected row is linked to it.
    The lake first notes where they go, for who erases a person.
    Raises, before anything is written: QuarantineError if `folder` is the landing or already has such a file;
    PersonError if it cannot be noted.
    """
    if isinstance(landing, Path) and folder.resolve() == landing.resolve():
        raise QuarantineError(f"{folder} is the landing: the rows would come back unmended. Export to another folder.")
    rows = [row for row in read_quarantine(lake) if not row.corrigida]
    surveys = _surveys(lake, {row.arquivo for row in rows})
    texts = {
        folder / fitting_name(Path(arquivo).stem, "_quarentena.csv"): _as_csv(list(of_file), surveys[arquivo])
        for arquivo, of_file in groupby(rows, key=lambda row: row.arquivo)
    }
    if there := [path for path in texts if path.exists()]:
        raise QuarantineError(
            f"{there[0]} exists already, and somebody may be mending it. Move it away, or export to another folder."
        )
    if texts:
        note_export(lake, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path, (text, _) in texts.items():
        path.write_text(text, encoding="utf-8-sig", newline="")
    return {path: count for path, (_, count) in texts.items()}


def _surveys(lake: Location, arquivos: Collection[str]) -> dict[str, dict]:
    """Return the last survey of each file; the last event has none if a run has yet to take the file out."""
    events = sorted(read_events(lake).of_files(arquivos), key=lambda event: event.recorded_at)
    return {event.arquivo: json.loads(event.dialeto) for event in events if event.dialeto}


def _as_csv(rows: list[QuarantinedRow], survey: dict) -> tuple[str, int]:
    """Return the text of the file, with reasons and origin after each unchanged row, and the number of rows."""
    delimiter = survey["delimiter"]
    lines = [_record([*survey["header"], REASONS_NAME, ORIGIN_NAME], delimiter)]
    lines += [row.texto + delimiter + _record([row.sentences, f"{row.arquivo}:{row.linha}"], delimiter) for row in rows]
    return "".join(lines), len(rows)


def _record(fields: list[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(fields)
    return text.getvalue()
