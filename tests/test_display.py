"""Tables in the terminal: the files of a run that they show, and the note about the others."""

import io
import unicodedata
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from textwrap import dedent

import pytest

from helpers.runs import entry
from vendas.cli.display import (
    RunProgress,
    print_diagnoses,
    print_files,
    print_line,
    print_quarantine,
    print_run,
    print_stages,
    print_upkeeps,
)
from vendas.cli.person_display import print_person
from vendas.cli.terminal import Console
from vendas.lake.events import REJECTED, Event
from vendas.lake.maintenance import Size, Upkeep
from vendas.privacy.show import PersonReport
from vendas.results import Stage
from vendas.runs.pipeline import RunReport
from vendas.stages.check_file import Diagnosis, Example
from vendas.stages.lineage import REFUSED, SALE, Line
from vendas.stages.quarantine import QuarantinedRow
from vendas.tuning import FILES_IN_A_TABLE, FILES_IN_TERMINAL


def said(show, *given, width=200):
    """Return what is printed on a wide terminal."""
    console = Console(file=io.StringIO(), width=width)
    show(console, *given)
    return console.file.getvalue()


def lines(text):
    """Return the lines of a text without the padding of rich."""
    return [line.rstrip() for line in dedent(text).splitlines()]


def a_report(tmp_path, *files):
    return RunReport("r1", 1.0, [], list(files), tmp_path)


def test_a_runs_table_is_cut_with_totals_of_all_files(tmp_path):
    files = [entry(f"registros_{number}.csv", silver=1000, twice=0) for number in range(20_000)]
    text = said(print_run, a_report(tmp_path, *files))
    assert text.count("registros_") == FILES_IN_TERMINAL
    assert "The first 30 of 20.000 files" in text and "`vendas status` shows the other 19.970" in text
    assert "20.000.000" in text.splitlines()[-2] + text.splitlines()[-3] + text.splitlines()[-4]
    assert len(text.splitlines()) < 60


def test_what_may_be_copied_from_the_terminal_is_not_broken_into_lines(tmp_path):
    report = RunReport("r1", 1.0, [], [entry() for _ in range(40)], tmp_path, report="x" * 90)
    text = said(print_run, report, width=80)
    assert "`vendas status` shows the other 10, too.\nReport: " + "x" * 90 + "\n" in text


@pytest.mark.parametrize("width", [80, 60, 30])
def test_a_narrow_terminal_cuts_off_no_count(width):
    files = [entry("registros_lojas_fisicas.csv", silver=silver) for silver in (1_234_567, 9)]
    shown = said(print_files, files, "", width=width)
    assert all(word in shown for word in ("Quar.", "Silver", "Gold", "DW"))
    assert shown.count("1.234.567") == 3 and shown.count("1.234.576") == 3


def test_files_that_need_a_look_come_first_in_a_runs_table(tmp_path):
    good = [entry(f"registros_bom_{number}.csv") for number in range(40)]
    bad = [
        entry("registros_duvidas.csv", doubtful=1),
        entry("registros_em_parte.csv", refused=1),
        entry("registros_recusado.csv", silver=0, twice=0, refused=2),
        entry("registros_rejeitado.csv", silver=0, twice=0, situacao=REJECTED, motivo="O arquivo está vazio."),
    ]
    lines = [line for line in said(print_run, a_report(tmp_path, *good, *bad)).splitlines() if "registros_" in line]
    order = [next(name for name in ("rejeitado", "recusado", "parte", "duvidas") if name in line) for line in lines[:4]]
    assert sorted(order[:2]) == ["recusado", "rejeitado"] and order[2:] == ["parte", "duvidas"]


def test_files_that_need_a_look_come_first_wherever_a_table_is_cut():
    files = [entry("registros_a.csv"), entry("registros_b.csv"), entry("registros_c.csv", refused=1)]
    text = said(print_files, files, "Ledger", 2)
    assert [name for name in ("_a", "_b", "_c") if f"registros{name}" in text] == ["_a", "_c"]
    assert "The first 2 of 3 files, those that need a look first" in text


def test_all_files_are_shown_where_nothing_cuts():
    files = [entry(f"registros_{number}.csv") for number in range(50)]
    text = said(print_files, files, "Ledger")
    assert text.count("registros_") == 50 and "The first" not in text


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([entry()], "ok"),
        ([entry(refused=5)], "ok"),
        ([entry(silver=0, twice=0)], "ok"),
        ([entry(silver=0, twice=2, refused=0)], "ok"),
        ([entry(), entry(silver=0, twice=0, refused=2)], "with_rejections"),
        ([entry(silver=0, twice=0, situacao=REJECTED)], "with_rejections"),
    ],
    ids=["good", "in part", "no rows", "duplicates", "all rows refused", "rejected"],
)
def test_a_run_tells_of_files_that_gave_nothing(tmp_path, files, status):
    assert a_report(tmp_path, *files).status == status


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([entry()], "Run r1: 1.0 s "),
        ([], "Nothing new: no file is pending (1.0 s).\n"),
    ],
)
def test_a_run_tells_its_seconds_and_where_its_report_is(files, told, tmp_path):
    report = RunReport("r1", 1.0, [], files, tmp_path, report="index.html")
    text = said(print_run, report)
    assert text.startswith(told) and text.endswith("\nReport: index.html\n")


@pytest.mark.parametrize("files", [1, 2])
def test_totals_stand_below_several_files(files):
    text = said(print_files, [entry() for _ in range(files)], "Ledger")
    assert ("Total" in text) is (files == 2)


def test_many_files_are_lines_of_text_with_the_same_in_them(monkeypatch):
    files = [entry(silver=1200), entry("registros.csv", situacao=REJECTED, motivo="vazio"), entry(silver=34)]
    table = said(partial(print_files, older=[files[0]["arquivo"]]), files, "Ledger")
    monkeypatch.setattr("vendas.cli.display.FILES_IN_A_TABLE", 2)
    text = said(partial(print_files, older=[files[0]["arquivo"]]), files, "Ledger")
    words = [line.split() for line in table.splitlines()]
    assert [line.split() for line in text.splitlines()] == [line for line in words if line and "─" not in line[0]]
    ends = [len(line.rstrip()) for line in text.splitlines()[1:6]]
    assert ends == [ends[0]] * 5  # the last column is numbers, one below the other


def test_a_files_row_has_its_name_situation_and_counts():
    bad = entry("registros_b.csv", 0, 0, 0, REJECTED, "O arquivo está vazio.")
    text = said(print_files, [entry(silver=1200, twice=23, refused=4, doubtful=5), bad], "Ledger")
    rows = [line.split() for line in text.splitlines() if line.endswith("0 ")]
    assert rows == [
        ["registros_loja.csv", "processado", "1.227", "23", "4", "5", "1.200", "1.200", "1.200"],
        ["registros_b.csv", "rejeitado", *["0"] * 7],
        ["Total", "1.227", "23", "4", "5", "1.200", "1.200", "1.200"],
    ]


def test_the_reason_stands_below_the_table_under_the_bronze_name():
    text = said(print_files, [entry(situacao=REJECTED, motivo="O arquivo está vazio."), entry()], "Ledger")
    assert text.count("registros_loja_20240331T140509123Z_1a2b3c4d.csv: O arquivo está vazio.\n") == 1
    assert text.count("registros_loja_2") == 1


@pytest.mark.parametrize(("tell_of_landing", "times"), [(True, 1), (False, 0)])
def test_a_run_of_watch_leaves_it_to_the_looks_to_name_what_stays_in_landing(tmp_path, tell_of_landing, times):
    left = {tmp_path / "vendas.csv": "stays in landing because of its name"}
    report = RunReport("r1", 1.0, [], [], tmp_path, left=left)
    assert said(print_run, report, tell_of_landing).count("vendas.csv stays in landing") == times


# --- other tables


def test_a_table_of_stages_tells_when_each_began_and_for_how_long(tmp_path):
    at = datetime(2024, 3, 31, 14, 5)
    by_run = Event("a", "a.csv", "bronze", "r1", gravadas=1200, iniciado_em=at, notebook="runs/r1/01_bronze.ipynb")
    by_run = replace(by_run, registrado_em=at.replace(second=9, microsecond=440_000))
    (tmp_path / "runs" / "r1").mkdir(parents=True)
    (tmp_path / "runs" / "r1" / "01_bronze.ipynb").touch()
    by_hand = Event("a", "a.csv", "silver", "manual", registrado_em=at)
    named = Event("a", "a.csv", "gold", "meu", registrado_em=at, notebook="runs/meu/03_gold.ipynb")
    assert lines(said(print_stages, {"registros_a.csv": [by_run, by_hand, named]}, tmp_path)) == lines(
        """\
        registros_a.csv

         Etapa    Situação     Linhas   Início (UTC)          Segundos
         ─────────────────────────────────────────────────────────────
         bronze   processado    1.200   31/03/2024 14:05:00        9,4
         silver   processado        0
         gold     processado        0

        bronze: runs/r1/01_bronze.ipynb
        silver: notebook executado à mão (manual)
        gold: runs/meu/03_gold.ipynb não existe: foi apagado, ou o notebook executado à mão
        """
    )


def test_a_table_of_upkeep_tells_each_size_before_and_after():
    upkeep = Upkeep("silver", Size(20, 1_000_000, 8, 2_000_000), Size(1, 900_000, 2, 900_001))
    assert lines(said(print_upkeeps, [upkeep])) == lines(
        """\

         Tabela   Arquivos                 Bytes   Instantâneos        Bytes em disco
         ────────────────────────────────────────────────────────────────────────────
         silver     20 → 1   1.000.000 → 900.000          8 → 2   2.000.000 → 900.001

        """
    )


def test_a_table_of_quarantined_rows_explains_each_reason_once():
    row = QuarantinedRow("registros_a.csv", 7, "Ana,1.234", ("valor_ambiguo",), corrigida=True)
    other = QuarantinedRow("registros_b.csv", 1008, "Ana\u200d", ("valor_ambiguo",), corrigida=False)
    assert lines(said(print_quarantine, [row, other])) == lines(
        """\

         Arquivo           Linha   Motivos         Texto
         ───────────────────────────────────────────────────
         registros_a.csv       7   valor_ambiguo   Ana,1.234
                                   (corrigida)
         registros_b.csv   1.008   valor_ambiguo   Ana\u200d
                                   U+200D

        valor_ambiguo: O valor tem um só separador seguido de três dígitos (1.234: milhar ou decimal?); escreva 1234,00 ou 1,23, conforme o caso.
        """  # noqa: E501
    )


@pytest.mark.parametrize(("size", "shown"), [(200, "x" * 200), (201, "x" * 200 + "…")])
def test_of_a_long_quarantined_row_the_beginning_is_shown(size, shown):
    text = said(print_quarantine, [QuarantinedRow("a.csv", 2, "x" * size, (), corrigida=False)], width=300)
    assert f" {shown} \n" in text


@pytest.mark.parametrize(("text", "shown"), [("x" * 200, "x" * 200), ("x" * 201, "x" * 199 + "…"), ("a,\n\tb", "a, b")])
def test_of_an_example_one_line_is_shown(text, shown):
    found = Diagnosis("a.csv", True, codificacao="utf-8", colunas={}, exemplos=(Example(7, text, ("texto_longo",)),))
    assert f"     7   {shown} " in said(print_diagnoses, [found], width=300)


def test_lines_of_examples_are_numbers_one_below_the_other():
    examples = tuple(Example(line, "a", ("texto_longo",)) for line in (7, 1234))
    found = Diagnosis("a.csv", True, codificacao="utf-8", colunas={}, exemplos=examples)
    assert "\n     7   a " in (text := said(print_diagnoses, [found])) and "\n 1.234   a " in text


def test_a_diagnosis_is_a_row_of_the_table_and_a_sentence_for_each_thing_to_know():
    accepted = Diagnosis(
        "registros_a.csv",
        nome_aceito=True,
        codificacao="utf-8",
        bom=True,
        delimitador="vírgula",
        colunas={"Canal": "canal", "Nome": "Nome"},
        colunas_ignoradas=("Obs",),
        lidas=1003,
        boas=1001,
        duvidosas=1,
        recusadas=1,
        motivos={"texto_longo": 1},
    )
    rejected = Diagnosis("loja.csv", nome_aceito=False, situacao="rejeitado", motivo="O arquivo está vazio.")
    assert lines(said(print_diagnoses, [accepted, rejected])) == lines(
        """\

         Arquivo           Situação    Lidas    Boas   Duvidosas   Recusadas
         ───────────────────────────────────────────────────────────────────
         registros_a.csv   aceito      1.003   1.001           1           1
         loja.csv          rejeitado       0       0           0           0


        registros_a.csv
          UTF-8 com BOM, delimitador: vírgula.
          Colunas com outro nome: Canal (no arquivo: canal).
          Colunas ignoradas: 'Obs'.
          Recusadas: 1 por texto_longo. Um campo de texto passa do limite (em geral 1.000 bytes em UTF-8); encurte-o.

        loja.csv
          O nome não é registros*.csv: o arquivo não seria recolhido. Renomeie-o antes de enviar.
          Seria rejeitado: O arquivo está vazio.
        """
    )


@pytest.mark.parametrize(("refused", "told"), [(0, False), (2, False), (3, True)])
def test_a_file_that_is_taken_without_a_row_is_told(refused, told):
    found = Diagnosis("a.csv", True, codificacao="utf-8", lidas=3, recusadas=refused)
    words = said(print_diagnoses, [found])
    assert ("Todas as linhas seriam recusadas: nenhuma venda entraria." in words) == told


def test_a_file_without_rows_has_none_to_refuse():
    assert "seriam recusadas" not in said(print_diagnoses, [Diagnosis("a.csv", True, codificacao="utf-8")])


def test_an_example_shows_the_discount_that_it_is_refused_for():
    row = "2022-12-15 18:15:50,Ana Lúcia,Pereira,ana.lucia.pereira426@mensagem.com.example,51979279460,Fone sem Fio,"
    row += "199.99,Loja Física,Loja Física,Campanha Primavera,Sônia,0.15,"
    found = Diagnosis("a.csv", True, codificacao="utf-8", exemplos=[Example(227, row, ["desconto_ambiguo"])])
    assert row in said(print_diagnoses, [found], width=400)


@pytest.mark.parametrize(("situacao", "colour"), [("aceito", "\x1b[32maceito"), ("rejeitado", "\x1b[31mrejeitado")])
def test_what_would_be_rejected_is_red(situacao, colour):
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=200)
    print_diagnoses(console, [Diagnosis("a.csv", True, situacao, motivo="x", codificacao="utf-8")])
    assert colour in console.file.getvalue()


# --- progress


def test_where_nothing_moves_a_run_tells_a_line_for_each_step():
    console = Console(file=io.StringIO(), width=200)
    with RunProgress(console) as progress:
        progress.waiting()
        progress.starting("r1")
        progress.cell_done("01_bronze", 1, 2)
        progress.stage_done(Stage("01_bronze", 1.26))
        progress.warning("[x] was left out")
    assert console.file.getvalue() == (
        "Another run holds this lake; waiting for it to end …\n"
        "Run r1: starting …\n"
        "01_bronze done in 1.3 s\n"
        "[x] was left out\n"
    )


def test_a_terminal_shows_a_bar_for_each_notebook_that_moves_by_cells():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    with RunProgress(console) as progress:
        for notebook, done, total in (("01_bronze", 1, 4), ("01_bronze", 2, 4), ("02_silver", 1, 9)):
            progress.cell_done(notebook, done, total)
        progress.stage_done(Stage("01_bronze", 1.26))
    seen = [line for line in console.file.getvalue().splitlines() if "cells" in line or "done" in line]
    assert [(line.split()[0].removeprefix("\x1b[2K\x1b[1A\x1b[2K"), line.split()[-3]) for line in seen[-2:]] == [
        ("01_bronze", "2/4"),
        ("02_silver", "1/9"),
    ]


EMPTY = {field.name: [] for field in fields(PersonReport)}
HOSTILE = "registros_:car:\x1b]0;x\x07\x1b[2J\x9b1m\x7f.csv"


@pytest.mark.parametrize(
    ("show", "given"),
    [
        (print_files, ([entry(HOSTILE)], HOSTILE)),
        (print_files, ([entry(HOSTILE)] * (FILES_IN_A_TABLE + 1), HOSTILE)),
        (print_files, ([entry(motivo=HOSTILE)], "")),
        (print_quarantine, ([QuarantinedRow(HOSTILE, 2, "\x1b[2J :car:", ("valor_invalido",), False)],)),
        (print_line, (Line(HOSTILE, 2, REFUSED, texto="\x1b[2J", motivos=("valor_invalido",)), "processado")),
        (print_line, (Line(HOSTILE, 2, SALE, venda_id="x", venda={"canal": "\x1b[2J"}), "processado")),
        (print_diagnoses, ([Diagnosis(HOSTILE, True, "rejeitado", motivo="\x1b[2J")],)),
        (print_person, (PersonReport(**EMPTY | {"gold": [{"canal": "\x1b[2J :car:"}]}),)),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(show, given):
    shown = said(show, *given, width=400)
    assert (
        "␛[2J" in shown
        and ":car:" in shown
        and not {letter for letter in shown if letter != "\n" and unicodedata.category(letter) == "Cc"}
    )
