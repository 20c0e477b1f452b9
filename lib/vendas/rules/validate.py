"""Validate records: clean and type them, and collect every reason to refuse them. Pure: one record in, one row out.

Any process can run it: workers, a notebook's kernel, a command.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import Rule, null_elsewhere, where
from vendas.declaration_types import check_rules
from vendas.reasons import Reason
from vendas.rules import input_columns
from vendas.rules.cleaning import clean_columns, clean_text
from vendas.rules.gold import email
from vendas.schema import LINHA, MOTIVOS, ORIGEM, PROBLEMAS, TEXTO

VALIDATED_SCHEMA = pa.schema(
    [
        (LINHA, pa.int64()),
        (TEXTO, pa.string()),
        (MOTIVOS, pa.list_(pa.string())),
        *schema.arrow_schema(schema.INPUT_COLUMNS),
        (ORIGEM, pa.string()),
    ]
)
"""`texto`: the original text of a refused record, else null. `motivos`: codes of Reason, empty unless refused.
Then the declared columns, typed and cleaned, null where their rule refused the text. `origem`: as in a record.
"""

RULES = {
    schema.TIMESTAMP.name: (input_columns.parse_timestamp, input_columns.timestamp_reason),
    schema.VALOR.name: (input_columns.parse_valor, input_columns.valor_reason),
    schema.DESCONTO.name: (input_columns.parse_desconto, input_columns.desconto_reason),
}
"""For each column that is not a text: the rule that types clean texts, and the one that gives the reason against."""

_TYPED = {*schema.INPUT_NAMES} - {column.name for column in schema.TEXT_COLUMNS}
check_rules(RULES, needed=_TYPED, known=_TYPED)


@dataclass(frozen=True)
class Evidence:
    """What some rows show about all rows of a file: dates may have the month first, discounts may be fractions."""

    month_first: bool = False
    fractions: bool = False

    def __or__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.month_first or other.month_first, self.fractions or other.fractions)


NO_EVIDENCE = Evidence()


def validate(records: pa.RecordBatch, evidence: Evidence = NO_EVIDENCE) -> pa.RecordBatch:
    """Validate records of `csvfile.records`; return rows of VALIDATED_SCHEMA. `evidence` is their whole file's."""
    clean = clean_columns(records)
    texts = {column.name: clean[column.name] for column in schema.TEXT_COLUMNS}
    ambiguous = _ambiguous(clean, evidence)
    typed = {name: _typed(parse, clean[name], ambiguous.get(name)) for name, (parse, _) in RULES.items()}
    reasons = [_reasons(name, clean[name], typed[name], ambiguous.get(name)) for name in RULES]
    kept = [(texts[column.name], column.max_bytes) for column in schema.TEXT_COLUMNS]
    # Gold's e-mail is in lower case, which may be longer: Ⱥ becomes ⱥ.
    kept.append((email(texts[schema.EMAIL.name]), schema.EMAIL.max_bytes))
    motivos = _motivos(records[PROBLEMAS], [*reasons, input_columns.texto_reason(*kept)])
    texto = null_elsewhere(is_refused(motivos), records[TEXTO])
    validated = texts | typed | {LINHA: records[LINHA], TEXTO: texto, MOTIVOS: motivos, ORIGEM: records[ORIGEM]}
    return pa.record_batch([validated[name] for name in VALIDATED_SCHEMA.names], schema=VALIDATED_SCHEMA)


def find_evidence(records: pa.RecordBatch, validated: pa.RecordBatch) -> Evidence:
    """Return what these records show about their file; only texts without a typed value can show anything."""

    def any_of(column: schema.Column, shows: Rule) -> bool:
        refused = records[column.name].filter(validated[column.name].is_null())
        return bool(len(refused)) and pc.any(shows(clean_text(refused))).as_py()

    return Evidence(
        any_of(schema.TIMESTAMP, input_columns.shows_month_first), any_of(schema.DESCONTO, input_columns.shows_fraction)
    )


def _ambiguous(clean: dict[str, pa.StringArray], evidence: Evidence) -> dict[str, pa.BooleanArray]:
    """Return by column which texts are ambiguous in a file with this evidence."""
    found = {}
    if evidence.month_first:
        found[schema.TIMESTAMP.name] = input_columns.is_another_day_month_first(clean[schema.TIMESTAMP.name])
    if evidence.fractions:
        found[schema.DESCONTO.name] = input_columns.is_one_without_sign(clean[schema.DESCONTO.name])
    return found


def _typed(parse: Rule, text: pa.StringArray, ambiguous: pa.BooleanArray | None) -> pa.Array:
    typed = parse(text)
    return typed if ambiguous is None else null_elsewhere(pc.invert(ambiguous), typed)


def _reasons(name: str, text: pa.StringArray, typed: pa.Array, ambiguous: pa.BooleanArray | None) -> pa.StringArray:
    """Return the reason for each text without a typed value, else null."""
    reasons = where(typed.is_null(), RULES[name][1], text, otherwise=pa.nulls(len(text), pa.string()))
    return reasons if ambiguous is None else pc.if_else(ambiguous, _AMBIGUOUS[name].value, reasons)


_AMBIGUOUS = {
    schema.TIMESTAMP.name: Reason.TIMESTAMP_AMBIGUO,
    schema.DESCONTO.name: Reason.DESCONTO_UM_AMBIGUO,
}


def is_refused(motivos: pa.ListArray) -> pa.BooleanArray:
    """Return which rows go to quarantine, from their reasons."""
    return pc.greater(pc.list_value_length(motivos), 0)


def _motivos(problemas: pa.ListArray, reasons: list[pa.StringArray]) -> pa.ListArray:
    """Return each record's reasons: the problems of its structure, if any, else these reasons in order."""
    given = np.column_stack([reason.is_valid() for reason in reasons])
    rows, rules = given.nonzero()
    codes = pa.concat_arrays(reasons).take(pa.array(rules * len(given) + rows))
    ends = given.sum(axis=1).cumsum()
    by_rule = pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), codes)
    return pc.if_else(is_refused(problemas), problemas, by_rule)
