"""A person in the warehouse: a refusal is told, and no deleted row is left in the files, whatever the server does."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from vendas.errors import WarehouseError
from vendas.privacy.database import load, members_of_person, purge_database
from vendas.rules.people import Keys, Values
from vendas.settings import load_settings
from vendas.warehouse import embedded
from vendas.warehouse.endpoint import RedshiftEndpoint

E_MAIL = "zuleica.quaresma@exemplo.com.br"
TOKEN = "ANONIMIZADO-0123456789ab"
HERS = Values(Keys(emails=frozenset([E_MAIL])))
ROWS = f"insert into cadastro select repeat('{E_MAIL} ', 30) from generate_series(1, 1000)"
CHECKPOINTER = "select pid from pg_stat_activity where wait_event = 'CheckpointWriteDelay'"
WAITING = "select 1 from pg_stat_activity where wait_event = 'CheckpointStart'"


@pytest.fixture(scope="module")
def settings(tmp_path_factory, engine):
    """Return the settings of a lake with a server that begins a checkpoint after 32 MB of its log, and takes long."""
    settings = load_settings(lake=tmp_path_factory.mktemp("database"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(embedded.POSTGRESQL_SETTINGS, "max_wal_size", "64MB")
        embedded.ensure_running(settings.dw)
    yield settings
    embedded.stop(settings.dw)


@pytest.fixture
def wrong_password(settings):
    """Let the lake have another password than its server."""
    path = settings.dw / "cluster" / "password"
    own = path.read_text()
    path.write_text("another")
    yield
    path.write_text(own)


def wait_for(connection, query, *meanwhile):
    deadline = time.monotonic() + 30
    while not (found := connection.execute(query).fetchone()):
        assert time.monotonic() < deadline
        for statement in meanwhile:
            connection.execute(statement)
    return found[0]


def test_a_checkpoint_under_way_keeps_no_old_log_for_reuse(settings):
    """Its process is stopped in the middle of it, and goes on once the purge waits for the next one."""
    with (
        psycopg.connect(embedded.ensure_running(settings.dw).url, autocommit=True) as connection,
        ThreadPoolExecutor(1) as other,
    ):
        connection.execute("create table cadastro (texto text)")
        checkpointer = wait_for(connection, CHECKPOINTER, ROWS)
        os.kill(checkpointer, signal.SIGSTOP)
        connection.execute("truncate cadastro")
        purge = other.submit(purge_database, settings, HERS, TOKEN)
        try:
            wait_for(connection, WAITING)
        finally:
            os.kill(checkpointer, signal.SIGCONT)
        purge.result()
    paths = (path for path in settings.dw.rglob("*") if path.is_file())
    assert [path for path in paths if E_MAIL.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("use", "then"),
    [
        (partial(members_of_person, gold=[]), "Nothing was changed there; mend it and run again"),
        (partial(purge_database, token=TOKEN), "The steps of the erasure before this one are done; mend it"),
    ],
    ids=["members", "purge"],
)
def test_a_server_that_refuses_is_no_bug(settings, wrong_password, use, then):
    said = f"{embedded.HOST}:.* refused: .*password authentication failed(?s:.*)\n{then}"
    with pytest.raises(WarehouseError, match=said):
        use(settings, HERS)


def test_a_redshift_that_does_not_answer_is_no_bug(monkeypatch):
    settings = load_settings(
        lake="s3://lago", redshift_secret="dw", redshift_copy_role="arn:aws:iam::123456789012:role/c"
    )
    monkeypatch.setattr(load, "endpoint_of", lambda settings: RedshiftEndpoint(port=1, password="x"))
    gold = [dict.fromkeys(["nome_completo", "email", "dominio_email", "telefone"], "x")]
    with pytest.raises(WarehouseError, match="Connection refused"):
        members_of_person(settings, HERS, gold)


def test_a_database_without_tables_knows_nobody(settings):
    assert members_of_person(settings, HERS, []) == []
