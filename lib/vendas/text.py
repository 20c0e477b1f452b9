"""Text shared by all modules: what counts as a blank, and how numbers and times are formatted."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal

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


# U+FFFE and U+FFFF are no characters, and XML has no place for them either.
_PICTURES = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
    | {0x7F: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0xFFFE, 0xFFFF], 0xFFFD)
)


def show_controls(text: str) -> str:
    """Return a text with a picture in place of each control character, but tabs and line feeds.

    A terminal obeys them: they clear the screen, hide text, or set what is pasted. An SVG with one is not shown at all.
    """
    return text.translate(_PICTURES)


_BRAZILIAN = str.maketrans(",.", ".,")
_SCALES = (("tri", 10**12), ("bi", 10**9), ("mi", 10**6), ("mil", 10**3))
_LONG_MONEY, _LONG_COUNT = 10_000, 1_000_000  # from this value on, a number is abbreviated


def format_number(number: float | Decimal, decimals: int = 0) -> str:
    """Format a number as in Brazil: 1.000, with two decimals 1.000,00."""
    return f"{number:,.{decimals}f}".translate(_BRAZILIAN)


def format_value(value: Decimal | int | date) -> str:
    """Format a Decimal as money, R$ 1.234,56; a date or datetime as a day, 31/12/2024; else as a count, 1.234."""
    if isinstance(value, Decimal):
        return f"R$ {format_number(value, 2)}"
    return f"{value:%d/%m/%Y}" if isinstance(value, date) else format_number(value)


def abbreviate(value: Decimal | int | date) -> str:
    """Format as `format_value` does, but a large number with about three digits: R$ 7,81 mi."""
    money = isinstance(value, Decimal)
    if isinstance(value, date) or value < (_LONG_MONEY if money else _LONG_COUNT):
        return format_value(value)
    name, scale = next((name, scale) for name, scale in _SCALES if value >= scale)
    digits = value / scale
    return f"{'R$ ' * money}{format_number(digits, 2 if digits < 10 else 1 if digits < 100 else 0)} {name}"


def drop_zero_decimals(number: str) -> str:
    """Remove decimals that are all zeros: R$ 50 mil for R$ 50,0 mil."""
    return re.sub(r",0+(?!\d)", "", number)


def format_duration(seconds: float) -> str:
    """Format a duration as in Brazil: 4,2 s or 2 min 5 s."""
    if seconds < 59.95:
        return f"{seconds:.1f} s".replace(".", ",")
    minutes, rest = divmod(round(seconds), 60)
    return f"{format_number(minutes)} min {rest} s"


def format_moment(at: datetime, zone: bool = True) -> str:
    """Format a datetime with a zone in this machine's zone, as in Brazil: 31/03/2024 14:05:09 (UTC-03:00)."""
    local = at.astimezone()
    offset = local.strftime("%z")
    return f"{local:%d/%m/%Y %H:%M:%S}" + (f" (UTC{offset[:3]}:{offset[3:5]})" if zone else "")
