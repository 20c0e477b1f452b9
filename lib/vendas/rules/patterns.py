"""Regular expressions (RE2) for dates, amounts, percentages, and spoiled telephones, each for a whole clean text."""

# The days that exist from 1990 to 2100, as (day, month, year). 2100 is no leap year.
YEAR = "(?:199[0-9]|20[0-9]{2}|2100)"
LEAP_YEAR = "(?:199[26]|20(?:[02468][048]|[13579][26]))"
CALENDAR = (
    ("(?:0[1-9]|1[0-9]|2[0-8])", "(?:0[1-9]|1[0-2])", YEAR),
    ("(?:29|30)", "(?:0[13-9]|1[0-2])", YEAR),
    ("31", "(?:0[13578]|1[02])", YEAR),
    ("29", "02", LEAP_YEAR),
)


def _either(*expressions: str) -> str:
    return f"(?:{'|'.join(expressions)})"


def _year_first(year: str, month: str = "[0-9]{2}", day: str = "[0-9]{2}") -> str:
    return f"{year}(?:-{month}-|/{month}/){day}"


def _year_last(first: str, second: str, year: str) -> str:
    return rf"{first}(?:/{second}/|-{second}-|\.{second}\.){year}"


ISO_DAY = _either(*(_year_first(year, month, day) for day, month, year in CALENDAR))
BR_DAY = _either(*(_year_last(day, month, year) for day, month, year in CALENDAR))
MONTH_FIRST_DAY = _either(*(_year_last(month, day, year) for day, month, year in CALENDAR))
ISO_DAY_SHAPE, BR_DAY_SHAPE = _year_first("[0-9]{4}"), _year_last("[0-9]{2}", "[0-9]{2}", "[0-9]{4}")
BEHIND_ISO_DAY, BEHIND_BR_DAY = "(?:T|,? |,)", "(?:,? |,)"
TIME = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
TIME_SHAPE = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"


def _moment(iso_day: str, br_day: str, time: str) -> str:
    return _either(f"{iso_day}{BEHIND_ISO_DAY}{time}", f"{br_day}{BEHIND_BR_DAY}{time}")


MOMENT = _moment(ISO_DAY, BR_DAY, TIME)
MOMENT_SHAPE = _moment(ISO_DAY_SHAPE, BR_DAY_SHAPE, TIME_SHAPE)
MOMENT_IN_RANGE = _moment(_year_first(YEAR), _year_last("[0-9]{2}", "[0-9]{2}", YEAR), TIME_SHAPE)
ZONE = " ?(?:[Zz]|UTC|GMT|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?)"

# What Arrow itself parses, and what it parses once the day is moved behind the year and month.
PLAIN_TIME, PLAIN_SECOND = "(?:[01][0-9]|2[0-3]):[0-5][0-9]", ":[0-5][0-9]"
PLAIN_DAY = _either(*(f"{year}-{month}-{day}" for day, month, year in CALENDAR))
PLAIN_MOMENT = rf"{PLAIN_DAY}[ T]{PLAIN_TIME}(?:{PLAIN_SECOND}(?:\.[0-9]{{1,6}})?)?"
PLAIN_BR_DAY = _either(*(f"{day}/{month}/{year}" for day, month, year in CALENDAR))
PLAIN_BR_MOMENT = f"{PLAIN_BR_DAY} {PLAIN_TIME}(?:{PLAIN_SECOND})?"

# Dates which show that a file may have the month first, and dates which then are ambiguous.
BR_MOMENT = f"{BR_DAY}{BEHIND_BR_DAY}{TIME_SHAPE}"
MONTH_FIRST_MOMENT = f"{MONTH_FIRST_DAY}{BEHIND_BR_DAY}{TIME_SHAPE}"
SAME_DAY_BOTH_WAYS = _either(*(f"{number:02}.{number:02}" for number in range(1, 13))) + ".*"

# Groups of thousands are unambiguous if there are at least two, or if decimals follow behind a different sign.
CURRENCY = r"(?:R\$ ?)?"
POINT_AND_COMMA = (r"(?:\.[0-9]{3})", ","), (r"(?:,[0-9]{3})", r"\.")
BLANK_AND_APOSTROPHES = "(?: [0-9]{3})", "(?:'[0-9]{3})", "(?:’[0-9]{3})"
AMOUNT_WITH_ZEROS = "[0-9]+[.,][0-9]{2}00+"
AMOUNT_SHAPE = _either(
    "[0-9]+(?:[.,][0-9]{1,2})?",
    AMOUNT_WITH_ZEROS,
    *(f"[1-9][0-9]{{0,2}}(?:{g}+{point}[0-9]{{1,2}}|{g}{{2,}})" for g, point in POINT_AND_COMMA),
    *(f"[1-9][0-9]{{0,2}}{g}+[.,][0-9]{{1,2}}" for g in BLANK_AND_APOSTROPHES),
)
PLAIN_AMOUNT = r"[0-9]{1,10}(?:\.[0-9]{1,2})?"  # parsed by Arrow itself, and within the limit of VALOR
MINUS = "[-−–—]"  # also the typographic minus, and the dashes that word processors make of a hyphen
AMOUNT_MISSING = rf"(?:R\$)? ?{MINUS}?"
AMOUNT_AMBIGUOUS = "[0-9]+[.,][0-9]{3}"
AMOUNT_WITHOUT_DECIMALS = _either(*(f"[0-9]+{g}+" for g in BLANK_AND_APOSTROPHES))
AMOUNT_MORE_DECIMALS = _either(
    "[0-9]+[.,][0-9]{4,}",
    *(f"[1-9][0-9]{{0,2}}{g}+{point}[0-9]{{3,}}" for g, point in POINT_AND_COMMA),
    *(f"[1-9][0-9]{{0,2}}{g}+[.,][0-9]{{3,}}" for g in BLANK_AND_APOSTROPHES),
)
DIGITS = "[0-9][0-9., '’]*"
AMOUNT_NEGATIVE = _either(
    f"{CURRENCY}{MINUS} ?{CURRENCY}{DIGITS}",
    f"{CURRENCY}{DIGITS}{MINUS}",
    rf"{CURRENCY}\( ?{CURRENCY}{DIGITS}\)",
)
OTHER_CURRENCY = "(?:[A-Za-z]{1,3}|[A-Za-z]{0,2}[$€£¥])"
AMOUNT_IN_CURRENCY = _either(f"{OTHER_CURRENCY} ?{DIGITS}", f"{DIGITS}{OTHER_CURRENCY}")

PERCENT_SIGN = "(?: ?%)?"
PERCENT_SHAPE = "[0-9]+(?:[.,][0-9]+)?"
# Also as databases (`.11`) and spreadsheets (`1,1E-01`) write a fraction, in forms that are no percentage otherwise.
PERCENT_BELOW_ONE = _either(r"\+?0*[.,]0*[1-9][0-9]*", r"\+?[1-9](?:[.,][0-9]+)?[Ee]-0*[1-9][0-9]*")
PERCENT_ONE = "0*1(?:[.,]0+)?"
PERCENT_UP_TO_100 = f"(?:0*[0-9]{{1,2}}(?:[.,][0-9]{{1,2}}0*)?|0*100(?:[.,]0+)?){PERCENT_SIGN}"
PERCENT_MORE_DECIMALS = f"[0-9]+[.,][0-9]{{2}}[0-9]*[1-9][0-9]*{PERCENT_SIGN}"
PERCENT_NEGATIVE = _either(
    f"{MINUS} ?[0-9][0-9.,]*{PERCENT_SIGN}",
    f"[0-9][0-9.,]*{PERCENT_SIGN} ?{MINUS}",
    rf"\([0-9][0-9.,]*{PERCENT_SIGN}\){PERCENT_SIGN}",
)

SCIENTIFIC = "[+-]?[0-9]+(?:[.,][0-9]+)?[Ee][+-]?[0-9]+"  # a telephone that a spreadsheet took for a number
