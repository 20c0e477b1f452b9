"""Removal of equal sales from silver that a second writer added."""

from pyspark.sql import DataFrame, Window, functions as F

from vendas import schema
from vendas.errors import ConservationError
from vendas.lake.erasures import Variants, read_variants
from vendas.lake.events import Event
from vendas.lake.ledger import count_rows_in, latest, record
from vendas.lake.tables import SILVER_TABLE, Lake
from vendas.rules.silver import VARIANT
from vendas.stages.reconciliation import recounted_events

_COMPARED = (*schema.INPUT_NAMES, VARIANT)
_EVENT_TIME = r"_(\d{8}T\d{9}Z)_[0-9a-f]{8}\.csv$"  # the event time in a bronze name


def drop_equal_sales(tables: Lake, events: list[Event], run_id: str) -> int:
    """Keep one of each set of equal sales that a second writer added to silver; return how many rows were deleted.

    Keep the copy that was added first; of copies added together, the first in bronze order. Two runs cannot both
    publish, but nothing stops other programs from appending to silver. Rows are compared only if the total of silver
    differs from the ledger's.
    Raises: ConservationError if other files of silver still differ from the ledger.
    """
    if not tables.publishes or (before := tables.total(SILVER_TABLE)) == count_rows_in(events, "silver"):
        return 0
    change = tables.change(SILVER_TABLE)
    arquivo = schema.ARQUIVO.name
    apart = read_variants(tables.place)
    by_sale = _with_variants(change.read(), apart).groupBy(*_COMPARED).agg(F.collect_list(arquivo).alias(arquivo))
    doubled = by_sale.where(F.size(arquivo) > 1).select(F.explode(arquivo)).distinct()
    files = sorted(row[0] for row in doubled.collect())
    silver = {name: done["silver"] for name, done in latest(events).items() if "silver" in done}
    affected = [silver[name] for name in files if name in silver]
    # Record in the ledger first: if the run is killed in between, the next one finds the equal sales again.
    change.publish(
        _first_of_equal(change.rows_of(files), tables.added_when(SILVER_TABLE), apart),
        files,
        replaced=files,
        audit=lambda held: record(tables, events, recounted_events(affected, held, run_id)),
    )
    _check_nothing_foreign(silver, tables.count_by_any_file(SILVER_TABLE), but=[event.arquivo for event in affected])
    return before - tables.total(SILVER_TABLE)


def _with_variants(sales: DataFrame, variants: Variants) -> DataFrame:
    """Return sales with VARIANT, as `rules.silver.with_variants` does."""
    lines = [(arquivo, linha, of) for arquivo, lines in variants.items() for linha, of in lines.items()]
    if not lines:
        return sales.withColumn(VARIANT, F.lit(""))
    place = [schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name]
    known = sales.sparkSession.createDataFrame(lines, f"`{place[0]}` string, `{place[1]}` bigint, {VARIANT} string")
    return sales.join(F.broadcast(known), place, "left").fillna("", [VARIANT])


def _first_of_equal(sales: DataFrame, added: DataFrame, variants: Variants) -> DataFrame:
    arquivo = F.col(schema.ARQUIVO.name)
    order = (F.col("ordem"), F.regexp_extract(arquivo, _EVENT_TIME, 1), arquivo)
    place = F.row_number().over(Window.partitionBy(*_COMPARED).orderBy(*order))
    placed = sales.withColumn("caminho", F.col("_file")).join(F.broadcast(added), "caminho", "left")
    return (
        _with_variants(placed, variants)
        .withColumn("lugar", place)
        .where("lugar = 1")
        .select(*schema.names(schema.SILVER_COLUMNS))
    )


def _check_nothing_foreign(silver: dict[str, Event], held: dict[str, int], but: list[str]) -> None:
    expected = {name: event.gravadas for name, event in silver.items()}
    broken = [
        f"{name}: the ledger says {expected.get(name, 0)}, silver has {held.get(name, 0)}"
        for name in sorted((expected.keys() | held.keys()) - set(but))
        if expected.get(name, 0) != held.get(name, 0)
    ]
    if broken:
        raise ConservationError(
            "Silver was changed by other hands; nothing was published. Rows by file:\n" + "\n".join(broken[:20]) + "\n"
            "Give a file its own rows back with: vendas replay FILE. Rows of a file that is not in bronze: delete them."
        )
