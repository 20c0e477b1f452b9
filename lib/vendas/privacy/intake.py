"""Files that bring an erased person back: their bronze copies get the person's token before a run reads them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.erasures import (
    EMAIL_KIND,
    TELEPHONE_KIND,
    has_erasures,
    keyed_hash,
    read_key_and_people,
    remember_variants,
    variant_of,
)
from vendas.landing.arrivals import BronzeFile
from vendas.privacy.anonymize import Kind, Layout, anonymize
from vendas.privacy.bronze_records import read_records, replace_records, survey_or_none
from vendas.privacy.edited_files import edit_file
from vendas.privacy.search import personal_values
from vendas.rules.people import Keys, Values, find_emails, find_telephones, normalize_emails, normalize_telephones
from vendas.schema import LINHA, PROBLEMAS, TEXTO
from vendas.settings import Settings
from vendas.storage import Location


@dataclass(frozen=True)
class Returned:
    """A record of an erased person's: its kind, the values to replace in it, the token, and the hash of its values."""

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
    found: dict[int, Returned] = {}

    def edit(copy: Path) -> bool:
        survey = survey_or_none(copy)
        layout = Layout.of(survey) if survey else None
        found.clear()
        found.update(record for records in read_records(copy, survey) for record in _find(records, known))
        if not found:
            return False
        variants = {line: returned.variant for line, returned in found.items() if returned.variant}
        remember_variants(lake, {copy.name: variants})

        def change(line: int, text: str) -> str:
            one = found[line]
            return anonymize(text, layout or Layout.guess(text), one.kind, one.values, one.token)

        return replace_records(copy, survey, found, change)

    edit_file(path, edit)
    return len(found)


@dataclass
class _KnownPeople:
    """The erased people by the hashes that recognize them."""

    key: bytes
    named: dict[str, str]  # the token by hash
    seen: dict[str, str]
    _tokens: dict[tuple[str, str], tuple[str | None, str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "_KnownPeople":
        key, people = read_key_and_people(settings)
        named = {mark: person.token for person in people for mark in person.named}
        return cls(key, named, {mark: person.token for person in people for mark in person.seen})

    def tokens(self, kind: str, value: str) -> tuple[str | None, str | None]:
        """Return the token of who is known by this value, and of who is known by it if nobody else is named beside."""
        if not value:
            return None, None
        if (kind, value) not in self._tokens:
            mark = keyed_hash(self.key, kind, value)
            self._tokens[kind, value] = self.named.get(mark), self.seen.get(mark)
        return self._tokens[kind, value]

    def token_of(self, email: str, telephone: str) -> str | None:
        """Return the token of the erased person with this normalized e-mail and telephone, None if it is nobody."""
        named_email, seen_email = self.tokens(EMAIL_KIND, email)
        named_telephone, seen_telephone = self.tokens(TELEPHONE_KIND, telephone)
        alone = (seen_telephone if not email else None) or (seen_email if not telephone else None)
        both = seen_email if seen_email == seen_telephone else None  # a row like those that were erased
        return named_email or named_telephone or alone or both


def _find(records: pa.RecordBatch, known: _KnownPeople) -> Iterator[tuple[int, Returned]]:
    emails, telephones = (pc.fill_null(records[name], "") for name in (schema.EMAIL.name, schema.TELEFONE.name))
    pairs = zip(normalize_emails(emails).to_pylist(), normalize_telephones(telephones).to_pylist(), strict=True)
    rows = set()
    for number, (email, telephone) in enumerate(pairs):
        if (email or telephone) and (token := known.token_of(email, telephone)):
            record = records.slice(number, 1)
            held = tuple(column[0].as_py() for column in personal_values(record))
            keys = Keys(frozenset({email} - {""}), frozenset({telephone} - {""}))
            names = frozenset({held[:2]}) if schema.MISSING not in held[:2] else frozenset()
            rows.add(record[LINHA][0].as_py())
            yield record[LINHA][0].as_py(), Returned(Kind.ROW, Values(keys, names), token, variant_of(known.key, held))
    malformed = pc.greater(pc.list_value_length(records[PROBLEMAS]), 0)
    more = pc.greater(pc.count_substring(records[TEXTO], "@"), pc.count_substring(emails, "@"))  # in another column
    for number in pc.indices_nonzero(pc.or_(malformed, more)).to_pylist():
        line, kind = records[LINHA][number].as_py(), Kind.TEXT if malformed[number].as_py() else Kind.MENTION
        if line not in rows and (returned := _in_text(records[TEXTO][number].as_py(), kind, known)):
            yield line, returned


def _in_text(text: str, kind: Kind, known: _KnownPeople) -> Returned | None:
    """Return what a record's text holds of an erased person, by any e-mail and telephone in it."""
    emails = find_emails(text)
    telephones = find_telephones(text)
    of = {email: known.tokens(EMAIL_KIND, email) for email in emails}
    of |= {telephone: known.tokens(TELEPHONE_KIND, telephone) for telephone in telephones}
    named = [token for token, _ in of.values() if token]
    seen = [token for _, token in of.values() if token]
    strangers = [email for email in emails if of[email] == (None, None)] if kind == Kind.TEXT else []
    token = next(iter(named or ([] if strangers else seen)), None)
    if token is None:
        return None
    theirs = {value for value, tokens in of.items() if token in tokens}
    keys = Keys(frozenset(theirs & emails), frozenset(theirs & telephones))
    return Returned(kind, Values(keys), token)
