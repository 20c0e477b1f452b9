import pyarrow as pa
import pytest

from rows import FILE
from vendas import schema
from vendas.lake import MENDED, QUARANTINE, Lake
from vendas.mended import LINKS, links, to_mended


def judged(*origins):
    return pa.table(
        {
            "arquivo": [FILE] * len(origins),
            "linha": range(2, 2 + len(origins)),
            "origem": pa.array(origins, pa.string()),
        }
    )


def test_rows_that_name_a_row_are_linked_to_it():
    found = links(judged(f" {FILE}:7 ", "?", None, f"{FILE}:", f"{FILE}:8", f"{FILE}:{'9' * 19}", "")).to_pylist()
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
    tables.replace(QUARANTINE, [tables.target(QUARANTINE).write(refused)], [FILE])
    mended = to_mended(tables, links(judged(f"{FILE}:8", f"{FILE}:7")))
    assert tables.replace(MENDED, mended, [FILE]) == {FILE: 1}
    assert [tuple(row) for row in tables.read(MENDED).collect()] == [(FILE, 3, FILE, 7)]


def test_without_links_nothing_is_mended(tables):
    assert to_mended(tables, LINKS.empty_table()) == []
