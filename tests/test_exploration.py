"""The analyst's notebook and its helpers, on a star schema that is created and filled without Spark."""

from datetime import datetime
from decimal import Decimal

import pandas as pd
import psycopg
import pyarrow as pa
import pytest

from helpers.inprocess import run_notebook
from helpers.star import SALE
from vendas import resources, schema
from vendas.errors import WarehouseError
from vendas.lake import ledger
from vendas.lake.ledger import Event
from vendas.reports import exploration
from vendas.reports.exploration import ask, connect, quality
from vendas.warehouse import embedded
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.star_rows import to_star

OF_ONE_ENGINE = ("filter (", "filter(", "distinct on", "generate_series", "lateral", "::", "ilike", "array", "json")
SALES = [  # moment, e-mail, value, value with discount, seller, code
    ("2024-01-10 09:00", "ana@a.com", 100, 90, "Rita", "VERAO"),
    ("2024-01-20 19:00", "rui@b.com", 50, 50, "NÃO INFORMADO", "NÃO DISPONÍVEL"),
    ("2024-03-05 02:00", "ana@a.com", 30, 20, "NÃO INFORMADO", "VERAO"),
    ("2024-03-06 13:00", "NÃO INFORMADO", 20, 20, "Rita", "NÃO DISPONÍVEL"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exploration") / "lago"
    yield folder
    embedded.stop(folder / "dw")


@pytest.fixture(scope="module")
def endpoint(lake, engine):
    return embedded.ensure_running(lake / "dw")


def make_star(endpoint, sales):
    """Create a star with exactly these sales."""
    with psycopg.connect(endpoint.url) as connection:
        connection.execute("drop schema public cascade; create schema public")
        for kind in ("ddl", "star"):
            for file in sorted((resources.folder("sql") / kind).glob("*.sql")):
                connection.execute(file.read_text(encoding="utf-8"))
        gold = [
            SALE
            | {
                "timestamp_do_registro": datetime.fromisoformat(moment),
                "nome_completo": email,
                "email": email,
                "dominio_email": email.split("@")[-1],
                "valor_da_compra": Decimal(value),
                "valor_com_desconto": Decimal(paid),
                "vendedor": seller,
                "codigo_de_desconto_usado": code,
                "linha_do_arquivo": line,
            }
            for line, (moment, email, value, paid, seller, code) in enumerate(sales, start=2)
        ]
        rows = to_star(pa.Table.from_pylist(gold, schema.arrow_schema(schema.GOLD_COLUMNS))) if gold else {}
        for table, held in rows.items():
            with connection.cursor().copy(f"copy {table} from stdin (format binary)") as copy:
                copy.write(PostgreSQL.encode(held).to_pybytes())
        connection.execute("call refresh_star()")


def explore(lake):
    """Run the notebook; return its result, and every query with its rows."""
    asked = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exploration, "ask", lambda warehouse, query: asked.setdefault(query, ask(warehouse, query)))
        return run_notebook("05_exploracao", lake=str(lake), run_id="r1"), asked


@pytest.fixture(scope="module")
def explored(lake, endpoint):
    make_star(endpoint, SALES)
    return explore(lake)


@pytest.fixture
def answer(explored):
    """Return the rows of the one query that contains these words."""

    def answer(words):
        (frame,) = (frame for query, frame in explored[1].items() if words in query)
        return list(frame.itertuples(index=False, name=None))

    return answer


def test_every_breakdown_adds_up_to_the_sales(explored):
    result, asked = explored
    sums = [
        sum(frame["valor com desconto"]) + sum(frame["desconto"])
        for query, frame in asked.items()
        if {"valor com desconto", "desconto"} <= set(frame) and "avg" not in query and "where" not in query
    ]
    assert (result.stage, result.run_id, result.read) == ("exploracao", "r1", 4)
    assert sums == [Decimal(200)] * 4  # by channel, platform, product and campaign


def test_customers_are_new_in_the_month_of_their_first_sale(answer):
    assert answer("clientes novos") == [(pd.Timestamp(2024, 1, 1), 2, 0), (pd.Timestamp(2024, 3, 1), 0, 1)]


def test_people_are_ranked_without_those_unknown(answer):
    assert answer("inner join dim_vendedor") == [("Rita", Decimal(110), Decimal(10))]
    assert answer("select email, sum") == [("ana@a.com", Decimal(110)), ("rui@b.com", Decimal(50))]
    assert answer("count(distinct email) as clientes") == [("a.com", 1), ("b.com", 1)]


def test_discounts_are_weighed_by_code(answer):
    assert answer("codigo_de_desconto_usado, count(*) as") == [("NÃO DISPONÍVEL", 2), ("VERAO", 2)]
    assert answer("avg(valor_da_compra - valor_com_desconto)") == [
        ("NÃO DISPONÍVEL", Decimal(35), Decimal(0)),
        ("VERAO", Decimal(55), Decimal(10)),
    ]


def test_queries_keep_to_what_both_engines_know(explored):
    _, asked = explored
    assert len(asked) == 14
    assert [word for query in asked for word in OF_ONE_ENGINE if word in query.lower()] == []


def test_an_empty_star_is_explored_without_an_error(lake, endpoint):
    make_star(endpoint, [])
    result, asked = explore(lake)
    assert result.read == 0 and all(frame.empty for frame in asked.values())


def test_a_query_that_cannot_be_answered_says_why_and_hides_the_password(endpoint):
    with pytest.raises(WarehouseError, match='"fato_vnedas" does not exist') as error:
        ask(connect(endpoint), "select * from fato_vnedas")
    assert endpoint.password not in str(error.value) + repr(connect(endpoint))
    assert error.value.__suppress_context__


def test_a_warehouse_that_does_not_answer_is_an_error(endpoint):
    with pytest.raises(WarehouseError):
        ask(connect(type(endpoint)(port=1, password="secret")), "select 1")


def test_the_quality_of_files_names_them_by_arrival_and_state():
    def events(name, situacao="processado", **counts):
        known = {"arquivo": name, "arquivo_recebido": "registros.csv", "run_id": "r1", "situacao": situacao}
        stages = ledger.STAGES if situacao == "processado" else ["bronze"]
        return [
            Event(etapa=stage, registrado_em=pd.Timestamp(2024, 1, 1 + day).to_pydatetime(), **known, **counts)
            for day, stage in enumerate(stages)
        ]

    good, refused = "registros_20240331T140509123Z_00000001.csv", "registros_20240401T000000000Z_00000002.csv"
    found = quality(
        [*events(good, lidas=9, duplicadas=2, quarentena=3, gravadas=4), *events(refused, situacao="rejeitado")]
    )
    assert list(found.itertuples(name=None)) == [
        (refused, "registros.csv, 01/04/2024 00:00 (rejeitado)", 0, 0, 0),
        (good, "registros.csv, 31/03/2024 14:05", 4, 2, 3),
    ]


def test_no_files_have_no_quality():
    assert quality([]).empty
