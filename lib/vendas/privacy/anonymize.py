"""The token in the place of a person's values in one record of a CSV file. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from vendas import schema
from vendas.csvfile.column_names import normalize_name
from vendas.csvfile.dialect import Survey
from vendas.csvfile.grammar import split
from vendas.rules.cleaning import address, clean_text
from vendas.rules.columns import email as lower_email, texto_reason
from vendas.rules.people import MIN_TELEPHONE_DIGITS, Values

_BREAKS = re.compile(r"[\r\n]+")
_LINE = re.compile(r"[^\r\n]+")
_COLUMN_NAMES = {normalize_name(name) for name in schema.INPUT_NAMES}
_EDGES = " \t\"'\xa0"  # around a value in a field whose quoting is broken


class Kind(StrEnum):
    """Why a record was found."""

    ROW = "linha"  # a well-formed row of the person's
    TEXT = "texto"  # a malformed record with an e-mail or a telephone of the person's in its text
    MENTION = "mencao"  # another's row that has such a value in another column
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
    email: int | None
    telephone: int | None

    @classmethod
    def of(cls, survey: Survey) -> "Layout":
        """Return the layout of an accepted file."""
        return cls._of(survey.delimiter, survey.positions, len(survey.header))

    @classmethod
    def guess(cls, line: str) -> "Layout":
        """Return the layout of a line of a rejected file: its most frequent delimiter, the columns as declared."""
        delimiter = max(",;\t|", key=line.count)
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
        return _anonymize_malformed(text, layout, values, token)
    fields = fields_of(text, layout)
    for at in layout.other_texts:
        fields[at] = values.by_contact.replaced_in(fields[at], token)
    for at in layout.extra:
        fields[at] = values.replaced_in(fields[at], token)
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


def _anonymize_malformed(text: str, layout: Layout, values: Values, token: str) -> str:
    for begin, end in sorted(find_personal_pieces(text, layout, values), reverse=True):
        text = text[:begin] + token + text[end:]
    return values.replaced_in(text, token)


def find_personal_pieces(text: str, layout: Layout, values: Values) -> set[tuple[int, int]]:
    """Find the values beside the person's e-mail or telephone in a malformed record: begin and end of each.

    Each physical line with such a contact is a row of its own, since a stray quote swallows rows. A delimiter too many
    or too few moves fields, so names are looked for where the header has them, and as far from there as the contact is.
    """
    found = set()
    for line in _LINE.finditer(text):
        pieces = list(_pieces(line, layout.delimiter))
        for at, (begin, end) in enumerate(pieces):
            if not values.by_contact.are_in(text[begin:end]):
                continue
            place = layout.email if "@" in text[begin:end] else layout.telephone
            moved = 0 if place is None else at - place
            found.update({*_beside(text, pieces, layout, moved)} - {(begin, end)})
    return found


def _beside(text: str, pieces: list[tuple[int, int]], layout: Layout, moved: int) -> Iterator[tuple[int, int]]:
    names = sorted({at + by for at in layout.names for by in (0, moved)})
    for at in range(names[0], names[-1] + 1) if names else ():
        if 0 <= at < len(pieces) and _is_name(text[slice(*pieces[at])]):
            yield pieces[at]
    for place in (layout.email, layout.telephone):
        at = -1 if place is None else place + moved
        if 0 <= at < len(pieces) and _is_contact(text[slice(*pieces[at])]):
            yield pieces[at]


def _pieces(line: re.Match[str], delimiter: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each field of a line, whatever its quotes, without blanks and quotes at its ends."""
    begin = line.start()
    for piece in line[0].split(delimiter):
        inner = piece.strip(_EDGES)
        at = begin + piece.find(inner)
        yield at, at + len(inner)
        begin += len(piece) + len(delimiter)


def _is_name(piece: str) -> bool:
    letters = any(map(str.isalpha, piece)) and not any(map(str.isdigit, piece))
    return letters and normalize_name(piece) not in _COLUMN_NAMES


def _is_contact(piece: str) -> bool:
    return "@" in piece or sum(map(str.isdigit, piece)) >= MIN_TELEPHONE_DIGITS
