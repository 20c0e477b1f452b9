"""Which warehouse is of an older version or another declaration, by the columns and defaults its catalogue tells."""

import re

import pytest

from vendas.warehouse.outdated import is_outdated
from vendas.warehouse.star import FACT_TABLE, RECORDS_TABLE, TABLES

(COMMENT,) = (table.comment for table in TABLES if table.name == RECORDS_TABLE)


def told(table, column, type):
    """Return how a catalogue describes a column."""
    sizes = re.findall(r"\d+", type)
    if type.startswith("varchar"):
        found = ["character varying", *sizes, "", ""]
    elif type.startswith("decimal"):
        found = ["numeric", "", *sizes]
    elif type == "timestamp":
        found = ["timestamp without time zone", "", "", ""]
    else:
        found = [type, "", "32" * (type != "date"), "0" * (type != "date")]
    return {"described": "\t".join([table, column, *found])}


def catalogue(but=None):
    return [told(table.name, c.name, c.type) for table in TABLES if table.name != but for c in table.columns]


def asked(rows, comment=COMMENT):
    """Return what asks a database with these columns, and this comment of its table of sales."""
    return lambda query: rows if "information_schema" in query else [{"description": comment}] if comment else []


def test_the_declared_tables_are_not():
    assert not is_outdated(asked(catalogue()))


def test_other_defaults_are():
    assert COMMENT.endswith("; NÃO DISPONÍVEL em codigo_de_desconto_usado")
    assert is_outdated(asked(catalogue(), COMMENT.replace("DISPONÍVEL", "HÁ")))
    assert is_outdated(asked(catalogue(), COMMENT.replace("canal, ", "")))


@pytest.mark.parametrize("comment", [None, "Vendas", COMMENT.replace("Vendas", "Todas as vendas")])
def test_another_comment_is_not_and_neither_is_one_from_before_it_had_the_defaults(comment):
    assert not is_outdated(asked(catalogue(), comment))


def test_no_tables_are_not_and_neither_are_others_alone():
    assert not is_outdated(asked([])) and not is_outdated(asked([told("clientes", "nome", "varchar(10)")]))


@pytest.mark.parametrize("name", [f"{FACT_TABLE} antiga", "minha tabela", f"antes {FACT_TABLE}"])
def test_an_analysts_own_table_changes_nothing_whatever_its_name(name):
    types = ["double precision", "integer", "varchar", "decimal"]  # the last two of any length
    own = [told(name, f"uma coluna {number}", type) for number, type in enumerate(types)]
    assert not is_outdated(asked([*own, *catalogue(), *own]))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:-1],
        lambda rows: [*rows, told(FACT_TABLE, "mais_uma", "integer")],
        lambda rows: [rows[1], rows[0], *rows[2:]],
        lambda rows: [*rows[:-1], told(*rows[-1]["described"].split("\t")[:2], "varchar(9)")],
        lambda rows: [row for row in rows if not row["described"].startswith(f"{FACT_TABLE}\t")],
    ],
    ids=["a column less", "one more", "another order", "another type", "a table less"],
)
def test_other_columns_are(change):
    assert is_outdated(asked(change(catalogue())))


def test_without_tables_of_sales_there_is_nothing_to_make_anew():
    assert not is_outdated(asked(catalogue(but=RECORDS_TABLE)))
