r"""The contract's rules, Column → Column: what text becomes, and why it may not.

The rules of input columns come in pairs: `parse_…` gives the typed value, `…_reason` the Reason's code, and for any
text exactly one of the two is null. Both trim Unicode white space first, decide by the same regular expression, and
convert only what it accepts, so that Spark never raises, whatever spark.sql.ansi.enabled is.

The expressions are Java's. `[0-9]` is ASCII on purpose; repeated groups have a fixed length, for others recurse and
overflow the stack on a long text.
"""

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

from vendas.reasons import Reason
from vendas.schema import DESCONTO, MAX_TEXT_BYTES, MISSING, TIMESTAMP, VALOR
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


MOMENT = _moment(ISO_DAY, BR_DAY, time="(?:[01][0-9]|2[0-3]):[0-5][0-9]", second=":[0-5][0-9]")
MOMENT_SHAPE = _moment(ISO_DAY_SHAPE, BR_DAY_SHAPE, time="[0-9]{2}:[0-9]{2}", second=":[0-9]{2}")
MOMENT_IN_RANGE = f"(?=(?:.{{6}})?{YEAR}[- ]){MOMENT_SHAPE}"  # the year begins the text, or follows dd/MM/
ZONE = " ?(?:[Zz]|UTC|GMT|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?)"

# Thousands' groups are unmistakable where they are at least two, or where decimals follow the other separator.
CURRENCY = rf"(?:R\${BLANKS})?"
GROUPS_AND_POINT = (r"(?:\.[0-9]{3})", ","), (r"(?:,[0-9]{3})", r"\.")
AMOUNT_SHAPE = "|".join(
    ["[0-9]+(?:[.,][0-9]{1,2})?"]
    + [f"[1-9][0-9]{{0,2}}(?:{g}+{point}[0-9]{{1,2}}|{g}{{2,}})" for g, point in GROUPS_AND_POINT]
)
AMOUNT_TOO_LARGE = "0*[1-9][0-9]{10}|[0-9]{2,3}(?:[.,][0-9]{3}){3}|[0-9](?:[.,][0-9]{3}){4}"  # over ten whole digits
AMOUNT = f"(?!{AMOUNT_TOO_LARGE})(?:{AMOUNT_SHAPE})"
AMOUNT_AMBIGUOUS = "[0-9]+[.,][0-9]{3}"
AMOUNT_MORE_DECIMALS = "|".join(
    ["[0-9]+[.,][0-9]{4,}"] + [f"[1-9][0-9]{{0,2}}{g}+{point}[0-9]{{3,}}" for g, point in GROUPS_AND_POINT]
)
AMOUNT_NEGATIVE = f"-{BLANKS}{CURRENCY}[0-9][0-9.,]*"

PERCENT_SIGN = f"(?:{BLANKS}%)?"
PERCENT_SHAPE = "[0-9]+(?:[.,][0-9]+)?"
PERCENT_BELOW_ONE = "0+[.,](?=0*[1-9])[0-9]+"
PERCENT = f"(?:(?!{PERCENT_BELOW_ONE}\\z)0*[0-9]{{1,2}}(?:[.,][0-9]{{1,2}})?|0*100(?:[.,]0{{1,2}})?){PERCENT_SIGN}"
PERCENT_MORE_DECIMALS = f"[0-9]+[.,][0-9]{{3,}}{PERCENT_SIGN}"
PERCENT_NEGATIVE = f"-{BLANKS}[0-9][0-9.,]*{PERCENT_SIGN}"

A_HUNDREDTH = Decimal("0.01")

# The parts of the day, in its order, each with the hour it begins at.
TURNOS = {"Madrugada": 0, "Manhã": 6, "Tarde": 12, "Noite": 18}


def clean_text(text: Column, default: str) -> Column:
    """The text without white space around it; null or nothing left becomes the default."""
    trimmed = F.btrim(text, F.lit(WHITE_SPACE))
    return F.when(_is_tidy(text), text).when(trimmed != "", trimmed).otherwise(default)


def parse_timestamp(text: Column) -> Column:
    """'2024-03-31T14:05:09.123456789' (cut to microseconds), '31/03/2024 14:05' as timestamp_ntz."""
    moment = _trimmed(text)
    day, time = moment.substr(1, 10), moment.substr(11, len(" HH:mm:ss.ffffff"))
    iso_day = F.concat_ws("-", day.substr(7, 4), day.substr(4, 2), day.substr(1, 2))
    iso = F.concat(F.when(day.substr(3, 1) == "/", iso_day).otherwise(day), time)
    return F.when(_is(moment, MOMENT), iso.cast(TIMESTAMP.type))


def timestamp_reason(text: Column) -> Column:
    """Why parse_timestamp gives null; a year out of range is told before a day that does not exist."""
    moment = _trimmed(text)
    return _first_reason(
        (_is(moment, MOMENT), None),
        (_is_missing(moment), Reason.TIMESTAMP_AUSENTE),
        (_is(moment, f"{ISO_DAY_SHAPE}|{BR_DAY_SHAPE}"), Reason.TIMESTAMP_SEM_HORA),
        (_is(moment, MOMENT_SHAPE + ZONE), Reason.TIMESTAMP_COM_FUSO),
        (_is(moment, MOMENT_IN_RANGE), Reason.TIMESTAMP_IMPOSSIVEL),
        (_is(moment, MOMENT_SHAPE), Reason.TIMESTAMP_FORA_DO_INTERVALO),
        otherwise=Reason.TIMESTAMP_INVALIDO,
    )


def parse_valor(text: Column) -> Column:
    """'50', '1234,56', 'R$ 1.234,56', '1,234,567' as decimal(12,2) reais."""
    amount = _trimmed(text)
    number = F.translate(F.regexp_replace(amount, rf"^R\${BLANKS}|[.,](?=[0-9]{{3}})", ""), ",", ".")
    return F.when(_is(amount, CURRENCY + f"(?:{AMOUNT})"), _last(number, "9999999999.99").cast(VALOR.type))


def valor_reason(text: Column) -> Column:
    """Why parse_valor gives null."""
    amount = _trimmed(text)
    return _first_reason(
        (_is(amount, CURRENCY + f"(?:{AMOUNT})"), None),
        (_is_missing(amount), Reason.VALOR_AUSENTE),
        (_is(amount, CURRENCY + AMOUNT_NEGATIVE), Reason.VALOR_NEGATIVO),
        (_is(amount, CURRENCY + AMOUNT_AMBIGUOUS), Reason.VALOR_AMBIGUO),
        (_is(amount, CURRENCY + f"(?:{AMOUNT_MORE_DECIMALS})"), Reason.VALOR_CASAS_DECIMAIS),
        (_is(amount, CURRENCY + f"(?:{AMOUNT_SHAPE})"), Reason.VALOR_FORA_DO_LIMITE),
        otherwise=Reason.VALOR_INVALIDO,
    )


def parse_desconto(text: Column) -> Column:
    """'11%', '11' and '5,5 %' become the fractions 0.1100, 0.1100 and 0.0550 as decimal(5,4); empty becomes 0."""
    percent = _trimmed(text)
    points = _last(F.translate(percent, f",%{WHITE_SPACE}", "."), "100.00").cast("decimal(5,2)")
    return (
        F.when(_is_missing(percent), F.lit(Decimal(0)))
        .when(_is(percent, PERCENT), points * A_HUNDREDTH)
        .cast(DESCONTO.type)
    )


def desconto_reason(text: Column) -> Column:
    """Why parse_desconto gives null; between 0 and 1 without '%' is told before too many decimals."""
    percent = _trimmed(text)
    return _first_reason(
        (_is_missing(percent) | _is(percent, PERCENT), None),
        (_is(percent, PERCENT_NEGATIVE), Reason.DESCONTO_NEGATIVO),
        (_is(percent, PERCENT_BELOW_ONE), Reason.DESCONTO_AMBIGUO),
        (_is(percent, PERCENT_MORE_DECIMALS), Reason.DESCONTO_CASAS_DECIMAIS),
        (_is(percent, PERCENT_SHAPE + PERCENT_SIGN), Reason.DESCONTO_ACIMA_DE_100),
        otherwise=Reason.DESCONTO_INVALIDO,
    )


def texto_reason(cleaned: Column) -> Column:
    """Why a cleaned text cannot be kept: more than MAX_TEXT_BYTES in UTF-8."""
    return F.when(F.octet_length(cleaned) > MAX_TEXT_BYTES, Reason.TEXTO_LONGO.value)


def turno(timestamp: Column) -> Column:
    """The part of the day: the last of TURNOS that has begun."""
    hour = F.hour(timestamp)
    return F.coalesce(*(F.when(hour >= first, name) for name, first in reversed(TURNOS.items())))


def nome_completo(nome: Column, sobrenome: Column) -> Column:
    """Cleaned first name and surname, a missing one left out; both missing: MISSING."""
    known = F.concat_ws(" ", F.when(nome != MISSING, nome), F.when(sobrenome != MISSING, sobrenome))
    return clean_text(known, MISSING)


def email(cleaned: Column) -> Column:
    """The cleaned e-mail in lower case; a missing one stays MISSING."""
    return F.when(cleaned == MISSING, MISSING).otherwise(F.lower(cleaned))


def dominio_email(cleaned: Column) -> Column:
    """What follows the last '@' of the lower-cased e-mail; nothing there, or no '@': MISSING."""
    address = email(cleaned)
    domain = F.when(address.contains("@"), F.substring_index(address, "@", -1))
    return F.when(domain != "", domain).otherwise(MISSING)


def valor_com_desconto(valor: Column, desconto: Column) -> Column:
    """valor × (1 − desconto), rounded half up to cents; exact decimals throughout."""
    return F.round(valor * (F.lit(Decimal(1)) - desconto), 2).cast(VALOR.type)


def _trimmed(text: Column) -> Column:
    return F.when(_is_tidy(text), text).otherwise(F.btrim(text, F.lit(WHITE_SPACE)))


def _is_tidy(text: Column) -> Column:
    """Whether first and last character are visible ASCII: true for most texts, and far cheaper than trimming them."""
    return text.between("!", "~") & text.substr(-1, 1).between("!", "~")


def _is_missing(trimmed: Column) -> Column:
    return F.coalesce(trimmed, F.lit("")) == ""


def _is(text: Column, pattern: str) -> Column:
    """Whether all of the text is of that pattern."""
    return text.rlike(rf"^(?:{pattern})\z")  # `$` would let a line end follow


def _last(number: Column, widest: str) -> Column:
    """The number without what stands before its widest form: zeros, any amount of them."""
    return number.substr(-len(widest), len(widest))


def _first_reason(*cases: tuple[Column, Reason | None], otherwise: Reason) -> Column:
    """The reason of the first case that holds."""
    (accepted, _), *refusals = cases
    reasons = F.when(accepted, F.lit(None))
    for case, reason in refusals:
        reasons = reasons.when(case, reason.value)
    return reasons.otherwise(otherwise.value)
