"""A second implementation of the whole intake by the contract, in plain Python and memory, to test the first."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from helpers import csv_twin, rules_twin as rules
from vendas.schema import INPUT_COLUMNS, INPUT_NAMES, TEXT_COLUMNS

TIMESTAMP, VALOR, DESCONTO = "Timestamp do Registro", "Valor da Compra", "Desconto Oferecido"
EMAIL = "Email"


@dataclass(frozen=True)
class Dropped:
    """A file in landing."""

    name: str
    milliseconds: int
    data: bytes

    @property
    def bronze_name(self) -> str:
        moment = datetime.fromtimestamp(self.milliseconds // 1000, UTC)
        time = f"{moment:%Y%m%dT%H%M%S}{self.milliseconds % 1000:03}Z"
        return f"{self.name.removesuffix('.csv')}_{time}_{hashlib.md5(self.data).hexdigest()[:8]}.csv"


@dataclass
class Outcome:
    """The result of a file."""

    rejected: bool = False
    read: int = 0
    silver: int = 0
    duplicates: int = 0
    quarantined: list[tuple[int, str, list[str]]] = field(default_factory=list)  # line, text, reasons


class Twin:
    """A lake: its sales, each with the file that has it, and the outcome of every file."""

    def __init__(self) -> None:
        self.sales: dict[tuple, str] = {}
        self.outcomes: dict[str, Outcome] = {}

    def run(self, files: list[Dropped]) -> None:
        for file in sorted(files, key=lambda file: (file.milliseconds, file.bronze_name)):
            self.outcomes[file.bronze_name] = self._take_up(file)

    def _take_up(self, file: Dropped) -> Outcome:
        try:
            rows = csv_twin.read(file.data).rows
        except csv_twin.Refused:
            return Outcome(rejected=True)
        evidence = evidence_of([row for row in rows if not row["problemas"]])
        validated = [(row, row["problemas"] or reasons_against(row, evidence)) for row in rows]
        good = [sale_of(row) for row, reasons in validated if not reasons]
        for sale in good:
            self.sales.setdefault(sale, file.bronze_name)
        kept = Counter(self.sales[sale] for sale in set(good))[file.bronze_name]
        quarantined = [(row["linha"], row["texto"], reasons) for row, reasons in validated if reasons]
        return Outcome(False, len(rows), kept, len(good) - kept, quarantined)


def evidence_of(rows: list[dict]) -> tuple[bool, bool]:
    """Return whether dates of these rows may be month-first, and whether discounts may be fractions of 1."""
    month_first = any(rules.shows_month_first(rules.clean(row[TIMESTAMP])) for row in rows)
    return month_first, any(rules.shows_fraction(rules.clean(row[DESCONTO])) for row in rows)


def texts_of(row: dict) -> dict[str, str]:
    texts = {column.name: rules.clean_text(row[column.name], column.default) for column in TEXT_COLUMNS}
    return texts | {EMAIL: rules.clean_email(row[EMAIL], texts[EMAIL])}


def reasons_against(row: dict, evidence: tuple[bool, bool] = (False, False)) -> list[str]:
    month_first, fractions = evidence
    moment, percent = rules.clean(row[TIMESTAMP]), rules.clean(row[DESCONTO])
    texts = texts_of(row)
    limits = {column.name: column.max_bytes for column in TEXT_COLUMNS}
    kept = [*texts.items(), (EMAIL, rules.email(texts[EMAIL]))]
    too_long = [rules.texto_reason(text, limits[name]) for name, text in kept]
    reasons = [
        "timestamp_ambiguo"
        if month_first and rules.is_another_day_month_first(moment)
        else rules.timestamp_reason(moment),
        rules.valor_reason(rules.clean(row[VALOR])),
        "desconto_um_ambiguo" if fractions and rules.is_one_without_sign(percent) else rules.desconto_reason(percent),
        max(too_long, key=bool),
    ]
    return [reason for reason in reasons if reason]


def sale_of(row: dict) -> tuple:
    """Return the values of a good row; a declared column without a rule here has its default."""
    values = {column.name: column.default_value for column in INPUT_COLUMNS} | texts_of(row)
    values |= {
        TIMESTAMP: rules.parse_timestamp(rules.clean(row[TIMESTAMP])),
        VALOR: rules.parse_valor(rules.clean(row[VALOR])),
        DESCONTO: rules.parse_desconto(rules.clean(row[DESCONTO])),
    }
    return tuple(values[name] for name in INPUT_NAMES)
