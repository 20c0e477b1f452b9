"""Queries of analysts: SQL on the star schema of a lake, and the quality of each file from its ledger."""

import os
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from vendas.errors import SettingsError, WarehouseError
from vendas.lake.events import PROCESSED, REJECTED, Event
from vendas.lake.ledger import entry_columns
from vendas.machine.environment import isolate
from vendas.tuning import EXPLORED_SALES
from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint, explain_refusal

if TYPE_CHECKING:
    import redshift_connector

_NO_END = 999912  # a month after all others
_SALES_UNTIL = """
    select sum(vendas) as vendas
    from vendas_por_dia
    inner join dim_canal on vendas_por_dia.canal_id = dim_canal.canal_id
    where data_id / 100 <= :fim and (canal = :canal or :canal = '')
    having sum(vendas) > 0
"""


def connect(endpoint: Endpoint) -> Engine:
    """Return a SQLAlchemy engine, also for pandas; its repr hides the password, and it survives a server restart.

    Connections raise WarehouseError if the warehouse cannot be reached, or refuses the login.
    Raises: WarehouseError if Redshift's driver is missing.
    """
    engine = _engine(endpoint)
    event.listen(engine, "handle_error", partial(_explain_no_connection, endpoint))
    return engine


def _engine(endpoint: Endpoint) -> Engine:
    if isinstance(endpoint, RedshiftEndpoint):
        if not (find_spec("redshift_connector") and find_spec("sqlalchemy_redshift")):
            raise WarehouseError(
                "Questions to Redshift go through its own driver, which is not installed here.\n"
                "Install it: pip install 'vendas[redshift]'"
            )
        return create_engine("redshift+redshift_connector://", creator=partial(_redshift, endpoint), pool_pre_ping=True)
    isolate()  # remove PGSSLMODE, PGOPTIONS and the like
    return create_engine(endpoint.url, pool_pre_ping=True)


def _explain_no_connection(endpoint: Endpoint, context: ExceptionContext) -> None:
    if context.connection is None and not context.is_pre_ping:
        raise WarehouseError(explain_refusal(endpoint, _said(context.original_exception))) from None


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


def choose(warehouse: Engine, inicio: str = "", fim: str = "", canal: str = "") -> dict[str, int | str]:
    """Return what queries compare with: the first and last month as yyyymm, and the channel, empty for all.

    A month is given as 2024-03; an empty one sets no limit.
    Raises: SettingsError if a month is malformed, the period ends before it begins, or the star has no such channel.
    """
    first, last = (_month(name, text) for name, text in (("inicio", inicio), ("fim", fim)))
    if first and last and last < first:
        raise SettingsError(f"The period ends before it begins: inicio is {inicio!r}, fim is {fim!r}.")
    if canal != "":
        known = ask(warehouse, "select canal from dim_canal order by canal")["canal"].tolist()
        if canal not in known:
            raise SettingsError(f"The star has no channel {canal!r}; expected '' for all, or one of {known}.")
    return {"inicio": first, "fim": last or _NO_END, "canal": canal}


def _month(name: str, text: str) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"([12][0-9]{3}-(0[1-9]|1[0-2]))?", text):
        raise SettingsError(f"{name} is no month: expected one like '2024-03', or '' for no limit; got {text!r}.")
    return int(text.replace("-", "") or 0)


def name_choice(escolha: Mapping[str, int | str]) -> str:
    """Return which sales `choose` has chosen, in Portuguese, for a title."""
    first, last = (f"{number % 100:02}/{number // 100}" for number in (int(escolha["inicio"]), int(escolha["fim"])))
    begun = f" desde {first}" if escolha["inicio"] else ""
    ended = f" até {last}" if escolha["fim"] != _NO_END else ""
    return f"{escolha['canal'] or 'todos os canais'}{begun}{ended}"


def sample_customers(warehouse: Engine, escolha: Mapping[str, int | str]) -> str:
    """Return the pattern of the MD5 of the e-mails whose sales are to be read: `%` for all, else one of 16, of 256 …

    It depends on the number of sales chosen and of those before. A customer is in the sample with all sales or none.
    """
    sales = ask(warehouse, _SALES_UNTIL, **escolha)["vendas"].sum()
    return "0" * next(digits for digits in range(32) if sales <= EXPLORED_SALES * 16**digits) + "%"


def name_sample(pattern: str) -> str:
    """Return which customers the pattern selects, in Portuguese, for a title; empty for all."""
    share = 16 ** pattern.count("0")
    return f" (um de cada {share} clientes)" if share > 1 else ""


def new_and_returning(compras: pd.DataFrame, inicio: int = 0) -> pd.DataFrame:
    """Count the customers of each month from `inicio` on: new ones, in the month of their first purchase, and others.

    `compras` has a row for each customer (`cliente`) and month (`mes`, yyyymm) with purchases.
    """
    first = compras.groupby("cliente")["mes"].transform("min")
    shown = compras["mes"] >= inicio
    new = (compras["mes"] == first)[shown].groupby(compras["mes"]).agg(["sum", "size"])
    return pd.DataFrame(
        {
            "mês": pd.to_datetime(new.index.astype(str), format="%Y%m"),
            "clientes novos": new["sum"].to_numpy(int),
            "clientes que voltaram": (new["size"] - new["sum"]).to_numpy(int),
        }
    )


def by_purchases(compras: pd.DataFrame, inicio: int = 0) -> pd.DataFrame:
    """Count customers by their number of purchases (`compras`) from `inicio` on; the last row is of five or more."""
    each = compras[compras["mes"] >= inicio].groupby("cliente")["compras"].sum().astype(int).clip(upper=5)
    counted = each.value_counts().sort_index()
    names = [f"{times} ou mais" if times == 5 else str(times) for times in counted.index]
    return pd.DataFrame({"compras": names, "clientes": counted.to_numpy(int)})


def by_domain(compras: pd.DataFrame, inicio: int = 0) -> pd.DataFrame:
    """Count the customers with purchases from `inicio` on by the domain of their e-mail, the most frequent first."""
    counted = compras[compras["mes"] >= inicio].groupby("dominio_email")["cliente"].nunique()
    found = pd.DataFrame({"dominio_email": counted.index, "clientes": counted.to_numpy(int)})
    return found.sort_values(["clientes", "dominio_email"], ascending=[False, True], ignore_index=True)


def ask(warehouse: Engine, query: str, **values: int | str) -> pd.DataFrame:
    """Run a query and return its rows; numeric values stay Decimals, exact to the cent.

    `values` are those of the names that the query has after a colon (`:canal`); others are ignored.
    Raises: WarehouseError with the server's message if the query fails.
    """
    try:
        with warehouse.connect() as connection:
            return pd.read_sql_query(text(query), connection, coerce_float=False, params=values)
    except SQLAlchemyError as error:
        raise WarehouseError(
            f"The warehouse refused the query: {_said(getattr(error, 'orig', None) or error)}\n"
            "Correct the query; if it is a table that is missing, `vendas run` on this lake makes it."
        ) from None


def _said(cause: BaseException) -> str:
    """Return the message of the server, or of the failed connection; Redshift's driver has it in a dictionary."""
    fields = cause.args[0] if cause.args else None
    return (fields.get("M", str(fields)) if isinstance(fields, dict) else str(cause)).strip()


def quality(events: Iterable[Event]) -> pd.DataFrame:
    """Return the accepted, duplicate and quarantined rows of each file.

    Those with the most quarantined rows come first, then rejected ones, which have no rows, then those with the most
    duplicates. A file is described by its received name, its arrival time, and its state if that is not PROCESSED.
    """
    found = entry_columns(events)
    found = found.append_column("rejected", pc.equal(found["situacao"], REJECTED).cast(pa.int8())).sort_by(
        [*((name, "descending") for name in ("quarentena", "rejected", "duplicadas")), ("arquivo", "ascending")]
    )
    counts = {"aceitas": "silver", "duplicadas": "duplicadas", "em quarentena": "quarentena"}
    columns = {"arquivo": _described(found)} | {name: found[counted] for name, counted in counts.items()}
    return pa.table(columns).to_pandas()


def _described(entries: pa.Table) -> pa.ChunkedArray:
    # By place, as parsing a hundred thousand names takes as long as all the rest: …_20240331T140509123Z_1a2b3c4d.csv
    year, month, day, hour, minute = (
        pc.utf8_slice_codeunits(entries["arquivo"], first, first + digits)
        for first, digits in ((-32, 4), (-28, 2), (-26, 2), (-23, 2), (-21, 2))
    )
    date, time = (
        pc.binary_join_element_wise(*parts, mark) for parts, mark in (((day, month, year), "/"), ((hour, minute), ":"))
    )
    state = pc.binary_join_element_wise(" (", entries["situacao"], ")", "")
    state = pc.if_else(pc.equal(entries["situacao"], PROCESSED), "", state)
    return pc.binary_join_element_wise(entries["arquivo_recebido"], ", ", date, " ", time, state, "")
