"""What figures share."""

import pytest

from vendas.formatting import format_number
from vendas.reports.charts import shorten_name


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (1000, "1.000"), (1234567, "1.234.567")])
def test_numbers_as_in_brazil(number, text):
    assert format_number(number) == text


@pytest.mark.parametrize(("name", "short"), [("abcdefghij", "abcdefghij"), ("abcdefghijk", "abcd…ghijk"), ("", "")])
def test_names_lose_their_middle(name, short):
    assert shorten_name(name, 10) == short


@pytest.mark.parametrize(
    ("name", "short"),
    [("LOJA_SUL.CSV", "LOJ….CSV"), ("MMMMMMM", "MM…MMM"), ("漢字漢字漢", "漢字漢字漢"), ("漢字漢字漢字", "漢字…漢字")],
)
def test_wide_letters_take_more_room(name, short):
    assert shorten_name(name, 10) == short
