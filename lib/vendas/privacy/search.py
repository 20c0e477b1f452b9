"""Search for a person in CSV files: first what the person's rows hold, then every record with any of it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile.dialect import Survey
from vendas.declaration_types import Column
from vendas.lake.events import PROCESSED, Event
from vendas.lake.ledger import latest
from vendas.landing.arrivals import list_bronze_files
from vendas.privacy.anonymize import Kind, Layout, fields_of, find_personal_pieces
from vendas.privacy.record_edits import read_headers, read_records, survey_or_none
from vendas.rules.cleaning import address, clean_text, text_or_default
from vendas.rules.people import Contacts, Keys, Values, find_emails, normalize_emails, normalize_telephones
from vendas.schema import LINHA, PROBLEMAS, TEXTO
from vendas.settings import Settings
from vendas.stages.survey import SurveyedFile
from vendas.storage import Location

_NAMES = (schema.NOME, schema.SOBRENOME)
Line = tuple[str, int]  # a bronze file's name and a line in it


@dataclass(frozen=True)
class Request:
    """Whom to look for: normalized e-mails and telephones, and lines that somebody has found to be the person's."""

    emails: frozenset[str] = frozenset()
    telephones: frozenset[str] = frozenset()
    lines: frozenset[Line] = frozenset()


@dataclass(frozen=True)
class CsvFile:
    """A CSV file and how to read it; without a survey, by lines."""

    path: Location
    survey: Survey | None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


@dataclass(frozen=True)
class FoundRecord:
    """A record of a CSV file; `valores` are the cleaned values of the personal columns of a well-formed one."""

    arquivo: str
    linha: int
    texto: str
    tipo: Kind
    valores: Mapping[Column, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A person's values, and the records of bronze that hold them."""

    values: Values
    records: list[FoundRecord] = field(default_factory=list)

    def of_kind(self, *kinds: Kind) -> list[FoundRecord]:
        """Return the records of these kinds."""
        return [record for record in self.records if record.tipo in kinds]


def bronze_files(settings: Settings, events: Iterable[Event]) -> list[CsvFile]:
    """Return all files of bronze, in bronze order; those that the ledger has no survey of are surveyed."""
    known = latest(events)

    def of(name: str) -> CsvFile:
        event = known.get(name, {}).get("bronze")
        if event and event.situacao == PROCESSED and event.dialeto:
            surveyed = SurveyedFile.of(settings.bronze, event)
            return CsvFile(surveyed.path, surveyed.survey)
        return CsvFile(settings.bronze / name, survey_or_none(settings.bronze / name))

    return [of(file.name) for file in list_bronze_files(settings.bronze)]


def search(files: Sequence[CsvFile], request: Request) -> Found:
    """Find a person in files: all rows of theirs, where else their values stand, and rows that may be theirs.

    Files are read twice: what stands beside the e-mail or telephone of the request is what else to look for.
    """
    values = _values_of(files, request)
    lines: dict[str, set[int]] = {}
    for arquivo, linha in request.lines:
        lines.setdefault(arquivo, set()).add(linha)
    found = _in_threads(lambda file: list(_find(file, values, lines.get(file.name, set()))), files)
    records = [record for part in found for records, _ in part for record in records]
    shared = frozenset(name for part in found for _, names in part for name in names)
    return Found(replace(values, own_names=values.own_names - shared), records)


def personal_values(records: pa.RecordBatch) -> dict[Column, pa.StringArray]:
    """Return the cleaned personal columns, as silver has them, by column."""
    cleaned = {column: clean_text(pc.fill_null(records[column.name], "")) for column in schema.PERSONAL_COLUMNS}
    cleaned[schema.EMAIL] = address(cleaned[schema.EMAIL])
    return {column: text_or_default(text, column.default or "") for column, text in cleaned.items()}


def first_of(values: Mapping[Column, pa.StringArray]) -> dict[Column, str]:
    """Return the first record's value of each column."""
    return {column: texts[0].as_py() for column, texts in values.items()}


def _in_threads(work: Callable, files: Sequence[CsvFile]) -> list:
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(work, files))


def _contacts(records: pa.RecordBatch) -> tuple[pa.StringArray, pa.StringArray]:
    emails, telephones = (pc.fill_null(records[name], "") for name in (schema.EMAIL.name, schema.TELEFONE.name))
    return normalize_emails(emails), normalize_telephones(telephones)


def _values_of(files: Sequence[CsvFile], request: Request) -> Values:
    """Return what the rows of the request hold: further e-mails and telephones, full names and names."""
    named = Keys(request.emails, request.telephones)
    asked = Values(named)
    found = _in_threads(partial(_collect, asked=asked, lines=request.lines), files)
    emails, telephones, pairs, names = (
        (frozenset().union(*part) for part in zip(*found, strict=True)) if found else (frozenset(),) * 4
    )
    keys = replace(named, seen_emails=emails - named.emails, seen_telephones=telephones - named.telephones)
    return Values(keys, pairs, names)


def _collect(file: CsvFile, asked: Values, lines: frozenset[Line]) -> tuple[set, set, set, set]:
    emails, telephones, pairs, names = set(), set(), set(), set()
    chosen = pa.array(sorted(linha for arquivo, linha in lines if arquivo == file.name), pa.int64())
    for records in read_records(file.path, file.survey):
        texts, problems = records[TEXTO], pc.list_value_length(records[PROBLEMAS])
        theirs = pc.or_(asked.keys.is_theirs(*_contacts(records)), pc.is_in(records[LINHA], chosen))
        for number, text in _with_contacts(texts, asked):
            record = records.slice(number, 1)
            if problems[number].as_py():
                names |= _names_beside(text, file, asked)
            elif _stands_in(text, file, asked.by_request, personal=True):
                theirs = pc.or_(theirs, pc.equal(records[LINHA], record[LINHA][0]))
        if not pc.any(theirs).as_py():
            continue
        rows = records.filter(pc.and_(theirs, pc.equal(problems, 0)))
        found_emails, found_telephones = _contacts(rows)
        emails |= {text for text in found_emails.to_pylist() if text}
        telephones |= {text for text in found_telephones.to_pylist() if text}
        first, last, *further = (_texts(rows, column) for column in (*_NAMES, *schema.FURTHER_PERSONAL_COLUMNS))
        pairs |= {pair for pair in zip(first, last, strict=True) if all(pair)}
        names |= {name for texts in (first, last, *further) for name in texts if name}
    return emails, telephones, pairs, names


def _texts(records: pa.RecordBatch, column: Column) -> list[str]:
    """Return the cleaned texts of a column; a missing one as an empty text."""
    cleaned = clean_text(pc.fill_null(records[column.name], ""))
    return ["" if text == column.default else text for text in cleaned.to_pylist()]


def _names_beside(text: str, file: CsvFile, values: Values) -> set[str]:
    pieces = (text[begin:end] for begin, end in find_personal_pieces(text, layout_of(file, text), values))
    return {piece for piece in pieces if not any(map(str.isdigit, piece)) and "@" not in piece}


def layout_of(file: CsvFile, text: str) -> Layout:
    """Return the layout of a file's records; of a rejected file, a guess from the line."""
    return Layout.of(file.survey) if file.survey else Layout.guess(text)


def _with_contacts(texts: pa.StringArray, values: Values) -> Iterator[tuple[int, str]]:
    """Yield place and text of each record with an e-mail or telephone of the values anywhere in it."""
    for number in pc.indices_nonzero(values.by_contact.may_be_in(texts)).to_pylist():
        text = texts[number].as_py()
        if values.by_contact.are_in(text):
            yield number, text


def _stands_in(text: str, file: CsvFile, contacts: Contacts, personal: bool) -> bool:
    """Return whether a well-formed record has a contact in one of its personal columns, or of its other texts."""
    layout = layout_of(file, text)
    fields = fields_of(text, layout)
    places = layout.personal if personal else (*layout.other_texts, *layout.extra)
    return any(contacts.are_in(fields[at]) for at in places)


def _find(file: CsvFile, values: Values, chosen: set[int]) -> Iterator[tuple[list[FoundRecord], set[str]]]:
    """Yield, for each batch of records, those found, and the person's names that other people have, too."""
    names = pa.array(sorted(values.own_names), pa.string())
    pairs = pa.array(sorted(f"{first}\n{last}".lower() for first, last in values.full_names), pa.string())
    chosen_lines = pa.array(sorted(chosen), pa.int64())
    headers = [(line, text) for line, text in read_headers(file.path, file.survey) if values.by_contact.are_in(text)]
    yield [FoundRecord(file.name, line, text, Kind.HEADER) for line, text in headers], set()
    for records in read_records(file.path, file.survey):
        malformed = pc.greater(pc.list_value_length(records[PROBLEMAS]), 0)
        kinds = dict(_kinds(records, file, values, malformed, chosen_lines))
        searched = (*_NAMES, *schema.FURTHER_PERSONAL_COLUMNS)
        columns = [clean_text(pc.fill_null(records[column.name], "")) for column in searched]
        namesakes = pc.is_in(pc.utf8_lower(pc.binary_join_element_wise(*columns[: len(_NAMES)], "\n")), pairs)
        for number in pc.indices_nonzero(namesakes).to_pylist():
            kinds.setdefault(number, Kind.POSSIBLE)
        others = pa.array([kinds.get(number) is None or not kinds[number].is_theirs for number in range(len(records))])
        shared = {
            name
            for column in columns
            for name in pc.unique(column.filter(pc.and_(pc.is_in(column, names), others))).to_pylist()
        }
        yield [_record(file, records.slice(number, 1), kind) for number, kind in sorted(kinds.items())], shared


def _kinds(
    records: pa.RecordBatch, file: CsvFile, values: Values, malformed: pa.BooleanArray, chosen: pa.Array
) -> Iterator[tuple[int, Kind]]:
    """Yield place and kind of each record that has something of the person's; a later one of a place counts."""
    emails, telephones = _contacts(records)
    theirs = pc.or_(values.keys.is_theirs(emails, telephones), pc.is_in(records[LINHA], chosen))
    for number in pc.indices_nonzero(values.keys.may_be_theirs(emails, telephones)).to_pylist():
        yield number, Kind.POSSIBLE
    for number, text in _with_contacts(records[TEXTO], values):
        if malformed[number].as_py():
            yield number, _kind_of_malformed(text, values)
        elif _stands_in(text, file, values.by_request, personal=True):
            yield number, Kind.ROW
        elif _stands_in(text, file, values.by_contact, personal=False):
            yield number, Kind.MENTION
    for number in pc.indices_nonzero(theirs).to_pylist():
        yield number, Kind.TEXT if malformed[number].as_py() else Kind.ROW


def _kind_of_malformed(text: str, values: Values) -> Kind:
    """Return whether a malformed record is the person's, or has another's e-mail beside a telephone of both."""
    if values.by_request.are_in(text):
        return Kind.TEXT
    strangers = find_emails(text) - values.keys.all_emails
    return Kind.POSSIBLE if strangers else Kind.TEXT


def _record(file: CsvFile, record: pa.RecordBatch, kind: Kind) -> FoundRecord:
    of_row = first_of(personal_values(record)) if kind == Kind.ROW else {}
    return FoundRecord(file.name, record[LINHA][0].as_py(), record[TEXTO][0].as_py(), kind, of_row)
