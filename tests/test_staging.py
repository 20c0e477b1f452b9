"""Rows of gold on their way to COPY: how its files are grouped, and what fits no table."""

from pathlib import Path

import pyarrow as pa
import pytest

from vendas.lake.data_files import HeldFile
from vendas.tuning import WAREHOUSE_BATCH_FILES, WAREHOUSE_BATCH_ROWS
from vendas.warehouse.staging import find_problem, group_files

FULL = WAREHOUSE_BATCH_ROWS
COLUMNS = pa.schema({"canal": pa.string(), "arquivo_de_origem": pa.string()})


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([], []),
        ([1], [1]),
        ([FULL, 1], [1, 1]),
        ([FULL - 1, 1, 1], [2, 1]),
        ([FULL - 1, FULL, 1], [2, 1]),
        ([None, None], [2]),
        ([1] * (WAREHOUSE_BATCH_FILES + 1), [WAREHOUSE_BATCH_FILES, 1]),
    ],
)
def test_files_are_grouped_until_they_make_a_batch(counts, sizes):
    files = [HeldFile(Path(f"{number}.parquet"), COLUMNS, count=count) for number, count in enumerate(counts)]
    grouped = group_files(files)
    assert [len(group) for group in grouped] == sizes
    assert [file for group in grouped for file in group] == files


def rows(*texts):
    return pa.table([texts, [f"{number}.csv" for number in range(len(texts))]], COLUMNS)


def test_a_text_may_take_all_bytes_of_its_column():
    assert find_problem(rows("Loja", "é" * 4), {"canal": 8}) is None
    assert find_problem(rows(), {"canal": 8}) is None


def test_a_text_of_more_bytes_is_told_with_its_file():
    said = find_problem(rows("Loja", "é" * 4 + "a"), {"canal": 8})
    assert said.startswith("registros_vendas.canal takes 8 bytes, and 1.csv has a text of 9: 'ééééa'")


def test_a_sale_without_a_value_is_told():
    assert find_problem(rows("Loja", None), {"canal": 8}) == "gold holds a sale without canal. Nothing was loaded."
