"""Text as it is cleaned and compared: what counts as a blank, as invisible, and as the same name."""

import re
import unicodedata

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters with Unicode's White_Space property. Zero-width characters are not among them.

`str.isspace()` and `\\s` match more: U+001C to U+001F, too.
"""

INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""The invisible characters without meaning in a sale (docs/contract.md, Input). Joiners are not among them."""

_UNSEEN = str.maketrans("", "", INVISIBLE)
_UNIT = re.compile(r"(?<=.)\([^()]*\)(?:[^\w()]|_)*\Z", re.DOTALL)  # at the end of a column's name
_BLANKS = re.compile(f"[{WHITE_SPACE}]+")
_FORMULA = re.compile('="(.*)"', re.DOTALL)  # the formula that makes Excel keep a text that looks like a number
_FORCED_TEXT = re.compile(r"\A'(?=[0-9+\-=@])")  # what users type in Excel for the same purpose


def clean(text: str) -> str:
    """Return the text as a person means it, by the contract's steps in their order.

    Normalize blanks and invisible characters, then remove the formula or apostrophe that Excel puts around a text.
    """
    text = normalize_blanks(text)
    formula = _FORMULA.fullmatch(text)
    text = formula[1].strip(" ") if formula else text
    return _FORCED_TEXT.sub("", text)


def normalize_blanks(text: str) -> str:
    """Return the text without invisible characters, with single blanks and none at the ends, in NFC."""
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", text.translate(_UNSEEN)).strip(" "))


def normalize_name(name: str) -> str:
    """Return what all spellings of a column's name share: letters and digits, without case, accents or a unit."""
    letters = unicodedata.normalize("NFD", _UNIT.sub("", normalize_blanks(name)).casefold())
    return "".join(filter(str.isalnum, letters))


def find_invisible(text: str) -> list[str]:
    """Return the code points (U+200D) of the invisible characters that cleaning leaves in a text, sorted, each once."""
    found = {letter for letter in text.translate(_UNSEEN) if unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cn")}
    return [f"U+{ord(letter):04X}" for letter in sorted(found - set(WHITE_SPACE))]
