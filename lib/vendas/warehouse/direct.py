"""A connection to PostgreSQL from Python itself, which needs no JVM."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vendas.errors import WarehouseError
from vendas.warehouse.endpoint import Endpoint, explain_refusal

if TYPE_CHECKING:
    import psycopg


@contextmanager
def connected(endpoint: Endpoint, **options: Any) -> Generator["psycopg.Connection[Any]"]:
    """Open a connection, with these options of psycopg's, for the block: committed after it, rolled back if it raises.

    Raises: WarehouseError if the database cannot be reached, or refuses.
    """
    import psycopg  # here, because the import takes a quarter of a second

    try:
        with psycopg.connect(endpoint.url, **options) as connection:
            yield connection
    except psycopg.Error as error:
        raise WarehouseError(explain_refusal(endpoint, str(error))) from error
