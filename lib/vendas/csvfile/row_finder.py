"""Find the records of a CSV file that are rows: neither blank nor a repeated header."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vendas.arrays import byte_table
from vendas.csvfile.column_names import are_headers, name_places, positions_of, read_names
from vendas.csvfile.grammar import QUOTE, Window
from vendas.schema import INPUT_COLUMNS
from vendas.text import WHITE_SPACE, normalize_name

_BLANK, _PERHAPS, _SOLID = range(3)
_LETTERS = bytes(range(ord("a"), ord("z") + 1))
_LOWER = bytes.maketrans(_LETTERS.upper(), _LETTERS)
_IS_LETTER = byte_table(_LETTERS + _LETTERS.upper())
_OTHERS = bytes(np.flatnonzero(~_IS_LETTER).tolist())
_SPELLINGS = [
    [normalize_name(name).encode() for name in (column.name, *column.other_names)]
    for column in INPUT_COLUMNS
    if not column.optional and all(name.isascii() for name in (column.name, *column.other_names))
]
_TELLING_WORDS = sorted(_SPELLINGS, key=lambda words: min(map(len, words)))[-4:]
"""The spellings of four required columns: of those with names in ASCII only, the four with the longest names.

However a header spells its names, their letters are these. Rows hardly ever have two of them. So a record without a
word of the last three is no header, which is a fast test.
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
        for number in np.flatnonzero(kind == _PERHAPS).tolist():
            text = window.record(number).decode(self.encoding, errors="replace")
            kind[number] = _BLANK if self._blank_text.fullmatch(text) else _SOLID
        return kind == _BLANK

    def headers(self, window: Window) -> dict[int, tuple[int | None, ...]]:
        """Return the records that are headers, with each declared column once: record number and column places."""
        found = {}
        telling = [word for words in _TELLING_WORDS[1:] for word in words]
        for number in np.flatnonzero(window.holding(_places_of(telling, window))).tolist():
            record = window.record(number)
            letters = _letters_of(record)
            if sum(any(word in letters for word in words) for words in _TELLING_WORDS) < 2:
                continue
            places = name_places(read_names(record, self.encoding, self.delimiter))
            if are_headers(places):
                found[number] = positions_of(places)
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


def _letters_of(data: bytes) -> bytes:
    """Return the ASCII letters of some text, in lower case."""
    return data.translate(_LOWER, _OTHERS)


def _places_of(words: list[bytes], window: Window) -> np.ndarray:
    """Return where these words begin in the window, whatever stands between their letters.

    In most data `find` shows fast that there are none.
    """
    letters, places = _letters_of(window.data), []
    for word in words:
        place = letters.find(word)
        while place >= 0:
            places.append(place)
            place = letters.find(word, place + 1)
    if not places:
        return np.empty(0, np.int64)
    return np.flatnonzero(_IS_LETTER[window.bytes])[places]
