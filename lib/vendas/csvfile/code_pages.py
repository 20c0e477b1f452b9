"""Detection of text in other code pages than Windows-1252, by bytes within words that only make sense there."""

import re
from typing import BinaryIO

import numpy as np

CODE_PAGES = {"CP850": "cp850", "MacRoman": "mac_roman", "CP860": "cp860"}
"""Code pages of Brazilian text besides UTF-8 and Windows-1252, by their common names: DOS, old Macs, old DOS."""

PORTUGUESE = "áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚÜ"
BETWEEN_LETTERS = "‘’”–—\u00a0\u00ad…·•"
"""Typographic characters of Windows-1252 that people do write between two letters."""

_WORDS = 50  # the number of words from which the code page is chosen
_AROUND = 40  # bytes before and after a position in which its word is searched


def _decoded(byte: int, encoding: str) -> str:
    return bytes([byte]).decode(encoding, errors="ignore")


def _table(bytes_chosen: list[int]) -> np.ndarray:
    table = np.zeros(256, bool)
    table[bytes_chosen] = True
    return table


_ABOVE_ASCII = range(0x80, 0x100)
_MEANT = [b for b in _ABOVE_ASCII if any(_decoded(b, page) in PORTUGUESE for page in CODE_PAGES.values())]
_UNDEFINED, _SIGNS = "", "ƒˆ"  # signs that Unicode classifies as letters
_SYMBOLS = _table(
    [
        byte
        for byte in _MEANT
        if (shown := _decoded(byte, "cp1252")) == _UNDEFINED
        or shown in _SIGNS
        or not (shown.isalpha() or shown in BETWEEN_LETTERS)
    ]
)
_ODD_CAPITALS = _table(list("ÆŽ".encode("cp1252")))  # capitals, which do not occur between small letters: `JoÆo`
_SMALL = _table(list(range(ord("a"), ord("z") + 1)))
_LETTERS = _SYMBOLS | _table([b for b in range(256) if _decoded(b, "cp1252").isalpha()])
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")


class ForeignLetters:
    """Finds letters of another code page in bytes read as Windows-1252; chunks may be cut anywhere."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self._rest = b""  # the last two bytes of the chunks before, since a letter may be among them

    @property
    def first(self) -> int:
        """The offset in the file of the first letter found."""
        return self.places[0]

    def add(self, chunk: bytes, offset: int) -> None:
        """Search the chunk that begins at this offset, unless _WORDS letters were found before."""
        if len(self.places) >= _WORDS:
            return
        data, begin = self._rest + chunk, offset - len(self._rest)
        self._rest = data[-2:]
        if data.isascii():
            return
        view = np.frombuffer(data, np.uint8)
        middle = 1 + np.flatnonzero(view[1:-1] >= 0x80)
        byte, before, behind = view[middle], view[middle - 1], view[middle + 1]
        found = (_SYMBOLS[byte] & _LETTERS[before] & _LETTERS[behind]) | (
            _ODD_CAPITALS[byte] & _SMALL[before] & _SMALL[behind]
        )
        self.places += (begin + middle[found][: _WORDS - len(self.places)]).tolist()

    def describe(self, file: BinaryIO) -> tuple[str, str, str] | None:
        """Return the likeliest code page, and the first word as Windows-1252 shows it and as meant; None if none."""
        if not self.places:
            return None
        words = [_word_at(file, place) for place in self.places]
        pages = {page: sum(map(_portuguese_letters, _all_decoded(words, page))) for page in CODE_PAGES}
        page = max(pages, key=pages.__getitem__)
        return page, words[0].decode("cp1252", errors="replace"), _all_decoded(words[:1], page)[0]


def _word_at(file: BinaryIO, place: int) -> bytes:
    begin = max(0, place - _AROUND)
    file.seek(begin)
    data = file.read(2 * _AROUND)
    return next(word[0] for word in _WORD.finditer(data) if word.end() > place - begin)


def _all_decoded(words: list[bytes], page: str) -> list[str]:
    return [word.decode(CODE_PAGES[page]) for word in words]


def _portuguese_letters(word: str) -> int:
    """Count the Portuguese letters beyond ASCII, minus the other ones, minus capitals among small letters."""
    letters = [letter for letter in word if not letter.isascii()]
    odd = sum(letter.isupper() for letter in letters) if word[1:] != word[1:].upper() else 0
    return sum(1 if letter in PORTUGUESE else -1 for letter in letters) - odd
