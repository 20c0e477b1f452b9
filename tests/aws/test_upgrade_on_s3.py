"""A lake in S3 and a Redshift of the version of 26 November 2026, upgraded by the next run of the jobs."""

import json
import shutil

import boto3
import psycopg
import pytest

from conftest import COPY_ROLE
from helpers import certificates
from helpers.inprocess import run_all_stages
from helpers.lake_twin import COLUMNS
from helpers.old_lakes import EXPECTED, LAKE, restore_warehouse, unpack
from helpers.redshift_double import RedshiftDouble
from helpers.s3_lakes import let_java_reach
from vendas import storage
from vendas.lake.events import UNDONE
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import read_table
from vendas.storage import S3Lake
from vendas.warehouse import embedded

TABLES = ("silver", "gold", "quarantine", "mended", "ledger")
UNDONE_FILES = {entry["arquivo"] for entry in EXPECTED["files"] if entry["situacao"] == UNDONE}
DATABASE, SECRET = "antigo", "vendas/antigo"


@pytest.fixture(scope="module")
def old(tmp_path_factory, aws, engine):
    """Yield the old lake in S3 with its tables in the catalog, its local copy, and the PostgreSQL behind Redshift."""
    folder, bucket = tmp_path_factory.mktemp("antigo"), "vendas-antigo"
    boto3.client("s3").create_bucket(Bucket=bucket)
    boto3.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    local = unpack(LAKE, folder / "lago", f"s3://{bucket}")
    for path in local.rglob("*"):
        if path.is_file() and path.suffix != ".crc" and path.relative_to(local).parts[0] in (*TABLES, "bronze"):
            boto3.client("s3").upload_file(str(path), bucket, str(path.relative_to(local)))
    for table in TABLES:
        newest = max(
            (local / table / "metadata").glob("v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0])
        )
        parameters = {
            "table_type": "ICEBERG",
            "metadata_location": f"s3://{bucket}/{table}/metadata/{newest.name}",
        }
        described = {"Name": table, "TableType": "EXTERNAL_TABLE", "Parameters": parameters}
        boto3.client("glue").create_table(DatabaseName=DATABASE, TableInput=described)
    restore_warehouse(local)
    authority, certificate, key = certificates.make(folder)
    backend = embedded.find_running(local / "dw")
    with RedshiftDouble(backend, certificate, key) as double:
        held = {"host": "127.0.0.1", "port": double.port, "dbname": "vendas", "username": "vendas"}
        held |= {"password": backend.password, "sslrootcert": str(authority)}
        boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(held))
        yield S3Lake(bucket, database=DATABASE), local, backend
    embedded.stop(local / "dw")


@pytest.fixture(scope="module")
def fresh(old, engine, tmp_path_factory):
    """Yield a lake in a folder, made of the same files except those that were undone."""
    _, local, _ = old
    made = tmp_path_factory.mktemp("novo") / "lago"
    shutil.copytree(local / "bronze", made / "bronze", ignore=lambda *_: UNDONE_FILES)
    assert run_all_stages(made) > 0
    yield made
    embedded.stop(made / "dw")


@pytest.fixture(scope="module")
def upgraded(old, s3_spark, aws):
    lake, _, backend = old
    settings = {"GLUE_DATABASE": DATABASE, "REDSHIFT_SECRET": SECRET, "REDSHIFT_COPY_ROLE": COPY_ROLE}
    before = warehouse(backend, {"fato_vendas": "count(*)"})
    let_java_reach(s3_spark, aws)
    storage.client.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(f"VENDAS_{name}", value)
        run_all_stages(lake, "atualiza")
    yield lake, before, warehouse(backend, COLUMNS)
    storage.client.cache_clear()


def warehouse(backend, columns):
    with psycopg.connect(backend.url) as connection:
        return {
            table: sorted(connection.execute(f"select {names} from {table}").fetchall(), key=repr)
            for table, names in columns.items()
        }


def rows(lake, table):
    return sorted((tuple(row.values()) for row in read_table(lake, table).to_pylist()), key=repr)


def test_every_table_is_as_if_todays_version_had_made_it(upgraded, fresh):
    lake, before, _ = upgraded
    assert before == {"fato_vendas": [(285,)]}
    assert [table for table in TABLES[:-1] if rows(lake, table) != rows(fresh, table)] == []


def test_the_warehouse_is_the_fresh_ones_row_by_row_and_key_by_key(upgraded, fresh):
    _, _, held = upgraded
    expected = warehouse(embedded.ensure_running(fresh / "dw"), COLUMNS)
    for dw in (held, expected):  # a loaded file that is now undone or rejected stays, with no rows
        dw["arquivos_carregados"] = [row for row in dw["arquivos_carregados"] if row[1]]
    assert [table for table in held if held[table] != expected[table]] == []


def test_what_was_undone_stays_undone(upgraded):
    lake, _, _ = upgraded
    entries = list_entries(read_events(lake))
    assert {entry["arquivo"] for entry in entries if entry["situacao"] == UNDONE} == UNDONE_FILES
