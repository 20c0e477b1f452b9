"""A person in the warehouse: the members of dimensions with values of theirs, and what deleted rows leave."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import WarehouseError
from vendas.lake.workers import Workers
from vendas.privacy.layers import read_text
from vendas.rules.keys import member_key
from vendas.rules.people import Values, normalize_emails, normalize_telephones
from vendas.settings import Settings
from vendas.storage import S3Path, as_folder
from vendas.tuning import PURGE_WAIT_SECONDS
from vendas.warehouse import load
from vendas.warehouse.embedded import ensure_running, is_initialized
from vendas.warehouse.postgresql_transaction import connected
from vendas.warehouse.star import FACT_TABLE, TABLES
from vendas.warehouse.transactions import Transaction, run_alone

_MEMBERS = """
    select cliente_id, nome_completo, email, dominio_email, telefone,
        (select count(*) from fato_vendas where fato_vendas.cliente_id = dim_cliente.cliente_id) as vendas
    from dim_cliente where cliente_id = any(%s)
"""
_MEMBERS_OF_REDSHIFT = """
    select dim_cliente.cliente_id, nome_completo, email, dominio_email, telefone, count(venda_id) as vendas
    from dim_cliente left join fato_vendas on fato_vendas.cliente_id = dim_cliente.cliente_id
    where dim_cliente.cliente_id in ({})
    group by dim_cliente.cliente_id, nome_completo, email, dominio_email, telefone
"""
_CUSTOMER = next(dimension for dimension in schema.SALES.dimensions if dimension.name == "cliente")
_CANDIDATES = """
    select cliente_id, email, telefone from dim_cliente
    where email = any(%s) or nome_completo = any(%s) or regexp_replace(telefone, '[^0-9]', '', 'g') like any(%s)
"""


def members_of_person(settings: Settings, values: Values, gold: list[dict]) -> list[dict]:
    """Return the members of dim_cliente that are the person's, each with its number of sales; none without a database.

    Redshift, which keeps the texts of queries, is only asked for the keys of the members that gold's rows of the person
    make; without the settings that name it, it is not asked.
    Raises: WarehouseError if the database does not start or cannot be asked.
    """
    if isinstance(settings.lake, S3Path):
        return _members_of_redshift(settings, gold) if names_warehouse(settings) else []
    ids = member_ids(settings, values)
    return _query(settings, _MEMBERS, ids) if ids else []


def names_warehouse(settings: Settings) -> bool:
    """Return whether the settings name the warehouse of a lake in S3."""
    return bool(settings.redshift_secret and settings.redshift_copy_role)


def _members_of_redshift(settings: Settings, gold: list[dict]) -> list[dict]:
    from vendas.reports.exploration import ask, connect  # here, because these imports take half a second

    columns = [pa.array([row[name] for row in gold], pa.string()) for name in _CUSTOMER.attributes]
    ids = sorted({*member_key(*columns).to_pylist()})
    if not ids:
        return []
    query = _MEMBERS_OF_REDSHIFT.format(", ".join(map(str, ids)))
    return ask(connect(load.endpoint_of(settings)), query).to_dict("records")


def member_ids(settings: Settings, values: Values) -> list[int]:
    """Return the keys of the person's members in the lake's own PostgreSQL."""
    if not is_initialized(as_folder(settings.dw)):
        return []
    names = [f"{first} {last}" for first, last in values.full_names]
    endings = [f"%{digits}%" for digits in values.keys.all_telephones]
    rows = _query(settings, _CANDIDATES, sorted(values.keys.all_emails), names, endings)
    return [rows[place]["cliente_id"] for place in _theirs(rows, values)]


def _theirs(rows: list[dict], values: Values) -> list[int]:
    """Return the places of the members whose e-mail or telephone is the person's."""
    emails, telephones = (pa.array([row[name] for row in rows], pa.string()) for name in ("email", "telefone"))
    theirs = values.keys.is_theirs(normalize_emails(emails), normalize_telephones(telephones))
    return pc.indices_nonzero(theirs).to_pylist()


def delete_unused_members(opened: Transaction, values: Values) -> None:
    """Delete the members of any dimension that have a value of the person's and no sale any more.

    All unused members are read, so that no value stands in the text of a query.
    """
    for dimension in schema.SALES.dimensions:
        table, key = dimension.table, dimension.key
        columns = ", ".join(f"{table}.{name}" for name in (key, *dimension.attributes))
        rows = opened.rows(
            f"select {columns} from {table} left join {FACT_TABLE} on {FACT_TABLE}.{key} = {table}.{key} "
            f"where {FACT_TABLE}.{key} is null"
        )
        holding = {row[key] for row in rows if values.found_in(" ".join(row[name] for name in dimension.attributes))}
        if dimension == _CUSTOMER:
            holding |= {rows[place][key] for place in _theirs(rows, values)}
        if holding:
            opened.run(f"delete from {table} where {key} in ({', '.join(sorted(holding))})")


def _query(settings: Settings, query: LiteralString, *given: Iterable) -> list[dict]:
    """Return the rows of a query; none if its tables do not exist yet."""
    from psycopg.errors import UndefinedTable  # here, because the import takes a quarter of a second
    from psycopg.rows import dict_row

    endpoint = ensure_running(as_folder(settings.dw))
    with connected(endpoint, row_factory=dict_row) as connection, suppress(UndefinedTable):
        return connection.execute(query, given).fetchall()
    return []


def vacuum_redshift(workers: Workers, settings: Settings) -> None:
    """Have Redshift take deleted rows out of its tables' blocks, which it otherwise does when it has time.

    Raises: WarehouseError if it cannot be reached, or refuses.
    """
    endpoint = load.endpoint_of(settings)
    for table in TABLES:  # each in a transaction of its own, as VACUUM wants it
        run_alone(workers, endpoint, f"vacuum delete only {table.name} to 100 percent", _LEFT)


def purge_database(settings: Settings, values: Values, token: str) -> None:
    """Leave no byte of deleted rows in the database's files: tables, statistics, write-ahead log and server log.

    Tables are written anew, which locks out their readers for the seconds that it takes.
    Raises: WarehouseError if the database does not start or refuses, or somebody goes on reading the old rows.
    """
    from psycopg.errors import LockNotAvailable
    from psycopg.sql import SQL, Identifier, Literal

    folder = as_folder(settings.dw)
    if not is_initialized(folder):
        return
    endpoint = ensure_running(folder)
    with connected(endpoint, _LEFT, autocommit=True) as connection:
        connection.execute("alter system set wal_recycle = off")  # delete old files of the log, instead of reusing them
        connection.execute("select pg_reload_conf()")
    # A new connection, because the server tells all its processes of the setting before it accepts one.
    with connected(endpoint, _LEFT, autocommit=True) as connection:
        _await_readers(connection)
        connection.execute(SQL("set lock_timeout = {}").format(Literal(f"{PURGE_WAIT_SECONDS}s")))
        try:
            connection.execute(_FORGET)
            for table in [*connection.execute(_TABLES).fetchall(), _STATISTICS]:
                connection.execute(SQL("vacuum (full, analyze) {}").format(Identifier(*table)))
        except LockNotAvailable:
            raise WarehouseError(_STILL_READ) from None
        _renew_log(connection)
    if endpoint.log:
        _anonymize_log(endpoint.log, values, token)


def _anonymize_log(log: Path, values: Values, token: str) -> None:
    try:
        said = read_text(log) or ""
    except OSError as error:
        raise WarehouseError(
            f"The log of the warehouse's server cannot be searched for the person: {error}\nStop the server "
            "(`vendas dw stop`), delete its log, then call `vendas run`, which completes the erasure."
        ) from error
    if values.found_in(said):
        log.write_text(values.replaced_in(said, token), "utf-8", "surrogateescape")  # the server appends to it


def _await_readers(connection) -> None:
    """Wait until nobody's query can see the old rows: as long as one can, they would be kept."""
    deadline = time.monotonic() + PURGE_WAIT_SECONDS
    while connection.execute(_READERS).fetchone()[0]:
        if time.monotonic() > deadline:
            raise WarehouseError(_STILL_READ)
        time.sleep(0.1)


_LEFT = "The steps of the erasure before this one are done; mend it, then erase again or run: either completes it."
_READERS = "select count(*) from pg_stat_activity where backend_xmin is not null and pid <> pg_backend_pid()"
_STILL_READ = (
    "Somebody's query or transaction in the warehouse still reads rows as they were before the erasure. End it "
    "(`vendas dw stop` ends all), then call `vendas run`: it completes the erasure, whose other steps are done."
)
_TABLES = "select schemaname, tablename from pg_tables where schemaname = current_schema()"
# ANALYZE leaves the statistics of an empty table, such as membros_pendentes, as they are.
_FORGET = """
    delete from pg_statistic where starelid in
        (select pg_class.oid from pg_class where relnamespace = current_schema()::regnamespace)
"""
_STATISTICS = ("pg_catalog", "pg_statistic")  # common values of columns; their old versions stay in the file otherwise


def _renew_log(connection) -> None:
    """Go on in new files of the write-ahead log, and delete the old ones; the server must not reuse files any more."""
    # A checkpoint that is under way may reuse old files, under names that come after the current one; wait for its end.
    connection.execute("checkpoint")
    last = connection.execute("select max(name) from pg_ls_waldir() where length(name) = 24").fetchone()[0]
    while connection.execute("select pg_walfile_name(pg_current_wal_insert_lsn()) <= %s", [last]).fetchone()[0]:
        connection.execute("checkpoint")  # writes a record, without which there would be nothing to switch from
        connection.execute("select pg_switch_wal()")
    connection.execute("checkpoint")
    connection.execute("checkpoint")  # the files before the previous checkpoint go only now
