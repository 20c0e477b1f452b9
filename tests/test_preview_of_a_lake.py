"""What the notebooks show, read from a real lake: of this run's files, else of the last run's; nothing fails by it."""

import pytest

from helpers.inprocess import drop, run_intake, run_notebook
from helpers.plain_lake import make_lake
from helpers.rows import HEADER
from vendas.lake.ledger import latest, read_events
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.lake.workers import ThisProcess
from vendas.reports import preview
from vendas.reports.bronze_preview import read_raw_records
from vendas.reports.silver_preview import bronze_events, count_years, find_duplicate
from vendas.schema import ARQUIVO, LINHA_DO_ARQUIVO
from vendas.stages.rehearsal import RehearsalLake


def lines(*moments, value="10.00"):
    return "\n".join([HEADER, *(f"{moment} 10:00,Ana,,,,Mesa,{value},,,,,," for moment in moments)]).encode()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A lake after two runs: two files and then one that has a sale of the first, a new one and a refused one."""
    first = {
        "registros_a.csv": lines("2022-05-01", "2023-05-01"),
        "registros_b.csv": lines("2024-05-01", "2024-05-02"),
    }
    later = {"registros_c.csv": lines("01/05/2023", "2024-05-03", "2024-02-30", value="R$ 10")}
    return RehearsalLake(make_lake(tmp_path_factory.mktemp("visto") / "lago", first, later), ThisProcess())


def shown(tables, stage="silver"):
    return preview.events_to_show(read_events(tables.place), stage, [])


def all_events(tables):
    return preview.ShownEvents(done["silver"] for done in latest(read_events(tables.place)).values())


def test_the_files_of_the_last_run_are_shown(tables):
    assert [[event.arquivo_recebido for event in shown(tables, stage)] for stage in ("bronze", "silver", "gold")] == [
        ["registros_c.csv"]
    ] * 3


def test_rows_of_these_files_are_read_from_the_tables(tables):
    read = {table: preview.read_rows(tables, table, shown(tables)) for table in (SILVER_TABLE, GOLD_TABLE)}
    assert (
        read[SILVER_TABLE][LINHA_DO_ARQUIVO.name].to_pylist() == read[GOLD_TABLE]["linha_do_arquivo"].to_pylist() == [3]
    )
    assert preview.read_rows(tables, QUARANTINE_TABLE, shown(tables))["linha"].to_pylist() == [4]


def test_rows_stand_in_the_order_of_their_files(tables):
    sales = preview.read_rows(tables, SILVER_TABLE, all_events(tables))
    assert sales[ARQUIVO.name].to_pylist() == sorted(sales[ARQUIVO.name].to_pylist())
    assert sales[LINHA_DO_ARQUIVO.name].to_pylist() == [2, 3, 2, 3, 3]


def test_a_duplicate_is_paired_with_a_sale_of_an_earlier_run(tables):
    events = shown(tables)
    raw = read_raw_records(tables.place / "bronze", bronze_events(read_events(tables.place), events))
    rows = [preview.read_rows(tables, table, events) for table in (SILVER_TABLE, QUARANTINE_TABLE)]
    sale, record = find_duplicate(tables, raw, *rows, events)
    assert [row[ARQUIVO.name][:11] for row in (sale, record)] == ["registros_a", "registros_c"]
    assert [row[LINHA_DO_ARQUIVO.name] for row in (sale, record)] == [3, 2]


@pytest.mark.parametrize("sampled", [20_000, 1])
def test_years_are_counted_in_full_however_few_rows_are_read(tables, monkeypatch, sampled):
    monkeypatch.setattr(preview, "PREVIEW_SALES", sampled)
    events = all_events(tables)
    sales = preview.read_rows(tables, SILVER_TABLE, events)
    assert (len(sales) == 5) == (sampled > 1)
    assert count_years(tables, sales, events) == {2022: 1, 2023: 1, 2024: 3}


def test_a_bronze_file_that_is_gone_fails_no_notebook(tmp_path):
    drop(tmp_path, "registros_a.csv", lines("2022-05-01", "2023-05-01"))
    run_intake(tmp_path, gold=True)
    for path in (tmp_path / "bronze").iterdir():
        path.unlink()
    for name in ("01_bronze", "02_silver", "03_gold"):
        assert run_notebook(name, lake=str(tmp_path)).files == ()
