"""The analyst's notebook and its helpers, on a star schema that is created and filled without Spark."""

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import md5
from pathlib import Path

import pandas as pd
import psycopg
import pyarrow as pa
import pytest

from helpers.inprocess import run_notebook
from helpers.star import SALE
from vendas import resources, schema
from vendas.errors import SettingsError, WarehouseError
from vendas.lake import ledger
from vendas.lake.events import Event
from vendas.reports import exploration, sales_charts
from vendas.reports.exploration import ask, choose, connect, name_choice, name_sample, quality, sample_customers
from vendas.warehouse import embedded
from vendas.warehouse.postgresql import PostgreSQL
from vendas.warehouse.star_rows import to_star

OF_ONE_ENGINE = ("filter (", "filter(", "distinct on", "generate_series", "lateral", "::", "ilike", "array", "json")
CHARTS = ("heat_map", "key_figures", "month_bars", "month_lines", "ranked_bars")
SALES = [  # moment, e-mail, value, value with discount, seller, code, channel
    ("2024-01-10 09:00", "ana@a.com", 100, 90, "Rita", "VERAO", "Loja"),
    ("2024-01-20 19:00", "rui@b.com", 50, 50, "NÃO INFORMADO", "NÃO DISPONÍVEL", "Site's"),
    ("2024-03-05 02:00", "ana@a.com", 30, 20, "NÃO INFORMADO", "VERAO", "Site's"),
    ("2024-03-06 13:00", "NÃO INFORMADO", 20, 20, "Rita", "NÃO DISPONÍVEL", "Loja"),
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
                "canal": channel,
                "linha_do_arquivo": line,
            }
            for line, (moment, email, value, paid, seller, code, channel) in enumerate(sales, start=2)
        ]
        rows = to_star(pa.Table.from_pylist(gold, schema.arrow_schema(schema.GOLD_COLUMNS))) if gold else {}
        with tempfile.TemporaryDirectory() as folder:
            for table, held in rows.items():
                written = PostgreSQL.write(held, Path(folder) / table)
                with connection.cursor().copy(f"copy {table} from stdin (format binary)") as copy:
                    copy.write(Path(written.path).read_bytes())
        connection.execute("call refresh_star()")


def explore(lake, **chosen):
    """Run the notebook; return its result, every query with its rows, and the frame of each chart by its title."""
    asked, drawn = {}, {}

    def keep(warehouse, query, **values):
        return asked.setdefault(query, ask(warehouse, query, **values))

    def note(chart):
        def noted(frame, title, *rest):
            drawn[title] = frame
            return chart(frame, title, *rest)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exploration, "ask", keep)
        for chart in CHARTS:
            patch.setattr(sales_charts, chart, note(getattr(sales_charts, chart)))
        return run_notebook("05_exploracao", lake=str(lake), run_id="r1", **chosen), asked, drawn


@pytest.fixture(scope="module")
def explored(lake, endpoint):
    make_star(endpoint, SALES)
    return explore(lake)


@pytest.fixture
def answer(explored):
    """Return the rows of the chart with this title."""
    return lambda title: rows_of(explored[2][title])


def rows_of(frame):
    return list(frame.itertuples(index=False, name=None))


def test_every_breakdown_adds_up_to_the_sales(explored):
    result, _, drawn = explored
    assert (result.stage, result.run_id, result.read) == ("exploracao", "r1", 4)
    for member in ("canal", "plataforma", "produto", "campanha"):
        frame = drawn[f"Vendas por {member}"]
        assert sum(frame["valor com desconto"]) + sum(frame["desconto"]) == Decimal(200), member


def test_the_summary_has_types_that_charts_tell_apart(answer):
    moments = (pd.Timestamp(2024, 1, 10), pd.Timestamp(2024, 3, 6))
    assert answer("Em resumo: todos os canais") == [(4, Decimal(200), Decimal(180), Decimal(45), *moments)]


def test_months_have_the_sums_of_their_days(answer):
    january, march = pd.Timestamp(2024, 1, 1), pd.Timestamp(2024, 3, 1)
    assert answer("Vendas por mês") == [(january, Decimal(150), Decimal(140)), (march, Decimal(50), Decimal(40))]
    assert answer("Custo dos descontos por mês") == [(january, Decimal(10)), (march, Decimal(10))]


def test_turnos_are_counted_by_day_of_the_week(answer):
    assert sorted(answer("Número de vendas por turno e dia da semana")) == [
        ("Noite", "quarta-feira", 2), ("Noite", "sábado", 1), ("Noite", "terça-feira", 1),
    ]  # fmt: skip


def test_customers_are_new_in_the_month_of_their_first_sale(answer):
    new = answer("Clientes novos e que voltaram, por mês")
    assert new == [(pd.Timestamp(2024, 1, 1), 2, 0), (pd.Timestamp(2024, 3, 1), 0, 1)]


def test_people_are_counted_without_those_unknown(answer):
    assert answer("Vendas por vendedor") == [("Rita", Decimal(110), Decimal(10))]
    assert answer("Clientes por número de compras") == [("1", 1), ("2", 1)]
    assert answer("Clientes por domínio de e-mail") == [("a.com", 1), ("b.com", 1)]


def test_discounts_are_weighed_by_code(answer):
    assert answer("Número de vendas por código de desconto") == [("NÃO DISPONÍVEL", 2), ("VERAO", 2)]
    assert answer("Ticket médio por código: valor com desconto + desconto") == [
        ("NÃO DISPONÍVEL", Decimal(35), Decimal(0)),
        ("VERAO", Decimal(55), Decimal(10)),
    ]


def test_no_answer_holds_a_personal_value(explored):
    _, asked, drawn = explored
    told = " ".join(frame.to_csv() for frame in (*asked.values(), *drawn.values()))
    assert "rui@b.com" not in told and "b.com" in told


def test_queries_keep_to_what_both_engines_know(explored):
    _, asked, _ = explored
    assert len(asked) == 11
    assert [word for query in asked for word in OF_ONE_ENGINE if word in query.lower()] == []


def test_only_questions_about_customers_read_the_sales_themselves(explored):
    _, asked, _ = explored
    assert ["md5(email)" in query for query in asked if "fato_vendas" in query] == [True]


# --- a period, a channel

CHOICES = [
    {"inicio": "2024-02"},
    {"fim": "2024-01"},
    {"inicio": "2024-01", "fim": "2024-01", "canal": "Loja"},
    {"canal": "Site's"},
    {"inicio": "2030-01"},
]


@pytest.mark.parametrize("chosen", CHOICES, ids=str)
def test_answers_are_those_of_the_facts_chosen(lake, endpoint, explored, chosen):
    result, _, drawn = explore(lake, **chosen)
    canal, first, last = chosen.get("canal"), chosen.get("inicio", ""), chosen.get("fim", "9")
    sales = [sale for sale in SALES if first <= sale[0][:7] <= last and canal in (None, sale[6])]

    def sums(*keys):
        """Return value and discounted value of the chosen sales by the value of these keys, in order."""
        found = {}
        for sale in sales:
            value, paid = found.get(key := tuple(of(sale) for of in keys), (0, 0))
            found[key] = value + sale[2], paid + sale[3]
        return sorted((*key, *both) for key, both in found.items())

    month = lambda sale: pd.Timestamp(sale[0][:7])  # noqa: E731
    assert result.read == len(sales)
    assert rows_of(drawn["Vendas por mês"]) == sums(month)
    for title, place in (("Vendas por canal", 6), ("Vendas por vendedor", 4)):
        told = sorted((name, paid + less, paid) for name, paid, less in rows_of(drawn[title]))
        assert told == [row for row in sums(lambda sale, place=place: sale[place]) if row[0] != "NÃO INFORMADO"]
    codes = drawn["Número de vendas por código de desconto"]
    assert dict(rows_of(codes)) == Counter(sale[5] for sale in sales)
    customers = {sale[1] for sale in sales} - {"NÃO INFORMADO"}
    assert sum(drawn["Clientes por domínio de e-mail"]["clientes"]) == len(customers)


def test_a_customer_of_before_the_period_is_not_new_in_it(lake, explored):
    _, _, drawn = explore(lake, inicio="2024-02")
    assert rows_of(drawn["Clientes novos e que voltaram, por mês"]) == [(pd.Timestamp(2024, 3, 1), 0, 1)]
    assert rows_of(drawn["Clientes por número de compras"]) == [("1", 1)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"inicio": "2024"}, "inicio is no month: expected one like '2024-03', or '' for no limit; got '2024'"),
        ({"fim": "2024-13"}, "fim is no month: .* got '2024-13'"),
        ({"fim": "2024-03-31"}, "fim is no month: .* got '2024-03-31'"),
        ({"inicio": 202401}, "inicio is no month: .* got 202401"),
        ({"inicio": "2024-03", "fim": "2024-01"}, "ends before it begins: inicio is '2024-03', fim is '2024-01'"),
        ({"canal": None}, "no channel None; expected '' for all, or one of"),
        ({"canal": "loja"}, r"no channel 'loja'; expected '' for all, or one of \['Loja', \"Site's\"\]"),
    ],
)
def test_a_wrong_choice_says_what_is_expected(endpoint, explored, wrong, said):
    with pytest.raises(SettingsError, match=said):
        choose(connect(endpoint), **wrong)


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({}, "todos os canais"),
        ({"inicio": "2024-01", "canal": "Loja"}, "Loja desde 01/2024"),
        ({"inicio": "2024-01", "fim": "2024-12"}, "todos os canais desde 01/2024 até 12/2024"),
    ],
)
def test_a_choice_is_named_in_the_title(endpoint, explored, chosen, named):
    assert name_choice(choose(connect(endpoint), **chosen)) == named


def test_of_many_sales_some_customers_are_read_with_all_their_sales(lake, endpoint, explored, monkeypatch):
    monkeypatch.setattr(exploration, "EXPLORED_SALES", 1)
    assert sample_customers(connect(endpoint), choose(connect(endpoint))) == "0%"
    monkeypatch.setattr(exploration, "sample_customers", lambda *_: md5(b"ana@a.com").hexdigest()[:1] + "%")
    _, asked, _ = explore(lake)
    (read,) = (frame for query, frame in asked.items() if "fato_vendas" in query)
    assert [row[1:] for row in rows_of(read.sort_values("mes"))] == [("a.com", 202401, 1), ("a.com", 202403, 1)]


@pytest.mark.parametrize(("pattern", "named"), [("%", ""), ("0%", " (um de cada 16 clientes)")])
def test_a_sample_is_named_in_the_title(pattern, named):
    assert name_sample(pattern) == named


# --- the rest


def test_an_empty_star_is_explored_without_an_error(lake, endpoint):
    make_star(endpoint, [])
    result, asked, _ = explore(lake)
    assert result.read == 0 and all(frame.empty for frame in asked.values())


def test_a_query_that_cannot_be_answered_says_why_and_hides_the_password(endpoint):
    with pytest.raises(WarehouseError, match='"fato_vnedas" does not exist') as error:
        ask(connect(endpoint), "select * from fato_vnedas")
    assert endpoint.password not in str(error.value) + repr(connect(endpoint))
    assert error.value.__suppress_context__


def test_a_warehouse_that_does_not_answer_is_an_error(endpoint):
    with pytest.raises(WarehouseError, match=r"127.0.0.1:1/vendas refused: (?s:.*)Connection refused"):
        ask(connect(type(endpoint)(port=1, password="secret")), "select 1")


def test_a_login_that_fails_asks_for_no_other_query(endpoint):
    with pytest.raises(WarehouseError, match="refused: (?s:.*)password authentication failed") as error:
        ask(connect(replace(endpoint, password="another")), "select 1")
    assert "query" not in str(error.value) and "another" not in str(error.value)


def entries_of(name, situacao="processado", **counts):
    known = {"arquivo": name, "arquivo_recebido": "registros.csv", "run_id": "r1", "situacao": situacao}
    stages = ledger.STAGES if situacao == "processado" else ["bronze"]
    return [
        Event(etapa=stage, registrado_em=pd.Timestamp(2024, 1, 1 + day).to_pydatetime(), **known, **counts)
        for day, stage in enumerate(stages)
    ]


def test_the_quality_of_files_names_them_by_arrival_and_state():
    good, refused = "registros_20240331T140509123Z_00000001.csv", "registros_20240401T000000000Z_00000002.csv"
    counts = {"lidas": 9, "duplicadas": 2, "quarentena": 3, "gravadas": 4}
    assert rows_of(quality([*entries_of(refused, "rejeitado"), *entries_of(good, **counts)])) == [
        ("registros.csv, 31/03/2024 14:05", 4, 2, 3),
        ("registros.csv, 01/04/2024 00:00 (rejeitado)", 0, 0, 0),
    ]


def test_rejected_files_stand_behind_those_with_refused_rows_and_before_all_others():
    repeated, rejected, refused = (f"registros_2024040{day}T000000000Z_00000001.csv" for day in (1, 2, 3))
    found = quality(
        [
            *entries_of(repeated, lidas=9, duplicadas=9),
            *entries_of(rejected, "rejeitado"),
            *entries_of(refused, lidas=9, quarentena=1, gravadas=8),
        ]
    )
    assert found["arquivo"].str.slice(15, 20).tolist() == ["03/04", "02/04", "01/04"]


def test_no_files_have_no_quality():
    assert quality([]).empty
