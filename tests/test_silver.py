from datetime import datetime
from decimal import Decimal

import pytest
from pyspark.sql import Observation
from pyspark.sql import functions as F
from pyspark.testing import assertDataFrameEqual

from rows import FILE, raw_frame, raw_row, silver_frame, silver_row
from vendas import schema
from vendas.bronze import arquivo_at
from vendas.errors import ConservationError
from vendas.silver import (
    distinct_sales,
    judge,
    mark_known,
    observed,
    sales_counts,
    time_span,
    to_mended,
    to_quarantine,
    to_silver,
    unknown,
)

VALOR, NOME = schema.VALOR.name, schema.NOME.name


def judged(spark, *rows):
    return judge(raw_frame(spark, rows))


def published(spark, rows, known=(), arquivos=(FILE,)):
    sales = mark_known(distinct_sales(judged(spark, *rows)), silver_frame(spark, known))
    return to_silver(unknown(sales), arquivo_at(F.col("posicao"), list(arquivos)))


def test_a_good_row_becomes_a_typed_sale(spark):
    assertDataFrameEqual(published(spark, [raw_row()]), silver_frame(spark, [silver_row()]))


def test_silver_has_the_contracts_columns_and_types(spark):
    assert published(spark, [raw_row()]).schema.simpleString() == silver_frame(spark, []).schema.simpleString()


@pytest.mark.parametrize("empty", ["", " \t\u00a0", None], ids=["empty", "blank", "null"])
def test_empty_texts_become_their_defaults(spark, empty):
    row = judged(spark, raw_row(**{column.name: empty for column in schema.TEXT})).first()
    assert ([row[column.name] for column in schema.TEXT], row.motivos) == ([c.default for c in schema.TEXT], [])


def test_all_reasons_against_a_row_are_kept(spark):
    wrong = {"Timestamp do Registro": "", VALOR: "1.234", "Desconto Oferecido": "0.11", NOME: "x" * 1001}
    row = judged(spark, raw_row(**wrong)).first()
    assert row.motivos == ["timestamp_ausente", "valor_ambiguo", "desconto_ambiguo", "texto_longo"]


def test_a_malformed_record_has_its_own_reasons_only(spark):
    row = judged(spark, raw_row(problemas=["numero_de_campos", "texto_apos_aspas"])).first()
    assert row.motivos == ["numero_de_campos", "texto_apos_aspas"]


def test_quarantine_keeps_line_text_and_reasons(spark):
    rows = to_quarantine(judged(spark, raw_row(2), raw_row(3, **{VALOR: "-1"}))).collect()
    assert [tuple(row) for row in rows] == [(FILE, 3, "…", ["valor_negativo"])]


def test_refused_rows_are_no_sales(spark):
    assert published(spark, [raw_row(**{VALOR: "-1"})]).isEmpty()


def test_rows_equal_after_cleaning_are_one_sale(spark):
    rows = [raw_row(2), raw_row(3, **{VALOR: "R$ 100,00", NOME: " Ana "})]
    assertDataFrameEqual(published(spark, rows), silver_frame(spark, [silver_row()]))


def test_a_difference_in_any_column_makes_another_sale(spark):
    others = {"Timestamp do Registro": "2024-03-31 14:06", VALOR: "100,01", "Desconto Oferecido": "12%"}
    changed = [raw_row(**{column: others.get(column, "x")}) for column in schema.INPUT_NAMES]
    assert published(spark, [raw_row(), *changed]).count() == 1 + len(schema.INPUT_NAMES)


def test_the_first_in_bronze_order_is_kept_not_the_lowest_line(spark):
    later = raw_row(2, posicao=(1 << 40) + 2)
    earlier = raw_row(9, posicao=9)
    kept = published(spark, [later, earlier], arquivos=["first.csv", "second.csv"])
    assert kept.first()[schema.ARQUIVO.name] == "first.csv"


def test_a_sale_that_silver_knows_is_not_added(spark):
    assert published(spark, [raw_row()], known=[silver_row("older.csv")]).isEmpty()


def counted(spark, rows, known, arquivos):
    marked = mark_known(distinct_sales(judged(spark, *rows)), silver_frame(spark, known))
    return tuple(marked.agg(*sales_counts(arquivos)).first())


def test_counts_of_good_rows_and_kept_sales(spark):
    rows = [raw_row(2), raw_row(3), raw_row(4, Nome="Bia"), raw_row(5, **{VALOR: ""})]
    assert counted(spark, rows, [silver_row("older.csv")], [FILE]) == (3, 1)


def test_a_sale_published_by_a_run_that_was_cut_off_still_counts_as_kept(spark):
    assert counted(spark, [raw_row(2), raw_row(3)], [silver_row(FILE)], [FILE]) == (2, 1)


def test_counts_of_nothing_are_zero(spark):
    assert counted(spark, [], [], []) == (0, 0)


def test_counts_that_spark_never_tells_are_an_error_not_an_endless_wait(spark):
    counts = Observation()
    spark.range(1).observe(counts, F.count("*").alias("linhas"))  # and nothing is ever done with it
    with pytest.raises(ConservationError, match="told no counts"):
        observed(counts, seconds=0.2)


def test_the_time_span_is_of_good_rows_only(spark):
    span = time_span(judged(spark, raw_row(), raw_row(**{"Timestamp do Registro": "1999-01-01 00:00", VALOR: "x"})))
    assert span == (datetime(2024, 3, 31, 14, 5),) * 2


def test_no_rows_have_no_time_span(spark):
    assert time_span(judged(spark)) == (None, None)


def test_money_is_exact(spark):
    assert judged(spark, raw_row(**{VALOR: "9999999999,99"})).first()[VALOR] == Decimal("9999999999.99")


def test_mended_rows_are_linked_to_the_quarantined_rows_they_name(spark):
    rows = [raw_row(linha, origem=origem) for linha, origem in enumerate([f" {FILE}:7 ", f"{FILE}:8", "?", None], 2)]
    quarantine = spark.createDataFrame([(FILE, 7, "…", ["valor_ausente"])], schema.ddl(schema.QUARANTINE))
    links = to_mended(judged(spark, *rows), quarantine).collect()
    assert [tuple(link) for link in links] == [(FILE, 2, FILE, 7)]
