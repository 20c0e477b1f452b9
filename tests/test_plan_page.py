"""What is shown of a difference: in the terminal, on its page, and as JSON."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

from vendas.cli.plan_command import print_plan
from vendas.reports.difference_preview import examples_of, month_rows, show_columns, show_fates
from vendas.reports.plan_page import changed_rows, write_plan_page
from vendas.schema import INPUT_NAMES
from vendas.stages.difference import Change, ColumnChanges, Difference, FileDifference, Moves, Total
from vendas.tuning import FILES_IN_TERMINAL

A = "registros_a_20240101T000000000Z_aaaaaaaa.csv"
B = "registros_b_20240102T000000000Z_bbbbbbbb.csv"


def changes(count, *examples):
    return ColumnChanges(count, tuple(Change(*example) for example in examples))


def total(sales, valor):
    return Total(sales, {"valor_da_compra": Decimal(valor), "valor_com_desconto": Decimal(valor)})


FILES = [
    FileDifference(
        A,
        10,
        {"email": changes(2, (3, "ana@b.c", "Ana@B.C"), (5, "eva@b.c", "Eva@B.C")), "canal": changes(1, (2, "x", "y"))},
        silver=Moves(0, 3),
        quarentena=Moves(2, 0),
        duplicadas=Moves(1, 0),
    ),
    FileDifference(B, 7, {"email": changes(4, (9, "ivo@b.c", "Ivo@B.C"))}),
    FileDifference("registros_c_20240103T000000000Z_cccccccc.csv", 5),
]
DIFFERENCE = Difference(FILES, {"2024-02": (total(3, "10.50"), total(1, "4.00"))})
NOTHING = Difference([FILES[2]], {})


def printed(difference):
    console = Console(file=io.StringIO(), width=160)
    print_plan(console, difference)
    return console.file.getvalue()


def test_a_total_adds_files_up():
    found = DIFFERENCE.total
    assert (found.linhas, found.silver, found.quarentena) == (22, Moves(0, 3), Moves(2, 0))
    assert {name: changed.mudam for name, changed in found.colunas.items()} == {"email": 6, "canal": 1}


def test_why_a_part_would_be_rejected_is_why_the_whole_would():
    taken, refused = FileDifference(A, 1), FileDifference(A, 1, motivo="Falta uma coluna")
    assert (taken + refused).motivo == (refused + taken).motivo == "Falta uma coluna"


def test_parts_of_a_file_add_up_and_keep_the_first_examples():
    whole = FILES[1] + FILES[1] + FILES[1] + FILES[1]
    assert (whole.linhas, whole.colunas["email"].mudam, len(whole.colunas["email"].exemplos)) == (28, 16, 3)


@pytest.mark.parametrize(
    ("difference", "something"),
    [
        (NOTHING, False),
        (Difference(), False),
        (DIFFERENCE, True),
        (Difference([FileDifference(A, 1, silver=Moves(1, 0))]), True),
        (Difference([FileDifference(A, 1, motivo="Falta uma coluna")]), True),
    ],
)
def test_a_difference_is_true_if_something_would_change(difference, something):
    assert bool(difference) is something


def test_json_has_every_file_and_the_totals():
    found = DIFFERENCE.as_json()
    assert [file["arquivo"] for file in found["files"]] == [file.arquivo for file in FILES]
    assert found["files"][0]["colunas"]["canal"] == {
        "mudam": 1,
        "exemplos": ({"linha": 2, "antes": "x", "depois": "y"},),
    }
    assert found["files"][0]["quarentena"] == {"entram": 2, "saem": 0}
    assert found["totais"] == {
        "arquivos": 3,
        "arquivos_que_mudam": 2,
        "linhas": 22,
        "colunas": {"email": {"mudam": 6}, "canal": {"mudam": 1}},
        "silver": {"entram": 0, "saem": 3},
        "quarentena": {"entram": 2, "saem": 0},
        "duplicadas": {"entram": 1, "saem": 0},
        "meses": [
            {
                "mes": "2024-02",
                "antes": {"vendas": 3, "valor_da_compra": "10.50", "valor_com_desconto": "10.50"},
                "depois": {"vendas": 1, "valor_da_compra": "4.00", "valor_com_desconto": "4.00"},
            }
        ],
    }


def test_the_terminal_shows_columns_files_and_months():
    said = printed(DIFFERENCE)
    assert "ana@b.c → Ana@B.C" in said and "+2 −0" in said and A in said
    assert "registros_c" not in said  # nothing changes there
    assert "mês 2024-02; vendas 3 → 1; valor_da_compra 10,50 → 4,00" in said


def test_the_terminal_cuts_many_files():
    files = [
        FileDifference(f"registros_{n}_20240101T000000000Z_aaaaaaaa.csv", 1, silver=Moves(1, 0)) for n in range(40)
    ]
    said = printed(Difference(files))
    assert said.count("registros_") == FILES_IN_TERMINAL and "10 other files change, too" in said


@pytest.mark.parametrize(
    ("files", "said"), [(1, "the file is as today's rules make them"), (2, "the 2 files are as today's rules")]
)
def test_the_terminal_says_that_nothing_would_change(files, said):
    assert said in printed(Difference([FILES[2]] * files))


def test_the_terminal_says_why_a_file_would_be_rejected():
    assert "would be rejected: Falta uma coluna" in printed(
        Difference([FileDifference(A, 1, motivo="Falta uma coluna")])
    )


def test_the_rows_that_change_are_values_and_moves():
    assert [changed_rows(file) for file in FILES] == [2 + 3, 4, 0]


def test_an_example_says_that_it_differs_in_what_is_masked():
    telephones = changes(2, (3, "(11) 98765-4321", "11987654321"), (5, "11987654321", "11987650000"))
    found = examples_of(Difference([FileDifference(A, 2, {"telefone": telephones})]))
    assert [(example.antes, example.depois) for example in found["telefone"]] == [
        ("*** 4321", "*** 4321 (difere na parte mascarada)"),
        ("*** 4321", "*** 0000"),
    ]


def test_examples_come_from_each_file_in_turn_and_masked():
    assert [(e.antes, e.linha, e.arquivo) for e in examples_of(DIFFERENCE)["email"]] == [
        ("a***@b.c", 3, "registros_a.csv"),
        ("i***@b.c", 9, "registros_b.csv"),
        ("e***@b.c", 5, "registros_a.csv"),
    ]


def test_each_kind_of_change_in_all_files_has_an_example_before_any_has_two():
    files = [
        FileDifference(name, 9, {"canal": changes(2, (2, "x", "y"), (3, "x", after))})
        for name, after in ((A, "y"), (B, "z"))
    ]
    assert [(e.depois, e.linha) for e in examples_of(Difference(files))["canal"]] == [
        ("y", 2),
        ("z", 3),
        ("y", 2),
        ("y", 3),
    ]


@pytest.mark.parametrize(("columns", "each"), [(1, 10), (4, 2), (11, 1)])
def test_a_notebooks_table_has_examples_of_each_column_and_stays_short(columns, each):
    names, name_of = INPUT_NAMES[:columns], "registros_{}_20240101T000000000Z_aaaaaaaa.csv".format
    files = [FileDifference(name_of(n), 9, {name: changes(1, (n, "x", "y")) for name in names}) for n in range(12)]
    assert show_columns(Difference(files))["coluna"].tolist() == [name for name in names for _ in range(each)]


def test_months_are_in_order_and_show_what_stays_once():
    months = {"2024-03": (total(1, "1"), total(1, "2")), "2023-12": (Total(), total(1, "1"))}
    assert list(month_rows(months)) == [
        {"mês": "2023-12", "vendas": "0 → 1", "valor_da_compra": "0,00 → 1,00", "valor_com_desconto": "0,00 → 1,00"},
        {"mês": "2024-03", "vendas": "1", "valor_da_compra": "1,00 → 2,00", "valor_com_desconto": "1,00 → 2,00"},
    ]


def test_a_measure_that_was_not_summed_is_not_shown_as_nothing():
    months = {"2024-03": (Total(1, {"valor_da_compra": Decimal(1)}), Total())}
    assert list(month_rows(months)) == [{"mês": "2024-03", "vendas": "1 → 0", "valor_da_compra": "1,00 → 0,00"}]


def test_a_notebook_shows_columns_and_fates():
    assert show_columns(DIFFERENCE)["coluna"].tolist() == ["email"] * 3 + ["canal"]
    assert show_fates(DIFFERENCE).to_dict("records") == [
        {"as linhas": "vendas em silver", "entram": 0, "saem": 3},
        {"as linhas": "em quarentena", "entram": 2, "saem": 0},
        {"as linhas": "duplicadas", "entram": 1, "saem": 0},
    ]


def test_the_page_shows_it_all_and_masks(tmp_path):
    text = write_plan_page(tmp_path, DIFFERENCE).read_text()
    for said in ("mudariam o que está publicado", "registros_b.csv", "a***@b.c", "2024-02", "10,50 → 4,00", "+2 −0"):
        assert said in text
    assert "ana@b.c" not in text and "vendas replay --outdated" in text


def test_of_a_long_value_the_page_and_the_terminal_show_the_beginning(tmp_path):
    found = Difference([FileDifference(A, 10, {"canal": changes(1, (2, "<b>" * 300, "y" * 900))})])
    page, shown = write_plan_page(tmp_path, found).read_text(), "".join(printed(found).split())
    assert "y" * 199 + "…" in page and "&lt;b&gt;" * 66 + "&lt;…" in page and "y" * 200 not in page
    assert "y" * 99 + "…" in shown and "y" * 100 not in shown


def test_the_page_shows_no_name_and_no_address_in_a_reason(tmp_path):
    named = {"Nome": changes(1, (2, "Zuleica", "Zuzu")), "nome_completo": changes(1, (2, "Zuleica Sá", "Zuzu Sá"))}
    files = [FileDifference(A, 10, named), FileDifference(B, 1, motivo="Falta uma coluna; veio: zu@b.c, 11 98765-4321")]
    text = write_plan_page(tmp_path, Difference(files)).read_text()
    assert "Z***" in text and "z***@b.c" in text and "*** 4321" in text
    assert "Zu" not in text.replace("Z***", "") and "98765" not in text


def test_the_page_says_that_nothing_would_change(tmp_path):
    text = write_plan_page(tmp_path, NOTHING).read_text()
    assert "Nada mudaria" in text and "<svg" not in text


@pytest.mark.parametrize(
    ("months", "said"), [(12, ""), (13, "One other month has other totals"), (14, "2 other months have other totals")]
)
def test_a_year_of_months_is_shown_and_the_others_counted(months, said):
    totals = {f"20{20 + n // 12}-{1 + n % 12:02}": (total(3, "10.50"), total(1, "4.00")) for n in range(months)}
    shown = printed(Difference(FILES, totals))
    assert said in shown and ("other month" in shown) == bool(said) and sum(month in shown for month in totals) == 12


@pytest.mark.parametrize(("more", "said"), [(0, ""), (1, "One other file changes"), (2, "2 other files change")])
def test_as_many_files_are_shown_as_in_a_run_and_the_others_counted(more, said):
    files = [FileDifference(f"registros_{n}.csv", 1, silver=Moves(1, 0)) for n in range(FILES_IN_TERMINAL + more)]
    shown = printed(Difference(files))
    assert said in shown and ("other file" in shown) == bool(said) and shown.count("registros_") == FILES_IN_TERMINAL
