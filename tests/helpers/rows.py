"""Rows for tests: one plain sale in each layer, with the values that a test changes."""

from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from vendas import schema
from vendas.rules.duplicates import POSICAO

FILE = "registros_a_20240101T000000000Z_aaaaaaaa.csv"
NEEDED = tuple(column.name for column in schema.INPUT_COLUMNS if not column.optional)  # the columns of every file
OPTIONAL = {column.name: column.default_value for column in schema.INPUT_COLUMNS if column.optional}
HEADER = ",".join(NEEDED)

_SALE = OPTIONAL | {
    "Timestamp do Registro": datetime(2024, 3, 31, 14, 5),
    "Nome": "Ana",
    "Sobrenome": "Souza",
    "Email": "Ana@Exemplo.com",
    "Telefone": "11987654321",
    "Produto Adquirido": "Notebook",
    "Valor da Compra": Decimal("100.00"),
    "Canal": "Redes Sociais",
    "Plataforma de Interação": "Website",
    "Campanha de Marketing": "Campanha Verão",
    "Vendedor": "Rita",
    "Desconto Oferecido": Decimal("0.1100"),
    "Código de Desconto Usado": "VERAO",
}


def positions(*places):
    """Return the positions of all columns where a header has the needed ones at these places, and no others."""
    needed = dict(zip(NEEDED, places, strict=True))
    return tuple(needed.get(name) for name in schema.INPUT_NAMES)


def silver_row(arquivo=FILE, linha=2, **changed):
    """Return a silver row; names with blanks are given as `**{"Valor da Compra": …}`."""
    sale = _SALE | changed
    of_file = {schema.ARQUIVO.name: arquivo, schema.LINHA_DO_ARQUIVO.name: linha}
    return {**sale, **of_file, schema.ANO.name: sale["Timestamp do Registro"].year}


def silver_table(rows):
    """Return an Arrow table of silver rows."""
    return pa.Table.from_pylist(list(rows), schema.arrow_schema(schema.SILVER_COLUMNS))


def sales_table(rows):
    """Return an Arrow table of validated sales, from silver rows and their positions."""
    columns = pa.schema([*schema.arrow_schema(schema.INPUT_COLUMNS), (POSICAO, pa.int64())])
    return pa.Table.from_pylist([row | {POSICAO: posicao} for row, posicao in rows], columns)


def silver_frame(spark, rows):
    """Return a DataFrame of silver rows."""
    columns = schema.names(schema.SILVER_COLUMNS)
    return spark.createDataFrame(
        [tuple(row[name] for name in columns) for row in rows], schema.ddl(schema.SILVER_COLUMNS)
    )


def raw_row(linha=2, arquivo=FILE, posicao=None, problemas=(), origem=None, **changed):
    """Return a bronze record as it is read, untyped."""
    texts = {name: str(value) for name, value in _SALE.items()} | {"Desconto Oferecido": "11%"} | changed
    fields = dict.fromkeys(schema.INPUT_NAMES) if problemas else texts
    place = linha if posicao is None else posicao
    return {
        "arquivo": arquivo,
        "posicao": place,
        "linha": linha,
        "texto": "…",
        "problemas": list(problemas),
        **fields,
        "origem": origem,
    }
