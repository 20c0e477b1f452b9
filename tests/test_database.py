"""What an erasure leaves of deleted rows in the database's files: nothing, whatever the server is at."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from vendas.privacy.database import purge_database
from vendas.rules.people import Keys, Values
from vendas.settings import load_settings
from vendas.warehouse import embedded

pytestmark = pytest.mark.engine

E_MAIL = "zuleica.quaresma@exemplo.com.br"
HERS = Values(Keys(emails=frozenset([E_MAIL])))
ROWS = f"insert into cadastro select repeat('{E_MAIL} ', 30) from generate_series(1, 1000)"
CHECKPOINTER = "select pid from pg_stat_activity where wait_event = 'CheckpointWriteDelay'"
WAITING = "select 1 from pg_stat_activity where wait_event = 'CheckpointStart'"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Return the settings of a lake with a server that begins a checkpoint after 32 MB of its log, and takes long."""
    monkeypatch.setitem(embedded.POSTGRESQL_SETTINGS, "max_wal_size", "64MB")
    settings = load_settings(lake=tmp_path)
    embedded.ensure_running(settings.dw)
    yield settings
    embedded.stop(settings.dw)


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
        purge = other.submit(purge_database, settings, HERS, "ANONIMIZADO-0123456789ab")
        try:
            wait_for(connection, WAITING)
        finally:
            os.kill(checkpointer, signal.SIGCONT)
        purge.result()
    paths = (path for path in settings.dw.rglob("*") if path.is_file())
    assert [path for path in paths if E_MAIL.encode() in path.read_bytes()] == []
