"""A transaction on PostgreSQL, without a server: what is sent to it, and what becomes of its answers."""

import io
import os
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest

from helpers.workers import alone
from vendas.errors import WarehouseConflict, WarehouseError
from vendas.warehouse import postgresql_transaction, transactions
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.transactions import in_transaction, run_alone, transaction

ENDPOINT = Endpoint(1, "x")


class Server:
    """In place of psycopg's connection: keeps what it is sent, and answers every query with the same two rows."""

    names = (b"nome", b"n", b"nome")
    values = ((b"\xc3\xa9 100%", b"7", None), (b"", b"-1", b"b"))

    def __init__(self):
        self.sent, self.error = [], None
        self.nfields, self.ntuples = len(self.names), len(self.values)
        self.description = [SimpleNamespace(name=name.decode()) for name in self.names]

    def connect(self, url, **options):
        self.url, self.options, self.environment = url, options, {**os.environ}
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.sent.append("rollback" if kind else "commit")

    def execute(self, query, *parameters):
        self.sent.append((query.decode(), *parameters))
        if self.error:
            raise self.error
        return self

    @property
    def pgresult(self):
        return self

    def fname(self, column):
        return self.names[column]

    def get_value(self, row, column):
        return self.values[row][column]

    def cursor(self):
        return self.copy(b"cursor")

    @contextmanager
    def copy(self, statement):
        self.sent.append(statement.decode())
        yield self
        self.sent.append("end")

    def write_row(self, row):
        self.sent.append(row)

    def write(self, chunk):
        self.sent.append(chunk)


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setattr(psycopg, "connect", server.connect)
    return server


def done(work):
    return in_transaction(alone(), ENDPOINT, work)


def test_rows_are_texts_by_column_and_null_is_none(server):
    expected = [{"nome": None, "n": "7"}, {"nome": "b", "n": "-1"}]
    assert done(lambda opened: opened.rows("select 'a%'")) == expected
    assert server.sent == [("select 'a%'",), "commit"]


def test_names_of_cells_may_repeat_and_parameters_stand_for_question_marks_alone(server):
    rows = done(lambda opened: opened.cells("select nome like '%s' or n = ? or nome = ?", ["a?", "%"]))
    assert rows == [[("nome", "é 100%"), ("n", "7"), ("nome", None)], [("nome", ""), ("n", "-1"), ("nome", "b")]]
    assert server.sent[0] == ("select nome like '%%s' or n = %s or nome = %s", ["a?", "%"])


def test_columns_come_in_order(server):
    assert done(lambda opened: opened.columns("t")) == ["nome", "n", "nome"]
    assert server.sent[0] == ("select * from t where false",)


def test_statements_run_in_order_and_are_committed(server):
    done(lambda opened: opened.run("delete from t", "insert into t values ('%s')"))
    assert server.sent == [("delete from t",), ("insert into t values ('%s')",), "commit"]


def test_rows_that_are_inserted_and_content_that_is_sent_are_copied_whole(server, monkeypatch):
    monkeypatch.setattr(postgresql_transaction, "COPY_SENT_BYTES", 2)
    done(lambda opened: opened.insert("t", [("a", 1), ("b", 2)]))
    done(lambda opened: opened.send("copy u from stdin", io.BytesIO(b"a\tb\n1")))
    assert server.sent[:6] == ["cursor", "copy t from stdin", ("a", 1), ("b", 2), "end", "end"]
    assert server.sent[7:13] == ["cursor", "copy u from stdin", b"a\t", b"b\n", b"1", "end"]


def test_it_knows_its_workers_and_its_endpoint(server):
    workers = alone()
    with transaction(workers, ENDPOINT) as opened:
        assert (opened.workers, opened.endpoint) == (workers, ENDPOINT)


def test_no_variable_of_another_program_reaches_the_connection_and_no_statement_is_prepared(server, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c datestyle=german")
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    with transaction(alone(), ENDPOINT):
        assert "PGOPTIONS" not in server.environment and server.url == ENDPOINT.url
        assert server.options == {"autocommit": False, "prepare_threshold": None}


def test_a_statement_that_runs_alone_has_no_transaction_and_its_refusal_says_what_holds(server):
    run_alone(alone(), ENDPOINT, "vacuum t")
    assert server.options["autocommit"] and server.sent == [("vacuum t",), "commit"]
    server.error = psycopg.errors.UndefinedTable('"t" does not exist')
    with pytest.raises(WarehouseError, match='127.0.0.1:1/vendas refused: "t" does not exist\nThe first is done.$'):
        run_alone(alone(), ENDPOINT, "vacuum t", "The first is done.")


@pytest.mark.parametrize(
    ("error", "kind", "attempts"),
    [
        (psycopg.errors.SerializationFailure("conflict"), WarehouseConflict, 3),
        (psycopg.errors.DeadlockDetected("conflict"), WarehouseConflict, 3),
        (psycopg.errors.DiskFull("full"), WarehouseError, 1),
        (psycopg.OperationalError("no server"), WarehouseError, 1),
    ],
)
def test_a_conflict_alone_is_tried_again_and_counted(server, monkeypatch, error, kind, attempts):
    monkeypatch.setattr(transactions, "WAREHOUSE_CONFLICT_PAUSES", (0, 0))
    server.error = error
    with pytest.raises(WarehouseError, match=f"refused: {error}\nNothing was changed") as raised:
        done(lambda opened: opened.run("delete from t"))
    assert type(raised.value) is kind and server.sent == [("delete from t",), "rollback"] * attempts
    assert ("This happened 3 times" in str(raised.value)) == (attempts == 3)
