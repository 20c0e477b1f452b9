r"""Rules of input columns, from Arrow array to Arrow array: what a clean text becomes, or why it is refused.

They come in pairs: `parse_…` returns the typed value, `…_reason` the code of a Reason. For any clean text
(`cleaning.clean_text`) exactly one of the two is null. They convert only what a regular expression accepts, so Arrow
never raises. A cheap expression recognizes texts in the plain form, which most have; only the others take the slower
path. The expressions are RE2's; `[0-9]` is deliberately ASCII only.
"""

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from vendas.arrays import by_distinct, null_elsewhere, where
from vendas.reasons import Reason
from vendas.rules import patterns
from vendas.schema import DESCONTO, TIMESTAMP, VALOR, arrow_schema

MOMENT_TYPE, MONEY_TYPE, FRACTION_TYPE = arrow_schema((TIMESTAMP, VALOR, DESCONTO)).types


def parse_timestamp(moment: pa.StringArray) -> pa.TimestampArray:
    """Parse '2024-03-31T14:05:09.123456789' (cut to microseconds) or '31.03.2024, 9:05' as timestamp[us], no zone."""
    return where(pc.invert(_is(moment, patterns.PLAIN_MOMENT)), _plain_moment, moment, moment).cast(MOMENT_TYPE)


def timestamp_reason(moment: pa.StringArray) -> pa.StringArray:
    """Return why parse_timestamp returns null; a year out of range takes precedence over a day that does not exist."""
    return _first_reason(
        _is(moment, patterns.MOMENT),
        (_is_missing(moment), Reason.TIMESTAMP_AUSENTE),
        (_is(moment, f"{patterns.ISO_DAY_SHAPE}|{patterns.BR_DAY_SHAPE}"), Reason.TIMESTAMP_SEM_HORA),
        (_is(moment, patterns.MOMENT_SHAPE + patterns.ZONE), Reason.TIMESTAMP_COM_FUSO),
        (_is(moment, patterns.MOMENT_IN_RANGE), Reason.TIMESTAMP_IMPOSSIVEL),
        (_is(moment, patterns.MOMENT_SHAPE), Reason.TIMESTAMP_FORA_DO_INTERVALO),
        otherwise=Reason.TIMESTAMP_INVALIDO,
    )


def shows_month_first(moment: pa.StringArray) -> pa.BooleanArray:
    """Return whether the date exists with the month first but not with the day first."""
    return pc.and_not(_is(moment, patterns.MONTH_FIRST_MOMENT), _is(moment, patterns.BR_MOMENT))


def is_another_day_month_first(moment: pa.StringArray) -> pa.BooleanArray:
    """Return whether the date exists with the day first and is a different date with the month first."""
    both = pc.and_(_is(moment, patterns.BR_MOMENT), _is(moment, patterns.MONTH_FIRST_MOMENT))
    return pc.and_not(both, _is(moment, patterns.SAME_DAY_BOTH_WAYS))


def parse_valor(amount: pa.StringArray) -> pa.Decimal128Array:
    """Parse '50', '1234,56', 'R$ 1.234,56', "1'234.56" or '59.9000' as decimal(12,2) reais."""
    return by_distinct(_valor, amount)


def valor_reason(amount: pa.StringArray) -> pa.StringArray:
    """Return why parse_valor returns null."""
    return _first_reason(
        _plain_amount(amount).is_valid(),
        (_is(amount, patterns.AMOUNT_MISSING), Reason.VALOR_AUSENTE),
        (_is(amount, patterns.AMOUNT_NEGATIVE), Reason.VALOR_NEGATIVO),
        (_is(amount, patterns.CURRENCY + patterns.AMOUNT_AMBIGUOUS), Reason.VALOR_AMBIGUO),
        (_is(amount, patterns.CURRENCY + patterns.AMOUNT_WITHOUT_DECIMALS), Reason.VALOR_SEM_CENTAVOS),
        (_is(amount, patterns.CURRENCY + patterns.AMOUNT_SHAPE), Reason.VALOR_FORA_DO_LIMITE),
        (_is(amount, patterns.CURRENCY + patterns.AMOUNT_MORE_DECIMALS), Reason.VALOR_CASAS_DECIMAIS),
        (pc.and_not(_is(amount, patterns.AMOUNT_IN_CURRENCY), pc.starts_with(amount, "R$")), Reason.VALOR_MOEDA),
        otherwise=Reason.VALOR_INVALIDO,
    )


def parse_desconto(percent: pa.StringArray) -> pa.Decimal128Array:
    """Parse '11%', '11' and '5,5 %' as the fractions 0.1100, 0.1100 and 0.0550 in decimal(5,4); empty becomes 0."""
    return by_distinct(_desconto, percent)


def desconto_reason(percent: pa.StringArray) -> pa.StringArray:
    """Return why parse_desconto returns null; below 1 without '%' takes precedence over too many decimals."""
    return _first_reason(
        _plain_percent(percent).is_valid(),
        (_is(percent, patterns.PERCENT_NEGATIVE), Reason.DESCONTO_NEGATIVO),
        (_is(percent, patterns.PERCENT_BELOW_ONE), Reason.DESCONTO_AMBIGUO),
        (_is(percent, patterns.PERCENT_MORE_DECIMALS), Reason.DESCONTO_CASAS_DECIMAIS),
        (_is(percent, patterns.PERCENT_SHAPE + patterns.PERCENT_SIGN), Reason.DESCONTO_ACIMA_DE_100),
        otherwise=Reason.DESCONTO_INVALIDO,
    )


def shows_fraction(percent: pa.StringArray) -> pa.BooleanArray:
    """Return whether the discount is above 0 and below 1 without '%', as a fraction is written."""
    return _is(percent, patterns.PERCENT_BELOW_ONE)


def is_one_without_sign(percent: pa.StringArray) -> pa.BooleanArray:
    """Return whether the discount is exactly 1 without '%': 1 %, or 100 % where fractions are written."""
    return _is(percent, patterns.PERCENT_ONE)


def texto_reason(*cleaned: tuple[pa.StringArray, int]) -> pa.StringArray:
    """Return why a row's cleaned texts cannot be kept: one has more bytes in UTF-8 than given beside it."""
    excess = pc.max_element_wise(*(pc.subtract(pc.binary_length(text), max_bytes) for text, max_bytes in cleaned))
    return null_elsewhere(pc.greater(excess, 0), pa.repeat(Reason.TEXTO_LONGO.value, len(excess)))


def _plain_moment(moment: pa.StringArray) -> pa.StringArray:
    """Return the timestamp in the form of patterns.PLAIN_MOMENT; null if the text is no timestamp."""
    turned = pc.replace_substring_regex(moment, "^([0-9]{2})/([0-9]{2})/([0-9]{4})", r"\3-\2-\1")
    return where(pc.invert(_is(moment, patterns.PLAIN_BR_MOMENT)), _any_moment, moment, turned)


def _any_moment(moment: pa.StringArray) -> pa.StringArray:
    plain = null_elsewhere(_is(moment, patterns.MOMENT), moment)
    for written, instead in (
        (r"^([0-9]{2}).([0-9]{2}).([0-9]{4})", r"\3-\2-\1"),
        (r"^([0-9]{4})/([0-9]{2})/", r"\1-\2-"),
        (r"^(.{10})(?:T|,? |,)", r"\1 "),
        (r"^(.{11})([0-9]:)", r"\10\2"),
        (",", "."),
    ):
        plain = pc.replace_substring_regex(plain, written, instead)
    return pc.utf8_slice_codeunits(plain, 0, len("yyyy-MM-dd HH:mm:ss.ffffff"))


def _valor(amount: pa.StringArray) -> pa.Decimal128Array:
    return where(pc.invert(_is(amount, patterns.PLAIN_AMOUNT)), _plain_amount, amount, amount).cast(MONEY_TYPE)


def _plain_amount(amount: pa.StringArray) -> pa.StringArray:
    """Return the amount in the form of patterns.PLAIN_AMOUNT; null if it has no such form."""
    number = pc.replace_substring_regex(amount, rf"^({patterns.CURRENCY}[0-9]+[.,][0-9]{{2}})00+$", r"\1")
    number = pc.replace_substring_regex(number, r"^R\$ ?|[., '’]([0-9]{3})", r"\1")
    number = pc.replace_substring(number, ",", ".")
    readable = pc.and_(
        _is(amount, patterns.CURRENCY + patterns.AMOUNT_SHAPE), _is(number, f"0*{patterns.PLAIN_AMOUNT}")
    )
    return null_elsewhere(readable, _last(number, "9999999999.99"))


def _desconto(percent: pa.StringArray) -> pa.Decimal128Array:
    points = _plain_percent(percent).cast(pa.decimal128(5, 2))
    return pc.multiply(points, pa.scalar(Decimal("0.01"))).cast(FRACTION_TYPE)


def _plain_percent(percent: pa.StringArray) -> pa.StringArray:
    """Return the percentage in the form that Arrow parses; null if it has no such form."""
    number = pc.replace_substring(pc.utf8_rtrim(percent, characters="% "), ",", ".")
    number = pc.replace_substring_regex(number, r"(\.[0-9]{2})0+$", r"\1")
    readable = pc.and_not(_is(percent, patterns.PERCENT_UP_TO_100), _is(percent, patterns.PERCENT_BELOW_ONE))
    return pc.if_else(_is_missing(percent), "0", null_elsewhere(readable, _last(number, "100.00")))


def _is_missing(cleaned: pa.StringArray) -> pa.BooleanArray:
    return pc.fill_null(pc.equal(cleaned, ""), True)


def _is(text: pa.StringArray, pattern: str) -> pa.BooleanArray:
    """Return whether the whole text matches the pattern; False for a null."""
    return pc.fill_null(pc.match_substring_regex(text, rf"^(?:{pattern})\z"), False)


def _last(number: pa.StringArray, widest: str) -> pa.StringArray:
    """Return the number without the leading zeros that make it longer than its widest form."""
    return pc.utf8_slice_codeunits(number, -len(widest))


def _first_reason(
    accepted: pa.BooleanArray, *cases: tuple[pa.BooleanArray, Reason], otherwise: Reason
) -> pa.StringArray:
    """Return the reason of the first case that holds; null for an accepted text."""
    reasons = pa.repeat(otherwise.value, len(accepted))
    for case, reason in reversed(cases):
        reasons = pc.if_else(case, reason.value, reasons)
    return null_elsewhere(pc.invert(accepted), reasons)
