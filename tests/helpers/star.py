"""A warehouse under test, on PostgreSQL or the double of Redshift, and a plain sale to load."""

import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow as pa

from vendas import schema
from vendas.lake.data_files import HeldFile, Target
from vendas.lake.events import Event
from vendas.reports.warehouse_preview import Loaded, read_loaded
from vendas.warehouse import load, star

_DECLARED = {column.name: column.default_value for column in schema.GOLD_COLUMNS}
SALE = _DECLARED | {
    "timestamp_do_registro": datetime(2024, 2, 29, 23, 59, 59, 123456),
    "turno_compra": "Noite",
    "nome_completo": "Ana Souza",
    "email": "ana@exemplo.com",
    "dominio_email": "exemplo.com",
    "telefone": "11 99999-0000",
    "produto_adquirido": "Tênis",
    "valor_da_compra": Decimal("100.00"),
    "desconto_oferecido": Decimal("0.1100"),
    "valor_com_desconto": Decimal("89.00"),
    "canal": "Loja",
    "plataforma_de_interacao": "Balcão",
    "campanha_de_marketing": "Verão",
    "vendedor": "Rui",
    "codigo_de_desconto_usado": "VERAO11",
    "arquivo_de_origem": "a.csv",
    "linha_do_arquivo": 2,
    "ano": 2024,
}
HARD_TEXTS = [
    "", " ", "  dos lados  ", '"', '""', 'a"b', "'", "\\", "\\.", "\n\\.\n", "\\N", "a\nb", "a\r\nb", "a\rb", "\n",
    "\r", "\t", ",", ";", "\u00a0", "\u200b", "\ufeff", "\u2028", "🛍️", "NULL", "é", "e\u0301", "x" * 1000, "€" * 333,
]  # fmt: skip
TABLES = [table.name for table in star.TABLES]
DIMENSIONS = [name.removeprefix("dim_") for name in TABLES if name.startswith("dim_")]
HARD_FILE = "registros d'água 100%? \\.csv"
_SUMMED_UP = {
    "arquivo_de_origem": HARD_FILE,
    "linhas": "2",
    "valor_da_compra": "200.00",
    "valor_com_desconto": "178.00",
}
# What 04_dw reads of a file of that name with a sale as above and one of another channel.
PREVIEWED = Loaded(
    registros={HARD_FILE: _SUMMED_UP},
    facts={HARD_FILE: _SUMMED_UP},
    example=HARD_FILE,
    sales=[
        {
            "timestamp_do_registro": "2024-02-29 23:59:59.123456",
            "ano": "2024",
            "turno_compra": "Noite",
            "valor_da_compra": "100.00",
            "valor_com_desconto": "89.00",
            "linha_do_arquivo": str(line),
            "data": "2024-02-29",
            "nome_completo": "Ana Souza",
            "produto_adquirido": "Tênis",
            "canal": channel,
            "plataforma_de_interacao": "Balcão",
            "campanha_de_marketing": "Verão",
            "vendedor": "Rui",
            "codigo_de_desconto_usado": "VERAO11",
        }
        for line, channel in ((2, "Loja"), (3, "Site"))
    ],
    members={f"{name}_id": str(1 + (name == "canal")) for name in DIMENSIONS},
)

# Inserts the existing members as pending ones, as a load would.
PEND_AGAIN = "; ".join(
    [
        f"insert into membros_pendentes ({names}) select {names} from {dimension.table}"
        for dimension in schema.SALES.dimensions
        for names in [", ".join([dimension.key, *dimension.attributes])]
    ]
    + ["insert into membros_pendentes (ano) select distinct ano from dim_data"]
)

_SUMS = "count(*), sum(valor_da_compra), sum(valor_com_desconto)"
# A query for the sums held, and one for those of the facts.
_SUMMED = {
    "select data_id, canal_id, turno_compra, vendas, valor_da_compra, valor_com_desconto from vendas_por_dia": (
        f"select data_id, canal_id, turno_compra, {_SUMS} from fato_vendas group by 1, 2, 3"
    ),
    "select mes, canal_id, dimensao, membro_id, vendas, valor_da_compra, valor_com_desconto from vendas_por_mes": (
        " union all ".join(
            f"select data_id / 100, canal_id, '{name}', {name}_id, {_SUMS} from fato_vendas group by 1, 2, 4"
            for name in ("plataforma", "produto", "campanha", "vendedor", "desconto")
        )
    ),
}


def gold_file(folder, rows):
    """Write a data file of gold with these rows; return it."""
    gold = pa.Table.from_pylist(rows, schema.arrow_schema(schema.GOLD_COLUMNS))
    return HeldFile(Path(Target(folder, gold.schema).write(gold).path), gold.schema)


def make_outdated(dw):
    """Give the warehouse what the version of 26 November 2026 had: a view of pending sales, and sequential keys."""
    dw.tell(
        "drop table membros_pendentes",
        *(f"alter table {table} drop column linha_do_arquivo" for table in ("registros_vendas", "fato_vendas")),
        "create view vendas_pendentes as select registros_vendas.* from registros_vendas where false",
        "alter table arquivos_carregados add column na_estrela boolean not null default true",
        "update fato_vendas set canal_id = 1",
        "delete from dim_canal",
        "insert into dim_canal values (1, 'Site')",
        "alter table dim_canal alter column canal_id type integer",
        "create procedure refresh_dim_canal() language plpgsql as $$ begin null; end $$",
    )


class Warehouse:
    """A warehouse: loads literal rows through its endpoint, and queries the PostgreSQL behind it."""

    def __init__(self, workers, endpoint, staging, behind=None):
        self.workers, self.endpoint, self.staging, self.behind = workers, endpoint, staging, behind or endpoint

    def load(self, *sales, files=None, how=load.load):
        rows = [{**SALE, "linha_do_arquivo": line, **sale} for line, sale in enumerate(sales, start=2)]
        files = files or sorted({row["arquivo_de_origem"] for row in rows})
        with tempfile.TemporaryDirectory() as folder:
            return how(self.workers, self.endpoint, [gold_file(Path(folder), rows)], files, self.staging)

    def rebuild(self, *sales):
        return self.load(*sales, how=load.rebuild)

    def ask(self, query):
        with psycopg.connect(self.behind.url) as connection:
            return connection.execute(query).fetchall()

    def tell(self, *statements):
        with psycopg.connect(self.behind.url) as connection:
            for statement in statements:
                connection.execute(statement)

    def preview(self):
        """Load what `PREVIEWED` is about, and read it as 04_dw does."""
        self.load({"arquivo_de_origem": HARD_FILE}, {"arquivo_de_origem": HARD_FILE, "canal": "Site"}, {})
        return read_loaded(self.workers, self.endpoint, [Event(HARD_FILE, "registros.csv", "dw", "r1", gravadas=2)])

    def unequal_sums(self):
        """Return the cells whose sums by day, and by month, are not those of the fact."""
        return [sorted(set(self.ask(held)) ^ set(self.ask(facts))) for held, facts in _SUMMED.items()]

    def everything(self):
        there = [table for table in TABLES if self.ask(f"select to_regclass('{table}')") != [(None,)]]
        return {table: sorted(self.ask(f"select * from {table}"), key=str) for table in there}
