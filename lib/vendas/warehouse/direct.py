"""A connection to PostgreSQL from Python itself, which needs no JVM."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vendas.errors import WarehouseError
from vendas.warehouse.endpoint import UNCHANGED, Endpoint, explain_refusal

if TYPE_CHECKING:
    import psycopg


@contextmanager
def connected(endpoint: Endpoint, then: str = UNCHANGED, **options: Any) -> Generator["psycopg.Connection[Any]"]:
    """Open a connection, with these options of psycopg's, for the block: committed after it, rolled back if it raises.

    With `autocommit` each statement stays, so say by `then` what holds when a later one fails.

    Raises: WarehouseError if the database cannot be reached, or refuses.
    """
    import psycopg  # here, because the import takes a quarter of a second

    try:
        with psycopg.connect(endpoint.url, **options) as connection:
            yield connection
    except psycopg.Error as error:
        raise WarehouseError(explain_refusal(endpoint, str(error), then)) from error
