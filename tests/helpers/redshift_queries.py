"""Rules for queries that PostgreSQL accepts and Redshift refuses, checked on the syntax tree of a real SQL parser."""

import logging
import re
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each statement that is not a query
# Numbers and booleans do have a type on Redshift, but one rule for all literals is easier to follow than two.
LITERALS = (exp.Literal, exp.Null, exp.Boolean)
PARAMETER = re.compile(r"\$\d+")  # parameters as drivers send them; sqlglot parses `$4),($5` as a quoted text
AGGREGATES = (exp.Avg, exp.Count, exp.Max, exp.Min, exp.Sum)


@cache
def problem(sql):
    """Return SQLSTATE and message if Redshift refuses a statement, else None."""
    try:
        tree = sqlglot.parse_one(PARAMETER.sub("?", sql), dialect="redshift")
    except (ParseError, TokenError) as error:
        return "42601", f"syntax error: {str(error).splitlines()[0]}"
    rules = (_untyped, _window, _all, _values, _distinct_from)
    return next(filter(None, (rule(tree) for rule in rules)), None)


def _untyped(tree):
    for select in tree.find_all(exp.Select):
        for column in select.expressions if _is_used(select, tree) else ():
            if isinstance(bare := column.unalias().unnest(), LITERALS):
                told = f"{bare.sql()} in a CTE, subquery, view or table of a query has no type; cast it"
                return "XX000", f'failed to find conversion function from "unknown" to text: {told}'


def _is_used(select, tree):
    """Return whether other parts of the statement use the columns of a SELECT; EXISTS does not."""
    if isinstance(select.parent, exp.Exists):
        return False
    return isinstance(tree, exp.Create) or select.find_ancestor(exp.CTE, exp.Subquery, exp.In) is not None


def _window(tree):
    for window in tree.find_all(exp.Window):
        if isinstance(window.this, AGGREGATES) and window.args.get("order") and not window.args.get("spec"):
            return "42601", "Aggregate window functions with an ORDER BY clause require a frame clause"
        if window.this.find(exp.Distinct):
            return "0A000", "DISTINCT is not supported in a window function"


def _all(tree):
    for operation in tree.find_all(exp.Except, exp.Intersect):
        if operation.args.get("distinct") is False:
            return "0A000", f"{operation.key.upper()} ALL is not supported"


def _values(tree):
    if any(not isinstance(values.parent, exp.Insert) for values in tree.find_all(exp.Values)):
        return "0A000", "VALUES lists used as constant tables are not supported"


def _distinct_from(tree):
    if tree.find(exp.NullSafeEQ, exp.NullSafeNEQ):
        return "42601", 'syntax error at or near "distinct"'
