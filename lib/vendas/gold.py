"""Gold: silver's sales in business columns. Pure: one row in, one row out."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from vendas import schema
from vendas.columns import dominio_email, email, nome_completo, turno, valor_com_desconto


def to_gold(silver: DataFrame) -> DataFrame:
    """Silver rows as gold rows, in gold's order of columns."""
    instant = _column(schema.TIMESTAMP)
    valor, desconto = _column(schema.VALOR), _column(schema.DESCONTO)
    derived = {
        "timestamp_do_registro": instant,
        "turno_compra": turno(instant),
        "nome_completo": nome_completo(_column(schema.NOME), _column(schema.SOBRENOME)),
        "email": email(_column(schema.EMAIL)),
        "dominio_email": dominio_email(_column(schema.EMAIL)),
        "telefone": _column(schema.TELEFONE),
        "produto_adquirido": _column(schema.PRODUTO),
        "valor_da_compra": valor,
        "desconto_oferecido": desconto,
        "valor_com_desconto": valor_com_desconto(valor, desconto),
        "canal": _column(schema.CANAL),
        "plataforma_de_interacao": _column(schema.PLATAFORMA),
        "campanha_de_marketing": _column(schema.CAMPANHA),
        "vendedor": _column(schema.VENDEDOR),
        "codigo_de_desconto_usado": _column(schema.CODIGO),
        "arquivo_de_origem": _column(schema.ARQUIVO),
        "ano": _column(schema.ANO),
    }
    return silver.select(*(derived[name].alias(name) for name in schema.names(schema.GOLD)))


def _column(source: schema.Column) -> Column:
    return F.col(source.name)
