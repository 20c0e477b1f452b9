"""Transactions on PostgreSQL by psycopg: what they send and give, and how they end when something fails."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal

import psycopg
import pytest

from helpers.star import HARD_TEXTS
from helpers.workers import alone
from vendas.errors import WarehouseConflict, WarehouseError
from vendas.warehouse import embedded, transactions
from vendas.warehouse.transactions import in_transaction, run_alone, transaction

# As the driver of JDBC told them, which PostgreSQL was loaded with before.
TEXTS = {
    "7::smallint": "7",
    "(-9223372036854775807)::bigint": "-9223372036854775807",
    "100::numeric(12, 2)": "100.00",
    "'NaN'::numeric": "NaN",
    "0.1::float8": "0.1",
    "1e300::float8": "1e+300",
    "true": "t",
    "false": "f",
    "date '2024-02-29'": "2024-02-29",
    "timestamp '2024-02-29 23:59:59.123456'": "2024-02-29 23:59:59.123456",
    "timestamp '2024-01-01'": "2024-01-01 00:00:00",
    "time '01:02:03'": "01:02:03",
    "interval '1 day 02:03'": "1 day 02:03:00",
    r"'\xff00'::bytea": r"\xff00",
    "''": "",
    "null::integer": None,
    "'100%% %s % é🛍️'": "100%% %s % é🛍️",
    "array['a b', null]": '{"a b",NULL}',
    "json_build_object('a', 1)": '{"a" : 1}',
    "'x'::char(3)": "x  ",
}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory, engine):
    folder = tmp_path_factory.mktemp("transactions") / "dw"
    endpoint = embedded.ensure_running(folder)
    with transaction(alone(), endpoint) as opened:
        opened.run("create table t (nome varchar, n bigint, soma numeric(38, 2)); insert into t values ('x%', 1, 2)")
    yield endpoint
    embedded.stop(folder)


def asked(endpoint, query):
    with psycopg.connect(endpoint.url) as connection:
        return connection.execute(query).fetchall()


def is_unchanged(endpoint):
    """Return whether the table is as it was, and nobody else is connected any more."""
    others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    until = time.monotonic() + 30  # the server takes a moment to see that a client has gone
    while asked(endpoint, others) != [(0,)] and time.monotonic() < until:
        pass
    return asked(endpoint, others) == [(0,)] and asked(endpoint, "select * from t") == [("x%", 1, Decimal(2))]


# --- what is sent and given


@pytest.mark.parametrize("texts", TEXTS.items(), ids=TEXTS)
def test_values_come_as_the_texts_that_the_server_writes(endpoint, texts):
    expression, text = texts
    with transaction(alone(), endpoint) as opened:
        assert opened.rows(f"select {expression} as valor") == [{"valor": text}]


def test_parameters_are_values_whatever_their_characters_and_names_may_repeat(endpoint):
    with transaction(alone(), endpoint) as opened:
        query = "select nome, n as nome from t where nome like '%x%' and (nome = ? or nome = ?)"
        assert opened.cells(query, ["x%", "'?; drop table t --"]) == [[("nome", "x%"), ("nome", "1")]]
        assert opened.cells(query, ["a?", "%s"]) == []


def test_a_text_may_hold_several_statements_and_any_percent_sign(endpoint):
    with transaction(alone(), endpoint) as opened:
        opened.run(
            "create temporary table u (a text); -- a comment; with 100%\ninsert into u values ('%s;?')",
            "insert into u select 'b' where '%' like '%'; do $$ begin insert into u values ('c'); end $$",
        )
        assert [row["a"] for row in opened.rows("select a from u order by a")] == ["%s;?", "b", "c"]


def test_columns_come_in_order(endpoint):
    with transaction(alone(), endpoint) as opened:
        assert opened.columns("t") == ["nome", "n", "soma"]


def test_inserted_rows_are_there_whatever_their_texts_are(endpoint):
    rows = [(text, number, Decimal(f"{number}.50")) for number, text in enumerate(HARD_TEXTS)]
    with transaction(alone(), endpoint) as opened:
        opened.run("create temporary table t (nome varchar, n bigint, soma numeric(38, 2))")
        opened.insert("t", rows)
        opened.insert("t", [])
        found = opened.rows("select * from t order by n")
    assert [(row["nome"], int(row["n"]), Decimal(row["soma"])) for row in found] == rows


def test_a_statement_gets_a_plan_of_its_own_each_time(endpoint):
    with transaction(alone(), endpoint) as opened:
        for _ in range(10):
            opened.rows("select * from t")
        assert opened.rows("select statement from pg_prepared_statements") == []


def test_variables_of_other_programs_change_nothing(endpoint, monkeypatch):
    given = {"PGSSLMODE": "verify-full", "PGOPTIONS": "-c datestyle=german", "PGCLIENTENCODING": "latin1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with transaction(alone(), endpoint) as opened:
        assert opened.rows("select date '2024-02-29' as dia, '€' as moeda") == [{"dia": "2024-02-29", "moeda": "€"}]


def test_notices_are_not_shown(endpoint, capfd, caplog):
    with transaction(alone(), endpoint) as opened:
        opened.run("drop table if exists nada; do $$ begin raise warning 'aviso'; end $$")
    assert (capfd.readouterr(), caplog.text) == (("", ""), "")


def test_neither_a_jvm_nor_its_client_is_imported(endpoint, tmp_path):
    """In a Python of its own, as the tests have imported both."""
    code = f"""
import sys
from pathlib import Path
from vendas.lake.workers import ThisProcess
from vendas.reports.warehouse_preview import read_loaded
from vendas.settings import load_settings
from vendas.warehouse import load
from vendas.warehouse.endpoint import Endpoint
from vendas.warehouse.rebuild import rebuild_warehouse

workers, endpoint = ThisProcess(load_settings()), Endpoint({endpoint.port}, {endpoint.password!r})
load.apply_ddl(workers, endpoint)
load.load(workers, endpoint, [], ["vazio.csv"], Path({str(tmp_path)!r}))
print(load.count_loaded_rows(workers, endpoint), *sorted({{"pyspark", "py4j"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{'vazio.csv': 0}\n", "")


# --- what fails


def test_a_failure_in_the_block_rolls_back(endpoint):
    with pytest.raises(ZeroDivisionError), transaction(alone(), endpoint) as opened:
        opened.run("delete from t")
        raise ZeroDivisionError
    assert is_unchanged(endpoint)


def test_a_refusal_says_where_and_why_and_rolls_back(endpoint):
    with pytest.raises(WarehouseError, match='(?s)127.0.0.1:.*/vendas refused: .*"nada" does not exist.*Nothing was'):
        in_transaction(alone(), endpoint, lambda opened: opened.run("delete from t", "delete from nada"))
    assert is_unchanged(endpoint)


def test_a_refusal_of_a_statement_that_runs_alone_says_what_holds(endpoint):
    with pytest.raises(WarehouseError, match='"nada" does not exist\nThe first is done.$'):
        run_alone(alone(), endpoint, "vacuum nada", "The first is done.")


def test_a_statement_may_run_alone(endpoint):
    run_alone(alone(), endpoint, "vacuum t")


def test_a_conflict_with_another_transaction_is_tried_again(endpoint, monkeypatch):
    def conflict(opened):
        attempts.append(1)
        opened.run("delete from t", "do $$ begin raise sqlstate '40001' using message = 'conflict'; end $$")

    attempts = []
    monkeypatch.setattr(transactions, "WAREHOUSE_CONFLICT_PAUSES", (0, 0))
    with pytest.raises(WarehouseConflict, match="(?s)refused: conflict.*This happened 3 times"):
        in_transaction(alone(), endpoint, conflict)
    assert (len(attempts), is_unchanged(endpoint)) == (3, True)


class Content(io.BytesIO):
    """Rows for COPY; between two chunks of them something happens."""

    def __init__(self, happens):
        super().__init__(b"y\t1\t1\n" * 200_000)
        self.happens = happens

    def read(self, size=-1):
        if self.tell():
            self.happens()
        return super().read(size)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk")], ids=["interrupt", "unreadable"])
def test_a_copy_that_ends_early_copies_nothing(endpoint, caplog, error):
    def fail():
        raise error

    with pytest.raises(type(error)), transaction(alone(), endpoint) as opened:
        opened.send("copy t from stdin", Content(fail))
    assert is_unchanged(endpoint) and caplog.text == ""


@pytest.mark.parametrize(
    "work",
    [
        lambda opened, lose: (lose(), opened.run("delete from t")),
        lambda opened, lose: opened.send("copy t from stdin", Content(lose)),
    ],
    ids=["statement", "COPY"],
)
def test_a_server_that_ends_the_connection_in_the_middle_is_explained(endpoint, caplog, work):
    def begin(opened):
        opened.run("delete from t")
        (own,) = opened.rows("select pg_backend_pid() as pid")
        work(opened, lambda: asked(endpoint, f"select pg_terminate_backend({own['pid']})"))

    with pytest.raises(WarehouseError, match="(?s)refused: .*connection.*Nothing was changed"):
        in_transaction(alone(), endpoint, begin)
    assert is_unchanged(endpoint) and caplog.text == ""


def test_an_interrupt_of_a_statement_that_waits_ends_it(endpoint):
    """As Ctrl+C or a kernel's interrupt do."""

    def interrupt_what_waits():
        while asked(endpoint, "select count(*) from pg_stat_activity where wait_event_type = 'Lock'") == [(0,)]:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt_what_waits)
    with psycopg.connect(endpoint.url) as other:
        other.execute("lock table t")
        interrupting.start()
        with pytest.raises(KeyboardInterrupt), transaction(alone(), endpoint) as opened:
            opened.run("delete from t")
        interrupting.join()
    assert is_unchanged(endpoint)


def test_a_copy_with_a_damaged_file_is_refused(endpoint):
    damaged = io.BytesIO(b"y\tum\t1\n")
    with pytest.raises(WarehouseError, match="(?s)refused: .*invalid input syntax.*Nothing was changed"):
        in_transaction(alone(), endpoint, lambda opened: opened.send("copy t from stdin", damaged))
    assert is_unchanged(endpoint)
