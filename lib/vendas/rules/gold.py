"""Gold: silver's sales in business columns. Pure: one row in, one row out."""

import pyarrow as pa

from vendas import schema
from vendas.rules.columns import dominio_email, email, nome_completo, turno, valor_com_desconto

GOLD_SCHEMA = schema.arrow_schema(schema.GOLD_COLUMNS)


def to_gold(silver: pa.Table) -> pa.Table:
    """Silver's rows as gold's, in gold's order of columns."""
    return pa.Table.from_batches([_business_columns(batch) for batch in silver.to_batches()], GOLD_SCHEMA)


def _business_columns(sales: pa.RecordBatch) -> pa.RecordBatch:
    instant, endereco = sales[schema.TIMESTAMP.name], sales[schema.EMAIL.name]
    valor, desconto = sales[schema.VALOR.name], sales[schema.DESCONTO.name]
    derived = {
        "timestamp_do_registro": instant,
        "turno_compra": turno(instant),
        "nome_completo": nome_completo(sales[schema.NOME.name], sales[schema.SOBRENOME.name]),
        "email": email(endereco),
        "dominio_email": dominio_email(endereco),
        "telefone": sales[schema.TELEFONE.name],
        "produto_adquirido": sales[schema.PRODUTO.name],
        "valor_da_compra": valor,
        "desconto_oferecido": desconto,
        "valor_com_desconto": valor_com_desconto(valor, desconto),
        "canal": sales[schema.CANAL.name],
        "plataforma_de_interacao": sales[schema.PLATAFORMA.name],
        "campanha_de_marketing": sales[schema.CAMPANHA.name],
        "vendedor": sales[schema.VENDEDOR.name],
        "codigo_de_desconto_usado": sales[schema.CODIGO.name],
        "arquivo_de_origem": sales[schema.ARQUIVO.name],
        "linha_do_arquivo": sales[schema.LINHA_DO_ARQUIVO.name],
        "ano": sales[schema.ANO.name],
    }
    return pa.record_batch([derived[name] for name in GOLD_SCHEMA.names], schema=GOLD_SCHEMA)
