"""Changes of other writers to the lake are detected and repaired."""

from dataclasses import replace

import pyarrow.compute as pc
import pytest

from helpers.inprocess import Intake, drop, run_intake, run_notebook
from helpers.rows import HEADER, silver_table
from vendas import schema
from vendas.errors import ConservationError
from vendas.lake.ledger import list_entries, read_events, record
from vendas.lake.table_reader import read_table
from vendas.lake.tables import SILVER_TABLE, Lake
from vendas.lake.workers import ThisProcess
from vendas.runs.pipeline import is_up_to_date
from vendas.settings import load_settings
from vendas.warehouse import embedded

FILE = schema.ARQUIVO.name
COUNTS = ("lidas", "duplicadas", "quarentena", "silver", "gold")


def lines(*sales):
    return "\n".join([HEADER, *(f"2024-01-0{sale} 10:00,Ana,,,,P{sale},10.00,,,,,," for sale in sales)]).encode()


@pytest.fixture
def lake(tmp_path):
    """Return a lake with two files up to gold: a with sales 1 and 2, b with 2 and 3; sale 2 is kept in a."""
    drop(tmp_path, "registros_a.csv", lines(1, 2), at=1000)
    drop(tmp_path, "registros_b.csv", lines(2, 3), at=2000)
    run_intake(tmp_path, gold=True)
    return tmp_path


def tables_of(lake):
    return Lake(lake, ThisProcess(load_settings(lake=lake)))


def append(lake, *products, **changed):
    """Append silver's rows of these products to silver with some values changed, like a second writer."""
    name = Intake(lake).bronze_names.get(changed.get(FILE), changed.get(FILE))
    values = changed | {FILE: name} if FILE in changed else changed
    held = read_table(lake, SILVER_TABLE).to_pylist()
    rows = silver_table(row | values for row in held if row["Produto Adquirido"] in products)
    tables = tables_of(lake)
    written = tables.target(SILVER_TABLE).write(rows, 2024)
    tables.change(SILVER_TABLE).publish([written], pc.unique(rows[FILE]).to_pylist())


def silver_by_product(lake):
    """Return for each product the received names of the files that have it."""
    intake = Intake(lake)
    received = {bronze: name for name, bronze in intake.bronze_names.items()}
    found = {}
    for name, rows in intake._silver.items():
        for row in rows:
            found.setdefault(row["Produto Adquirido"], []).append(received.get(name, name))
    return found


def counts(lake):
    return {e["arquivo_recebido"]: [e[name] for name in COUNTS] for e in list_entries(read_events(lake))}


UNDISTURBED = {"P1": ["registros_a.csv"], "P2": ["registros_a.csv"], "P3": ["registros_b.csv"]}


@pytest.mark.parametrize("writer", ["registros_a.csv", "registros_b.csv"])
def test_equal_sales_of_a_second_writer_become_the_one_that_was_there_first(lake, writer):
    before = counts(lake)
    append(lake, "P1", "P2", "P3", **{FILE: writer})
    run_notebook("03_gold", lake=str(lake), run_id="r2")
    assert silver_by_product(lake) == UNDISTURBED
    assert counts(lake) == before


def test_a_run_goes_to_work_when_silver_is_not_what_the_ledger_says(lake, engine):
    settings, known = load_settings(lake=lake), read_events(lake)
    embedded.ensure_running(settings.dw)
    in_dw = [replace(event, etapa="dw") for event in known if event.etapa == "gold"]
    record(tables_of(lake), known, in_dw)
    assert is_up_to_date(settings)
    append(lake, "P3")
    assert not is_up_to_date(settings)
    embedded.stop(settings.dw)


def test_sales_that_nobody_sent_stop_gold_until_the_file_is_replayed(lake):
    append(lake, "P3", Nome="outro")
    with pytest.raises(ConservationError, match="(?s)registros_b.*ledger says 1, silver has 2.*vendas replay"):
        run_notebook("03_gold", lake=str(lake), run_id="r2")
    run_notebook("01_bronze", lake=str(lake), run_id="r3", replay=["registros_b.csv"])
    run_notebook("02_silver", lake=str(lake), run_id="r3")
    run_notebook("03_gold", lake=str(lake), run_id="r3")
    assert silver_by_product(lake) == UNDISTURBED


def test_sales_of_an_unknown_file_are_named(lake):
    append(lake, "P3", Nome="outro", **{FILE: "de_fora.csv"})
    with pytest.raises(ConservationError, match="de_fora.csv: the ledger says 0, silver has 1"):
        run_notebook("03_gold", lake=str(lake), run_id="r2")
