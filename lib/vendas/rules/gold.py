"""Gold: silver's sales in business columns, and the rules of the derived ones. Pure: one row in, one row out."""

from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import where
from vendas.declaration_types import Carried, Derived, check_rules
from vendas.rules.anonymized import is_token
from vendas.schema import MISSING

GOLD_SCHEMA = schema.arrow_schema(schema.GOLD_COLUMNS)
_MONEY_TYPE = schema.arrow_schema((schema.VALOR,)).field(0).type

# The parts of the day in order, each with the hour at which it begins.
TURNOS = {"Madrugada": 0, "Manhã": 6, "Tarde": 12, "Noite": 18}


def turno(timestamp: pa.TimestampArray) -> pa.StringArray:
    """Return the part of the day: the last of TURNOS that has begun."""
    by_hour = [[name for name, first in TURNOS.items() if first <= hour][-1] for hour in range(24)]
    return pa.array(by_hour).take(pc.hour(timestamp))


def nome_completo(nome: pa.StringArray, sobrenome: pa.StringArray) -> pa.StringArray:
    """Return first name and surname, both cleaned; a missing one is left out, and if both are missing, MISSING.

    Of an erased person, whose token stands in both, it is the token.
    """
    both = pc.binary_join_element_wise(nome, sobrenome, " ")
    one = pc.or_(pc.equal(sobrenome, MISSING), pc.and_(pc.equal(nome, sobrenome), is_token(nome)))
    return pc.if_else(pc.equal(nome, MISSING), sobrenome, pc.if_else(one, nome, both))


def email(cleaned: pa.StringArray) -> pa.StringArray:
    """Return the cleaned e-mail in lower case; a missing one stays MISSING, and an erased person's the token."""
    beyond_ascii = pc.not_equal(pc.utf8_length(cleaned), pc.binary_length(cleaned))
    lowered = where(beyond_ascii, _lower, cleaned, pc.ascii_lower(cleaned))
    return pc.if_else(is_token(cleaned), cleaned, lowered)


def dominio_email(cleaned: pa.StringArray) -> pa.StringArray:
    """Return what follows the last '@' of the lower-cased e-mail; MISSING if there is no '@' or nothing after it."""
    parts = pc.split_pattern(email(cleaned), "@", max_splits=1, reverse=True)
    last = parts.values.take(pc.subtract(parts.offsets[1:], 1))
    return pc.if_else(pc.or_(pc.equal(pc.list_value_length(parts), 1), pc.equal(last, "")), MISSING, last)


def valor_com_desconto(valor: pa.Decimal128Array, desconto: pa.Decimal128Array) -> pa.Decimal128Array:
    """Return valor × (1 − desconto), rounded half up to cents, in exact decimals throughout."""
    exact = pc.multiply(valor, pc.subtract(pa.scalar(Decimal(1)), desconto))
    return pc.round(exact, 2, round_mode="half_towards_infinity").cast(_MONEY_TYPE)


def _lower(text: pa.StringArray) -> pa.StringArray:
    # Arrow's utf8_lower maps one character to one, which is wrong for İ and for a Σ at the end of a word.
    return pa.array([one if one == MISSING else one.lower() for one in text.to_pylist()], pa.string())


RULES: dict[str, Callable[..., pa.Array]] = {
    "turno_compra": turno,
    "nome_completo": nome_completo,
    "email": email,
    "dominio_email": dominio_email,
    "valor_com_desconto": valor_com_desconto,
}
"""The rule of each derived column of gold; its arguments are silver's columns in the declaration's order.

A column that is carried may have a rule, too, of its one column.
"""

_DERIVED = [column.name for column in schema.SALES.gold_columns if isinstance(column, Derived)]
check_rules(RULES, needed=_DERIVED, known=GOLD_SCHEMA.names)


def to_gold(silver: pa.Table) -> pa.Table:
    """Return silver's rows with gold's columns, in gold's column order."""
    return pa.Table.from_batches([_business_columns(batch) for batch in silver.to_batches()], GOLD_SCHEMA)


def _business_columns(rows: pa.RecordBatch) -> pa.RecordBatch:
    columns = [_values(column, rows) for column in schema.SALES.gold_columns]
    return pa.record_batch([*columns, rows[schema.ANO.name]], schema=GOLD_SCHEMA)


def _values(column: Carried | Derived, rows: pa.RecordBatch) -> pa.Array:
    if isinstance(column, Derived):
        return RULES[column.name](*(rows[name] for name in column.of))
    return RULES[column.name](rows[column.of]) if column.name in RULES else rows[column.of]
