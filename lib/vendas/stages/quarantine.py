"""What was refused, for people: to be read, exported as CSV, mended, and dropped into landing again."""

import csv
import io
import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from vendas.errors import QuarantineError
from vendas.lake.ledger import latest, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE
from vendas.landing.arrivals import BronzeFile
from vendas.reasons import Reason
from vendas.schema import ORIGIN_NAME, REASONS_NAME
from vendas.storage import Location
from vendas.text import find_invisible


@dataclass(frozen=True)
class QuarantinedRow:
    """A refused row: bronze file, physical line, exact text, reason codes; and whether a mended one came back."""

    arquivo: str
    linha: int
    texto: str
    motivos: tuple[str, ...]
    corrigida: bool

    @property
    def sentences(self) -> str:
        """All reasons, as sentences in Portuguese, and the characters in the row that nobody sees."""
        return " ".join([*(Reason(code).sentence for code in self.motivos), *self.unseen])

    @property
    def unseen(self) -> list[str]:
        """A sentence on the characters that nobody sees and that may be what hinders, if there are any."""
        found = find_invisible(self.texto)
        return [f"A linha tem caracteres que não se veem ({', '.join(found)}); redigite o campo."] if found else []


def read_quarantine(lake: Location) -> list[QuarantinedRow]:
    """All rows ever refused, by bronze order and line."""
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
    """Writes the rows not mended yet as CSV files to mend, one a bronze file; returns the rows of each file.

    Each has the original header and rows in the original delimiter, as UTF-8 with a BOM (spreadsheets want it), and
    two more columns: the reasons, which intake ignores, and the row's origin, by which it is linked when it comes back.
    Raises QuarantineError, before anything is written, when `folder` is the landing or holds such a file already.
    """
    if isinstance(landing, Path) and folder.resolve() == landing.resolve():
        raise QuarantineError(f"{folder} is the landing: the rows would come back unmended. Export to another folder.")
    headers = {name: json.loads(stages["bronze"].dialeto) for name, stages in _surveyed(lake).items()}
    rows = [row for row in read_quarantine(lake) if not row.corrigida]
    texts = {
        folder / f"{Path(arquivo).stem}_quarentena.csv": _as_csv(list(of_file), headers[arquivo])
        for arquivo, of_file in groupby(rows, key=lambda row: row.arquivo)
    }
    if there := [path for path in texts if path.exists()]:
        raise QuarantineError(
            f"{there[0]} exists already, and somebody may be mending it. Move it away, or export to another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path, (text, _) in texts.items():
        path.write_text(text, encoding="utf-8-sig", newline="")
    return {path: count for path, (_, count) in texts.items()}


def _surveyed(lake: Location) -> dict[str, dict]:
    return {name: stages for name, stages in latest(read_events(lake)).items() if stages["bronze"].dialeto}


def _as_csv(rows: list[QuarantinedRow], survey: dict) -> tuple[str, int]:
    """The file's text: rows exactly as they stood, behind each its reasons and its origin."""
    delimiter = survey["delimiter"]
    lines = [_record([*survey["header"], REASONS_NAME, ORIGIN_NAME], delimiter)]
    lines += [row.texto + delimiter + _record([row.sentences, f"{row.arquivo}:{row.linha}"], delimiter) for row in rows]
    return "".join(lines), len(rows)


def _record(fields: list[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(fields)
    return text.getvalue()
