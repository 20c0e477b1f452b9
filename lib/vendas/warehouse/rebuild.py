"""Rebuild the whole warehouse from gold."""

from vendas.errors import WarehouseError
from vendas.lake.ledger import latest, list_of_older_contract, read_events
from vendas.lake.tables import GOLD_TABLE, Lake
from vendas.lake.workers import Workers
from vendas.settings import Settings
from vendas.warehouse import load


def rebuild_warehouse(workers: Workers, settings: Settings) -> dict[str, int]:
    """Reload registros_vendas and the star from all of gold; return the number of rows by file.

    Raises: WarehouseError if the lake was made by an older version, or the database refuses.
    """
    events = read_events(settings.lake)
    if list_of_older_contract(events):
        raise WarehouseError(
            "This lake was made by an older version, and its gold lacks columns that the warehouse wants. Run "
            "`vendas run` first: it brings lake and warehouse up to date. Nothing was changed."
        )
    tables = Lake(settings.lake, workers)
    tables.create_tables()
    files = [name for name, done in latest(events).items() if "gold" in done]
    endpoint = load.endpoint_of(settings)
    load.apply_ddl(workers, endpoint)
    return load.rebuild(workers, endpoint, tables.files_of(GOLD_TABLE, files), files, settings.staging / "dw")
