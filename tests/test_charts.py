"""Charts, checked by what is drawn in them."""

import subprocess
import sys

import pytest

from vendas.reports.charts import as_image, intake_chart, shorten_name
from vendas.stages.check_file import Diagnosis
from vendas.text import format_number
from vendas.tuning import SAMPLE_FILES

LONG = "registros_da_loja_do_centro_de_sao_paulo_2024_03_31.csv"


def examined(name="registros.csv", good=990, doubtful=7, refused=3):
    read = good + doubtful + refused
    return Diagnosis(name, True, lidas=read, boas=good, duvidosas=doubtful, recusadas=refused)


def rejected(name="registros.csv"):
    return Diagnosis(name, True, "rejeitado", "vazio")


def axes_of(*diagnoses, files=None):
    (axes,) = intake_chart(list(diagnoses), files or len(diagnoses)).axes
    return axes


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_bars_are_stacked_by_file():
    bars = axes_of(examined(), examined(good=1, doubtful=0, refused=2)).containers
    drawn = {bar.get_label(): [(part.get_x(), part.get_width()) for part in bar] for bar in bars}
    assert drawn == {
        "boas": [(0, 990), (0, 1)],
        "duvidosas": [(990, 7), (1, 0)],
        "recusadas": [(997, 3), (1, 2)],
    }


def test_parts_differ_without_colour():
    hatches = [bar[0].get_hatch() for bar in axes_of(examined()).containers]
    assert len(set(hatches)) == len(hatches) == 3


def test_counts_stand_beside_the_bars_and_rejected_files_are_marked():
    assert texts(axes_of(examined(good=1200), rejected())) == ["1.200 + 7 + 3", "✗ arquivo rejeitado"]


def test_the_first_file_is_on_top_and_long_names_are_shortened():
    axes = axes_of(examined("registros_$a$_b.csv"), examined(LONG))
    names = [label.get_text() for label in axes.get_yticklabels()]
    bottom, top = axes.get_ylim()
    assert names == ["registros_$a$_b.csv", shorten_name(LONG)] and bottom > top


def test_the_title_tells_of_the_sample():
    assert axes_of(examined()).get_title("left") == "Amostra: no máximo as primeiras 1.000 linhas de cada arquivo novo"


def test_the_title_tells_how_many_files_are_left_out():
    axes = axes_of(*[examined()] * (SAMPLE_FILES + 1), files=1033)
    assert len(axes.containers[0]) == SAMPLE_FILES
    assert axes.get_title("left").endswith("só os primeiros 20 arquivos; outros 1.013 não foram examinados")


def test_rows_are_counted_as_in_brazil():
    axis = axes_of(examined(good=3000)).xaxis
    assert axis.get_major_formatter()(2000, 0) == "2.000" and all(tick == int(tick) for tick in axis.get_ticklocs())


@pytest.mark.parametrize("diagnoses", [[examined(LONG)], [rejected()], [examined(good=0, doubtful=0, refused=0)]])
def test_it_becomes_an_image(diagnoses):
    assert as_image(intake_chart(diagnoses, 1)).data.startswith(b"\x89PNG")


def test_nothing_to_draw_is_no_image():
    assert as_image(intake_chart([], 0)) is None


def test_matplotlib_is_not_imported_for_nothing():
    code = "import sys; from vendas.reports.charts import *; as_image(intake_chart([], 0))"
    code += "; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (1000, "1.000"), (1234567, "1.234.567")])
def test_numbers_as_in_brazil(number, text):
    assert format_number(number) == text


@pytest.mark.parametrize(("name", "short"), [("abcdefghij", "abcdefghij"), ("abcdefghijk", "abcd…ghijk"), ("", "")])
def test_names_lose_their_middle(name, short):
    assert shorten_name(name, 10) == short
