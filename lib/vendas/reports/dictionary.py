"""The data dictionary: every table and column of lake and warehouse, from their definitions."""

from collections.abc import Sequence
from dataclasses import dataclass

from vendas import schema
from vendas.declaration_types import Column
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.reasons import Reason
from vendas.reports.pages import render
from vendas.warehouse.star import TABLES, SqlColumn


@dataclass(frozen=True)
class Table:
    """A table: its name, its contents, and its columns in order."""

    name: str
    comment: str
    columns: Sequence[Column | SqlColumn]


@dataclass(frozen=True)
class Part:
    """A group of tables."""

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
    """Return the warehouse's tables, as declared."""
    tables = (Table(table.name, table.comment, table.columns) for table in TABLES)
    return Part("Armazém", "Tabelas no PostgreSQL; na AWS, no Amazon Redshift.", tuple(tables))


def dictionary_page() -> str:
    """Return the dictionary as an HTML page."""
    return render("dictionary", parts=[LAKE, warehouse()], reasons=list(Reason))
