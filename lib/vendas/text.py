"""Text as everybody here reads and writes it: what counts as a blank, and how a number is shown."""

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
