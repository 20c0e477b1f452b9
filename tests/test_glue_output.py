"""A cell's value as text: printed in the session, extracted on this machine."""

import pytest
from hypothesis import given, strategies as st

from vendas.jupyter.glue_output import show, split_output, wrap_last_value

VALUES = [
    "2",
    "(\n    1 +\n    1\n)",
    "x = 1; x + 1",
    "x = 'ção'; 2  # ção",
    "import math\nmath.floor(2.5)\n\n# end",
    "(y := 2)",
]
OTHERS = ["x = 2", "2;", "x = 2\n# 3", "if True:\n    2", "print(2", "", "# 2", "x = 2\n\ndef f():\n    2"]


def run(code, capsys):
    exec(wrap_last_value(code), {})
    return split_output(capsys.readouterr().out)


@pytest.mark.parametrize("code", VALUES)
def test_the_value_of_the_last_line_is_shown(code, capsys):
    printed, data, _ = run(code, capsys)
    assert (printed, data) == ("", {"text/plain": "2"})


@pytest.mark.parametrize("code", OTHERS)
def test_a_cell_without_a_value_is_sent_as_it_is(code):
    assert wrap_last_value(code) == code


@pytest.mark.parametrize("code", VALUES)
def test_lines_keep_their_numbers(code):
    assert len(wrap_last_value(code).splitlines()) == len(code.splitlines())


def test_none_is_not_shown(capsys):
    assert run("print('olá')", capsys) == ("olá\n", None, {})


@given(st.text())
def test_any_text_comes_back(text):
    assert split_output(text) == (text, None, {})
    assert split_output(f'{text}vendas-shown:[{{"a": 1}}, {{}}]\n') == (text, {"a": 1}, {})


@given(st.integers(min_value=1, max_value=12))
def test_an_answer_cut_short_shows_no_value(missing):
    whole = 'olá\nvendas-shown:[{"a": 1}, {}]'
    assert split_output(whole[:-missing]) == (whole[:-missing], None, {})


def test_a_picture_is_carried(capsys):
    class Picture:
        def _repr_png_(self):
            return b"png"

    show(Picture())
    assert split_output(capsys.readouterr().out)[1]["image/png"] == "cG5n"
