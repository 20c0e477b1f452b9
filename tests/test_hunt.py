"""Files as real tools write them (tests/fixtures/hunt): the result of each, in a run and in `check`."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from helpers.inprocess import drop, run_intake
from vendas.stages.check_file import check_files

HUNT = Path(__file__).parent / "fixtures" / "hunt"
NOW = datetime(2024, 6, 30, 12, 0)
VALOR, DESCONTO, PRODUTO = "Valor da Compra", "Desconto Oferecido", "Produto Adquirido"

# By file: words in the reason of its rejection.
REJECTED = {
    "01_ascii_header_one_bad_byte": "a linha 5 tem bytes que não são UTF-8",
    "02_latin1_header_utf8_rows": "mistura codificações",
    "03_cp850": "página de código CP850",
    "07_title_lines": "O cabeçalho está na linha 4; antes dele há outro texto, a partir da linha 1. "
    "Apague as linhas 1 a 3",
    "39_concat_other_order": "Na linha 3 o cabeçalho aparece outra vez",
}
# By file: rows read, good rows (many of these files have the same sales), and the quarantined ones by line.
TAKEN = {
    "06_sep_line": (2, 2, {}),
    "08_rows_trailing_delimiter": (2, 2, {}),
    "09_excel_blank_rows": (2, 2, {}),
    "12_crcrlf": (2, 2, {}),
    "15_stray_quote_swallows": (3, 2, {3: ["aspas_engolem_linhas"]}),
    "17_lone_cr_in_field": (3, 2, {3: ["retorno_de_carro"]}),
    "20_us_dates": (
        4,
        0,
        {
            2: ["timestamp_ambiguo"],
            3: ["timestamp_impossivel"],
            4: ["timestamp_ambiguo"],
            5: ["timestamp_impossivel"],
        },
    ),
    "24_phones": (8, 8, {}),
    "25_invisible": (7, 7, {}),
    "29_header_zwsp": (1, 1, {}),
    "29c_header_snake": (1, 1, {}),
    "29d_header_colon_units": (1, 1, {}),
    "44_fractions": (4, 1, {2: ["desconto_ambiguo"], 3: ["desconto_ambiguo"], 4: ["desconto_um_ambiguo"]}),
    "53_decimal_trailing_zeros": (2, 2, {}),
}
# The values in silver of the file of amounts, by its e-mails v0, v1, …
AMOUNTS = {
    **dict.fromkeys([0, 1, 2, 3, 7, 8, 9, 10, 11, 19, 29, 30, 31], Decimal("1234.56")),
    **dict.fromkeys([6, 37], Decimal("0")),
    **dict.fromkeys([17, 18], Decimal("59.90")),
    26: Decimal("12"),
    28: Decimal("1234.5"),
    35: Decimal("10"),
    36: Decimal("1234"),
    38: Decimal("150"),
}


@pytest.fixture(scope="module")
def intake(tmp_path_factory):
    """Run all of these files in one lake."""
    lake = tmp_path_factory.mktemp("hunt") / "lago"
    for path in HUNT.glob("*.csv"):
        drop(lake, path.name, path.read_bytes())
    return run_intake(lake)


def received(name):
    return f"registros_{name}.csv"


def checked(name):
    (found,) = check_files([HUNT / received(name)], NOW)
    return found


def test_every_file_has_its_outcome():
    names = {path.stem.removeprefix("registros_") for path in HUNT.glob("*.csv")}

    assert names == {*REJECTED, *TAKEN, "22_amounts"}


@pytest.mark.parametrize(("name", "says"), REJECTED.items())
def test_a_file_that_means_two_things_is_rejected_with_its_line(intake, name, says):
    assert intake.bronze(received(name)).situacao == "rejeitado"
    assert says in intake.bronze(received(name)).motivo
    assert says in checked(name).motivo


@pytest.mark.parametrize(("name", "expected"), TAKEN.items())
def test_a_file_that_means_one_thing_is_taken_row_by_row(intake, name, expected):
    rows, good, refused = expected
    quarantined = {line: reasons for line, _, reasons in intake.quarantined(received(name))}
    read, silver, duplicates, _ = intake.counts(received(name))
    found = checked(name)

    assert (read, silver + duplicates) == (rows, good)
    assert quarantined == refused
    assert (found.lidas, found.recusadas) == (rows, len(refused))


def test_amounts_have_their_value_or_are_refused(intake):
    values = {int(sale["Email"][1:].split("@")[0]): sale[VALOR] for sale in intake.sales(received("22_amounts"))}

    assert values == AMOUNTS
    assert intake.counts(received("22_amounts")) == (43, len(AMOUNTS), 0, 43 - len(AMOUNTS))


def test_telephones_lose_what_excel_wraps_them_in(intake):
    phones = {sale["Email"][0]: sale["Telefone"] for sale in intake.sales(received("24_phones"))}

    assert (phones["c"], phones["d"], phones["e"]) == ("11999887766", "11999887766", "+5511999887766")
    assert checked("24_phones").duvidosas == 4


def test_what_nobody_sees_makes_no_second_product(intake):
    products = {sale["Email"]: sale[PRODUTO] for sale in intake.sales(received("25_invisible"))}

    assert products == {f"{name}@x.br": "MouseGamer" if name in "cd" else "Mouse Gamer" for name in "abcdefg"}


def test_zeros_that_do_not_count_are_dropped(intake):
    sales = intake.sales(received("53_decimal_trailing_zeros"))

    assert sorted((sale[VALOR], sale[DESCONTO]) for sale in sales) == [
        (Decimal("59.90"), Decimal("0.1")),
        (Decimal("1234.56"), Decimal("0")),
    ]
