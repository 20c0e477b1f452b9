"""A transaction on Redshift whose connection fails, or whose JVM is gone: the first error is the one that is told."""

from types import SimpleNamespace

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError

from vendas.errors import WarehouseError
from vendas.warehouse import redshift_transaction
from vendas.warehouse.endpoint import RedshiftEndpoint
from vendas.warehouse.transactions import in_transaction, run_alone, transaction

WORKERS = SimpleNamespace(spark=None)


def failing(error):
    def fail(*_):
        raise error

    return fail


@pytest.fixture
def endpoint(monkeypatch):
    """Return an endpoint whose connection can be neither used nor left."""
    connection = SimpleNamespace(
        setAutoCommit=lambda _: None,
        createStatement=failing(Py4JError("no answer")),
        rollback=failing(Py4JNetworkError("no rollback")),
        close=failing(ConnectionRefusedError("no close")),
    )
    monkeypatch.setattr(redshift_transaction, "connect", lambda spark, endpoint: connection)
    return RedshiftEndpoint(1, "x")


def test_it_knows_its_workers_and_its_endpoint(endpoint):
    redshift_transaction.connect(None, endpoint).commit = lambda: None
    with transaction(WORKERS, endpoint) as opened:
        assert (opened.workers, opened.endpoint) == (WORKERS, endpoint)


def test_an_error_of_the_block_is_not_hidden(endpoint):
    with pytest.raises(KeyError, match="first"), transaction(WORKERS, endpoint):
        raise KeyError("first")


def test_a_jvm_that_is_gone_is_explained(endpoint):
    with pytest.raises(WarehouseError, match="127.0.0.1:1/vendas refused: no answer"):
        in_transaction(WORKERS, endpoint, lambda opened: opened.run("select 1"))
    with pytest.raises(WarehouseError, match="127.0.0.1:1/vendas refused: no answer"):
        run_alone(WORKERS, endpoint, "vacuum")
    with pytest.raises(WarehouseError, match="no answer\nThe first is done.$"):
        run_alone(WORKERS, endpoint, "vacuum", "The first is done.")


def test_a_commit_is_not_undone_by_a_connection_that_cannot_be_closed(endpoint):
    redshift_transaction.connect(None, endpoint).commit = lambda: None
    assert in_transaction(WORKERS, endpoint, lambda opened: "done") == "done"
