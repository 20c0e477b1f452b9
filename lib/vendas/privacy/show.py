"""Everything that a lake holds of a person, layer by layer; nothing is changed."""

from dataclasses import dataclass
from pathlib import Path

from vendas.errors import PersonError
from vendas.lake.erasures import (
    EMAIL_KIND,
    TELEPHONE_KIND,
    Receipt,
    has_erasures,
    keyed_hash,
    read_key_and_people,
    read_receipts,
)
from vendas.lake.ledger import read_events
from vendas.lake.tables import GOLD_TABLE, PLACES, QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.privacy.anonymize import Kind
from vendas.privacy.database import members_of_person
from vendas.privacy.layers import (
    exports_elsewhere,
    exports_outside,
    files_of_table,
    holding,
    is_text,
    landing_files,
    ledger_texts,
    rows_of_person,
    search_texts,
    texts_of_lake,
)
from vendas.privacy.old_versions import old_texts
from vendas.privacy.record_edits import read_records
from vendas.privacy.search import CsvFile, Found, FoundRecord, Request, bronze_files, search
from vendas.rules.people import Values, normalize_email, normalize_telephone
from vendas.schema import LINHA
from vendas.settings import Settings
from vendas.storage import Location, S3Path


@dataclass(frozen=True)
class PersonReport:
    """What the layers hold of a person; rows are given by column, and `recibos` are of the person's erasures.

    `outras_maquinas` are the folders, as `machine:folder`, that rows of a lake in S3 were exported to and that cannot
    be looked into from here.
    """

    landing: list[FoundRecord]
    bronze: list[FoundRecord]
    possiveis: list[FoundRecord]
    silver: list[dict]
    gold: list[dict]
    quarentena: list[dict]
    corrigidas: list[dict]
    livro_razao: list[dict]
    dw: list[dict]
    notebooks: list[Location]
    versoes: list[str]
    exportados: list[Location]
    outras_maquinas: list[str]
    recibos: list[Receipt]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there of the person, not even a receipt."""
        return not any(items for name, items in vars(self).items() if name != "outras_maquinas")

    def as_json(self) -> dict:
        """Return what `vendas person show --json` prints: texts, whole numbers, and null for what is missing."""
        return {name: [_as_json(item) for item in items] for name, items in vars(self).items()}


def _as_json(item: FoundRecord | Receipt | Location | str | dict) -> dict | str:
    if isinstance(item, FoundRecord):
        return {"arquivo": item.arquivo, "linha": item.linha, "texto": item.texto, "tipo": item.tipo.value}
    if isinstance(item, Receipt):
        return vars(item)
    if isinstance(item, dict):
        return {name: value if isinstance(value, int | list | None) else str(value) for name, value in item.items()}
    return str(item)


def make_request(emails: list[str], telephones: list[str], lines: list[str]) -> Request:
    """Return whom the command line names.

    Raises: PersonError if it names nobody, or a text that is no e-mail, telephone or line.
    """
    if not emails and not telephones:
        raise PersonError("Nobody is named. Give the person's --email, or --telefone, or both.")
    normalized = {text: normalize_email(text) for text in emails}
    if wrong := [text for text, email in normalized.items() if "@" not in email]:
        raise PersonError(f"{wrong[0]!r} is no e-mail address; expected one like ana@exemplo.com.br.")
    digits = {text: normalize_telephone(text) for text in telephones}
    if wrong := [text for text, number in digits.items() if not number]:
        raise PersonError(f"{wrong[0]!r} is no telephone; expected area code and number, as in (11) 98765-4321.")
    return Request(frozenset(normalized.values()), frozenset(digits.values()), frozenset(map(_line, lines)))


def _line(given: str) -> tuple[str, int]:
    file, _, line = given.rpartition(":")
    if not file or not line.isdigit():
        raise PersonError(f"{given!r} is no line; expected FILE:N, as `vendas person show` lists them.")
    return Path(file).name, int(line)


def find_person(settings: Settings, request: Request) -> Found:
    """Find a person's records in bronze, and the values to look for elsewhere.

    Raises: PersonError if a line is named on which no row of bronze begins.
    """
    files = bronze_files(settings, read_events(settings.lake))
    if unknown := sorted({name for name, _ in request.lines} - {file.name for file in files}):
        raise PersonError(f"No bronze file is named {unknown[0]}. `vendas status --json` names them all.")
    found = search([*files, *landing_files(settings)], request)
    if missing := sorted(request.lines - {(record.arquivo, record.linha) for record in found.records}):
        raise PersonError(_explain_missing(next(file for file in files if file.name == missing[0][0]), missing[0][1]))
    return found


def _explain_missing(file: CsvFile, line: int) -> str:
    lines = [number for records in read_records(file.path, file.survey) for number in records[LINHA].to_pylist()]
    begin = f"Its {len(lines)} rows begin on lines {lines[0]} to {lines[-1]}" if lines else "It has no rows"
    return f"No row of {file.name} begins on line {line}. {begin}; name one as `vendas person show` lists it, FILE:N."


def show_person(settings: Settings, request: Request) -> PersonReport:
    """Return everything that a lake holds of a person."""
    found = find_person(settings, request)
    waiting = {file.name for file in landing_files(settings)}
    theirs = [record for record in found.records if record.arquivo not in waiting]
    gold = rows_of_person(settings, GOLD_TABLE, found)
    return PersonReport(
        landing=[record for record in found.records if record.arquivo in waiting],
        bronze=[record for record in theirs if record.tipo != Kind.POSSIBLE],
        possiveis=[record for record in theirs if record.tipo == Kind.POSSIBLE],
        silver=rows_of_person(settings, SILVER_TABLE, found),
        gold=gold,
        quarentena=rows_of_person(settings, QUARANTINE_TABLE, found),
        corrigidas=_links(settings, found),
        livro_razao=ledger_texts(settings, found.values),
        dw=members_of_person(settings, found.values, gold),
        notebooks=holding(texts_of_lake(settings), found.values),
        versoes=_old_versions(settings, found.values),
        exportados=holding(exports_outside(settings), found.values),
        outras_maquinas=exports_elsewhere(settings),
        recibos=receipts_of(settings, request),
    )


def _old_versions(settings: Settings, values: Values) -> list[str]:
    """Return the old versions of objects of a lake in S3 that hold a value of the person's."""
    if not isinstance(settings.lake, S3Path):
        return []
    return [f"{version.path}?versionId={version.id}" for version in old_texts(settings, values)]


def _links(settings: Settings, found: Found) -> list[dict]:
    """Return the links of resubmitted rows from or to a line of the person's."""
    lines = {(record.arquivo, record.linha) for record in found.records if record.tipo.is_theirs}
    rows = [row for file in files_of_table(settings, RESUBMITTED_TABLE) for row in file.rows().to_pylist()]
    ends = (PLACES[RESUBMITTED_TABLE], ("arquivo_de_origem", "linha_de_origem"))
    return [row for row in rows if any((row[file], row[line]) in lines for file, line in ends)]


def tokens_of(settings: Settings, request: Request) -> list[str]:
    """Return the tokens of erased people who are known by an e-mail or a telephone of the request."""
    if not has_erasures(settings.lake):
        return []
    key, people = read_key_and_people(settings)
    hashes = {keyed_hash(key, EMAIL_KIND, email) for email in request.emails}
    hashes |= {keyed_hash(key, TELEPHONE_KIND, telephone) for telephone in request.telephones}
    named = [person.token for person in people if hashes & {*person.named}]
    return named or [person.token for person in people if hashes & {*person.seen}]


def receipts_of(settings: Settings, request: Request) -> list[Receipt]:
    """Return the receipts of erasures of the person, the first one first."""
    tokens = tokens_of(settings, request)
    return [receipt for receipt in read_receipts(settings.lake) if receipt.token in tokens]


def left_behind(settings: Settings, found: Found) -> tuple[list[Location], list[Location]]:
    """Return the files with the person that an erasure leaves to people, and those that it cannot search.

    The former are exports outside the lake, what is no text, and files in landing; of these, those that wait are taken
    with the token by the next run.
    """
    theirs = {record.arquivo for record in found.records if record.tipo != Kind.POSSIBLE}
    waiting = [file.path for file in landing_files(settings) if file.name in theirs]
    outside, unsearched_outside = search_texts(exports_outside(settings), found.values)
    inside, unsearched = search_texts(texts_of_lake(settings), found.values)
    no_texts = [path for path in inside if not is_text(path)]
    return [*outside, *no_texts, *waiting], [*unsearched_outside, *unsearched]
