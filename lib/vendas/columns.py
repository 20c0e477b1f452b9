r"""The contract's rules, Arrow array → Arrow array: what text becomes, and why it may not.

The rules of input columns come in pairs: `parse_…` gives the typed value, `…_reason` the Reason's code, and for any
text (null is an empty one) exactly one of the two is null. Both trim Unicode white space first, and convert only what
a regular expression accepts, so that Arrow never raises. A cheap expression tells what is written plainly, as most
texts are; the others are looked at by themselves. The expressions are RE2's; `[0-9]` is ASCII on purpose.
"""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from vendas.arrays import by_distinct, only, where
from vendas.reasons import Reason
from vendas.schema import DESCONTO, MAX_TEXT_BYTES, MISSING, TIMESTAMP, VALOR, arrow
from vendas.text import WHITE_SPACE

BLANKS = f"[{WHITE_SPACE}]*"

# The days that exist from FIRST_YEAR to LAST_YEAR, as (day, month, year); 2100 is no leap year.
YEAR = "(?:199[0-9]|20[0-9]{2}|2100)"
LEAP_YEAR = "(?:199[26]|20(?:[02468][048]|[13579][26]))"
CALENDAR = (
    ("(?:0[1-9]|1[0-9]|2[0-8])", "(?:0[1-9]|1[0-2])", YEAR),
    ("(?:29|30)", "(?:0[13-9]|1[0-2])", YEAR),
    ("31", "(?:0[13578]|1[02])", YEAR),
    ("29", "02", LEAP_YEAR),
)
ISO_DAY = "(?:" + "|".join(f"{year}-{month}-{day}" for day, month, year in CALENDAR) + ")"
BR_DAY = "(?:" + "|".join(f"{day}/{month}/{year}" for day, month, year in CALENDAR) + ")"
ISO_DAY_SHAPE, BR_DAY_SHAPE = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "[0-9]{2}/[0-9]{2}/[0-9]{4}"


def _moment(iso_day: str, br_day: str, time: str, second: str) -> str:
    return rf"(?:{iso_day}[ T]{time}(?:{second}(?:\.[0-9]+)?)?|{br_day} {time}(?:{second})?)"


TIME, SECOND = "(?:[01][0-9]|2[0-3]):[0-5][0-9]", ":[0-5][0-9]"
MOMENT = _moment(ISO_DAY, BR_DAY, TIME, SECOND)
PLAIN_MOMENT = rf"{ISO_DAY}[ T]{TIME}(?:{SECOND}(?:\.[0-9]{{1,6}})?)?"  # as Arrow itself reads it
TIME_SHAPE, SECOND_SHAPE = "[0-9]{2}:[0-9]{2}", ":[0-9]{2}"
MOMENT_SHAPE = _moment(ISO_DAY_SHAPE, BR_DAY_SHAPE, TIME_SHAPE, SECOND_SHAPE)
MOMENT_IN_RANGE = _moment(f"{YEAR}-[0-9]{{2}}-[0-9]{{2}}", f"[0-9]{{2}}/[0-9]{{2}}/{YEAR}", TIME_SHAPE, SECOND_SHAPE)
ZONE = " ?(?:[Zz]|UTC|GMT|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?)"

# Thousands' groups are unmistakable where they are at least two, or where decimals follow the other separator.
CURRENCY = rf"(?:R\${BLANKS})?"
GROUPS_AND_POINT = (r"(?:\.[0-9]{3})", ","), (r"(?:,[0-9]{3})", r"\.")
AMOUNT_SHAPE = "|".join(
    ["[0-9]+(?:[.,][0-9]{1,2})?"]
    + [f"[1-9][0-9]{{0,2}}(?:{g}+{point}[0-9]{{1,2}}|{g}{{2,}})" for g, point in GROUPS_AND_POINT]
)
PLAIN_AMOUNT = r"[0-9]{1,10}(?:\.[0-9]{1,2})?"  # as Arrow itself reads it, and within VALOR's limit
AMOUNT_AMBIGUOUS = "[0-9]+[.,][0-9]{3}"
AMOUNT_MORE_DECIMALS = "|".join(
    ["[0-9]+[.,][0-9]{4,}"] + [f"[1-9][0-9]{{0,2}}{g}+{point}[0-9]{{3,}}" for g, point in GROUPS_AND_POINT]
)
AMOUNT_NEGATIVE = f"-{BLANKS}{CURRENCY}[0-9][0-9.,]*"

PERCENT_SIGN = f"(?:{BLANKS}%)?"
PERCENT_SHAPE = "[0-9]+(?:[.,][0-9]+)?"
PERCENT_BELOW_ONE = "0+[.,]0*[1-9][0-9]*"
PERCENT_UP_TO_100 = f"(?:0*[0-9]{{1,2}}(?:[.,][0-9]{{1,2}})?|0*100(?:[.,]0{{1,2}})?){PERCENT_SIGN}"
PERCENT_MORE_DECIMALS = f"[0-9]+[.,][0-9]{{3,}}{PERCENT_SIGN}"
PERCENT_NEGATIVE = f"-{BLANKS}[0-9][0-9.,]*{PERCENT_SIGN}"

MOMENT_TYPE, MONEY_TYPE, FRACTION_TYPE = arrow((TIMESTAMP, VALOR, DESCONTO)).types

# The parts of the day, in its order, each with the hour it begins at.
TURNOS = {"Madrugada": 0, "Manhã": 6, "Tarde": 12, "Noite": 18}


def clean_text(text: pa.StringArray, default: str) -> pa.StringArray:
    """The text without white space around it; null or nothing left becomes the default."""
    trimmed = _trimmed(text)
    missing = _is_missing(trimmed)
    return pc.if_else(missing, default, trimmed) if pc.any(missing).as_py() else trimmed


def parse_timestamp(text: pa.StringArray) -> pa.TimestampArray:
    """'2024-03-31T14:05:09.123456789' (cut to microseconds), '31/03/2024 14:05' as timestamp[us], without a zone."""
    moment = _trimmed(text)
    return where(pc.invert(_is(moment, PLAIN_MOMENT)), _plain_moment, moment, moment).cast(MOMENT_TYPE)


def timestamp_reason(text: pa.StringArray) -> pa.StringArray:
    """Why parse_timestamp gives null; a year out of range is told before a day that does not exist."""
    moment = _trimmed(text)
    return _first_reason(
        _is(moment, MOMENT),
        (_is_missing(moment), Reason.TIMESTAMP_AUSENTE),
        (_is(moment, f"{ISO_DAY_SHAPE}|{BR_DAY_SHAPE}"), Reason.TIMESTAMP_SEM_HORA),
        (_is(moment, MOMENT_SHAPE + ZONE), Reason.TIMESTAMP_COM_FUSO),
        (_is(moment, MOMENT_IN_RANGE), Reason.TIMESTAMP_IMPOSSIVEL),
        (_is(moment, MOMENT_SHAPE), Reason.TIMESTAMP_FORA_DO_INTERVALO),
        otherwise=Reason.TIMESTAMP_INVALIDO,
    )


def parse_valor(text: pa.StringArray) -> pa.Decimal128Array:
    """'50', '1234,56', 'R$ 1.234,56', '1,234,567' as decimal(12,2) reais."""
    return by_distinct(_valor, text)


def valor_reason(text: pa.StringArray) -> pa.StringArray:
    """Why parse_valor gives null."""
    amount = _trimmed(text)
    return _first_reason(
        _plain_amount(amount).is_valid(),
        (_is_missing(amount), Reason.VALOR_AUSENTE),
        (_is(amount, CURRENCY + AMOUNT_NEGATIVE), Reason.VALOR_NEGATIVO),
        (_is(amount, CURRENCY + AMOUNT_AMBIGUOUS), Reason.VALOR_AMBIGUO),
        (_is(amount, CURRENCY + f"(?:{AMOUNT_MORE_DECIMALS})"), Reason.VALOR_CASAS_DECIMAIS),
        (_is(amount, CURRENCY + f"(?:{AMOUNT_SHAPE})"), Reason.VALOR_FORA_DO_LIMITE),
        otherwise=Reason.VALOR_INVALIDO,
    )


def parse_desconto(text: pa.StringArray) -> pa.Decimal128Array:
    """'11%', '11' and '5,5 %' become the fractions 0.1100, 0.1100 and 0.0550 as decimal(5,4); empty becomes 0."""
    return by_distinct(_desconto, text)


def desconto_reason(text: pa.StringArray) -> pa.StringArray:
    """Why parse_desconto gives null; between 0 and 1 without '%' is told before too many decimals."""
    percent = _trimmed(text)
    return _first_reason(
        _plain_percent(percent).is_valid(),
        (_is(percent, PERCENT_NEGATIVE), Reason.DESCONTO_NEGATIVO),
        (_is(percent, PERCENT_BELOW_ONE), Reason.DESCONTO_AMBIGUO),
        (_is(percent, PERCENT_MORE_DECIMALS), Reason.DESCONTO_CASAS_DECIMAIS),
        (_is(percent, PERCENT_SHAPE + PERCENT_SIGN), Reason.DESCONTO_ACIMA_DE_100),
        otherwise=Reason.DESCONTO_INVALIDO,
    )


def texto_reason(*cleaned: pa.StringArray) -> pa.StringArray:
    """Why a row's cleaned texts cannot be kept: one has more than MAX_TEXT_BYTES in UTF-8."""
    longest = pc.max_element_wise(*map(pc.binary_length, cleaned))
    return only(pc.greater(longest, MAX_TEXT_BYTES), pa.repeat(Reason.TEXTO_LONGO.value, len(longest)))


def turno(timestamp: pa.TimestampArray) -> pa.StringArray:
    """The part of the day: the last of TURNOS that has begun."""
    by_hour = [[name for name, first in TURNOS.items() if first <= hour][-1] for hour in range(24)]
    return pa.array(by_hour).take(pc.hour(timestamp))


def nome_completo(nome: pa.StringArray, sobrenome: pa.StringArray) -> pa.StringArray:
    """Cleaned first name and surname, a missing one left out; both missing: MISSING."""
    both = pc.binary_join_element_wise(nome, sobrenome, " ")
    return pc.if_else(pc.equal(nome, MISSING), sobrenome, pc.if_else(pc.equal(sobrenome, MISSING), nome, both))


def email(cleaned: pa.StringArray) -> pa.StringArray:
    """The cleaned e-mail in lower case; a missing one stays MISSING."""
    beyond_ascii = pc.not_equal(pc.utf8_length(cleaned), pc.binary_length(cleaned))
    return where(beyond_ascii, _lower, cleaned, pc.ascii_lower(cleaned))


def dominio_email(cleaned: pa.StringArray) -> pa.StringArray:
    """What follows the last '@' of the lower-cased e-mail; nothing there, or no '@': MISSING."""
    parts = pc.split_pattern(email(cleaned), "@", max_splits=1, reverse=True)
    last = parts.values.take(pc.subtract(parts.offsets[1:], 1))
    return pc.if_else(pc.or_(pc.equal(pc.list_value_length(parts), 1), pc.equal(last, "")), MISSING, last)


def valor_com_desconto(valor: pa.Decimal128Array, desconto: pa.Decimal128Array) -> pa.Decimal128Array:
    """valor × (1 − desconto), rounded half up to cents; exact decimals throughout."""
    exact = pc.multiply(valor, pc.subtract(pa.scalar(Decimal(1)), desconto))
    return pc.round(exact, 2, round_mode="half_towards_infinity").cast(MONEY_TYPE)


def _plain_moment(moment: pa.StringArray) -> pa.StringArray:
    """The moment as PLAIN_MOMENT; null where it is none."""
    iso = pc.replace_substring_regex(moment, "^([0-9]{2})/([0-9]{2})/([0-9]{4})", r"\3-\2-\1")
    return only(_is(moment, MOMENT), pc.utf8_slice_codeunits(iso, 0, len("yyyy-MM-dd HH:mm:ss.ffffff")))


def _valor(text: pa.StringArray) -> pa.Decimal128Array:
    amount = _trimmed(text)
    return where(pc.invert(_is(amount, PLAIN_AMOUNT)), _plain_amount, amount, amount).cast(MONEY_TYPE)


def _plain_amount(amount: pa.StringArray) -> pa.StringArray:
    """The amount as PLAIN_AMOUNT; null where it cannot be read so."""
    number = pc.replace_substring_regex(amount, rf"^R\${BLANKS}|[.,]([0-9]{{3}})", r"\1")
    number = pc.replace_substring(number, ",", ".")
    readable = pc.and_(_is(amount, f"{CURRENCY}(?:{AMOUNT_SHAPE})"), _is(number, f"0*{PLAIN_AMOUNT}"))
    return only(readable, _last(number, "9999999999.99"))


def _desconto(text: pa.StringArray) -> pa.Decimal128Array:
    points = _plain_percent(_trimmed(text)).cast(pa.decimal128(5, 2))
    return pc.multiply(points, pa.scalar(Decimal("0.01"))).cast(FRACTION_TYPE)


def _plain_percent(percent: pa.StringArray) -> pa.StringArray:
    """The percent points as Arrow reads a number; null where they cannot be read so."""
    number = pc.replace_substring(pc.utf8_rtrim(percent, characters=f"%{WHITE_SPACE}"), ",", ".")
    readable = pc.and_not(_is(percent, PERCENT_UP_TO_100), _is(percent, PERCENT_BELOW_ONE))
    return pc.if_else(_is_missing(percent), "0", only(readable, _last(number, "100.00")))


def _lower(text: pa.StringArray) -> pa.StringArray:
    # Arrow's utf8_lower maps a character to one character; the lower case of İ, or of a Σ that ends a word, is not so.
    return pa.array([one if one == MISSING else one.lower() for one in text.to_pylist()], pa.string())


def _trimmed(text: pa.StringArray) -> pa.StringArray:
    return pc.utf8_trim(text, characters=WHITE_SPACE)


def _is_missing(trimmed: pa.StringArray) -> pa.BooleanArray:
    return pc.fill_null(pc.equal(trimmed, ""), True)


def _is(text: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """Whether all of the text is of that pattern; a null is of none."""
    return pc.fill_null(pc.match_substring_regex(text, rf"^(?:{pattern})\z"), False)


def _last(number: pa.StringArray, widest: str) -> pa.StringArray:
    """The number without what stands before its widest form: zeros, any amount of them."""
    return pc.utf8_slice_codeunits(number, -len(widest))


def _first_reason(
    accepted: pa.BooleanArray, *cases: tuple[pa.BooleanArray, Reason], otherwise: Reason
) -> pa.StringArray:
    """The reason of the first case that holds; null for an accepted text."""
    reasons = pa.repeat(otherwise.value, len(accepted))
    for case, reason in reversed(cases):
        reasons = pc.if_else(case, reason.value, reasons)
    return only(pc.invert(accepted), reasons)
