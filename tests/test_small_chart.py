"""Bars drawn without matplotlib."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from vendas.reports.small_chart import Bars

SVG = "{http://www.w3.org/2000/svg}"
NOTED = Bars("Linhas", ["boas", "recusadas"], [("a.csv", (90, 10), "90 + 10"), ("<b>.csv", (50, 0), "50 + 0")])


def drawn(bars):
    return ElementTree.fromstring(bars.svg())


def widths(bars):
    plain = [part for part in drawn(bars).iter(f"{SVG}rect") if not part.get("fill").startswith("url")]
    return [float(part.get("width")) for part in plain]


def test_bars_are_as_long_as_their_parts():
    assert widths(NOTED)[:3] == [288.0, 32.0, 160.0]  # of 320 pixels; a part without rows is not drawn


def test_names_title_counts_and_legend_are_written():
    words = [text.text for text in drawn(NOTED).iter(f"{SVG}text")]
    assert words == ["Linhas", "a.csv", "90 + 10", "<b>.csv", "50 + 0", "boas", "recusadas"]


def test_a_name_with_control_characters_breaks_no_figure():
    bars = Bars("\x00a\x1b", ["boas"], [("b\x1b[31m\x0c\uffff.csv", (1,), "\x08")])
    words = [text.text for text in drawn(bars).iter(f"{SVG}text")]
    assert words == ["␀a␛", "b␛[31m␌\ufffd.csv", "␈"] and drawn(bars).get("aria-label") == "␀a␛"


def test_everything_has_its_place():
    """Names end before the bars, counts stand behind them, and the legend is a line of its own."""
    texts = {text.text: (text.get("x"), text.get("y")) for text in drawn(NOTED).iter(f"{SVG}text")}
    assert texts == {
        "Linhas": ("0.0", "16.0"),
        "a.csv": ("232.0", "45.0"),
        "90 + 10": ("566.0", "45.0"),
        "<b>.csv": ("232.0", "71.0"),
        "50 + 0": ("406.0", "71.0"),
        "boas": ("268.0", "100.0"),
        "recusadas": ("388.0", "100.0"),
    }
    boxes = [tuple(box.get(name) for name in ("x", "y", "height")) for box in drawn(NOTED).iter(f"{SVG}rect")]
    assert list(dict.fromkeys(boxes)) == [
        ("240.0", "30.0", "19.0"),
        ("528.0", "30.0", "19.0"),
        ("240.0", "56.0", "19.0"),
        ("240.0", "89.0", "12.0"),
        ("360.0", "89.0", "12.0"),
    ]
    assert (drawn(NOTED).get("width"), drawn(NOTED).get("height")) == ("760", "108")


def test_parts_differ_without_colour():
    assert 'fill="url(#hachura1)"' in NOTED.svg()


def test_the_text_says_the_same():
    assert NOTED._repr_mimebundle_()["text/plain"] == "Linhas\na.csv: 90 + 10\n<b>.csv: 50 + 0"


def test_bars_without_any_row_are_drawn_too():
    assert widths(Bars("Linhas", ["boas"], [("a.csv", (0,), "0")])) == []


@pytest.mark.slow
def test_matplotlib_is_not_imported():
    code = "import sys; from vendas.reports import silver_preview, gold_preview; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
