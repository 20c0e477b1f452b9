"""Charts of query results, checked by their words and numbers; any content of a star gives a chart."""

import warnings
from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from matplotlib.text import Text

from vendas.errors import ChartError
from vendas.formatting import abbreviate, drop_zero_decimals, format_value
from vendas.reports import sales_charts
from vendas.reports.sales_charts import DIAS, heat_map, key_figures, month_bars, month_lines, ranked_bars
from vendas.rules.gold import TURNOS

MONTH, DAY = pd.Timestamp("2024-03-01"), ["domingo"]
CHARTS = [key_figures, month_lines, month_bars, ranked_bars, heat_map]


@pytest.fixture
def drawn(monkeypatch):
    """Collect every text in the figures that are drawn from now on, in their order."""
    figures = []
    finished = sales_charts._finished
    monkeypatch.setattr(
        sales_charts, "_finished", lambda figure, *rest: figures.append(figure) or finished(figure, *rest)
    )

    def texts():
        (axes,) = (figure.axes[0] for figure in figures)
        figures[0].canvas.draw()
        return {
            "places": [tuple(axes.transLimits.transform(text.get_position()).round(2)) for text in axes.texts],
            "beside": [text.get_text() for text in axes.texts],
            "x": [label.get_text() for label in axes.get_xticklabels()],
            "y": [label.get_text() for label in axes.get_yticklabels()],
            "title": figures[0].get_suptitle(),
            "formulas": {
                text.get_text() for text in figures[0].findobj(Text) if text.get_parse_math() and "$" in text.get_text()
            },
            "bars": [tuple(axes.transLimits.transform(bar.get_xy())) for bar in axes.patches],
            "legend": [text.get_text() for legend in figures[0].legends for text in legend.get_texts()],
            "hatches": [bar[0].get_hatch() for bar in axes.containers],
            "areas": [area.get_paths()[0].get_extents().bounds for area in axes.collections],
            "widths": [[part.get_width() for part in bar] for bar in axes.containers],
        }

    return texts


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Draw at a low resolution, which is faster."""
    fine, sales_charts._DPI = sales_charts._DPI, 30
    yield
    sales_charts._DPI = fine


def months(*rows, columns=("mês", "valor da compra", "valor com desconto")):
    return pd.DataFrame([(pd.Timestamp(month), *values) for month, *values in rows], columns=columns)


def members(count, value=1):
    return pd.DataFrame([(f"produto {number}", value) for number in range(count)], columns=["produto", "vendas"])


@pytest.mark.parametrize("chart", CHARTS)
def test_no_rows_become_a_figure_that_says_so(chart):
    made = chart(pd.DataFrame(columns=["a", "b", "c"]), "Vendas")
    assert (made.title, made.text) == ("Vendas", "Sem vendas ainda") and made.png.startswith(b"\x89PNG")


def test_a_notebook_gets_the_picture_and_its_numbers_as_text():
    data, metadata = ranked_bars(members(1, Decimal("1234.50")), "Vendas")._repr_mimebundle_()
    assert data["text/plain"].split() == "Vendas produto vendas produto 0 R$ 1.234,50".split()
    assert metadata["image/png"]["alt"] == "Vendas" and data["image/png"].startswith("iVBOR")


def test_members_are_ranked_as_given_with_total_and_share(drawn):
    ranked_bars(pd.DataFrame({"canal": ["Loja", "Site"], "vendas": [7, 1]}), "Vendas")
    assert (drawn()["y"], drawn()["beside"]) == (["Loja", "Site"], ["7 · 87,5 %", "1 · 12,5 %"])


def test_parts_are_stacked_named_and_differ_without_colour(drawn):
    frame = pd.DataFrame({"arquivo": ["a.csv"], "aceitas": [1000], "duplicadas": [20], "em quarentena": [3]})
    ranked_bars(frame, "Linhas", "parts")
    assert drawn()["legend"] == ["aceitas", "duplicadas", "em quarentena"] and drawn()["beside"] == ["1.000 + 20 + 3"]
    assert drawn()["widths"] == [[1000], [20], [3]] and len(set(drawn()["hatches"])) == 3


def test_beyond_the_tenth_members_are_added_up_without_a_bar(drawn):
    chart = ranked_bars(members(15, Decimal("0.10")), "Vendas")
    assert drawn()["y"][-1] == "outros (5)" and drawn()["beside"][-1] == "R$ 0,50 · 33,3 %"
    assert [len(widths) for widths in drawn()["widths"]] == [10] and chart.text.splitlines()[-1].endswith("R$ 0,50")


def test_a_single_member_beyond_the_tenth_is_shown_itself(drawn):
    ranked_bars(members(11), "Vendas")
    assert drawn()["y"][-1] == "produto 10" and [len(widths) for widths in drawn()["widths"]] == [11]


def test_long_names_lose_their_middle_and_dollars_are_no_formula(drawn):
    ranked_bars(pd.DataFrame({"produto": ["$a$\nb", "x" * 1000], "vendas": [1, 1]}), "Vendas")
    assert drawn()["y"][0] == "$a$ b" and len(drawn()["y"][1]) == 48


@pytest.mark.parametrize("letter", ["W", "M", "漢", "🛍", "Ñ", "€"])
def test_the_bars_of_wide_names_have_room(letter):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Glyph .* missing")
        assert ranked_bars(pd.DataFrame({"produto": [letter * 1000], "vendas": [10**15]}), "Vendas").png


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("dollars", ["$x$ $", r"$\frac$"])
def test_dollars_of_a_title_a_column_or_a_turno_are_no_formula(drawn, chart, dollars):
    when = [MONTH] if chart in (month_lines, month_bars) else [dollars]
    of_column = DAY if chart is heat_map else [1]
    chart(pd.DataFrame({"a": when, dollars: of_column, "b": [1]}), f"Em resumo: {dollars}")
    said = drawn()
    assert dollars in {said["title"], *said["beside"], *said["y"], *said["legend"]}
    assert said["title"] == f"Em resumo: {dollars}" and said["formulas"] == set()


def test_a_long_title_loses_its_middle(drawn):
    key_figures(pd.DataFrame({"vendas": [1]}), f"Em resumo: {'canal ' * 160}desde 01/2024")
    assert drawn()["title"].startswith("Em resumo: canal") and drawn()["title"].endswith("canal desde 01/2024")
    assert 64 <= len(drawn()["title"]) <= 68


@pytest.mark.parametrize(("member", "named"), [(2024, "2024"), (None, "(vazio)"), (date(2024, 3, 31), "2024-03-31")])
def test_a_member_need_not_be_a_text(drawn, member, named):
    chart = ranked_bars(pd.DataFrame({"membro": pd.Series([member], dtype=object), "vendas": [7]}), "Vendas")
    assert drawn()["y"] == [named] and chart.text.splitlines()[-1].split() == [named, "7"]


@pytest.mark.parametrize(
    ("chart", "frame", "said"),
    [
        (month_lines, {"mes": [202403], "vendas": [1]}, "'mes', has values of type int64; expected dates"),
        (month_bars, {"mes": [date(2024, 3, 1)], "vendas": [1]}, "'mes', has values of type object; expected dates"),
        (month_lines, {"mes": [MONTH], "a": [1], "b": [1], "c": [1], "d": [1]}, "of mes, a, b, c, d, are 4; expected"),
        (ranked_bars, {"canal": ["Loja"], "a": [1], "b": [1], "c": [1], "d": [1]}, "of canal, a, b, c, d, are 4;"),
        (ranked_bars, {"canal": ["Loja"]}, "of canal, are 0; expected one at least"),
        (ranked_bars, {"canal": ["Loja", "Site"], "a": [Decimal(1), None]}, "'a' has no value in some rows.*coalesce"),
        (month_bars, {"mes": [MONTH, MONTH], "a": [1, float("nan")]}, "'a' has no value in some rows"),
        (ranked_bars, {"canal": ["Loja"], "a": ["1"]}, "'a' has '1'; expected numbers"),
        (heat_map, {"turno": ["Manhã"], "dia": DAY}, "of turno, dia, are 0; expected one at least, and 1"),
        (heat_map, {"turno": ["Manhã"], "dia": ["Domingo"], "vendas": [1]}, "'dia' has 'Domingo'; expected days"),
        (heat_map, {"turno": ["Manhã"] * 2, "dia": DAY * 2, "vendas": [1, 2]}, "two values for one turno and dia"),
    ],
)
def test_a_frame_of_another_shape_is_refused_with_what_to_do(chart, frame, said):
    with pytest.raises(ChartError, match=said):
        chart(pd.DataFrame(frame), "Vendas")


def test_between_two_lines_the_area_is_shaded(drawn):
    month_lines(months(("2024-03-01", 8, 5), ("2024-04-01", 9, 6)), "Vendas")
    ((left, bottom, width, height),) = drawn()["areas"]
    assert (left, bottom, width, height) == (0, 5, 1, 4)


@pytest.mark.parametrize("chart", [month_lines, month_bars])
def test_months_without_a_sale_count_zero_and_the_highest_is_named(drawn, chart):
    chart(months(("2023-11-01", Decimal(5), Decimal(4)), ("2024-02-01", Decimal("12345.67"), Decimal(0))), "Vendas")
    assert drawn()["x"] == ["11/2023", "12/2023", "01/2024", "02/2024"]
    assert drawn()["beside"] == ["R$ 12,3 mil em 02/2024"]
    assert drawn()["legend"] == ["valor da compra", "valor com desconto"]


def test_many_months_are_named_by_year(drawn):
    month_bars(months(("2019-03-01", 1), ("2024-12-01", 1), columns=["mês", "vendas"]), "Vendas")
    assert drawn()["x"] == [f"01/{year}" for year in range(2020, 2025)]


def test_money_axes_are_in_reais_and_counts_are_whole(drawn):
    month_lines(months(("2024-01-01", Decimal(100_000), Decimal(90_000))), "Vendas")
    assert {"R$ 0", "R$ 100 mil"} <= set(drawn()["y"])


def test_counts_are_whole(drawn):
    month_bars(months(("2024-01-01", 2), columns=["mês", "vendas"]), "Vendas")
    assert drawn()["y"][:3] == ["0", "1", "2"]


@pytest.mark.parametrize("value", [Decimal("0.00"), Decimal("0.01"), 0, 1])
def test_no_two_marks_of_an_axis_are_the_same(drawn, value):
    month_bars(months(("2024-01-01", value), columns=["mês", "vendas"]), "Vendas")
    assert len(set(drawn()["y"])) == len(drawn()["y"]) > 1


def test_the_first_of_many_months_does_not_stand_on_the_axis(drawn):
    month_bars(months(("1990-01-01", 1), ("2100-12-01", 1), columns=["mês", "vendas"]), "Vendas")
    assert min(x for x, _ in drawn()["bars"]) > 0.005


def test_the_heat_map_has_every_turno_and_day_in_order(drawn):
    heat_map(pd.DataFrame({"turno": list(TURNOS)[-1:], "dia": ["domingo"], "vendas": [1500]}), "Vendas")
    assert (drawn()["x"][0], drawn()["x"][-1], drawn()["y"]) == ("segunda", "domingo", list(TURNOS))
    assert drawn()["beside"] == ["0"] * (len(TURNOS) * len(DIAS) - 1) + ["1.500"]


def test_a_turno_of_an_older_rule_is_drawn_last(drawn):
    heat_map(pd.DataFrame({"turno": ["Serão"], "dia": ["domingo"], "vendas": [3]}), "Vendas")
    assert drawn()["y"] == [*TURNOS, "Serão"] and drawn()["beside"][-1] == "3"


def test_key_figures_stand_side_by_side_each_above_its_name(drawn):
    key_figures(pd.DataFrame([dict.fromkeys("abcd", 1)]), "Em resumo")
    first_row = [(0.17, 0.85), (0.17, 0.64), (0.5, 0.85), (0.5, 0.64), (0.83, 0.85), (0.83, 0.64)]
    assert drawn()["places"] == [*first_row, (0.17, 0.35), (0.17, 0.14)]


def test_key_figures_are_the_values_of_the_row(drawn):
    values = {"vendas": [70], "valor": [Decimal("82030.00")], "primeira": [pd.Timestamp("2014-05-01 08:10")]}
    chart = key_figures(pd.DataFrame(values), "Em resumo")
    assert drawn()["beside"] == ["70", "vendas", "R$ 82,0 mil", "valor", "01/05/2014", "primeira"]
    assert "R$ 82.030,00" in chart.text


def test_key_figures_may_be_texts_or_missing(drawn):
    chart = key_figures(pd.DataFrame({"produto": ["bola " * 200], "canal": ["Loja"], "valor": [None]}), "Em resumo")
    assert drawn()["beside"] == ["bola bo…la bola ", "produto", "Loja", "canal", "—", "valor"]
    assert chart.text.splitlines()[-1].split()[-2:] == ["Loja", "—"]


names = st.text(min_size=1, max_size=60) | st.sampled_from(["NÃO INFORMADO", "🛍️", "$x$ $", "a\n\tb", "€" * 333])
money = st.decimals(0, 10**18, places=2)
counts = st.integers(0, 10**12)


@pytest.mark.slow
@settings(max_examples=10)
@given(st.data(), st.sampled_from([money, counts]), st.integers(1, 3), st.sampled_from(["share", "total", "parts"]))
def test_any_members_become_a_picture(data, values, parts, label):
    rows = data.draw(st.lists(st.tuples(names, *[values] * parts), min_size=1, max_size=14))
    columns = ["membro", *(f"parte {number}" for number in range(parts))]
    assert ranked_bars(pd.DataFrame(rows, columns=columns), "Vendas", label).png


@pytest.mark.slow
@settings(max_examples=10)
@given(st.data(), st.sampled_from([money, counts]), st.integers(1, 3), st.sampled_from([month_lines, month_bars]))
def test_any_months_become_a_picture(data, values, parts, chart):
    first = data.draw(st.integers(1990 * 12, 2100 * 12))
    distances = st.integers(0, 11 + 12 * data.draw(st.integers(0, 9)))  # many months take seconds to draw
    months = data.draw(st.lists(distances, min_size=1, max_size=5, unique=True).map(sorted))
    keys = [pd.Timestamp((first + month) // 12, (first + month) % 12 + 1, 1) for month in months]
    frame = pd.DataFrame({"mês": keys})
    for number in range(parts):
        frame[f"parte {number}"] = data.draw(st.lists(values, min_size=len(keys), max_size=len(keys)))
    assert chart(frame, "Vendas").png


@pytest.mark.slow
@pytest.mark.parametrize("chart", [month_lines, month_bars])
def test_all_months_of_the_contract_become_a_picture(chart):
    assert chart(months(("1990-01-01", 1), ("2100-12-01", 10**12), columns=["mês", "vendas"]), "Vendas").png


@pytest.mark.slow
@settings(max_examples=5)
@given(st.dictionaries(st.tuples(st.sampled_from(list(TURNOS)), st.sampled_from(DIAS)), money | counts, min_size=1))
def test_any_heat_becomes_a_picture(heat):
    frame = pd.DataFrame([(*pair, value) for pair, value in heat.items()], columns=["turno", "dia", "vendas"])
    assert heat_map(frame, "Vendas").png


@pytest.mark.parametrize(
    ("value", "exact", "short"),
    [
        (Decimal("0.00"), "R$ 0,00", "R$ 0,00"),
        (Decimal("1234.56"), "R$ 1.234,56", "R$ 1.234,56"),
        (Decimal("12345.67"), "R$ 12.345,67", "R$ 12,3 mil"),
        (Decimal("9999.99"), "R$ 9.999,99", "R$ 9.999,99"),
        (Decimal("10000.00"), "R$ 10.000,00", "R$ 10,0 mil"),
        (Decimal("100400.00"), "R$ 100.400,00", "R$ 100 mil"),
        (Decimal("1000000.00"), "R$ 1.000.000,00", "R$ 1,00 mi"),
        (Decimal("7812345.00"), "R$ 7.812.345,00", "R$ 7,81 mi"),
        (Decimal("123456789012.34"), "R$ 123.456.789.012,34", "R$ 123 bi"),
        (Decimal("99999999999999999.99"), "R$ 99.999.999.999.999.999,99", "R$ 100.000 tri"),
        (999_999, "999.999", "999.999"),
        (1_234_567, "1.234.567", "1,23 mi"),
        (datetime(2024, 3, 31, 14, 5), "31/03/2024", "31/03/2024"),
        (date(2024, 3, 31), "31/03/2024", "31/03/2024"),
    ],
)
def test_values_are_written_as_in_brazil(value, exact, short):
    assert (format_value(value), abbreviate(value)) == (exact, short)


@pytest.mark.parametrize(
    ("number", "short"), [("R$ 50,0 mil", "R$ 50 mil"), ("R$ 0,00", "R$ 0"), ("1,05 mi", "1,05 mi"), ("1.000", "1.000")]
)
def test_zeros_behind_the_comma_go(number, short):
    assert drop_zero_decimals(number) == short
