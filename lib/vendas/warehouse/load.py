"""Load gold's rows into the warehouse and refresh its star: one connection, one transaction.

A reader sees all of a file or none of it, and a failure changes nothing. The SQL files run on both PostgreSQL and
Redshift, except those in a folder named after one of them; all other differences are in `engines`.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from vendas import resources, schema
from vendas.errors import CheckFailed, SettingsError, WarehouseError
from vendas.lake.data_files import HeldFile
from vendas.lake.tables import Audit, pass_any
from vendas.lake.workers import Workers
from vendas.settings import Settings, check_lake_exists
from vendas.storage import Location, as_folder, client
from vendas.tuning import LARGE_LOAD_ROWS
from vendas.warehouse.embedded import ensure_running
from vendas.warehouse.endpoint import Endpoint, RedshiftEndpoint
from vendas.warehouse.outdated import drop_outdated, is_outdated
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.postgresql_transaction import connected
from vendas.warehouse.staging import NOTHING, Totals, add_totals, staged_parts
from vendas.warehouse.star import FACT_TABLE, FILES_TABLE, MEMBERS_TABLE, RECORDS_TABLE, SUM_TYPE, SUMS_TABLE, TABLES
from vendas.warehouse.star_rows import COLUMNS
from vendas.warehouse.transactions import Transaction, in_transaction, transaction

OFFENDING_ROWS_SHOWN = 5
# The window count stops PostgreSQL's planner from optimizing for the first rows only, with slow index scans.
FIRST_ROWS = f"select achadas.*, count(*) over () as linhas_achadas from ({{}}) as achadas limit {OFFENDING_ROWS_SHOWN}"

_MEASURES = ", ".join(schema.SALES.measures)
# The counts and sums that gold has of this load's files, for statements and checks to join. No reader sees the table,
# because it is dropped before the commit; a temporary one would keep PostgreSQL's checks from running in parallel.
_SUMS = "".join(f", {name} {SUM_TYPE} not null" for name in schema.SALES.measures)
CREATE_FILES_OF_LOAD = (
    f"create table arquivos_da_carga (arquivo_de_origem varchar(1000) not null, linhas bigint not null{_SUMS})"
)
OF_THIS_LOAD = "where arquivo_de_origem in (select arquivo_de_origem from arquivos_da_carga)"
COUNT_REPLACED = f"select coalesce(sum(linhas), 0) as linhas from {FILES_TABLE} {OF_THIS_LOAD}"


REFRESH = "call refresh_star()"


def endpoint_of(settings: Settings) -> Endpoint:
    """Return the lake's warehouse: its own PostgreSQL, started if needed; for a lake in S3, its settings' Redshift.

    Raises: SettingsError if there is no such lake, or the settings name no Redshift for one in S3; WarehouseError if
    the PostgreSQL does not start or the secret cannot be read.
    """
    check_lake_exists(settings)
    if isinstance(settings.lake, Path):
        return ensure_running(as_folder(settings.dw))
    if not (settings.redshift_secret and settings.redshift_copy_role):
        raise SettingsError(
            f"The lake {settings.lake} is in S3, so its warehouse is Amazon Redshift. Set VENDAS_REDSHIFT_SECRET, the "
            "secret with its address, and VENDAS_REDSHIFT_COPY_ROLE, the role that it reads the lake's staging with."
        )
    return _redshift(settings.redshift_secret, settings.redshift_copy_role)


def apply_ddl(workers: Workers, endpoint: Endpoint) -> None:
    """Create missing tables and procedures, and bring procedures and comments up to date. Idempotent.

    Tables of an older version or another declaration are left to the next load, which recreates and fills them in one
    transaction.
    Raises: WarehouseError if the database refuses.
    """

    def apply(opened: Transaction) -> None:
        opened.run(*opened.engine.lock_schema)
        if not is_outdated(opened.rows):
            _create(opened)

    in_transaction(workers, endpoint, apply)


def _create(opened: Transaction) -> None:
    for kind in ("ddl", "star", *opened.engine.own_ddl):
        opened.run(*map(opened.engine.ddl, sql_files(kind).values()))


def load(
    workers: Workers,
    endpoint: Endpoint,
    gold: Sequence[HeldFile],
    files: Sequence[str],
    staging: Location,
    audit: Audit = pass_any,
    publish: bool = True,
    last: Callable[[Transaction], None] = lambda opened: None,
) -> dict[str, int]:
    """Replace these files' rows by gold's, refresh the star, check and commit; return the rows now there, by file.

    Without `publish`, do the same and roll it back: a rehearsal.

    `gold` are data files that hold these files' rows; rows of other files in them are ignored. A file without rows is
    recorded, too. `staging` is a folder for this load alone, on S3 for Redshift; it is deleted. `audit` gets the number
    of rows that gold holds of each file; whatever it raises ends the load. `last` gets the transaction before it
    is committed. Concurrent loads wait for each other. Without files, do nothing.
    Raises: CheckFailed if a check finds offending rows; WarehouseError if the database refuses; nothing is changed
    then.
    """
    if not files:
        return {}

    def replace_files(opened: Transaction) -> dict[str, int]:
        counts = _load(opened, gold, files, staging, audit)
        last(opened)
        if not publish:
            raise _Rehearsed(counts)
        return counts

    try:
        return in_transaction(workers, endpoint, replace_files)
    except _Rehearsed as done:
        return done.counts


class _Rehearsed(Exception):
    """A load that succeeded, to be rolled back; `counts` are the rows of each file."""

    def __init__(self, counts: dict[str, int]):
        self.counts = counts


def rebuild(
    workers: Workers, endpoint: Endpoint, gold: Sequence[HeldFile], files: Sequence[str], staging: Location
) -> dict[str, int]:
    """Reload everything, as `load` does: no other rows stay in registros_vendas and the fact.

    Members' keys are computed from their attributes, so they stay the same. A reader sees the old warehouse until the
    commit.
    """
    emptied = [f"delete from {table.name}" for table in reversed(TABLES)]
    return in_transaction(workers, endpoint, lambda opened: _load(opened, gold, files, staging, pass_any, *emptied))


def refresh(endpoint: Endpoint) -> None:
    """Add pending members to a PostgreSQL's dimensions; fast if there are none.

    A warehouse without tables is left unchanged.
    Raises: WarehouseError if the database refuses.
    """
    from psycopg.errors import UndefinedTable  # here, because the import takes a quarter of a second

    with connected(endpoint) as connection, suppress(UndefinedTable):
        connection.execute(PostgreSQL.lock_loads)
        connection.execute(REFRESH)


def is_as_declared(endpoint: Endpoint) -> bool:
    """Return whether a PostgreSQL's tables are as declared or do not exist yet.

    Raises: WarehouseError if it cannot be reached.
    """
    from psycopg.rows import dict_row

    with connected(endpoint, row_factory=dict_row) as connection:
        return not is_outdated(lambda query: connection.execute(query).fetchall())


def count_loaded_rows(workers: Workers, endpoint: Endpoint) -> dict[str, int]:
    """Count the rows in registros_vendas of each loaded file, 0 for a file without sales.

    Empty if the tables are of an older version, because the next load recreates them.
    Raises: WarehouseError if the database refuses.
    """
    with transaction(workers, endpoint) as open_transaction:
        if is_outdated(open_transaction.rows):
            return {}
        loaded = open_transaction.rows(f"select arquivo_de_origem, linhas from {FILES_TABLE}")
        return {row["arquivo_de_origem"]: int(row["linhas"]) for row in loaded}


def _redshift(secret: str, copy_role: str) -> RedshiftEndpoint:
    """Return the endpoint in a secret: JSON with host, port, dbname, username, password, and optionally sslrootcert.

    Raises: WarehouseError if the secret cannot be read or is not such JSON.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # here, since only a lake in S3 needs it

    try:
        held = json.loads(client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        return RedshiftEndpoint(
            host=held["host"],
            port=int(held["port"]),
            database=held["dbname"],
            user=held["username"],
            password=held["password"],
            copy_role=copy_role,
            root_certificate=held.get("sslrootcert"),
        )
    except (BotoCoreError, ClientError) as error:
        raise WarehouseError(f"The secret {secret} of VENDAS_REDSHIFT_SECRET cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise WarehouseError(
            f"The secret {secret} of VENDAS_REDSHIFT_SECRET is not the JSON text it should be, "
            f"with host, port, dbname, username and password ({type(error).__name__}: {error})."
        ) from None  # keeps the text, with the password, out of the traceback


def _load(
    opened: Transaction, gold: Sequence[HeldFile], files: Sequence[str], staging: Location, audit: Audit, *first: str
) -> dict[str, int]:
    opened.run(opened.engine.lock_loads)
    if drop_outdated(opened):
        _create(opened)
    opened.run(*first)
    _delete_rows(opened, files)
    _run_files(opened, *opened.engine.own_preparations)
    totals = _copy_rows(opened, gold, files, staging)
    counts = {file: int(of_file[0]) for file, of_file in totals.items()}
    audit(counts)
    _keep_totals(opened, totals)
    large = sum(counts.values()) >= LARGE_LOAD_ROWS
    opened.run(*opened.engine.planner_settings(large), *opened.engine.rough_statistics)
    opened.run(f"analyze {MEMBERS_TABLE}", f"analyze {SUMS_TABLE}")
    opened.run(REFRESH)
    _run_files(opened, *opened.engine.own_indexes)
    if large:
        opened.run("analyze registros_vendas", "analyze fato_vendas")
    _run_files(opened, "facts")
    _check(opened)
    opened.run(*map(opened.engine.empty.format, (MEMBERS_TABLE, SUMS_TABLE)))
    opened.run("drop table arquivos_da_carga", "drop table fatos_da_carga")
    return counts


def _delete_rows(opened: Transaction, files: Sequence[str]) -> None:
    """Delete what the warehouse has of these files; their names are in arquivos_da_carga from here on."""
    opened.run(CREATE_FILES_OF_LOAD)
    _name_files(opened, dict.fromkeys(files, NOTHING))
    (found,) = opened.rows(COUNT_REPLACED)
    if replaced := int(found["linhas"]):
        opened.run(*opened.engine.planner_settings(replaced >= LARGE_LOAD_ROWS))
        _run_files(opened, "load")
        opened.run(*(f"delete from {table} {OF_THIS_LOAD}" for table in (FACT_TABLE, RECORDS_TABLE)))
    opened.run(f"delete from {FILES_TABLE} {OF_THIS_LOAD}")


def _name_files(opened: Transaction, totals: dict[str, Totals]) -> None:
    opened.insert("arquivos_da_carga", ((file, *of_file) for file, of_file in totals.items()))
    opened.run("analyze arquivos_da_carga")


def _copy_rows(
    opened: Transaction, gold: Sequence[HeldFile], files: Sequence[str], staging: Location
) -> dict[str, Totals]:
    """Copy the files' rows, their members and sums; return the totals of each file."""
    totals = dict.fromkeys(files, NOTHING)
    with closing(staged_parts(opened, gold, files, staging)) as parts:
        for part in parts:
            for table, written in part.files.items():
                opened.engine.copy(opened, table, COLUMNS[table], written)
            for file, of_file in part.totals.items():
                totals[file] = add_totals(totals[file], of_file)
    return totals


def _keep_totals(opened: Transaction, totals: dict[str, Totals]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    opened.run("delete from arquivos_da_carga")
    _name_files(opened, totals)
    opened.run(
        f"insert into {FILES_TABLE} (arquivo_de_origem, linhas, carregado_em, {_MEASURES}) "
        f"select arquivo_de_origem, linhas, timestamp '{now}', {_MEASURES} from arquivos_da_carga",
    )


def _run_files(opened: Transaction, *kinds: str) -> None:
    for kind in kinds:
        opened.run(*sql_files(kind).values())


def _check(open_transaction: Transaction) -> None:
    for kind in ("checks", *open_transaction.engine.own_checks):
        for file, query in sql_files(kind).items():
            if offending := open_transaction.rows(FIRST_ROWS.format(query)):
                listed = "\n".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in offending)
                raise CheckFailed(
                    f"The load was rolled back: check {file.stem} found offending rows, the first being\n{listed}\n"
                    f"{file} says what holds otherwise; the warehouse is as it was before."
                )


def sql_files(kind: str) -> dict[Path, str]:
    """Return the SQL files of one kind with their texts, in order."""
    return {file: file.read_text(encoding="utf-8") for file in sorted((resources.folder("sql") / kind).glob("*.sql"))}
