"""The token in the place of a person's values in one record of a CSV file. Pure."""

import re
from bisect import bisect, bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from vendas import schema
from vendas.csvfile.dialect import Survey
from vendas.csvfile.grammar import split
from vendas.csvfile.header import DELIMITERS
from vendas.rules.cleaning import address, clean_text
from vendas.rules.gold import email as lower_email
from vendas.rules.input_columns import texto_reason
from vendas.rules.people import MIN_TELEPHONE_DIGITS, Span, Values, replace_spans
from vendas.text import normalize_name

_BREAKS = re.compile(r"[\r\n]+")
_BETWEEN_MARKS = re.compile(rf'[^"\r\n{"".join(DELIMITERS)}]+')
_EDGES = " \t\"'\xa0"  # around a value in a field whose quoting is broken
_PIECE = re.compile(rf"[^{_EDGES}\r\n](?:[^\r\n]*[^{_EDGES}\r\n])?")
_COLUMN_NAMES = {normalize_name(name) for name in schema.INPUT_NAMES}
_MOST_MOVED = 2  # fields that a contact stands too far to the right in a row of several physical lines


class Kind(StrEnum):
    """Why a record was found."""

    ROW = "linha"  # a well-formed row of the person's
    TEXT = "texto"  # a malformed record with an e-mail or a telephone of the person's in its text
    MENTION = "mencao"  # another's row that has such a value in another column
    HEADER = "cabecalho"  # a header with such a value, mostly in the name of a column that is not declared
    POSSIBLE = "possivel"  # may be the person's: only the name, or a telephone that another e-mail has, too

    @property
    def is_theirs(self) -> bool:
        """Whether the record is the person's."""
        return self in (Kind.ROW, Kind.TEXT)


@dataclass(frozen=True)
class Layout:
    """Where a file's records have which columns; each place counts from 0."""

    delimiter: str
    personal: Mapping[int, int]  # with the bytes that a text may have there
    other_texts: tuple[int, ...]  # declared text columns that are not personal
    extra: tuple[int, ...]
    names: tuple[int, ...]
    further: tuple[int, ...]  # personal columns that are neither a name nor a contact
    email: int | None
    telephone: int | None

    @classmethod
    def of(cls, survey: Survey) -> "Layout":
        """Return the layout of an accepted file."""
        return cls._of(survey.delimiter, survey.positions, len(survey.header))

    @classmethod
    def guess(cls, line: str) -> "Layout":
        """Return the layout of a line of a rejected file: its most frequent delimiter, the columns as declared."""
        delimiter = max(DELIMITERS, key=line.count)
        return cls._of(delimiter, tuple(range(len(schema.INPUT_COLUMNS))), len(schema.INPUT_COLUMNS))

    @classmethod
    def _of(cls, delimiter: str, positions: tuple[int | None, ...], width: int) -> "Layout":
        place = dict(zip(schema.INPUT_NAMES, positions, strict=True))

        def places(columns) -> tuple[int, ...]:
            return tuple(at for column in columns if (at := place[column.name]) is not None)

        return cls(
            delimiter,
            {
                at: column.max_bytes
                for column in schema.INPUT_COLUMNS
                if column.personal and (at := place[column.name]) is not None
            },
            places(column for column in schema.TEXT_COLUMNS if not column.personal),
            tuple(at for at in range(width) if at not in positions),
            places((schema.NOME, schema.SOBRENOME)),
            places(schema.FURTHER_PERSONAL_COLUMNS),
            place[schema.EMAIL.name],
            place[schema.TELEFONE.name],
        )


def fields_of(text: str, layout: Layout) -> list[str]:
    """Return the raw fields of a well-formed record, quotes included."""
    return [field.decode() for field in split(text.encode(), layout.delimiter)]


def anonymize(text: str, layout: Layout, kind: Kind, values: Values, token: str) -> str:
    """Return a record's text with the token in the place of the person's values.

    In a row of the person's all personal fields become the token. Quotes, delimiters and line breaks stay.
    """
    if kind == Kind.TEXT:
        return replace_between_marks(text, [*find_personal_pieces(text, layout, values), *values.spans_in(text)], token)
    fields = fields_of(text, layout)
    if kind == Kind.HEADER:
        found_in = [values.spans_in if at in layout.extra else values.by_contact.spans_in for at in range(len(fields))]
        named = [replace_between_marks(name, find(name), token) for name, find in zip(fields, found_in, strict=True)]
        return layout.delimiter.join(named)
    for at in layout.other_texts:
        fields[at] = replace_between_marks(fields[at], values.by_contact.spans_in(fields[at]), token)
    for at in layout.extra:
        fields[at] = replace_between_marks(fields[at], values.spans_in(fields[at]), token)
    for at, max_bytes in layout.personal.items() if kind == Kind.ROW else ():
        fields[at] = _token_field(fields[at], _as_long(fields[at], token, max_bytes, is_email=at == layout.email))
    return layout.delimiter.join(fields)


def _as_long(raw: str, token: str, max_bytes: int, is_email: bool) -> str:
    """Return the token, repeated if a field is so long that its row is refused, which it must stay on every replay."""
    text = raw[1:-1].replace('""', '"') if raw.startswith('"') else raw
    cleaned = clean_text(pa.array([text]))
    kept = [address(cleaned), lower_email(address(cleaned))] if is_email else [cleaned]
    refused = texto_reason(*((text, max_bytes) for text in kept))[0].is_valid
    return " ".join([token] * (max_bytes // len(token) + 1)) if refused else token


def _token_field(raw: str, token: str) -> str:
    """Return the token as a field with the same quotes, and the line breaks that keep later lines' numbers."""
    if not raw.startswith('"'):
        return token
    return f'"{token}{"".join(_BREAKS.findall(raw))}"'


def replace_between_marks(text: str, spans: Iterable[Span], token: str) -> str:
    """Return a text of a CSV file with the token in the place of these spans, but for the marks that stand in them.

    Quotes, delimiters and line breaks stay, and between two of them no text becomes none. So each record begins and
    ends where it did, and is refused for the same reasons.
    """
    between = (run.span() for begin, end in spans for run in _BETWEEN_MARKS.finditer(text, begin, end))
    return replace_spans(text, between, token)


def find_personal_pieces(text: str, layout: Layout, values: Values) -> set[Span]:
    """Find the values beside the person's e-mail or telephone in a malformed record: begin and end of each.

    A physical line with such a contact is a row of its own, if a stray quote swallowed rows, or ends a row that has a
    line break in a field. A delimiter too many or too few moves fields. So names are looked for where the header has
    them, counted from where the row begins, and as far from there as the contact is.
    """
    begins = [0, *(found.end() for found in re.finditer(re.escape(layout.delimiter), text))]
    ends = [*(begin - 1 for begin in begins[1:]), len(text)]
    lines = [0, *(found.end() for found in _BREAKS.finditer(text))]
    rows = [bisect(begins, line) - 1 for line in lines]  # the field in which each line begins
    found = set()
    for contact in values.by_contact.spans_in(text):
        at, line = bisect(begins, contact[0]) - 1, bisect(lines, contact[0]) - 1
        column = layout.email if "@" in text[slice(*contact)] else layout.telephone
        place = at - rows[line] if column is None else column
        row = rows[min(line, bisect_left(rows, at - place - _MOST_MOVED))]
        for field, is_personal in _beside(at, place, row, layout):
            if 0 <= field < len(begins):
                pieces = _PIECE.finditer(text, begins[field], ends[field])
                found.update(piece.span() for piece in pieces if is_personal(piece[0]))
        found.discard(contact)
    return found


def _beside(at: int, place: int, row: int, layout: Layout) -> Iterator[tuple[int, Callable[[str], bool]]]:
    """Yield where a person's values may stand in the row of a contact, each with what tells such a value.

    The contact stands in the field `at`, and in the header in the column `place`; `row` is the row's first field.
    """
    moved = at - place
    for columns, is_personal in ((layout.names, _is_name), (layout.further, _is_text)):
        for column in columns:
            for field in range(min(row, moved) + column, max(row, moved) + column + 1):
                yield field, is_personal
    contacts = [column for column in (layout.email, layout.telephone) if column is not None]
    yield from ((moved + column, _is_contact) for column in contacts if column != place)
    if abs(moved - row) <= _MOST_MOVED and place in contacts:  # it stands in its column, which may hold a name, too
        yield from ((at, _is_name), (at, _is_contact))


def _is_name(piece: str) -> bool:
    letters = any(map(str.isalpha, piece)) and not any(map(str.isdigit, piece))
    return letters and normalize_name(piece) not in _COLUMN_NAMES


def _is_text(piece: str) -> bool:
    return any(map(str.isalnum, piece)) and normalize_name(piece) not in _COLUMN_NAMES


def _is_contact(piece: str) -> bool:
    return "@" in piece or sum(map(str.isdigit, piece)) >= MIN_TELEPHONE_DIGITS
