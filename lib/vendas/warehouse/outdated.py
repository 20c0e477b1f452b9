"""Find and drop tables of an older version or of another declaration, recognized by their columns and defaults."""

from collections.abc import Callable
from typing import LiteralString

from vendas import schema
from vendas.warehouse.star import DEFAULTS, FACT_TABLE, FILES_TABLE, RECORDS_TABLE, TABLES, describe_defaults
from vendas.warehouse.transactions import Transaction

# One text a column, since on Redshift each value is a call of the JVM; between tabs, since names may have blanks.
_COLUMNS = (
    "select table_name || '\t' || column_name || '\t' || data_type || '\t' || "
    "coalesce(cast(character_maximum_length as varchar), '') || '\t' || "
    "coalesce(cast(numeric_precision as varchar), '') || '\t' || "
    "coalesce(cast(numeric_scale as varchar), '') as described "
    "from information_schema.columns where table_schema = current_schema() order by table_name, ordinal_position"
)
_COMMENT = (
    "select description from pg_description inner join pg_class on pg_description.objoid = pg_class.oid "
    "inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid "
    f"where objsubid = 0 and nspname = current_schema() and relname = '{RECORDS_TABLE}'"
)
_VIEWS = "select table_name from information_schema.views where table_schema = current_schema()"
_PROCEDURES = (
    "select proname from pg_proc inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid "
    "where nspname = current_schema()"
)
_TYPES = {"character varying": "varchar", "timestamp without time zone": "timestamp", "numeric": "decimal"}
_SIZED = ("varchar", "decimal")
_FORMER = {"vendas_pendentes"}  # of version 0.1.0 only

Ask = Callable[[LiteralString], list[dict]]  # runs a query; returns its rows by column


def is_outdated(ask: Ask) -> bool:
    """Return whether there are tables of sales, but not as declared: their columns, the order of these, or defaults.

    Rows from before a column have its default. Which defaults a warehouse was loaded with, a comment of it says.
    """
    return _differs(_shapes(ask), ask)


def drop_outdated(opened: Transaction) -> bool:
    """If a table is outdated, drop the procedures and the tables that a load fills again; return whether one was.

    The table of loaded files is kept, because other loads wait for its lock; its entries of files with sales are
    deleted, and its sums, which are in their declared order at its end, added anew.
    """
    found = _shapes(opened.rows)
    if not _differs(found, opened.rows):
        return False
    views = {row["table_name"] for row in opened.rows(_VIEWS)}
    known = (_ours(found) & found.keys()) - {FILES_TABLE, FACT_TABLE}
    opened.run(*(f"drop view {name}" for name in sorted(views & known)))
    opened.run(*(f"drop table {name}" for name in (FACT_TABLE, *sorted(known - views))))
    opened.run(*(f"drop procedure {row['proname']}()" for row in opened.rows(_PROCEDURES) if _is_ours(row["proname"])))
    opened.run(f"delete from {FILES_TABLE} where linhas > 0")
    declared, sums = _declared()[FILES_TABLE], schema.SALES.measures
    for name in found[FILES_TABLE].keys() - (declared.keys() - set(sums)):
        opened.run(f"alter table {FILES_TABLE} drop column {name}")
    opened.run(*(f"alter table {FILES_TABLE} add column {name} {declared[name]} default 0 not null" for name in sums))
    return True


def _differs(found: dict[str, dict[str, str]], ask: Ask) -> bool:
    if RECORDS_TABLE not in found:
        return False
    if any(list(found.get(name, {}).items()) != list(columns.items()) for name, columns in _declared().items()):
        return True
    _, told, defaults = "".join(row["description"] for row in ask(_COMMENT)).partition(DEFAULTS)
    return bool(told) and defaults != describe_defaults(schema.SALES)


def _ours(found: dict[str, dict[str, str]]) -> set[str]:
    """Return the names of the declared tables, and of the former dimensions, whose keys the former fact has."""
    keys = [name for name in found.get(FACT_TABLE, {}) if name.endswith("_id") and name != "venda_id"]
    former = [f"dim_{key.removesuffix('_id')}" for key in keys]
    return {*_declared(), *former, *(f"{name}_mascarada" for name in former), *_FORMER}


def _is_ours(procedure: str) -> bool:
    return procedure.startswith("refresh_") or procedure == "find_ultimo_cliente"


def _declared() -> dict[str, dict[str, str]]:
    return {table.name: {column.name: column.type for column in table.columns} for table in TABLES}


def _shapes(ask: Ask) -> dict[str, dict[str, str]]:
    """Return the type of each column of each table and view, in the declaration's notation."""
    found: dict[str, dict[str, str]] = {}
    for row in ask(_COLUMNS):
        table, column, type, *details = row["described"].split("\t")
        name = _TYPES.get(type, type)
        size = f"({','.join(filter(None, details))})" if name in _SIZED else ""
        found.setdefault(table, {})[column] = name + size
    return found
