"""The whole warehouse loaded anew from gold."""

from pyspark.sql import SparkSession

from vendas.lake.ledger import latest, read_events
from vendas.lake.tables import GOLD_TABLE, Lake
from vendas.settings import Settings
from vendas.warehouse import load


def rebuild_warehouse(spark: SparkSession, settings: Settings) -> dict[str, int]:
    """Loads registros_vendas and the star anew from all that gold holds; rows by file. Raises WarehouseError."""
    tables = Lake(spark)
    tables.create_tables()
    files = [name for name, done in latest(read_events(settings.lake)).items() if "gold" in done]
    endpoint = load.endpoint_of(settings)
    load.apply_ddl(spark, endpoint)
    return load.rebuild(spark, endpoint, tables.files_of(GOLD_TABLE, files), files, settings.staging / "dw")
