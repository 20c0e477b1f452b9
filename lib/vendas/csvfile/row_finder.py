"""Find the records of a CSV file that are rows: neither blank nor a repeated header."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vendas.csvfile.column_names import are_headers, name_places, positions_of, read_names
from vendas.csvfile.grammar import QUOTE, Window
from vendas.schema import INPUT_COLUMNS
from vendas.text import WHITE_SPACE

_BLANK, _PERHAPS, _SOLID = range(3)
_SPELLINGS = [
    [name.lower().encode() for name in (column.name, *column.other_names)]
    for column in INPUT_COLUMNS
    if not column.optional and all(name.isascii() and name.isalpha() for name in (column.name, *column.other_names))
]
_TELLING_WORDS = sorted(_SPELLINGS, key=lambda words: min(map(len, words)))[-3:]
"""The spellings of three required columns: of those with one-word names only, the three with the longest names.

A header has at least two of these columns in such a spelling, however it spells the others, and rows have none. So a
record without a word of the last two is no header, which is a fast test.
"""


@dataclass(frozen=True)
class RowFinder:
    """Finds the rows among the records of a file with this encoding and delimiter."""

    encoding: str
    delimiter: str

    def rows(self, window: Window) -> np.ndarray:
        """Return which records are rows."""
        rows = ~self.blank(window)
        rows[list(self.headers(window))] = False
        return rows

    def blank(self, window: Window) -> np.ndarray:
        """Return which records have only blanks, delimiters, and quotes around blanks or nothing."""
        starts = window.bounds[:-1]
        first = self._kinds[window.bytes[starts]]
        quoted = np.flatnonzero(window.bytes[starts] == QUOTE)
        second = window.bytes[starts[quoted] + 1]  # a record with an opening quote has a closing one
        first[quoted] = np.maximum(_PERHAPS, self._kinds[second])
        if (first == _SOLID).all():
            return np.zeros(len(window), bool)
        kind = np.maximum.reduceat(np.frombuffer(window.data.translate(self._kinds.tobytes()), np.uint8), starts)
        for number in np.flatnonzero(kind == _PERHAPS):
            text = window.record(number).decode(self.encoding, errors="replace")
            kind[number] = _BLANK if self._blank_text.fullmatch(text) else _SOLID
        return kind == _BLANK

    def headers(self, window: Window) -> dict[int, tuple[int | None, ...]]:
        """Return the records that are headers, with each declared column once: record number and column places."""
        found, lower = {}, window.data.lower()
        telling = [word for words in _TELLING_WORDS[1:] for word in words]
        for number in np.flatnonzero(window.holding(_places_of(telling, lower))):
            record = window.record(number)
            if sum(any(word in record.lower() for word in words) for words in _TELLING_WORDS) < 2:
                continue
            places = name_places(read_names(record, self.encoding, self.delimiter))
            if are_headers(places):
                found[int(number)] = positions_of(places)
        return found

    @cached_property
    def _kinds(self) -> np.ndarray:
        """The kind of each byte value: blank or delimiter, possibly part of a blank (decode to decide), or neither."""
        kinds = np.full(256, _SOLID, np.uint8)
        for blank in WHITE_SPACE:
            for byte in blank.encode(self.encoding, errors="ignore"):
                kinds[byte] = _BLANK if byte < 0x80 else _PERHAPS
        kinds[ord(self.delimiter)], kinds[QUOTE] = _BLANK, _PERHAPS
        return kinds

    @cached_property
    def _blank_text(self) -> re.Pattern:
        delimiter = re.escape(self.delimiter)
        field = f'(?:"[{WHITE_SPACE}]*"|[{WHITE_SPACE.replace(self.delimiter, "")}]*)'
        return re.compile(f"{field}(?:{delimiter}{field})*")


def _places_of(words: list[bytes], data: bytes) -> np.ndarray:
    """Return the offsets of these words in the data; in most data `find` shows fast that there are none."""
    places = []
    for word in words:
        place = data.find(word)
        while place >= 0:
            places.append(place)
            place = data.find(word, place + 1)
    return np.array(places, np.int64)
