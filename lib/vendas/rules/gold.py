"""Gold: silver's sales in business columns. Pure: one row in, one row out."""

from collections.abc import Callable

import pyarrow as pa

from vendas import schema
from vendas.declaration_types import Carried, Derived, check_rules
from vendas.rules.columns import dominio_email, email, nome_completo, turno, valor_com_desconto

GOLD_SCHEMA = schema.arrow_schema(schema.GOLD_COLUMNS)

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
