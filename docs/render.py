"""Renders what docs/ says of the declaration of sales: `make docs`. What it writes is committed and compared.

The tables of contract.md stand between markers; odcs.yaml is the Open Data Contract Standard document, for catalogues.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from vendas import schema
from vendas.declaration import SALES
from vendas.declaration_types import Column, Declaration, Derived, Input
from vendas.warehouse.star import FACT_TABLE, SqlColumn, fact_names, tables

DOCS = Path(__file__).parent
CONTRACT, ODCS = DOCS / "contract.md", DOCS / "odcs.yaml"
_BLOCK = re.compile(r"(<!-- rendered: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_LOGICAL_TYPES = {
    "string": "string",
    "varchar": "string",
    "bigint": "integer",
    "int": "integer",
    "integer": "integer",
    "decimal": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp_ntz": "timestamp",
    "timestamp": "timestamp",
}


def contract(text: str, sales: Declaration) -> str:
    """Return contract.md with its blocks as the declaration has them."""
    blocks = {"columns": _columns(sales), "gold": _gold(sales), "star": _star(sales)}
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]}{found[3]}", text)


def odcs(sales: Declaration) -> str:
    """Return the declaration as a document of the Open Data Contract Standard, version 3.1."""
    described = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "vendas",
        "name": "Vendas",
        "version": f"{sales.version}.0.0",
        "status": "active",
        "domain": "vendas",
        "description": {"purpose": "Vendas do varejo: dos arquivos CSV dos canais ao esquema estrela"},
        "schema": list(_objects(sales)),
    }
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=120)


def main() -> None:
    """Write both files."""
    CONTRACT.write_text(contract(CONTRACT.read_text(encoding="utf-8"), SALES), encoding="utf-8")
    ODCS.write_text(odcs(SALES), encoding="utf-8")


def _columns(sales: Declaration) -> str:
    rows = [
        (
            column.name,
            column.type,
            f"`{column.default}`" if column.default else "",
            ", ".join(column.other_names),
            "yes" if column.optional else "",
            "yes" if column.personal else "",
        )
        for column in sales.columns
    ]
    return _table(("column", "type", "empty becomes", "also called", "may be absent", "personal"), rows)


def _gold(sales: Declaration) -> str:
    rows = [(column.name, column.type, _source(column)) for column in (*sales.gold_columns, schema.ANO)]
    return _table(("column", "type", "from"), rows)


def _source(column: Column) -> str:
    if isinstance(column, Derived):
        return f"{', '.join(column.of)} (see below)"
    return getattr(column, "of", "the year of the sale, partition")


def _star(sales: Declaration) -> str:
    dimensions = [(f"`{each.table}`", f"`{each.key}`", ", ".join(each.attributes)) for each in sales.dimensions]
    return _table(
        ("table", "key", "columns"), [(f"`{FACT_TABLE}`", "`venda_id`", ", ".join(fact_names(sales)[1:])), *dimensions]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _objects(sales: Declaration) -> Iterable[dict]:
    yield _object("arquivo", "file", "Arquivo CSV que um canal envia", map(_input, sales.columns))
    origin = (*sales.origin, schema.ANO)
    yield _object("silver", "table", "Vendas distintas; uma linha por venda", map(_property, (*sales.columns, *origin)))
    yield _object(
        "gold", "table", "Vendas com as colunas de negócio", map(_property, (*sales.gold_columns, schema.ANO))
    )
    for table in tables(sales):
        yield _object(table.name, "table", table.comment, map(_sql_property, table.columns))


def _object(name: str, kind: str, comment: str, properties: Iterable[dict]) -> dict:
    return {"name": name, "physicalType": kind, "description": comment, "properties": list(properties)}


def _property(column: Column) -> dict:
    return _described(column) | {"required": True} | ({"partitioned": True} if column is schema.ANO else {})


def _input(column: Input) -> dict:
    named = {"alternativeNames": list(column.other_names)} if column.other_names else {}
    named |= {"default": column.default} if column.default else {}
    custom = [{"property": name, "value": value} for name, value in named.items()]
    return _described(column) | {"required": not column.optional} | ({"customProperties": custom} if custom else {})


def _sql_property(column: SqlColumn) -> dict:
    described = _described(column) | {"required": True}
    if "primary key" in column.constraint:
        described |= {"primaryKey": True, "primaryKeyPosition": 1}
    if found := re.search(r"references (\w+) \((\w+)\)", column.constraint):
        described |= {"relationships": [{"type": "foreignKey", "to": f"{found[1]}.{found[2]}"}]}
    return described


def _described(column: Column | SqlColumn) -> dict:
    logical = _LOGICAL_TYPES[column.type.partition("(")[0]]
    described = {
        "name": column.name,
        "logicalType": logical,
        "physicalType": str(column.type),
        "description": column.comment,
    }
    return described | ({"classification": "personal"} if column.personal else {})


if __name__ == "__main__":
    main()
