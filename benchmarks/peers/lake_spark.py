"""The lake's work as it is usually written in PySpark: `python -m benchmarks.peers.lake_spark LANDING FOLDER`.

One pass a layer, `dropDuplicates`, Spark's default settings, Parquet with snappy. It takes the sample's ways of writing
a value and refuses the faults of benchmarks/data.py, without a reason or a line number; which of two equal rows stays
is left to chance.
"""

import os
import sys

from pyspark.sql import SparkSession, functions as F
from pyspark.sql.types import StringType, StructType

from vendas.lake.spark import java_home
from vendas.sample.generator import COLUMNS
from vendas.schema import MISSING, MISSING_CODE, TEXT_COLUMNS

NAMES = [column.name for column in COLUMNS]
CORRUPT, QUOTE = "_corrupt_record", chr(34)


def main(landing: str, folder: str) -> None:
    spark = SparkSession.builder.appName("vendas").config("spark.ui.enabled", "false").getOrCreate()
    schema = StructType()
    for name in (*NAMES, CORRUPT):
        schema = schema.add(name, StringType())

    raw = spark.read.csv(
        f"{landing}/registros*.csv", schema=schema, header=True, escape=QUOTE, columnNameOfCorruptRecord=CORRUPT
    )
    moment = F.try_to_timestamp("Timestamp do Registro", F.lit("yyyy-MM-dd HH:mm:ss"))
    raw = raw.withColumn("Arquivo de Origem", F.element_at(F.split(F.input_file_name(), "/"), -1))
    typed = raw
    for column in (column for column in TEXT_COLUMNS if column in COLUMNS):
        missing = MISSING_CODE if column.default == MISSING_CODE else MISSING
        trimmed = F.trim(F.col(column.name))
        typed = typed.withColumn(column.name, F.when(trimmed != "", trimmed).otherwise(missing))
    value, percent = F.trim(F.col("Valor da Compra")), F.trim(F.col("Desconto Oferecido"))
    typed = (
        typed.withColumn("Timestamp do Registro", moment)
        .withColumn("Valor da Compra", F.when(value.rlike(r"^\d+(\.\d{1,2})?$"), value.cast("decimal(12,2)")))
        .withColumn(
            "Desconto Oferecido",
            F.when(percent.isNull(), 0).otherwise(F.regexp_replace(percent, "%", "").cast("decimal(5,2)") / 100),
        )
        .withColumn("Desconto Oferecido", F.col("Desconto Oferecido").cast("decimal(5,4)"))
        .withColumn("ano", F.year("Timestamp do Registro"))
    )
    good = (
        F.col(CORRUPT).isNull()
        & F.col("Timestamp do Registro").isNotNull()
        & F.coalesce(F.col("Valor da Compra") >= 0, F.lit(False))
        & F.coalesce(F.col("Desconto Oferecido") <= 1, F.lit(False))
    )

    typed.filter(~good).write.mode("overwrite").parquet(f"{folder}/quarantine")
    silver = typed.filter(good).drop(CORRUPT).dropDuplicates(NAMES)
    silver.write.mode("overwrite").partitionBy("ano").parquet(f"{folder}/silver")

    hour = F.hour("Timestamp do Registro")
    email = F.when(F.col("Email") == MISSING, MISSING).otherwise(F.lower("Email"))
    gold = spark.read.parquet(f"{folder}/silver").select(
        F.col("Timestamp do Registro").alias("timestamp_do_registro"),
        F.when(hour < 6, "Madrugada")
        .when(hour < 12, "Manhã")
        .when(hour < 18, "Tarde")
        .otherwise("Noite")
        .alias("turno_compra"),
        F.concat_ws(" ", *(F.when(F.col(name) != MISSING, F.col(name)) for name in ("Nome", "Sobrenome"))).alias(
            "nome_completo"
        ),
        email.alias("email"),
        F.when(email.contains("@"), F.element_at(F.split(email, "@"), -1)).otherwise(MISSING).alias("dominio_email"),
        F.col("Telefone").alias("telefone"),
        F.col("Produto Adquirido").alias("produto_adquirido"),
        F.col("Valor da Compra").alias("valor_da_compra"),
        F.col("Desconto Oferecido").alias("desconto_oferecido"),
        F.round(F.col("Valor da Compra") * (1 - F.col("Desconto Oferecido")), 2)
        .cast("decimal(12,2)")
        .alias("valor_com_desconto"),
        F.col("Canal").alias("canal"),
        F.col("Plataforma de Interação").alias("plataforma_de_interacao"),
        F.col("Campanha de Marketing").alias("campanha_de_marketing"),
        F.col("Vendedor").alias("vendedor"),
        F.col("Código de Desconto Usado").alias("codigo_de_desconto_usado"),
        F.col("Arquivo de Origem").alias("arquivo_de_origem"),
        "ano",
    )
    gold.write.mode("overwrite").partitionBy("ano").parquet(f"{folder}/gold")
    spark.stop()


if __name__ == "__main__":
    os.environ |= {"JAVA_HOME": str(java_home()), "SPARK_LOCAL_IP": "127.0.0.1"}
    main(*sys.argv[1:])
