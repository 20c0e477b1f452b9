"""The double refuses what Redshift refuses: one test for each refusal, with psycopg, which supports the protocol, too.

It logs in to an old account, whose password Redshift stores as an MD5 hash.
"""

import io
import json
from decimal import Decimal

import boto3
import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest

from helpers.redshift_double import md5
from vendas.reports.exploration import ask, connect

COPY_ROLE = "arn:aws:iam::123456789012:role/copy"
TABLE = (
    "create table t (a varchar(5) not null primary key, b integer, c timestamp, d decimal(5,4)) distkey (b) sortkey (a)"
)
SCHEMA = pa.schema([("a", "string"), ("b", "int32"), ("c", pa.timestamp("us", "UTC")), ("d", pa.decimal128(5, 4))])
ROW = ("é", 1, 1_700_000_000_000_000, Decimal("0.1100"))


@pytest.fixture
def old_account(empty, monkeypatch):
    monkeypatch.setattr(empty, "asks_for", md5)
    return empty


def log_in(double, sslmode="verify-full"):
    # Redshift reports its encoding as UNICODE, a name that Python does not know.
    trusted = double.endpoint.root_certificate
    return psycopg.connect(double.endpoint.url, sslmode=sslmode, sslrootcert=trusted, client_encoding="utf8")


@pytest.fixture
def client(old_account):
    with log_in(old_account) as connection:
        connection.execute(TABLE)
        connection.commit()
        yield connection


def rows(client):
    return client.execute("select a, b from t").fetchall()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("create index i on t (a)", "CREATE INDEX"),
        ("create sequence s", "CREATE SEQUENCE"),
        ("create table u (a integer check (a > 0))", "CHECK constraints"),
        ("create table u (a serial)", "serial"),
        ("create table u (a jsonb)", 'syntax error in "a jsonb"'),
        ("create table u (a integer references t (a) not enforced)", "enforced"),
        ("create table u (a integer) sortkey (z)", '"z" named in key does not exist'),
        ("insert into t values ('x', 1) on conflict do nothing", "conflict"),
        ("insert into t values ('x', 1) returning a", "returning"),
        ("savepoint s", "SAVEPOINT"),
        ("create trigger x before insert on t for each row execute function f()", "CREATE TRIGGER"),
        ("lock table t in exclusive mode", "syntax error"),
        ("select pg_advisory_xact_lock(1)", r"pg_advisory_xact_lock\(\) does not exist"),
        ("select generate_series(1, 2)", r"generate_series\(\) does not exist"),
        ("select distinct on (a) a from t", "DISTINCT ON"),
        ("vacuum t", "syntax error"),
        ("do $$ begin end $$", "syntax error"),
        ("explain analyze t", 'syntax error at or near "analyze"'),
        ("explain create table u (a integer)", 'syntax error at or near "create"'),
        ("explain select generate_series(1, 2)", r"generate_series\(\) does not exist"),
        ("explain select z from t", 'column "z" does not exist'),
        ("show standard_conforming_strings", "syntax error"),
        ("comment on column v.a is 'x'", "only columns of tables"),
        ("create or replace procedure p() as $$ begin vacuum t; end; $$ language plpgsql", '"vacuum" is not supported'),
        ("with x as (select 'a' as c), y as (select 'b' as c) select * from x union all select * from y", "unknown"),
        ("select c from (select null as c) as x", "unknown"),
        ("select a from t where a in (select 'x')", "unknown"),
        ("create or replace view v as select 'x' as c", "unknown"),
        ("create table u as select 'x' as c", "unknown"),
        ("insert into t (a) with x as (select 'x' as c) select c from x", "unknown"),
        (
            "create or replace procedure p() as $$ begin create temporary table u as select 'x' as c; end; $$ "
            "language plpgsql",
            "unknown",
        ),
        ("select sum(b) over (order by a) from t", "require a frame clause"),
        ("select count(distinct a) over (partition by b) from t", "DISTINCT is not supported"),
        ("select a from t except all select a from t", "EXCEPT ALL"),
        ("select * from (values (1), (2)) as v", "VALUES lists"),
        ("select a from t where a is distinct from 'x'", "distinct"),
        ("create or replace procedure p() as $$ begin set local x = 1; end; $$ language plpgsql", '"set" is not'),
        ("copy t from 's3://b/m' iam_role 'arn:aws:iam::1:role/x' format as parquet manifest", "Invalid AWS IAM role"),
        (f"copy t from 's3://b/m' iam_role '{COPY_ROLE}' format as parquet manifest maxerror 1", "MAXERROR"),
        ("copy t from 's3://b/m' format as parquet manifest", "expected FROM 's3://…' IAM_ROLE"),
        ("copy t from stdin (format csv)", "expected FROM 's3://…' IAM_ROLE"),
    ],
)
def test_it_refuses_what_redshift_lacks_and_the_transaction_fails(client, statement, said):
    client.execute("insert into t (a, b) values ('x', 1)")
    with pytest.raises(psycopg.Error, match=said):
        client.execute(statement)
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        rows(client)
    client.rollback()
    assert rows(client) == []


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a' as c union all select 'b'",
        "select a from t where exists (select 1 from t)",
        "select sum(b) over (order by a rows unbounded preceding) from t",
        "with x as (select cast('a' as varchar(1)) as c) select * from x union all select * from x",
        "insert into t (a, b) select 'x', 1 from t",
    ],
)
def test_it_takes_what_is_like_that_and_right(client, statement):
    client.execute(statement)


def test_a_view_is_replaced_by_one_of_the_same_columns_only(client):
    client.execute("create or replace view v as select a from t")
    client.execute("create or replace view v as select a from t where b > 0")
    with pytest.raises(psycopg.Error, match="cannot change the columns of view v"):
        client.execute("create or replace view v as select a, b from t")


def test_a_varchar_counts_bytes(client):
    client.execute("insert into t (a) values ('ééx')")
    with pytest.raises(psycopg.errors.StringDataRightTruncation, match="Value too long for character type"):
        client.execute("insert into t (a) values ('ééé')")


def test_a_text_is_a_varchar_of_256_bytes(client):
    client.execute("create table u (a text)")
    client.execute(f"insert into u values ('{'é' * 128}')")
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        client.execute(f"insert into u values ('{'é' * 129}')")


def test_a_backslash_escapes_in_a_literal(client):
    client.execute(r"insert into t (a) values ('a\'b')")
    assert client.execute("select a from t").fetchall() == [("a'b",)]


def test_a_truncate_commits_what_came_before_it(client):
    client.execute("create table u (a integer)")
    client.execute("insert into t (a, b) values ('x', 1)")
    client.execute("truncate u")
    client.rollback()
    assert rows(client) == [("x", 1)]


def test_keys_are_accepted_and_not_enforced(client):
    client.execute("create table u (a varchar(5) references t (a))")
    client.execute("insert into u values ('nada')")
    client.execute("insert into t (a, b) values ('x', 1), ('x', 2)")
    assert rows(client) == [("x", 1), ("x", 2)]


def test_it_says_that_it_is_a_redshift(client):
    assert client.info.server_version == 80002
    assert "Redshift 1.0" in client.execute("select version()").fetchone()[0]


def test_only_redshifts_own_drivers_know_how_it_asks_for_a_password(empty):
    with pytest.raises(psycopg.OperationalError, match="authentication method 13 not supported"):
        log_in(empty)
    assert ask(connect(empty.endpoint), "select 7 as n")["n"].tolist() == [7]


def test_a_client_without_tls_is_turned_away(empty):
    with pytest.raises(psycopg.OperationalError, match="closed"):
        log_in(empty, sslmode="disable")


# --- COPY


@pytest.fixture
def copy(client, bucket):
    """Put a file with these columns and its manifest, which `spoil` may change, on S3, and COPY it into the table."""
    s3 = boto3.client("s3")

    def put_and_copy(row=ROW, schema=SCHEMA, spoil=lambda entry: entry):
        sink = io.BytesIO()
        pa.parquet.write_table(pa.Table.from_pylist([dict(zip(schema.names, row, strict=True))], schema), sink)
        s3.put_object(Bucket=bucket, Key="part", Body=sink.getvalue())
        entry = {"url": f"s3://{bucket}/part", "mandatory": True, "meta": {"content_length": len(sink.getvalue())}}
        s3.put_object(Bucket=bucket, Key="m", Body=json.dumps({"entries": [spoil(entry)]}))
        client.execute(f"copy t from 's3://{bucket}/m' iam_role '{COPY_ROLE}' format as parquet manifest")

    return put_and_copy


def test_copy_loads_and_is_rolled_back_with_its_transaction(client, copy):
    copy()
    assert rows(client) == [("é", 1)]
    client.rollback()
    assert rows(client) == []


def other(number, type):
    return pa.schema([pa.field(f.name, type) if at == number else f for at, f in enumerate(SCHEMA)])


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"spoil": lambda entry: {**entry, "meta": {}}}, "no meta.content_length"),
        ({"spoil": lambda entry: {**entry, "meta": {"content_length": 1}}}, "content_length says 1"),
        ({"spoil": lambda entry: {**entry, "url": entry["url"] + "x"}}, "specified key does not exist"),
        ({"spoil": lambda entry: {**entry, "url": entry["url"] + "x", "mandatory": False}}, "names no file"),
        ({"row": ROW[:3], "schema": pa.schema(list(SCHEMA)[:3])}, "Table columns: 4, Data columns: 3"),
        ({"schema": other(1, "int64")}, "incompatible Parquet schema for column 'b'. Column type: integer"),
        ({"schema": other(2, pa.timestamp("us"))}, "incompatible Parquet schema for column 'c'"),
        ({"schema": other(3, pa.decimal128(12, 4))}, "incompatible Parquet schema for column 'd'"),
        ({"row": ("ééé", *ROW[1:])}, "Value too long"),
        ({"row": (None, *ROW[1:])}, "null value"),
    ],
)
def test_copy_is_strict(client, copy, spoilt, said):
    with pytest.raises(psycopg.Error, match=said):
        copy(**spoilt)
    client.rollback()
    assert rows(client) == []


def test_a_manifest_that_is_not_there_is_refused(client, bucket):
    with pytest.raises(psycopg.Error, match="specified key does not exist"):
        client.execute(f"copy t from 's3://{bucket}/m' iam_role '{COPY_ROLE}' format as parquet manifest")
