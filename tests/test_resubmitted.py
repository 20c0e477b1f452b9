import pyarrow as pa
import pytest

from helpers.rows import FILE
from vendas import schema
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE, Lake
from vendas.stages.resubmitted import RESUBMITTED_SCHEMA, find_links, write_resubmitted


def validated(*origins):
    return pa.table(
        {
            "arquivo": [FILE] * len(origins),
            "linha": range(2, 2 + len(origins)),
            "origem": pa.array(origins, pa.string()),
        }
    )


def test_rows_that_name_a_row_are_linked_to_it():
    found = find_links(
        validated(f" {FILE}:7 ", "?", None, f"{FILE}:", f"{FILE}:8", f"{FILE}:{'9' * 19}", "")
    ).to_pylist()
    assert [(link["linha"], link["arquivo_de_origem"], link["linha_de_origem"]) for link in found] == [
        (2, FILE, 7),
        (6, FILE, 8),
    ]


@pytest.fixture
def tables(spark):
    made = Lake(spark)
    made.create_tables()
    yield made
    for table in schema.TABLES:
        spark.sql(f"DROP TABLE lago.{table} PURGE")


def test_only_rows_that_are_in_quarantine_are_mended(tables):
    refused = pa.table({"arquivo": [FILE], "linha": [7], "texto": ["…"], "motivos": [["valor_ausente"]]})
    tables.replace(QUARANTINE_TABLE, [tables.target(QUARANTINE_TABLE).write(refused)], [FILE])
    resubmitted = write_resubmitted(tables, find_links(validated(f"{FILE}:8", f"{FILE}:7")))
    assert tables.replace(RESUBMITTED_TABLE, resubmitted, [FILE]) == {FILE: 1}
    assert [tuple(row) for row in tables.read(RESUBMITTED_TABLE).collect()] == [(FILE, 3, FILE, 7)]


def test_without_links_nothing_is_mended(tables):
    assert write_resubmitted(tables, RESUBMITTED_SCHEMA.empty_table()) == []
