"""PostgreSQL from Python itself, by psycopg, which needs no JVM: a connection, and a transaction on it."""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from vendas.errors import WarehouseConflict, WarehouseError
from vendas.lake.workers import Workers
from vendas.machine.environment import isolate
from vendas.tuning import COPY_SENT_BYTES
from vendas.warehouse.endpoint import UNCHANGED, Endpoint, explain_refusal
from vendas.warehouse.postgresql import PostgreSQL

if TYPE_CHECKING:
    import psycopg

_CONFLICT = "40"  # SQLSTATE's class of transactions that were rolled back because of another one


@contextmanager
def connected(endpoint: Endpoint, then: str = UNCHANGED, **options: Any) -> Generator["psycopg.Connection[Any]"]:
    """Open a connection, with these options of psycopg's, for the block: committed after it, rolled back if it raises.

    With `autocommit` each statement stays, so say by `then` what holds when a later one fails.

    Raises: WarehouseError if the database cannot be reached, or refuses; WarehouseConflict if the cause is another
    transaction.
    """
    import psycopg  # here, because the import takes a quarter of a second

    isolate()  # remove PGSSLMODE, PGOPTIONS and the like
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what fails because of the error that it raises
    try:
        with psycopg.connect(endpoint.url, **options) as connection:
            yield connection
    except psycopg.Error as error:
        kind = WarehouseConflict if (error.sqlstate or "").startswith(_CONFLICT) else WarehouseError
        raise kind(explain_refusal(endpoint, str(error), then)) from error


class PostgreSQLTransaction:
    """An open transaction on PostgreSQL."""

    engine = PostgreSQL

    def __init__(self, workers: Workers, endpoint: Endpoint, connection: "psycopg.Connection[Any]"):
        self.workers, self.endpoint, self._connection = workers, endpoint, connection

    def run(self, *statements: str) -> None:
        """Execute statements in order; each text may hold several."""
        for sql in statements:
            self._connection.execute(sql.encode())

    def rows(self, query: str) -> list[dict[str, str]]:
        """Return the rows of a query, each as texts by column."""
        return [dict(row) for row in _read(self._connection.execute(query.encode()))]

    def cells(self, query: str, parameters: Sequence[str]) -> list[list[tuple[str, str]]]:
        """Return the rows of a query with a `?` for each parameter, each as pairs of a column's name and its text."""
        placed = query.replace("%", "%%").replace("?", "%s")
        return _read(self._connection.execute(placed.encode(), parameters))

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in order."""
        described = self._connection.execute(f"select * from {table} where false".encode()).description
        return [column.name for column in described or ()]

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows that are here, each with a value for every column of the table."""
        with self._connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin".encode()) as copying:
            for row in rows:
                copying.write_row(row)

    def send(self, copy: str, content: BinaryIO) -> None:
        """Run a COPY from stdin with this content."""
        with self._connection.cursor() as cursor, cursor.copy(copy.encode()) as copying:
            while chunk := content.read(COPY_SENT_BYTES):
                copying.write(chunk)


def _read(cursor: "psycopg.Cursor[Any]") -> list[list[tuple[str, str]]]:
    """Return the rows of a query with the texts that PostgreSQL sent, where psycopg would make numbers and dates."""
    found: Any = cursor.pgresult
    names = [found.fname(place).decode() for place in range(found.nfields)]
    return [
        [(name, _decoded(found.get_value(row, place))) for place, name in enumerate(names)]
        for row in range(found.ntuples)
    ]


def _decoded(value: bytes | None) -> Any:
    return None if value is None else value.decode()
