"""Detection of text in other code pages than Windows-1252, by bytes within words that only make sense there."""

import re
from typing import BinaryIO

import numpy as np

from vendas.arrays import byte_table

CODE_PAGES = {"CP850": "cp850", "MacRoman": "mac_roman", "CP860": "cp860"}
"""Code pages of Brazilian text besides UTF-8 and Windows-1252, by their common names: DOS, old Macs, old DOS."""

PORTUGUESE = "áàâãçéêíóôõúüÁÀÂÃÇÉÊÍÓÔÕÚÜ"
BETWEEN_LETTERS = "‘’”–—\u00a0\u00ad…·•"
"""Typographic characters of Windows-1252 that people do write between two letters."""

_WORDS = 50  # the number of words from which the code page is chosen
_AROUND = 40  # bytes before and after a position in which its word is searched


def _decoded(byte: int, encoding: str) -> str:
    return bytes([byte]).decode(encoding, errors="ignore")


_ABOVE_ASCII = range(0x80, 0x100)
_MEANT = [b for b in _ABOVE_ASCII if any(_decoded(b, page) in PORTUGUESE for page in CODE_PAGES.values())]
_UNDEFINED, _SIGNS = "", "ƒˆ"  # signs that Unicode classifies as letters
_SYMBOLS = byte_table(
    byte
    for byte in _MEANT
    if (shown := _decoded(byte, "cp1252")) == _UNDEFINED
    or shown in _SIGNS
    or not (shown.isalpha() or shown in BETWEEN_LETTERS)
)
_ODD_CAPITALS = byte_table("ÆŽ".encode("cp1252"))  # capitals, which do not occur before small letters: `JoÆo`, `SŽrgio`
_SMALL = byte_table(range(ord("a"), ord("z") + 1))
_LETTERS = _SYMBOLS | byte_table(b for b in range(256) if _decoded(b, "cp1252").isalpha())
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")

_LETTER, _CONSONANT = "[a-zà-öø-ÿ]", "[bcdfghjklmnpqrstvwxyzç]"
_IN_A_WORD = re.compile(
    rf"""
    [aeiouáâãéêíóõúclnprs] ç [aouáâãóôõú]
    | {_LETTER} (?: ão | ãe | õe ) (?: [mz] | s? (?!{_LETTER}) )
    | {_LETTER} ã [sz]
    | {_LETTER} [âê] {_CONSONANT}
    | {_CONSONANT} ô (?: [bdfmnprtv] | l[aeo] | s (?: t | (?!{_LETTER}) ) )
    | {_LETTER} (?: [áéíóú] (?: {_CONSONANT} {_LETTER} | [lmnrsxz] ) | áu | é[aiou] | ói | í[aeo] )
    """,
    re.VERBOSE,
)
"""A letter beyond ASCII with its neighbours, in small letters, as they occur within Portuguese words: `nça`, `ção`."""


class ForeignLetters:
    """Finds letters of another code page in bytes read as Windows-1252; chunks may be cut anywhere."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self._rest = b""  # the last two bytes of the chunks before, since a letter may be among them

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
            _ODD_CAPITALS[byte] & _LETTERS[before] & _SMALL[behind]
        )
        self.places += (begin + middle[found][: _WORDS - len(self.places)]).tolist()

    def describe(self, file: BinaryIO) -> tuple[str, int, str, str] | None:
        """Return the code page in which at least half of the letters make sense; None if there is none.

        With it, the offset of the first such letter, and its word as Windows-1252 shows it and as it is meant.
        """
        words = [_word_at(file, place) for place in self.places]
        pages = {
            page: [at for at, (word, place) in enumerate(words) if _is_portuguese(word.decode(codec), place)]
            for page, codec in CODE_PAGES.items()
        }
        page = max(pages, key=lambda page: len(pages[page]))
        if not pages[page] or 2 * len(pages[page]) < len(words):
            return None
        first = pages[page][0]
        word = words[first][0]
        return page, self.places[first], word.decode("cp1252", errors="replace"), word.decode(CODE_PAGES[page])


def _word_at(file: BinaryIO, place: int) -> tuple[bytes, int]:
    """Return the word around this offset of the file, and the place in it."""
    begin = max(0, place - _AROUND)
    file.seek(begin)
    data = file.read(2 * _AROUND)
    word = next(word for word in _WORD.finditer(data) if word.end() > place - begin)
    return word[0], place - begin - word.start()


def _is_portuguese(word: str, place: int) -> bool:
    """Return whether the letter at this place of a word stands between such as it does in Portuguese, in one case."""
    before, letter, behind = word[place - 1], word[place], word[place + 1]
    in_one_case = before.isupper() and behind.isupper() if letter.isupper() else letter.islower() and behind.islower()
    return in_one_case and _IN_A_WORD.match(word.lower(), place - 1) is not None
