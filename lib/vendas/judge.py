"""Records judged: typed, cleaned, and with every reason against them. Pure: one record in, one row out.

Needs no Spark: its Python workers run it, and so does any other process.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import columns, schema
from vendas.arrays import Rule, only, where
from vendas.schema import LINHA, MOTIVOS, ORIGEM, PROBLEMAS, TEXTO

JUDGED = pa.schema(
    [
        (LINHA, pa.int64()),
        (TEXTO, pa.string()),
        (MOTIVOS, pa.list_(pa.string())),
        *schema.arrow(schema.INPUT),
        (ORIGEM, pa.string()),
    ]
)
"""`texto`: the record's original text, null for a row that is not refused. `motivos`: codes of Reason, empty for such
a row. Then the 13 typed and cleaned columns, null where their rule refused the text.
"""

_RULES = {
    schema.TIMESTAMP.name: (columns.parse_timestamp, columns.timestamp_reason),
    schema.VALOR.name: (columns.parse_valor, columns.valor_reason),
    schema.DESCONTO.name: (columns.parse_desconto, columns.desconto_reason),
}


def judge(records: pa.RecordBatch) -> pa.RecordBatch:
    """Records as `vendas.records` reads them, as rows of JUDGED."""
    texts = {column.name: columns.clean_text(records[column.name], column.default) for column in schema.TEXT}
    typed = {name: parse(records[name]) for name, (parse, _) in _RULES.items()}
    reasons = [_reasons(reason, records[name], typed[name]) for name, (_, reason) in _RULES.items()]
    motivos = _motivos(records[PROBLEMAS], [*reasons, columns.texto_reason(*texts.values())])
    texto = only(is_refused(motivos), records[TEXTO])
    judged = texts | typed | {LINHA: records[LINHA], TEXTO: texto, MOTIVOS: motivos, ORIGEM: records[ORIGEM]}
    return pa.record_batch([judged[name] for name in JUDGED.names], schema=JUDGED)


def is_refused(motivos: pa.ListArray) -> pa.BooleanArray:
    """Whether rows with these reasons go to quarantine."""
    return pc.greater(pc.list_value_length(motivos), 0)


def _reasons(reason: Rule, text: pa.StringArray, typed: pa.Array) -> pa.StringArray:
    """The reasons why some texts have no typed value."""
    return where(typed.is_null(), reason, text, otherwise=pa.nulls(len(text), pa.string()))


def _motivos(problemas: pa.ListArray, reasons: list[pa.StringArray]) -> pa.ListArray:
    """Per record, what the file's structure says against it, or else these reasons in their order."""
    given = np.column_stack([reason.is_valid() for reason in reasons])
    rows, rules = given.nonzero()
    codes = pa.concat_arrays(reasons).take(pa.array(rules * len(given) + rows))
    ends = given.sum(axis=1).cumsum()
    by_rule = pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), codes)
    return pc.if_else(is_refused(problemas), problemas, by_rule)
