"""Rules on trial: functions that take the place of the library's for a while, such as those of a notebook's cell."""

import inspect
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial, wraps
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import Rule
from vendas.errors import RuleError
from vendas.rules import cleaning, gold, validate

RuleOf = Callable[..., pa.Array]  # of silver: from clean texts; of gold: from silver's columns, as in the declaration
Item = TypeVar("Item")
Result = TypeVar("Result")

REFUSED_ON_TRIAL = "recusada_por_regra_em_ensaio"

_ORIGIN = {column.gold_name for column in schema.SALES.origin}  # where a row comes from is no rule's to say
_GOLD_NAMES = [column.name for column in schema.SALES.gold_columns if column.name not in _ORIGIN]
_PANDAS_HINT = "A rule on pandas Series goes in as with_pandas(rule)."


def with_pandas(rule: Callable[..., pd.Series]) -> RuleOf:
    """Return a rule on Arrow arrays that calls one on pandas Series: with texts as str, money as Decimal.

    A value that the rule returns belongs to the row that has its index, as in any assignment of pandas.
    """

    @wraps(rule)
    def on_arrow(*columns: pa.Array) -> pa.Array:
        series = [column.to_pandas() for column in columns]
        found = rule(*series)
        if not isinstance(found, pd.Series):
            return found
        reordered = found.index.sort_values().equals(series[0].index)
        return pa.Array.from_pandas(found.sort_index() if reordered else found)

    return on_arrow


@contextmanager
def trying(rules: Mapping[str, RuleOf]) -> Generator[None]:
    """Let these rules take the place of the library's for the block, by the column that they compute.

    A column of silver has the name in the file (`Valor da Compra`), a column of gold its own (`valor_da_compra`). A
    text of silver's numbers and timestamps for which the rule gives null is refused.
    Raises: RuleError if there is no such column, or a rule is no function; within the block, if a rule fails, or its
    values do not fit its column.
    """
    tables: list[dict] = [validate.RULES, cleaning.TEXT_RULES, gold.RULES]
    before = [(table, dict(table)) for table in tables]
    try:
        for table, column, entry in [_entry(name, rule) for name, rule in rules.items()]:
            table[column] = entry
        yield
    finally:
        for table, known in before:
            table.clear()
            table.update(known)


def under_rules(item: Item, work: Callable[[Item], Result], rules: Mapping[str, RuleOf]) -> Result:
    """Return the result of `work` for the item, with these rules in place."""
    with trying(rules):
        return work(item)


def _entry(name: str, rule: RuleOf) -> tuple[dict, str, object]:
    """Return the library's table of rules that a rule on trial goes into, the column, and what to put there."""
    if not callable(rule):
        raise RuleError(f"The rule of {name!r} is {rule!r}; a function was expected.")
    if name in validate.RULES:
        refuse = validate.RULES[name][1]
        parse = partial(_checked, rule, validate.VALIDATED_SCHEMA.field(name))
        return validate.RULES, name, (partial(parse, may_be_null=True), partial(_reason, refuse))
    if name in schema.INPUT_NAMES:
        return cleaning.TEXT_RULES, name, partial(_checked, rule, validate.VALIDATED_SCHEMA.field(name))
    if name in _GOLD_NAMES:
        return gold.RULES, name, partial(_checked, rule, gold.GOLD_SCHEMA.field(name))
    known = ", ".join([*schema.INPUT_NAMES, *_GOLD_NAMES])
    raise RuleError(f"There is no column {name!r} for which a rule could be tried. There are {known}.")


def _reason(refuse: Rule, text: pa.StringArray) -> pa.StringArray:
    """Return the library's reason against a text; where it has none, that a rule on trial refused it."""
    return pc.fill_null(refuse(text), REFUSED_ON_TRIAL)


def _checked(rule: RuleOf, field: pa.Field, *columns: pa.Array, may_be_null: bool = False) -> pa.Array:
    named, wanted = f"The rule {getattr(rule, '__name__', '')!r} of {field.name!r}", len(columns[0])
    try:
        found = rule(*columns)
    except Exception as error:
        said = f"{named} failed{_line_that_failed(rule, error)}:\n{type(error).__name__}: {error}"
        hint = f"\nA rule gets Arrow arrays. {_PANDAS_HINT}" if inspect.unwrap(rule) is rule else ""
        raise RuleError(f"{said}{hint}") from error
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if not isinstance(found, pa.Array):
        raise RuleError(f"{named} returned {type(found).__name__}; an Arrow array was expected. {_PANDAS_HINT}")
    if len(found) != wanted:
        raise RuleError(f"{named} returned {len(found)} values for {wanted} rows. Return one for each, in order.")
    try:
        typed = found.cast(field.type)
    except pa.ArrowException as error:
        raise RuleError(f"{named} returned values of type {found.type}, not {field.type}: {error}") from error
    if typed.null_count and not may_be_null:
        raise RuleError(f"{named} returned no value for {typed.null_count} of {wanted} rows. The column has no nulls.")
    return typed


def _line_that_failed(rule: RuleOf, error: Exception) -> str:
    """Return where in the file or cell of the rule the error arose; empty if the rule itself was not entered."""
    code = getattr(inspect.unwrap(rule), "__code__", None)
    lines = [
        frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename
    ]
    return f" at line {lines[-1].lineno}, `{lines[-1].line}`" if lines else ""
