"""Silver: bronze records judged, typed, cleaned and distinct. Pure steps from DataFrame to DataFrame.

Judged rows carry `arquivo`, `posicao` (sorts by bronze order, then line), `linha`, `texto` and `motivos` beside the
contract's 13 columns; `motivos` is empty for a row that can be sold on.
"""

from collections.abc import Collection
from datetime import datetime
from queue import Empty, Queue
from threading import Thread

from pyspark.sql import Column, DataFrame, Observation
from pyspark.sql import functions as F

from vendas import schema
from vendas.columns import (
    clean_text,
    desconto_reason,
    parse_desconto,
    parse_timestamp,
    parse_valor,
    texto_reason,
    timestamp_reason,
    valor_reason,
)
from vendas.errors import ConservationError

_PARSERS = {
    schema.TIMESTAMP.name: (parse_timestamp, timestamp_reason),
    schema.VALOR.name: (parse_valor, valor_reason),
    schema.DESCONTO.name: (parse_desconto, desconto_reason),
}

_ORIGIN = r"^\s*(registros.*\.csv):([0-9]{1,18})\s*$"  # as `vendas quarantine export` writes it


def judge(records: DataFrame) -> DataFrame:
    """Each record typed and cleaned, with all reasons against it; its original text is kept only if there are any."""
    return records.transform(clean_texts).transform(collect_reasons).transform(parse_types)


def clean_texts(records: DataFrame) -> DataFrame:
    """Trims text columns and fills their defaults."""
    return records.withColumns({c.name: clean_text(F.col(c.name), c.default) for c in schema.TEXT})


def collect_reasons(records: DataFrame) -> DataFrame:
    """Adds `motivos`: what the file's structure, then each column's rule, says against a row."""
    by_rule = [reason(F.col(name)) for name, (_, reason) in _PARSERS.items()]
    too_long = F.coalesce(*(texto_reason(F.col(column.name)) for column in schema.TEXT))
    fields = F.array_compact(F.array(*by_rule, too_long))
    motivos = F.when(F.size("problemas") > 0, F.col("problemas")).otherwise(fields)
    return records.withColumn("motivos", motivos).drop("problemas")


def parse_types(judged: DataFrame) -> DataFrame:
    """Timestamp, value and discount as their types; null where their rule refused them."""
    parsed = {name: parse(F.col(name)) for name, (parse, _) in _PARSERS.items()}
    return judged.withColumns({**parsed, "texto": F.when(is_refused(), F.col("texto"))})


def is_refused() -> Column:
    """Whether a judged row goes to quarantine."""
    return F.size("motivos") > 0


def to_quarantine(judged: DataFrame) -> DataFrame:
    """The refused rows, as the quarantine table keeps them."""
    return judged.where(is_refused()).select(*schema.names(schema.QUARANTINE))


def to_mended(judged: DataFrame, quarantine: DataFrame) -> DataFrame:
    """Which quarantined row each mended one was; a row that names none that is there has no link."""
    file, line = (F.regexp_extract(F.col("origem"), _ORIGIN, group) for group in (1, 2))
    links = judged.where(F.col("origem").rlike(_ORIGIN)).select(
        "arquivo", "linha", file.alias("arquivo_de_origem"), line.cast("bigint").alias("linha_de_origem")
    )
    rows = quarantine.select(F.col("arquivo").alias("arquivo_de_origem"), F.col("linha").alias("linha_de_origem"))
    return links.join(rows, rows.columns, "left_semi").select(*schema.names(schema.MENDED))


def distinct_sales(judged: DataFrame) -> DataFrame:
    """One row per distinct sale: the 13 columns, the first `posicao` it stands at, and `repeticoes` (rows equal)."""
    good = judged.where(~is_refused())
    return good.groupBy(*schema.INPUT_NAMES).agg(F.min("posicao").alias("posicao"), F.count("*").alias("repeticoes"))


def time_span(judged: DataFrame) -> tuple[datetime | None, datetime | None]:
    """First and last moment of the good rows: no sale outside it can be equal to one of them. None without any."""
    moment = F.col(schema.TIMESTAMP.name)
    return tuple(judged.where(~is_refused()).agg(F.min(moment), F.max(moment)).first())


def sales_between(silver: DataFrame, first: datetime | None, last: datetime | None) -> DataFrame:
    """Silver's sales from the first to the last moment; only partitions and files that can hold one are read."""
    if first is None:
        return silver.limit(0)
    moment, ano = F.col(schema.TIMESTAMP.name), F.col(schema.ANO.name)
    return silver.where(ano.between(first.year, last.year) & moment.between(_wall_clock(first), _wall_clock(last)))


def _wall_clock(moment: datetime) -> Column:
    """The moment as written; `lit` of a datetime would move it by this machine's time zone."""
    return F.lit(moment.isoformat(" ")).cast("timestamp_ntz")


def from_other_files(silver: DataFrame, files: Collection[str]) -> DataFrame:
    """Silver's sales but for those of these bronze files."""
    return silver.where(~F.col(schema.ARQUIVO.name).isin(list(files)))


def equal_sales(judged: DataFrame, sales: DataFrame) -> DataFrame:
    """The good rows that are equal to one of these sales."""
    return judged.where(~is_refused()).join(sales.select(*schema.INPUT_NAMES), list(schema.INPUT_NAMES), "left_semi")


def mark_known(sales: DataFrame, silver: DataFrame) -> DataFrame:
    """Adds `conhecida_em`: the bronze file whose equal sale silver holds already, or null.

    No column of a good row is null, so plain equality compares them.
    """
    known = silver.select(*schema.INPUT_NAMES, F.col(schema.ARQUIVO.name).alias("conhecida_em"))
    return sales.join(known, list(schema.INPUT_NAMES), "left")


def sales_counts(arquivos: list[str]) -> list[Column]:
    """What to observe of marked sales: `linhas` that were good, and `vendas` of these files silver will then hold.

    A sale known from one of these same files was published by a run that ended before its ledger did.
    """
    kept = F.col("conhecida_em").isNull() | F.col("conhecida_em").isin(arquivos)
    return [
        F.coalesce(F.sum("repeticoes"), F.lit(0)).alias("linhas"),
        F.count(F.when(kept, True)).alias("vendas"),
    ]


def observed(counts: Observation, seconds: float = 60) -> dict[str, int]:
    """What was observed while the sales were written; it arrives within moments of their end.

    Spark would wait for ever for counts that its optimizer took out of the plan. Raises ConservationError instead.
    """
    arrived: Queue[dict[str, int]] = Queue()
    Thread(target=lambda: arrived.put(counts.get), daemon=True).start()
    try:
        return arrived.get(timeout=seconds)
    except Empty:
        raise ConservationError(
            f"Spark told no counts of the sales it wrote, {seconds:g} s after it wrote them; nothing was published.\n"
            "Check that spark.sql.adaptive.optimizer.excludedRules is as vendas.spark sets it, and run again."
        ) from None


def unknown(marked: DataFrame) -> DataFrame:
    """The sales that silver does not hold yet."""
    return marked.where(F.col("conhecida_em").isNull())


def to_silver(sales: DataFrame, arquivo: Column) -> DataFrame:
    """Distinct sales in silver's columns; `arquivo` gives the bronze name from `posicao`."""
    added = {schema.ARQUIVO.name: arquivo, schema.ANO.name: F.year(schema.TIMESTAMP.name)}
    return sales.withColumns(added).select(*schema.names(schema.SILVER))
