"""Text as everybody here reads and writes it: what counts as a blank, and how numbers and times are shown."""

from datetime import datetime

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters with Unicode's White_Space property. Zero-width characters are not among them.

`str.isspace()` and `\\s` are wider: they take U+001C to U+001F too.
"""


def brazilian(number: float) -> str:
    """A whole number as it is written in Brazil: 1.000."""
    return f"{number:,.0f}".replace(",", ".")


def duration(seconds: float) -> str:
    """A stretch of time as it is written in Brazil: 4,2 s or 2 min 5 s."""
    if seconds < 59.95:
        return f"{seconds:.1f} s".replace(".", ",")
    minutes, rest = divmod(round(seconds), 60)
    return f"{brazilian(minutes)} min {rest} s"


def moment(at: datetime, zone: bool = True) -> str:
    """A moment (with a zone) on this machine's clock, as it is written in Brazil: 31/03/2024 14:05:09 (UTC-03:00)."""
    local = at.astimezone()
    offset = local.strftime("%z")
    return f"{local:%d/%m/%Y %H:%M:%S}" + (f" (UTC{offset[:3]}:{offset[3:5]})" if zone else "")
