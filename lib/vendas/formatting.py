"""Text as it is shown to people: numbers and times as in Brazil, control characters as pictures.

Nothing in a row of the lake depends on it, so it is no part of the rules' fingerprint, as `vendas.text` is.
"""

import re
from datetime import date, datetime
from decimal import Decimal

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


def format_counted(count: int, noun: str) -> str:
    """Format a count of things with an English noun: 1 row, 1.000 rows."""
    return f"{format_number(count)} {noun}{'s' * (count != 1)}"


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
