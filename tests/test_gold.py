from datetime import datetime
from decimal import Decimal

from pyspark.testing import assertDataFrameEqual

from rows import FILE, silver_frame, silver_row
from vendas import schema
from vendas.gold import to_gold

GOLD_ROW = (
    datetime(2024, 3, 31, 14, 5),
    "Tarde",
    "Ana Souza",
    "ana@exemplo.com",
    "exemplo.com",
    "11987654321",
    "Notebook",
    Decimal("100.00"),
    Decimal("0.1100"),
    Decimal("89.00"),
    "Redes Sociais",
    "Website",
    "Campanha Verão",
    "Rita",
    "VERAO",
    FILE,
    2024,
)


def test_a_sale_gets_its_business_columns(spark):
    expected = spark.createDataFrame([GOLD_ROW], schema.ddl(schema.GOLD))
    assertDataFrameEqual(to_gold(silver_frame(spark, [silver_row()])), expected)


def test_gold_has_the_contracts_columns_and_types(spark):
    expected = spark.createDataFrame([], schema.ddl(schema.GOLD))
    assert to_gold(silver_frame(spark, [])).schema.simpleString() == expected.schema.simpleString()


def test_one_row_in_one_row_out_even_where_rows_become_equal(spark):
    rows = [silver_row(Nome="Ana Rita", Sobrenome="Souza"), silver_row(Nome="Ana", Sobrenome="Rita Souza")]
    assert [row.nome_completo for row in to_gold(silver_frame(spark, rows)).collect()] == ["Ana Rita Souza"] * 2


def test_missing_names_and_email_stay_missing(spark):
    row = to_gold(silver_frame(spark, [silver_row(**dict.fromkeys(("Nome", "Sobrenome", "Email"), schema.MISSING))]))
    assert row.select("nome_completo", "email", "dominio_email").first() == (schema.MISSING,) * 3
