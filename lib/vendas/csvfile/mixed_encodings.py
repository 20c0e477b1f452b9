"""Detection of UTF-8 characters among bytes that are not all UTF-8, which shows that a file mixes encodings."""

import numpy as np

FOLLOWERS = "…’”–—™›»®\u00a0"
"""Characters that often follow a letter in Windows-1252 text. A capital such as Ã and one of these (`MAÇÃ”`) have the
bytes of a UTF-8 character by chance, so they do not prove UTF-8.
"""

_IS_FOLLOWER = np.zeros(256, bool)
_IS_FOLLOWER[list(FOLLOWERS.encode("cp1252"))] = True
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
        self._rest = b""  # the last bytes of the chunks before, since a character may begin there

    def add(self, chunk: bytes, offset: int) -> None:
        """Search the chunk that begins at this offset, unless a character was found before."""
        if self.first is not None or (chunk.isascii() and self._rest.isascii()):
            self._rest = b""
            return
        data, begin = self._rest + chunk, offset - len(self._rest)
        place = _first_character(data)
        if place is not None:
            self.first = begin + place
        self._rest = data[1 - _LONGEST :]


def _first_character(data: bytes) -> int | None:
    view = np.frombuffer(data + bytes(_LONGEST - 1), np.uint8)
    places = np.flatnonzero(view[: len(data)] >= 0xC2)
    following = [view[places + step] for step in range(1, _LONGEST)]
    continues = [(byte & 0xC0) == 0x80 for byte in following]
    by_chance = [_IS_FOLLOWER[byte] for byte in following]
    found = np.zeros(len(places), bool)
    for low, high, more, least, most in _FORMS:
        first = view[places]
        second = (following[0] >= least) & (following[0] <= most)
        whole = np.logical_and.reduce([(first >= low) & (first <= high), second, *continues[:more]])
        found |= whole & ~np.logical_and.reduce(by_chance[:more])
    return int(places[np.argmax(found)]) if found.any() else None
