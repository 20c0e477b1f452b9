"""What analysts ask of a lake: SQL on its star schema, and the quality of each file from its ledger."""

from collections.abc import Iterable
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import SQLAlchemyError

from vendas.arrivals import BronzeFile
from vendas.endpoint import Endpoint, RedshiftEndpoint
from vendas.errors import WarehouseError
from vendas.ledger import PROCESSED, REJECTED, Event, entries


class RedshiftDialect(PGDialect_psycopg):
    """PostgreSQL's, less a question that Redshift does not understand: a backslash always escapes there."""

    supports_statement_cache = True

    def _set_backslash_escapes(self, connection: Connection) -> None:
        self._backslash_escapes = True


registry.register("redshift", __name__, RedshiftDialect.__name__)


def connect(endpoint: Endpoint) -> Engine:
    """An engine for SQLAlchemy and pandas; its repr hides the password, and it survives a restart of the server."""
    if isinstance(endpoint, RedshiftEndpoint):
        url = make_url(endpoint.url).set(drivername="redshift")
        return create_engine(url, pool_pre_ping=True, use_native_hstore=False)
    return create_engine(endpoint.url, pool_pre_ping=True)


def ask(warehouse: Engine, query: str) -> pd.DataFrame:
    """The query's rows; numeric values stay Decimals, to the cent. Raises WarehouseError with what the server said."""
    try:
        with warehouse.connect() as connection:
            return pd.read_sql_query(text(query), connection, coerce_float=False)
    except SQLAlchemyError as error:
        raise WarehouseError(
            f"The warehouse refused the query: {str(getattr(error, 'orig', None) or error).strip()}\n"
            "Correct the query; if it is a table that is missing, `vendas run` on this lake makes it."
        ) from None


def quality(events: Iterable[Event]) -> pd.DataFrame:
    """Rows accepted, duplicate and quarantined of each file by its bronze name: rejected ones, then most refused rows.

    A file is described by what it came as and when, and by its state where that is not PROCESSED.
    """
    found = sorted(entries(events), key=_worst_first)
    rows = [(_described(entry), entry["silver"], entry["duplicadas"], entry["quarentena"]) for entry in found]
    columns = ["arquivo", "aceitas", "duplicadas", "em quarentena"]
    return pd.DataFrame(rows, index=[entry["arquivo"] for entry in found], columns=columns)


def _worst_first(entry: dict) -> tuple:
    return entry["situacao"] != REJECTED, -entry["quarentena"], -entry["duplicadas"], entry["arquivo"]


def _described(entry: dict) -> str:
    arrived = datetime.strptime(BronzeFile.parse(entry["arquivo"]).event_time[:13], "%Y%m%dT%H%M")
    state = "" if entry["situacao"] == PROCESSED else f" ({entry['situacao']})"
    return f"{entry['arquivo_recebido']}, {arrived:%d/%m/%Y %H:%M}{state}"
