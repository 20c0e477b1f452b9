"""The warehouse's notebook: which files stay pending, and which it restores."""

import shutil

import psycopg
import pytest

from helpers.inprocess import drop, run_intake, run_notebook
from helpers.rows import HEADER
from vendas.errors import CheckFailed
from vendas.lake.ledger import list_entries, read_events
from vendas.runs.pipeline import is_up_to_date
from vendas.settings import load_settings
from vendas.warehouse import embedded

SALES = "\n".join([HEADER, *(f"2024-01-0{day} 10:00,Ana,,,,P{day},10.00,,,,,," for day in (1, 2))])
SPOIL = """
create function spoil() returns trigger language plpgsql as $$ begin new.valor_da_compra := 1; return new; end $$;
create trigger spoil before insert on fato_vendas for each row execute function spoil();
"""


@pytest.fixture
def lake(tmp_path, engine):
    drop(tmp_path, "registros_a.csv", SALES.encode())
    run_intake(tmp_path, gold=True)
    yield tmp_path
    embedded.stop(tmp_path / "dw")


def load(lake, run_id="r1"):
    return run_notebook("04_dw", lake=str(lake), run_id=run_id)


def tell(lake, sql):
    with psycopg.connect(embedded.ensure_running(lake / "dw").url) as connection:
        connection.execute(sql)


def facts(lake):
    with psycopg.connect(embedded.ensure_running(lake / "dw").url) as connection:
        return connection.execute("select count(*) from fato_vendas").fetchone()[0]


def states(lake):
    return [entry["situacao"] for entry in list_entries(read_events(lake))]


def test_a_failing_check_names_rows_and_leaves_the_file_pending_until_it_holds(lake):
    load(lake)
    tell(lake, SPOIL)
    drop(lake, "registros_b.csv", SALES.replace("Ana", "Bia").encode(), at=1_800_000_000)
    run_intake(lake, gold=True)
    with pytest.raises(CheckFailed, match="(?s)fact_equals_gold.*registros_b.*valor_da_compra_em_fatos=2.00"):
        load(lake)
    assert (facts(lake), states(lake)) == (2, ["processado", "pendente"])
    tell(lake, "drop function spoil cascade")
    load(lake)
    assert (facts(lake), states(lake)) == (4, ["processado", "processado"])


def test_a_warehouse_that_is_lost_comes_back_with_the_next_run(lake):
    load(lake)
    settings = load_settings(lake=lake)
    assert is_up_to_date(settings)
    embedded.stop(settings.dw)
    shutil.rmtree(settings.dw / "cluster")
    assert not is_up_to_date(settings)
    load(lake, "r2")
    assert facts(lake) == 2 and is_up_to_date(settings)
