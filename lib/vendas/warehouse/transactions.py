"""Transactions in the warehouse, whichever its engine: PostgreSQL by psycopg, Redshift by JDBC."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from vendas.errors import WarehouseConflict
from vendas.lake.workers import Workers
from vendas.retries import retry_on
from vendas.tuning import WAREHOUSE_CONFLICT_PAUSES
from vendas.warehouse import postgresql_transaction as postgresql
from vendas.warehouse.endpoint import UNCHANGED, Endpoint, RedshiftEndpoint
from vendas.warehouse.engines import Engine

T = TypeVar("T")
Cells = list[tuple[str, str]]
"""A row: pairs of a column's name and its text, None for null; names may repeat."""


class Transaction(Protocol):
    """An open transaction: runs statements, queries and inserts. Values come as the texts that the engine writes."""

    workers: Workers

    @property
    def endpoint(self) -> Endpoint:
        """The engine's address."""
        ...

    @property
    def engine(self) -> Engine:
        """What is different on this engine."""
        ...

    def run(self, *statements: str) -> None:
        """Execute statements in order; each text may hold several."""
        ...

    def rows(self, query: str) -> list[dict[str, str]]:
        """Return the rows of a query, each as texts by column."""
        ...

    def cells(self, query: str, parameters: Sequence[str]) -> list[Cells]:
        """Return the rows of a query in which `?` stands for each parameter, in order, and for nothing else."""
        ...

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in order."""
        ...

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows that are here, each with a value for every column of the table."""
        ...


@contextmanager
def transaction(workers: Workers, endpoint: Endpoint) -> Generator[Transaction]:
    """Open a connection and its one transaction: committed after the block, rolled back if it raises, always closed.

    Raises: WarehouseError if the database or its driver fails; WarehouseConflict if the cause is another transaction.
    """
    with _opened(workers, endpoint, UNCHANGED, autocommit=False) as opened:
        yield opened


def run_alone(workers: Workers, endpoint: Endpoint, statement: str, then: str = UNCHANGED) -> None:
    """Run a statement that the database takes in no transaction with others; if it fails, `then` says what holds.

    Raises: WarehouseError if the database, or its driver, fails.
    """
    with _opened(workers, endpoint, then, autocommit=True) as opened:
        opened.run(statement)


@contextmanager
def _opened(workers: Workers, endpoint: Endpoint, then: str, autocommit: bool) -> Generator[Transaction]:
    if isinstance(endpoint, RedshiftEndpoint):
        from vendas.warehouse import redshift_transaction as redshift  # here, because PostgreSQL needs no JVM

        with redshift.connected(workers.spark, endpoint, then, autocommit) as connection:
            yield redshift.RedshiftTransaction(workers, endpoint, connection)
    else:
        # Prepared statements would keep the plan that they got before rows, statistics or settings changed.
        with postgresql.connected(endpoint, then, autocommit=autocommit, prepare_threshold=None) as connection:
            yield postgresql.PostgreSQLTransaction(workers, endpoint, connection)


def in_transaction(workers: Workers, endpoint: Endpoint, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction and return its result after the commit; on a conflict, start again.

    Raises: WarehouseConflict if several attempts conflict; else as `transaction`.
    """

    def once() -> T:
        with transaction(workers, endpoint) as open_transaction:
            return work(open_transaction)

    try:
        return retry_on(WarehouseConflict, WAREHOUSE_CONFLICT_PAUSES, once)
    except WarehouseConflict as error:
        attempts = len(WAREHOUSE_CONFLICT_PAUSES) + 1
        raise WarehouseConflict(f"{error}\nThis happened {attempts} times; see what else writes there.") from error
