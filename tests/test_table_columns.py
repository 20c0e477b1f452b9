"""Tables of older versions and other declarations get the columns that are declared now, and keep their rows."""

import shutil

import pytest

from helpers.lakes import empty_lake
from helpers.rows import FILE, silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Column, Type
from vendas.errors import ConcurrentChange, DeclarationError
from vendas.lake import commits
from vendas.lake.table_reader import Shape, opened_table, read_table, shape, table_exists
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, SILVER_TABLE, Lake, find_renamed
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings


@pytest.fixture
def tables(tmp_path):
    return empty_lake(tmp_path)


def alter(tables, table=LEDGER_TABLE):
    """Return a change of a table's columns, as another version declares them."""
    return opened_table(tables.place, table).update_schema()


@pytest.mark.parametrize("column", ["arquivo", "notebook"])
def test_a_table_of_an_older_version_gets_the_new_columns(tables, column):
    with alter(tables) as change:
        change.delete_column(column)
    tables.create_tables()
    assert list(shape(tables.place, LEDGER_TABLE).columns) == schema.names(schema.LEDGER_COLUMNS)


def test_tables_that_are_there_get_the_new_columns_and_no_table_is_made(tables):
    """As an erasure does it that was killed under another declaration."""
    with alter(tables) as change:
        change.delete_column("notebook")
    shutil.rmtree(tables.place / GOLD_TABLE)
    tables.update_tables()
    assert "notebook" in shape(tables.place, LEDGER_TABLE).columns and not table_exists(tables.place, GOLD_TABLE)


def test_a_table_that_has_no_order_gets_it(tmp_path):
    commits.create_table(tmp_path, SILVER_TABLE, schema.SILVER_COLUMNS, "ano", None, {})
    assert not shape(tmp_path, SILVER_TABLE).is_sorted
    Lake(tmp_path, ThisProcess(load_settings(lake=tmp_path))).create_tables()
    assert shape(tmp_path, SILVER_TABLE).is_sorted


@pytest.mark.parametrize(
    "change",
    [
        lambda opened: commits.update_columns(opened, [Column("marca", Type.TEXT, "")], {}, None),
        lambda opened: commits.set_properties(opened, {"marca": "x"}),
    ],
    ids=["columns", "properties"],
)
def test_a_table_that_another_process_changed_meanwhile_is_left_as_it_is(tables, change):
    opened = opened_table(tables.place, SILVER_TABLE)
    with alter(tables, SILVER_TABLE) as other:
        other.add_column("outra", commits._TYPES[Type.TEXT])
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(silver_table([silver_row()]), 2024)], [FILE])
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        change(opened)
    now = opened_table(tables.place, SILVER_TABLE)
    assert "marca" not in {*now.schema().column_names, *now.properties}


def test_a_comment_is_kept_as_it_is_declared(tables, monkeypatch):
    water = Column("marca", Type.TEXT, 'Marca d\'água \\ "x"')
    monkeypatch.setitem(schema.TABLES, LEDGER_TABLE, (*schema.LEDGER_COLUMNS, water))
    tables.create_tables()
    assert opened_table(tables.place, LEDGER_TABLE).schema().find_field("marca").doc == water.comment


def test_a_column_that_is_called_otherwise_now_keeps_its_values(tables):
    row = silver_row(Vendedor="Rui", Canal="Site")
    tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(silver_table([row]), 2024)], [FILE])
    with alter(tables, SILVER_TABLE) as change:
        change.rename_column("Timestamp do Registro", "Data")  # one of its other names
        change.rename_column("Vendedor", "VENDEDOR")
    tables.create_tables()
    assert read_table(tables.place, SILVER_TABLE).to_pylist() == [row]
    assert list(shape(tables.place, SILVER_TABLE).columns) == schema.names(schema.SILVER_COLUMNS)
    assert shape(tables.place, SILVER_TABLE).is_sorted


def test_a_column_is_found_by_its_other_names_and_spellings_if_it_is_of_its_type():
    vendedor = Column("Atendente", Type.TEXT, "", "-", other_names=("Vendedor", "Caixa"))
    frete = Column("frete", Type.MONEY, "", "0.00")
    held = {"Canal": "string", "vendedor": "string", "Caixa": "string", "Frete": "string"}
    assert find_renamed((vendedor, frete), Shape(held, True)) == {"Atendente": "vendedor"}
    assert find_renamed((vendedor,), Shape({**held, "Atendente": "string"}, True)) == {}
    assert find_renamed((frete,), Shape({"Frete": "decimal(12,2)"}, True)) == {"frete": "Frete"}


def test_a_column_of_another_type_than_the_declared_one_is_refused(tables):
    with alter(tables) as change:
        change.delete_column("notebook")
    with alter(tables) as change:
        change.add_column("notebook", commits._TYPES[Type.WHOLE])
    with pytest.raises(DeclarationError, match="'notebook' is bigint in this lake's ledger, and declared as string"):
        tables.create_tables()
