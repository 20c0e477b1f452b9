"""A person in the lake's own PostgreSQL: the members of dim_cliente with an e-mail or telephone of theirs."""

import time

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.errors import WarehouseError
from vendas.privacy.layers import read_text
from vendas.rules.people import Values, normalize_emails, normalize_telephones
from vendas.settings import Settings
from vendas.storage import as_folder
from vendas.tuning import PURGE_WAIT_SECONDS
from vendas.warehouse.embedded import ensure_running, is_initialized

_MEMBERS = """
    select cliente_id, nome_completo, email, dominio_email, telefone,
        (select count(*) from fato_vendas where fato_vendas.cliente_id = dim_cliente.cliente_id) as vendas
    from dim_cliente where cliente_id = any(%s)
"""
_CUSTOMER = "cliente"
_CANDIDATES = """
    select cliente_id, email, telefone from dim_cliente
    where email = any(%s) or nome_completo = any(%s) or regexp_replace(telefone, '[^0-9]', '', 'g') like any(%s)
"""


def members_of_person(settings: Settings, values: Values) -> list[dict]:
    """Return the members of dim_cliente that are the person's, each with its number of sales; none without a database.

    Raises: WarehouseError if the database does not start.
    """
    ids = member_ids(settings, values)
    return _query(settings, _MEMBERS, ids) if ids else []


def member_ids(settings: Settings, values: Values, by_name: bool = False) -> list[int]:
    """Return the keys of the person's members; with `by_name`, also of those that only have the full name."""
    if not is_initialized(as_folder(settings.dw)):
        return []
    names = [f"{first} {last}" for first, last in values.full_names] if by_name else []
    endings = [f"%{digits}%" for digits in values.keys.all_telephones]
    rows = _query(settings, _CANDIDATES, sorted(values.keys.all_emails), names, endings)
    if by_name:
        return [row["cliente_id"] for row in rows]
    emails, telephones = (pa.array([row[name] for row in rows], pa.string()) for name in ("email", "telefone"))
    theirs = values.keys.is_theirs(normalize_emails(emails), normalize_telephones(telephones))
    return [rows[place]["cliente_id"] for place in pc.indices_nonzero(theirs).to_pylist()]


def unused_members(settings: Settings, values: Values) -> list[str]:
    """Return statements that delete members of any dimension with a value of the person's that no sale has any more."""
    statements = []
    for dimension in schema.SALES.dimensions:
        if dimension.name == _CUSTOMER:
            ids = member_ids(settings, values, by_name=True)
        else:
            texts = " || ' ' || ".join(dimension.attributes)
            rows = _query(settings, f"select {dimension.key} as id, {texts} as said from {dimension.table}")
            ids = [row["id"] for row in rows if values.by_contact.search(row["said"])]
        if ids:
            sales = f"select 1 from fato_vendas where fato_vendas.{dimension.key} = {dimension.table}.{dimension.key}"
            listed = ", ".join(map(str, ids))
            statements.append(
                f"delete from {dimension.table} where {dimension.key} in ({listed}) and not exists ({sales})"
            )
    return statements


def _query(settings: Settings, query: str, *given: list) -> list[dict]:
    import psycopg  # here, because the import takes a quarter of a second
    from psycopg.rows import dict_row

    url = ensure_running(as_folder(settings.dw)).url
    try:
        with psycopg.connect(url) as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, given).fetchall()  # pyrefly: ignore[bad-argument-type]  # a constant query
    except psycopg.errors.UndefinedTable:
        return []


def purge_database(settings: Settings, values: Values, token: str) -> None:
    """Leave no byte of deleted rows in the database's files: tables, statistics, write-ahead log and server log.

    Tables are written anew, which locks out their readers for the seconds that it takes.
    Raises: WarehouseError if the database does not start, or somebody goes on reading the old rows.
    """
    import psycopg
    from psycopg.sql import SQL, Identifier, Literal

    folder = as_folder(settings.dw)
    if not is_initialized(folder):
        return
    endpoint = ensure_running(folder)
    with psycopg.connect(endpoint.url, autocommit=True) as connection:
        _await_readers(connection)
        connection.execute(SQL("set lock_timeout = {}").format(Literal(f"{PURGE_WAIT_SECONDS}s")))
        try:
            connection.execute(_FORGET)
            for table in [*connection.execute(_TABLES).fetchall(), _STATISTICS]:
                connection.execute(SQL("vacuum (full, analyze) {}").format(Identifier(*table)))
        except psycopg.errors.LockNotAvailable:
            raise WarehouseError(_STILL_READ) from None
        _renew_log(connection)
    if endpoint.log and (said := read_text(endpoint.log)) and values.found_in(said):
        endpoint.log.write_text(values.replaced_in(said, token), "utf-8", "surrogateescape")  # the server appends to it


def _await_readers(connection) -> None:
    """Wait until nobody's query can see the old rows: as long as one can, they would be kept."""
    deadline = time.monotonic() + PURGE_WAIT_SECONDS
    while connection.execute(_READERS).fetchone()[0]:
        if time.monotonic() > deadline:
            raise WarehouseError(_STILL_READ)
        time.sleep(0.1)


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
    """Go on in new files of the write-ahead log, and delete the old ones instead of keeping them for reuse."""
    connection.execute("alter system set wal_recycle = off")
    connection.execute("select pg_reload_conf()")
    last = connection.execute("select max(name) from pg_ls_waldir() where length(name) = 24").fetchone()[0]
    while connection.execute("select pg_walfile_name(pg_current_wal_insert_lsn()) <= %s", [last]).fetchone()[0]:
        connection.execute("checkpoint")  # writes a record, without which there would be nothing to switch from
        connection.execute("select pg_switch_wal()")
    connection.execute("checkpoint")
    connection.execute("checkpoint")  # the files before the previous checkpoint go only now
