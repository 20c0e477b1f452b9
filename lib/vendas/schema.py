"""The columns of every table of the lake: those that follow from the declaration of sales, and the project's own.

Comments are Portuguese, because analysts read them in the tables. Types are Spark SQL's.
"""

from collections.abc import Sequence

import pyarrow as pa

from vendas.declaration import (
    ARQUIVO as ARQUIVO,
    DESCONTO as DESCONTO,
    EMAIL as EMAIL,
    LINHA_DO_ARQUIVO as LINHA_DO_ARQUIVO,
    MISSING as MISSING,
    MISSING_CODE as MISSING_CODE,
    NOME as NOME,
    SALES as SALES,
    SOBRENOME as SOBRENOME,
    TELEFONE as TELEFONE,
    TIMESTAMP as TIMESTAMP,
    VALOR as VALOR,
)
from vendas.declaration_types import Column, Type

INPUT_COLUMNS = SALES.columns
INPUT_NAMES = tuple(column.name for column in INPUT_COLUMNS)
TEXT_COLUMNS = tuple(column for column in INPUT_COLUMNS if column.type == Type.TEXT)
PERSONAL_COLUMNS = tuple(column for column in INPUT_COLUMNS if column.personal)
NAME_AND_CONTACT = (NOME, SOBRENOME, EMAIL, TELEFONE)  # what the library knows of a person; others may be declared
FURTHER_PERSONAL_COLUMNS = tuple(column for column in PERSONAL_COLUMNS if column not in NAME_AND_CONTACT)

ANO = Column("ano", "int", "Ano da venda")

SILVER_COLUMNS = (*INPUT_COLUMNS, *SALES.origin, ANO)
GOLD_COLUMNS = (*SALES.gold_columns, ANO)

# Columns that the files of `vendas quarantine export` have in addition to the original ones.
REASONS_NAME = "Motivos da Quarentena"
ORIGIN_NAME = "Linha de Origem"

# A record's columns besides the input columns: its physical line, its exact text, the problems of its structure, all
# reasons to refuse it, and the quarantined row that a mended one claims to be.
LINHA, TEXTO, PROBLEMAS, MOTIVOS, ORIGEM = "linha", "texto", "problemas", "motivos", "origem"

QUARANTINE_COLUMNS = (
    Column("arquivo", "string", "Arquivo da camada bronze"),
    Column("linha", "bigint", "Primeira linha física do registro no arquivo, a partir de 1, contado o cabeçalho"),
    Column("texto", "string", "Texto original do registro, sem o fim de linha"),
    Column("motivos", "array<string>", "Códigos de todos os motivos da recusa"),
)

RESUBMITTED_COLUMNS = (
    Column("arquivo", "string", "Arquivo da camada bronze que trouxe a linha de volta"),
    Column("linha", "bigint", "Linha física nesse arquivo"),
    Column("arquivo_de_origem", "string", "Arquivo da camada bronze em que a linha foi recusada"),
    Column("linha_de_origem", "bigint", "Linha física nesse outro arquivo"),
)

LEDGER_COLUMNS = (
    Column("arquivo", "string", "Arquivo da camada bronze"),
    Column("arquivo_recebido", "string", "Nome com que o arquivo chegou"),
    Column("etapa", "string", "Etapa concluída: bronze, silver, gold ou dw"),
    Column("run_id", "string", "Execução que concluiu a etapa"),
    Column("situacao", "string", "processado, rejeitado ou desfeito"),
    Column("motivo", "string", "Por que foi rejeitado ou desfeito, ou o que se ignorou dele"),
    Column("lidas", "bigint", "Linhas lidas do arquivo"),
    Column("duplicadas", "bigint", "Linhas iguais a outra já aceita"),
    Column("quarentena", "bigint", "Linhas recusadas, guardadas com os motivos"),
    Column("duvidosas", "bigint", "Linhas aceitas que parecem danificadas"),
    Column("gravadas", "bigint", "Linhas do arquivo na tabela da etapa"),
    Column("dialeto", "string", "Como ler o arquivo (JSON)"),
    Column("registrado_em", "timestamp_ntz", "Quando a etapa foi concluída (UTC)"),
    Column("iniciado_em", "timestamp_ntz", "Quando a etapa começou (UTC)"),
    Column("notebook", "string", "Notebook executado, a partir da pasta do lago; vazio se executado à mão"),
    Column("contrato", "bigint", "Versão do contrato de dados pela qual o arquivo foi lido; vazio: 1"),
    Column("regras", "string", "Impressão digital das regras que processaram o arquivo; vazio: de antes dela"),
)

TABLES = {
    "silver": SILVER_COLUMNS,
    "gold": GOLD_COLUMNS,
    "quarantine": QUARANTINE_COLUMNS,
    "mended": RESUBMITTED_COLUMNS,
    "ledger": LEDGER_COLUMNS,
}


def names(columns: Sequence[Column]) -> list[str]:
    """Return the columns' names, in order."""
    return [column.name for column in columns]


def ddl(columns: tuple[Column, ...]) -> str:
    """Return the columns as a Spark DDL string: `` `Nome` string, `ano` int ``."""
    return ", ".join(f"`{column.name}` {column.type}" for column in columns)


_ARROW_TYPES = {
    Type.TEXT: pa.string(),
    "int": pa.int32(),
    Type.WHOLE: pa.int64(),
    Type.TIMESTAMP: pa.timestamp("us"),
    Type.MONEY: pa.decimal128(12, 2),
    Type.FRACTION: pa.decimal128(5, 4),
    "array<string>": pa.list_(pa.string()),
}


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Return the columns' Arrow schema."""
    return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in columns])
