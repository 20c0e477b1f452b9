"""Data files: how much of a file is read for a few of its rows."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from vendas.declaration_types import Column, Type
from vendas.lake.data_files import (
    HeldFile,
    Target,
    delete_files,
    fill_defaults,
    one_of,
    rebatch,
    with_field_ids,
    write_rows,
)
from vendas.schema import GOLD_COLUMNS, LINHA_DO_ARQUIVO, SILVER_COLUMNS, TIMESTAMP, names

ROWS = pa.table({"moment": [1, 2, 5, 6, 9, 9], "text": list("abcdef")})


@pytest.fixture
def reads(monkeypatch):
    """Record (row group, columns) of each read."""
    read, seen = pq.ParquetFile.read_row_group, []

    def watched(file, group, columns, **more):
        seen.append((group, columns))
        return read(file, group, columns, **more)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watched)
    return seen


@pytest.fixture
def held(tmp_path):
    """Write the rows in three row groups of two."""
    write_rows(tmp_path / "rows.parquet", ROWS, "zstd", group_rows=2)
    return HeldFile(tmp_path / "rows.parquet", ROWS.schema)


def texts(found):
    return [text for rows in found for text in rows["text"].to_pylist()]


def test_a_row_group_is_passed_over_by_its_statistics(held, reads):
    wanted = {"moment": one_of(pa.array([2, 6]))}
    assert texts(held.rows_where(wanted, lowest=2, highest=6)) == ["b", "d"]
    assert {group for group, _ in reads} == {0, 1}


def test_of_a_row_group_without_such_rows_only_the_column_that_shows_it_is_read(held, reads):
    assert texts(held.rows_where({"moment": one_of(pa.array([5])), "text": one_of(pa.array(["c"]))})) == ["c"]
    assert reads == [(0, ["moment"]), (1, ["moment"]), (1, ["text"]), (1, ["moment", "text"]), (2, ["moment"])]


@pytest.mark.parametrize(("rows", "lengths"), [(1, [2, 1, 2]), (3, [3, 2]), (9, [5])])
def test_rows_are_gathered_into_tables_of_so_many(rows, lengths):
    found = list(rebatch([ROWS.slice(0, 2), ROWS.slice(2, 1), ROWS.slice(3, 2)], rows))
    assert [len(table) for table in found] == lengths
    assert pa.concat_tables(found).equals(ROWS.slice(0, 5))


def test_files_are_deleted_with_their_folder_also_those_that_are_gone(tmp_path):
    folder, other = tmp_path / "staging", tmp_path / "other.parquet"
    folder.mkdir()
    for path in (folder / "left.parquet", other):
        path.touch()
    delete_files(folder, [str(folder / "gone.parquet"), str(other)])
    assert list(tmp_path.iterdir()) == []


def test_rows_from_before_a_column_have_its_default(tmp_path):
    columns = (
        Column("canal", Type.TEXT, ""),
        Column("pagamento", Type.TEXT, "", "NÃO INFORMADO"),
        Column("quantidade", Type.WHOLE, "", "1"),
    )
    numbered = with_field_ids(columns, {"canal": 1, "pagamento": 2, "quantidade": 3}, {})
    older = pa.schema([numbered.field("canal")])
    file = Target(tmp_path, older).write(pa.table({"canal": ["Loja", "Site"]}))
    held = HeldFile(Path(file.path), numbered)
    rows = [
        {"canal": "Loja", "pagamento": "NÃO INFORMADO", "quantidade": 1},
        {"canal": "Site", "pagamento": "NÃO INFORMADO", "quantidade": 1},
    ]
    assert held.rows().to_pylist() == rows
    found = held.rows_where({"canal": one_of(pa.array(["Site"]))})
    assert [table.to_pylist() for table in found] == [rows[1:]]


def test_nulls_that_compaction_wrote_are_defaults_and_others_stay_null():
    columns = (Column("pagamento", Type.TEXT, "", "NÃO INFORMADO"), Column("motivo", Type.TEXT, ""))
    numbered = with_field_ids(columns, {"pagamento": 1, "motivo": 2}, {})
    rows = pa.table([pa.array([None, "Pix"]), pa.array([None, "x"])], schema=numbered)
    assert fill_defaults(rows, {"pagamento": "NÃO INFORMADO"}).to_pylist() == [
        {"pagamento": "NÃO INFORMADO", "motivo": None},
        {"pagamento": "Pix", "motivo": "x"},
    ]


def test_rows_of_a_year_are_written_to_its_folder(tmp_path):
    target = Target(tmp_path, ROWS.schema)
    written = [target.write(ROWS, ano) for ano in (None, 2024)]
    assert [Path(file.path).parent for file in written] == [tmp_path, tmp_path / "ano=2024"]
    assert [(file.ano, HeldFile(Path(file.path), ROWS.schema).rows()) for file in written] == [
        (None, ROWS),
        (2024, ROWS),
    ]


def test_texts_that_repeat_are_stored_and_read_as_dictionaries(tmp_path):
    rows, types = pa.table({"canal": ["Loja"] * 3, "email": ["a@b", "c@d", "e@f"]}), {}
    write_rows(tmp_path / "rows.parquet", rows, "zstd")

    def noting(name):
        return lambda found: types.update({name: found.type}) or pc.is_valid(found)

    held = HeldFile(tmp_path / "rows.parquet", rows.schema)
    (found,) = held.rows_where({name: noting(name) for name in rows.column_names})
    assert found == rows and {name: pa.types.is_dictionary(type) for name, type in types.items()} == {
        "canal": True,
        "email": False,
    }
    group = pq.read_metadata(tmp_path / "rows.parquet").row_group(0)
    assert ["RLE_DICTIONARY" in group.column(place).encodings for place in (0, 1)] == [True, False]


@pytest.mark.parametrize("columns", [SILVER_COLUMNS, GOLD_COLUMNS], ids=["silver", "gold"])
def test_what_grows_with_the_rows_is_stored_as_differences(tmp_path, columns):
    """Of sales in the order of their lines and times, each of these columns takes less than a byte a sale."""
    count = 100_000
    times = pa.array([datetime(2024, 3, 1) + timedelta(minutes=number) for number in range(count)])
    grows = {TIMESTAMP: times, LINHA_DO_ARQUIVO: pa.array(range(2, count + 2))}
    of_layer = {name: values for column, values in grows.items() for name in (column.name, column.gold_name)}
    rows = pa.table({name: of_layer[name] for name in names(columns) if name in of_layer})
    assert rows.num_columns == len(grows)
    write_rows(tmp_path / "rows.parquet", rows, "zstd")
    group = pq.read_metadata(tmp_path / "rows.parquet").row_group(0)
    held = [group.column(place) for place in range(rows.num_columns)]
    assert max(column.total_compressed_size for column in held) < group.num_rows
    assert pq.read_table(tmp_path / "rows.parquet").equals(rows)
