import pyarrow as pa
import pytest

from helpers.rows import FILE
from vendas.lake.table_reader import read_table
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE, Lake
from vendas.lake.workers import ThisProcess
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
def tables(tmp_path):
    made = Lake(tmp_path, ThisProcess())
    made.create_tables()
    return made


def test_only_rows_that_are_in_quarantine_are_mended(tables):
    refused = pa.table({"arquivo": [FILE], "linha": [7], "texto": ["…"], "motivos": [["valor_ausente"]]})
    tables.replace(QUARANTINE_TABLE, [tables.target(QUARANTINE_TABLE).write(refused)], [FILE])
    resubmitted = write_resubmitted(tables, find_links(validated(f"{FILE}:8", f"{FILE}:7")))
    assert tables.replace(RESUBMITTED_TABLE, resubmitted, [FILE]) == {FILE: 1}
    (row,) = read_table(tables.place, RESUBMITTED_TABLE).to_pylist()
    assert [*row.values()] == [FILE, 3, FILE, 7]


def test_without_links_nothing_is_mended(tables):
    assert write_resubmitted(tables, RESUBMITTED_SCHEMA.empty_table()) == []
