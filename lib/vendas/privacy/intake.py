"""Files that bring an erased person back: their bronze copies get the person's token before a run reads them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.erasures import (
    EMAIL_KIND,
    TELEPHONE_KIND,
    Erased,
    has_erasures,
    keyed_hash,
    read_key_and_people,
    remember_variants,
    variant_of,
)
from vendas.landing.arrivals import BronzeFile
from vendas.privacy.anonymize import Kind, Layout, anonymize, fields_of
from vendas.privacy.edited_files import edit_file
from vendas.privacy.record_edits import read_headers, read_records, replace_records, survey_or_none
from vendas.privacy.search import first_of, personal_values
from vendas.rules.anonymized import TOKEN_PREFIX
from vendas.rules.people import (
    NATIONAL_DIGITS,
    Keys,
    Values,
    count_like_telephones,
    find_emails,
    find_telephones,
    normalize_emails,
    normalize_telephones,
)
from vendas.schema import LINHA, PROBLEMAS, TEXTO
from vendas.settings import Settings
from vendas.storage import Location

Contact = tuple[str, str]  # the kind of an e-mail or telephone, and its normalized value


@dataclass(frozen=True)
class Returned:
    """What a record holds of an erased person: its kind, the values to replace, the token, the hash of its values."""

    kind: Kind
    values: Values
    token: str
    variant: str | None = None


def protect_erased(settings: Settings, files: Iterable[BronzeFile]) -> int:
    """Put the token into every record of these bronze files that is an erased person's; return how many records.

    Idempotent, and safe against a kill: a file that the ledger does not know is looked at again by the next run. A lake
    that nobody was erased from costs nothing, in S3 one request.
    """
    files = list(files)
    if not files or not has_erasures(settings.lake):
        return 0
    known = _KnownPeople.of(settings)
    return sum(_protect(settings.lake, settings.bronze / file.name, known) for file in files)


def _protect(lake: Location, path: Location, known: "_KnownPeople") -> int:
    found: dict[int, list[Returned]] = {}

    def edit(copy: Path) -> bool:
        survey = survey_or_none(copy)
        layout = Layout.of(survey) if survey else None
        found.clear()
        found.update(record for records in read_records(copy, survey) for record in _find(records, layout, known))
        found.update((line, people) for line, text in read_headers(copy, survey) if (people := _in_header(text, known)))
        if not found:
            return False
        variants = {line: one.variant for line, people in found.items() for one in people if one.variant}
        remember_variants(lake, {copy.name: variants})

        def change(line: int, text: str) -> str:
            for one in found[line]:
                text = anonymize(text, layout or Layout.guess(text), one.kind, one.values, one.token)
            return text

        return replace_records(copy, survey, found, change)

    edit_file(path, edit)
    return len(found)


@dataclass
class _KnownPeople:
    """The erased people, in the order in which they were erased, by the hashes that recognize them.

    Where two have a claim to a record, the first one erased has it, as when both were erased from it.
    """

    key: bytes
    people: list[Erased]
    _known: dict[Contact, tuple[frozenset[int], frozenset[int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "_KnownPeople":
        return cls(*read_key_and_people(settings))

    @cached_property
    def _by_mark(self) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
        """The places of the people who are named by a hash, and of those beside whom it was seen."""
        named, seen = defaultdict(set), defaultdict(set)
        for place, person in enumerate(self.people):
            for marks, of in ((person.named, named), (person.seen, seen)):
                for mark in marks:
                    of[mark].add(place)
        return named, seen

    def known_by(self, contact: Contact) -> tuple[frozenset[int], frozenset[int]]:
        """Return the places of the people who are named by this contact, and of those beside whom it was seen."""
        kind, value = contact
        if not value:
            return frozenset(), frozenset()
        if contact not in self._known:
            mark = keyed_hash(self.key, kind, value)
            named, seen = (frozenset(of.get(mark, ())) for of in self._by_mark)
            self._known[contact] = named, seen
        return self._known[contact]

    def owners_of(self, email: str, telephone: str) -> frozenset[int]:
        """Return the places of the erased people who may have a row with this normalized e-mail and telephone.

        A value that was seen beside a person's tells the person alone, or beside another such one: so is a row like
        those that were erased.
        """
        named_email, seen_email = self.known_by((EMAIL_KIND, email))
        named_telephone, seen_telephone = self.known_by((TELEPHONE_KIND, telephone))
        seen = seen_email & seen_telephone if email and telephone else seen_email | seen_telephone
        return named_email | named_telephone | seen

    def in_any(self, contacts: Iterable[Contact]) -> list[int]:
        """Return the places of the people who are known by any of these contacts, in order."""
        return sorted(frozenset[int]().union(*(people for one in contacts for people in self.known_by(one))))

    def of_person(self, place: int, contacts: Iterable[Contact]) -> set[Contact]:
        """Return those of the contacts by which a person is known."""
        return {one for one in contacts if any(place in people for people in self.known_by(one))}


def _find(records: pa.RecordBatch, layout: Layout | None, known: _KnownPeople) -> Iterator[tuple[int, list[Returned]]]:
    """Yield the line of each record that holds something of erased people, and what, in the order of the erasures."""
    emails, telephones = (pc.fill_null(records[name], "") for name in (schema.EMAIL.name, schema.TELEFONE.name))
    erased = pc.starts_with(emails, TOKEN_PREFIX).to_pylist()
    emails, telephones = normalize_emails(emails), normalize_telephones(telephones)
    malformed = pc.greater(pc.list_value_length(records[PROBLEMAS]), 0).to_pylist()
    more = _hold_more(records, layout, emails, telephones).to_pylist() if layout else malformed
    for number, (email, telephone) in enumerate(zip(emails.to_pylist(), telephones.to_pylist(), strict=True)):
        owners = known.owners_of(email, telephone)
        if not (owners or malformed[number] or more[number] or erased[number]):
            continue
        record = records.slice(number, 1)
        if malformed[number] or layout is None:
            returned = _in_text(record[TEXTO][0].as_py(), known)
        else:
            returned = _in_row(record, {(EMAIL_KIND, email), (TELEPHONE_KIND, telephone)}, owners, layout, known)
            returned += _in_erased_row(record) if erased[number] else []
        if returned:
            yield record[LINHA][0].as_py(), returned


def _hold_more(
    records: pa.RecordBatch, layout: Layout, emails: pa.StringArray, telephones: pa.StringArray
) -> pa.BooleanArray:
    """Return which records may hold an e-mail or a telephone that is not the one of the column for it."""
    moments, written = (
        count_like_telephones(pc.fill_null(records[name], "")) for name in (schema.TIMESTAMP.name, schema.TELEFONE.name)
    )
    # Of more digits, the column may hold two telephones.
    held = pc.add(moments, pc.if_else(pc.less_equal(pc.binary_length(telephones), NATIONAL_DIGITS), written, 0))
    texts = pc.replace_substring(records[TEXTO], layout.delimiter, "\0")  # a tab could stand between digits, too
    others = pc.greater(pc.count_substring(texts, "@"), pc.match_substring(emails, "@").cast(pa.int32()))
    return pc.or_(others, pc.greater(count_like_telephones(texts), held))


def _in_row(
    record: pa.RecordBatch, own: set[Contact], owners: frozenset[int], layout: Layout, known: _KnownPeople
) -> list[Returned]:
    """Return what a well-formed row holds of erased people.

    It is the row of the first of its owners, among whom is who is named in any of its personal columns.
    """
    fields = fields_of(record[TEXTO][0].as_py(), layout)
    personal = {contact for at in layout.personal for contact in _contacts_in(fields[at])}
    others = {contact for at in (*layout.other_texts, *layout.extra) for contact in _contacts_in(fields[at])}
    theirs = sorted(owners.union(*(known.known_by(contact)[0] for contact in personal)))[:1]
    found = []
    for place in sorted({*theirs, *known.in_any(others)}):
        keys = known.of_person(place, personal | others)
        token = known.people[place].token
        if place in theirs:
            held = first_of(personal_values(record))
            name = held[schema.NOME], held[schema.SOBRENOME]
            names = frozenset({name}) if schema.MISSING not in name else frozenset()
            found.append(Returned(Kind.ROW, Values(_keys_of(own | keys), names), token, variant_of(known.key, held)))
        else:
            found.append(Returned(Kind.MENTION, Values(_keys_of(keys)), token))
    return found


def _in_erased_row(record: pa.RecordBatch) -> list[Returned]:
    """Return what a row with a token holds in personal columns that were declared after the erasure."""
    held = first_of(personal_values(record))
    token = held[schema.EMAIL]
    late = any(held[column] not in (token, column.default) for column in schema.FURTHER_PERSONAL_COLUMNS)
    return [Returned(Kind.ROW, Values(Keys()), token)] if late else []


def _in_text(text: str, known: _KnownPeople) -> list[Returned]:
    """Return what the text of a malformed record holds of erased people, by any e-mail and telephone in it.

    A value that was only seen beside a person's does not tell the person if it stands beside a stranger's e-mail.
    """
    contacts, found = _contacts_in(text), []
    for place in known.in_any(contacts):
        theirs = known.of_person(place, contacts)
        is_named = any(place in known.known_by(contact)[0] for contact in theirs)
        if theirs and (is_named or all(kind != EMAIL_KIND for kind, _ in contacts - theirs)):
            found.append(Returned(Kind.TEXT, Values(_keys_of(theirs)), known.people[place].token))
            contacts -= theirs
    return found


def _in_header(text: str, known: _KnownPeople) -> list[Returned]:
    """Return what a header holds of erased people."""
    contacts = _contacts_in(text)
    return [
        Returned(Kind.HEADER, Values(_keys_of(known.of_person(place, contacts))), known.people[place].token)
        for place in known.in_any(contacts)
    ]


def _contacts_in(text: str) -> set[Contact]:
    emails, telephones = find_emails(text), find_telephones(text)
    return {(EMAIL_KIND, email) for email in emails} | {(TELEPHONE_KIND, telephone) for telephone in telephones}


def _keys_of(contacts: Iterable[Contact]) -> Keys:
    values: dict[str, set[str]] = {EMAIL_KIND: set(), TELEPHONE_KIND: set()}
    for kind, value in contacts:
        values[kind] |= {value} - {""}
    return Keys(frozenset(values[EMAIL_KIND]), frozenset(values[TELEPHONE_KIND]))
