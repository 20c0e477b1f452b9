"""The columns of the data contract: names, types, defaults and what they mean. No other module spells them out.

Names of the data stay Portuguese. Comments are Portuguese too: they end up in the tables, where analysts read them.
Types are Spark SQL's; `timestamp_ntz` is wall-clock time without a zone.
"""

from dataclasses import dataclass

import pyarrow as pa

MISSING = "NÃO INFORMADO"
MISSING_CODE = "NÃO DISPONÍVEL"

CONTRACT = 2  # the version of the data contract that the rules keep: files read by an older one are read again
MAX_TEXT_BYTES = 1000
FIRST_YEAR, LAST_YEAR = 1990, 2100


@dataclass(frozen=True)
class Column:
    """One column: its name, Spark SQL type, what it means, and what an empty text becomes (None: not a text column)."""

    name: str
    type: str
    comment: str
    default: str | None = None
    other_names: tuple[str, ...] = ()  # what files may call it where its own name is absent


TIMESTAMP = Column(
    "Timestamp do Registro", "timestamp_ntz", "Data e hora da venda, como escritas no arquivo", other_names=("Data",)
)
NOME = Column("Nome", "string", "Nome do cliente", MISSING)
SOBRENOME = Column("Sobrenome", "string", "Sobrenome do cliente", MISSING)
EMAIL = Column("Email", "string", "E-mail do cliente", MISSING)
TELEFONE = Column("Telefone", "string", "Telefone do cliente", MISSING)
PRODUTO = Column("Produto Adquirido", "string", "Produto vendido", MISSING)
VALOR = Column("Valor da Compra", "decimal(12,2)", "Valor da venda em reais, antes do desconto")
CANAL = Column("Canal", "string", "Canal que trouxe o cliente", MISSING)
PLATAFORMA = Column("Plataforma de Interação", "string", "Onde a venda foi fechada", MISSING)
CAMPANHA = Column("Campanha de Marketing", "string", "Campanha vigente", MISSING)
VENDEDOR = Column("Vendedor", "string", "Quem atendeu na loja", MISSING)
DESCONTO = Column("Desconto Oferecido", "decimal(5,4)", "Desconto como fração: 0,1100 é 11 %")
CODIGO = Column("Código de Desconto Usado", "string", "Código de desconto usado na venda", MISSING_CODE)

INPUT_COLUMNS = (
    TIMESTAMP, NOME, SOBRENOME, EMAIL, TELEFONE, PRODUTO, VALOR,
    CANAL, PLATAFORMA, CAMPANHA, VENDEDOR, DESCONTO, CODIGO,
)  # fmt: skip
INPUT_NAMES = tuple(column.name for column in INPUT_COLUMNS)
TEXT_COLUMNS = tuple(column for column in INPUT_COLUMNS if column.default is not None)

ARQUIVO = Column("Arquivo de Origem", "string", "Arquivo da camada bronze de onde veio a linha")
LINHA_DO_ARQUIVO = Column(
    "Linha do Arquivo", "bigint", "Linha física desse arquivo em que o registro começa, a partir de 1"
)
ANO = Column("ano", "int", "Ano da venda")

SILVER_COLUMNS = (*INPUT_COLUMNS, ARQUIVO, LINHA_DO_ARQUIVO, ANO)

GOLD_SALE_COLUMNS = (
    Column("timestamp_do_registro", "timestamp_ntz", TIMESTAMP.comment),
    Column("turno_compra", "string", "Turno da venda: a parte do dia em que foi feita"),
    Column("nome_completo", "string", "Nome e sobrenome do cliente"),
    Column("email", "string", "E-mail do cliente, em minúsculas"),
    Column("dominio_email", "string", "O que segue a última @ do e-mail"),
    Column("telefone", "string", TELEFONE.comment),
    Column("produto_adquirido", "string", PRODUTO.comment),
    Column("valor_da_compra", "decimal(12,2)", VALOR.comment),
    Column("desconto_oferecido", "decimal(5,4)", DESCONTO.comment),
    Column("valor_com_desconto", "decimal(12,2)", "Valor × (1 − desconto), arredondado meio para cima"),
    Column("canal", "string", CANAL.comment),
    Column("plataforma_de_interacao", "string", PLATAFORMA.comment),
    Column("campanha_de_marketing", "string", CAMPANHA.comment),
    Column("vendedor", "string", VENDEDOR.comment),
    Column("codigo_de_desconto_usado", "string", CODIGO.comment),
    Column("arquivo_de_origem", "string", ARQUIVO.comment),
    Column("linha_do_arquivo", "bigint", LINHA_DO_ARQUIVO.comment),
)
GOLD_COLUMNS = (*GOLD_SALE_COLUMNS, ANO)

# Columns of the files that `vendas quarantine export` writes, on top of the original ones.
REASONS_NAME = "Motivos da Quarentena"
ORIGIN_NAME = "Linha de Origem"

# What comes with a record beside the 13 columns: its physical line, its exact text, what the file's structure and then
# the rules say against it, and the quarantined row that a mended one says it was.
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
)

TABLES = {
    "silver": SILVER_COLUMNS,
    "gold": GOLD_COLUMNS,
    "quarantine": QUARANTINE_COLUMNS,
    "mended": RESUBMITTED_COLUMNS,
    "ledger": LEDGER_COLUMNS,
}


def names(columns: tuple[Column, ...]) -> list[str]:
    """Column names, in order."""
    return [column.name for column in columns]


def ddl(columns: tuple[Column, ...]) -> str:
    """The columns as a Spark DDL string: `` `Nome` string, `ano` int ``."""
    return ", ".join(f"`{column.name}` {column.type}" for column in columns)


_ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "timestamp_ntz": pa.timestamp("us"),
    "decimal(12,2)": pa.decimal128(12, 2),
    "decimal(5,4)": pa.decimal128(5, 4),
    "array<string>": pa.list_(pa.string()),
}


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """The columns as Arrow knows them."""
    return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in columns])
