"""Detection of UTF-8 characters among bytes that are not all UTF-8, which shows that a file mixes encodings."""

import re

import numpy as np

from vendas.arrays import byte_table

FOLLOWERS = "…’”–—™›»®\u00a0"
"""Characters that often follow a word in Windows-1252 text. The last letter of a word and one of these (`IRMÃ…`) may
have the bytes of a UTF-8 character by chance.
"""

_IS_FOLLOWER = byte_table(FOLLOWERS.encode("cp1252"))
_A_TILDE, _A_CIRCUMFLEX = 0xC3, b"\xc2\xe2"  # Ã; Â and â, with which no Portuguese word ends
# Ã at the end of a word in capitals. In UTF-8 these bytes are à, between small letters or alone; î or û, behind a small
# letter; or a capital such as Ô, with a letter behind it.
_ENDS_IN_A_TILDE = re.compile(
    rb"(?<=[A-Z\xc0-\xde])\xc3(?:\xa0|[%b](?![A-Za-z\xc0-\xff]))" % re.escape(FOLLOWERS.encode("cp1252"))
)
_OPENING, _CLOSING = "“”".encode("cp1252")
_CONTEXT = 200  # bytes before a character that are searched for an opening quote
_LONGEST = 4  # maximum bytes of a UTF-8 character
# Ranges of the first byte, the number of bytes that follow, and the range of the second one (RFC 3629, section 4).
_FORMS = (
    (0xC2, 0xDF, 1, 0x80, 0xBF),
    (0xE0, 0xE0, 2, 0xA0, 0xBF),
    (0xE1, 0xEC, 2, 0x80, 0xBF),
    (0xED, 0xED, 2, 0x80, 0x9F),
    (0xEE, 0xEF, 2, 0x80, 0xBF),
    (0xF0, 0xF0, 3, 0x90, 0xBF),
    (0xF1, 0xF3, 3, 0x80, 0xBF),
    (0xF4, 0xF4, 3, 0x80, 0x8F),
)


class Utf8Characters:
    """Finds the offset of the first non-ASCII UTF-8 character that is not one by chance; chunks may be cut anywhere."""

    def __init__(self) -> None:
        self.first: int | None = None
        self._rest = b""  # the last bytes of the chunks before, which the next characters are judged by

    def add(self, chunk: bytes, offset: int) -> None:
        """Search the chunk that begins at this offset, unless a character was found before."""
        if self.first is not None:
            return
        data, begin = self._rest + chunk, offset - len(self._rest)
        if not data.isascii():
            place = _first_character(data, max(0, len(self._rest) - _LONGEST))
            self.first = None if place is None else begin + place
        self._rest = data[-_CONTEXT - _LONGEST :]


def _first_character(data: bytes, begin: int) -> int | None:
    """Return the place of the first character from `begin` on that is not one by chance; all of `data` is context."""
    view = np.frombuffer(data + bytes(_LONGEST - 1), np.uint8)
    places = begin + np.flatnonzero(view[begin : len(data)] >= 0xC2)
    following = [view[places + step] for step in range(1, _LONGEST)]
    continues = [(byte & 0xC0) == 0x80 for byte in following]
    followers = [_IS_FOLLOWER[byte] for byte in following]
    whole, by_chance = np.zeros((2, len(places)), bool)
    for low, high, more, least, most in _FORMS:
        first = view[places]
        second = (following[0] >= least) & (following[0] <= most)
        fits = np.logical_and.reduce([(first >= low) & (first <= high), second, *continues[:more]])
        whole |= fits
        by_chance |= fits & np.logical_and.reduce(followers[:more])
    return next(
        (
            place
            for place, doubtful in zip(places[whole].tolist(), by_chance[whole].tolist(), strict=True)
            if not (doubtful and _ends_a_word(data, place))
        ),
        None,
    )


def _ends_a_word(data: bytes, place: int) -> bool:
    """Return whether the byte at `place` can be the last letter of a Portuguese word in Windows-1252."""
    if data[place] != _A_TILDE:
        return data[place] not in _A_CIRCUMFLEX
    if not _ENDS_IN_A_TILDE.match(data, place):
        return False
    before = data[max(0, place - _CONTEXT) : place]
    return data[place + 1] != _CLOSING or before.rfind(_OPENING) > before.rfind(_CLOSING)
