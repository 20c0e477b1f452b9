"""What 04_dw shows, without a warehouse; what it asks of one is seen in test_notebooks."""

from contextlib import nullcontext
from decimal import Decimal
from types import SimpleNamespace

import pytest

from helpers.rows import FILE
from vendas.lake.events import Event
from vendas.reports import warehouse_preview
from vendas.reports.preview import NO_SALES, NOTHING, ShownEvents
from vendas.reports.warehouse_preview import (
    Loaded,
    members_query,
    name_star_columns,
    read_loaded,
    show_loaded,
    show_members,
    show_star,
    small_files,
    star_query,
    sums_query,
)


def event(arquivo=FILE, rows=3):
    return Event(arquivo, "registros_a.csv", "dw", "r1", gravadas=rows)


def test_each_file_is_shown_in_gold_and_in_both_tables():
    sums = {FILE: {"linhas": "3", "valor_da_compra": "30.00", "valor_com_desconto": "27.00"}}
    (row,) = show_loaded(Loaded(sums, sums), ShownEvents([event()])).to_dict("records")
    assert list(row.values()) == ["registros_a.csv", 3, 3, 3, Decimal("30.00"), Decimal("27.00"), FILE]


def test_files_too_large_to_be_summed_are_told_of():
    shown = show_loaded(Loaded(), ShownEvents([event(rows=5_000_000)]))
    assert list(shown["em fato_vendas"]) == [None] and "100.000 linhas" in shown.note


def test_a_file_without_sales_is_nothing_to_be_told_of():
    shown = show_loaded(Loaded(), ShownEvents([event(rows=0)]))
    assert list(shown["em fato_vendas"]) == [0] and shown.note == ""


def test_sales_and_members_are_shown():
    sale = {"valor_da_compra": "10.00", "email": "ana@x.com"}
    loaded = Loaded(example=FILE, sales=[sale], members={"produto_id": "2"})
    assert show_star(loaded).to_dict("records") == [sale | {"email": "a***@x.com"}]
    assert show_star(loaded).note == f"Do arquivo {FILE}."
    assert show_members(loaded).to_dict("records") == [{"dimensão": "dim_produto", "membros nestes arquivos": 2}]


def test_an_empty_warehouse_says_so():
    assert {show(Loaded()).note for show in (show_star, show_members)} == {NO_SALES}
    assert show_loaded(Loaded(), ShownEvents()).note == NOTHING


def test_sales_are_shown_of_the_first_file_that_has_any(monkeypatch):
    opened = SimpleNamespace(columns=lambda table: [], cells=lambda query, files: [files])
    monkeypatch.setattr(warehouse_preview, "transaction", lambda *_: nullcontext(opened))
    monkeypatch.setattr(warehouse_preview, "name_star_columns", lambda files, keys: {"files": files})
    events = [event("empty", 0), event("a", 10**6), event("b", 10**6)]
    assert read_loaded(None, None, events) == Loaded(example="a", sales=[{"files": ["a"]}])


@pytest.mark.parametrize(("limit", "chosen"), [(0, []), (2, ["b"]), (7, ["a", "b"]), (99, ["c", "a", "b"])])
def test_the_smallest_files_are_asked_for_in_their_order(limit, chosen):
    assert small_files([event("c", 50), event("a", 5), event("empty", 0), event("b", 2)], limit) == chosen


def test_a_sale_has_the_facts_columns_and_the_first_attribute_of_each_dimension():
    row = [("venda_id", "x"), ("data_id", "1"), ("canal_id", "2"), ("ano", "2024"), ("arquivo_de_origem", FILE)]
    row += [("data_id", "1"), ("data", "2024-03-31"), ("ano", "2024"), ("canal_id", "2"), ("canal", "Website")]
    assert name_star_columns(row, ["data_id", "canal_id"]) == {"ano": "2024", "data": "2024-03-31", "canal": "Website"}


def test_files_are_parameters_one_by_one():
    assert sums_query("fato_vendas", 2).endswith(
        "from fato_vendas where (arquivo_de_origem = ? or arquivo_de_origem = ?) group by arquivo_de_origem"
    )
    assert members_query(["canal_id"], 1) == (
        "select count(distinct canal_id) as canal_id from fato_vendas where (arquivo_de_origem = ?)"
    )
    assert star_query(["canal_id"], in_order=True) == (
        "select vendas.*, dim_canal.* from (select * from fato_vendas where (arquivo_de_origem = ?) "
        "order by linha_do_arquivo limit 5) as vendas left join dim_canal on vendas.canal_id = dim_canal.canal_id "
        "order by vendas.linha_do_arquivo"
    )


def test_sales_of_a_large_file_are_taken_as_they_come():
    assert "order by linha_do_arquivo limit" not in star_query(["canal_id"], in_order=False)
    assert show_members(Loaded(example=FILE, sales=[{"ano": "2024"}])).note.startswith("Arquivos com mais de 100.000")
