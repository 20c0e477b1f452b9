"""Queries of analysts: SQL on the star schema of a lake, and the quality of each file from its ledger."""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from vendas.errors import WarehouseError
from vendas.lake.ledger import PROCESSED, REJECTED, Event, list_entries
from vendas.landing.arrivals import BronzeFile
from vendas.machine.environment import isolate
from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint

if TYPE_CHECKING:
    import redshift_connector


def connect(endpoint: Endpoint) -> Engine:
    """Return a SQLAlchemy engine, also for pandas; its repr hides the password, and it survives a server restart.

    Raises: WarehouseError if Redshift's driver is missing.
    """
    if isinstance(endpoint, RedshiftEndpoint):
        if not (find_spec("redshift_connector") and find_spec("sqlalchemy_redshift")):
            raise WarehouseError(
                "Questions to Redshift go through its own driver, which is not installed here.\n"
                "Install it: pip install 'vendas[redshift]'"
            )
        return create_engine("redshift+redshift_connector://", creator=partial(_redshift, endpoint), pool_pre_ping=True)
    isolate()  # remove PGSSLMODE, PGOPTIONS and the like
    return create_engine(endpoint.url, pool_pre_ping=True)


def _redshift(endpoint: RedshiftEndpoint) -> "redshift_connector.Connection":
    """Open a connection with Redshift's own driver, because others do not support its method of authentication.

    It uses TLS and verifies that the server is the one that the certificate names.
    """
    import redshift_connector  # here, because a lake on this machine does not need it

    with _trusting(endpoint.root_certificate):
        return redshift_connector.connect(
            host=endpoint.host,
            port=endpoint.port,
            database=endpoint.database,
            user=endpoint.user,
            password=endpoint.password,
            ssl=True,
            sslmode="verify-full",
        )


@contextmanager
def _trusting(certificate: str | None) -> Generator[None]:
    """Make OpenSSL trust this file instead of the machine's certificates; the driver has no option for that."""
    before = os.environ.get("SSL_CERT_FILE")
    if certificate:
        os.environ["SSL_CERT_FILE"] = certificate
    try:
        yield
    finally:
        if certificate:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before


def ask(warehouse: Engine, query: str) -> pd.DataFrame:
    """Run a query and return its rows; numeric values stay Decimals, exact to the cent.

    Raises: WarehouseError with the server's message if the query fails.
    """
    try:
        with warehouse.connect() as connection:
            return pd.read_sql_query(text(query), connection, coerce_float=False)
    except SQLAlchemyError as error:
        raise WarehouseError(
            f"The warehouse refused the query: {_said(error)}\n"
            "Correct the query; if it is a table that is missing, `vendas run` on this lake makes it."
        ) from None


def _said(error: SQLAlchemyError) -> str:
    """Return the message of the server, or of the failed connection; Redshift's driver has it in a dictionary."""
    cause = getattr(error, "orig", None) or error
    fields = cause.args[0] if cause.args else None
    return (fields.get("M", str(fields)) if isinstance(fields, dict) else str(cause)).strip()


def quality(events: Iterable[Event]) -> pd.DataFrame:
    """Return the accepted, duplicate and quarantined rows of each file, indexed by bronze name.

    Rejected files come first, then those with the most quarantined and the most duplicate rows. A file is described by
    its received name, its arrival time, and its state if that is not PROCESSED.
    """
    found = sorted(list_entries(events), key=_worst_first)
    rows = [(_described(entry), entry["silver"], entry["duplicadas"], entry["quarentena"]) for entry in found]
    columns = ["arquivo", "aceitas", "duplicadas", "em quarentena"]
    return pd.DataFrame(rows, index=[entry["arquivo"] for entry in found], columns=columns)


def _worst_first(entry: dict) -> tuple:
    return entry["situacao"] != REJECTED, -entry["quarentena"], -entry["duplicadas"], entry["arquivo"]


def _described(entry: dict) -> str:
    arrived = datetime.strptime(BronzeFile.of(entry["arquivo"]).event_time[:13], "%Y%m%dT%H%M")
    state = "" if entry["situacao"] == PROCESSED else f" ({entry['situacao']})"
    return f"{entry['arquivo_recebido']}, {arrived:%d/%m/%Y %H:%M}{state}"
