"""The data dictionary: every table and column of lake and warehouse, from where they are defined."""

import re
from dataclasses import dataclass

from vendas import resources, schema
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.reasons import Reason
from vendas.reports.pages import render
from vendas.schema import Column

_COLUMN = re.compile(r"^ {4}(\w+) (\w+(?:\([\d,]+\))?)", re.MULTILINE)
_COMMENT = re.compile(r"^comment on (?:table|column) ([\w.]+) is '((?:[^']|'')*)';", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """A table: its name, what it holds, its columns in order."""

    name: str
    comment: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Part:
    """Tables that belong together."""

    title: str
    about: str
    tables: tuple[Table, ...]


LAKE = Part(
    "Lago",
    "Tabelas Apache Iceberg na pasta do lago, com os tipos do Spark SQL.",
    (
        Table(
            SILVER_TABLE,
            "Vendas distintas, com tipos aplicados e textos limpos; uma linha por venda",
            schema.SILVER_COLUMNS,
        ),
        Table(GOLD_TABLE, "Vendas com as colunas de negócio; uma linha por linha da silver", schema.GOLD_COLUMNS),
        Table(QUARANTINE_TABLE, "Linhas recusadas, com o texto original e todos os motivos", schema.QUARANTINE_COLUMNS),
        Table(
            RESUBMITTED_TABLE,
            "Linhas que voltaram corrigidas da quarentena, e de onde vieram",
            schema.RESUBMITTED_COLUMNS,
        ),
        Table(
            LEDGER_TABLE,
            "O que aconteceu com cada arquivo; uma linha por arquivo e etapa concluída",
            schema.LEDGER_COLUMNS,
        ),
    ),
)


def warehouse() -> Part:
    """The warehouse's tables, read from `sql/ddl`: its files create the tables and comment on each and its columns."""
    files = sorted((resources.folder("sql") / "ddl").glob("*.sql"))
    return Part("Armazém", "Tabelas no PostgreSQL.", tuple(_table(file.read_text(encoding="utf-8")) for file in files))


def dictionary_page() -> str:
    """The dictionary as a page."""
    return render("dictionary", parts=[LAKE, warehouse()], reasons=list(Reason))


def _table(ddl: str) -> Table:
    comments = {name: text.replace("''", "'") for name, text in _COMMENT.findall(ddl)}
    name = next(iter(comments))
    definition = ddl[: ddl.index("\n)")]
    columns = (Column(column, type, comments[f"{name}.{column}"]) for column, type in _COLUMN.findall(definition))
    return Table(name, comments[name], tuple(columns))
