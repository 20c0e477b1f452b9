"""Three changes of the declaration, made by hand in a copy of the project and run on a new and an old lake."""

import os
import re
import shutil
from decimal import Decimal

import pytest

from helpers.drills import CPF, OTHER_NAMES, PAYMENT, QUANTITY, Project, by_hand
from helpers.inprocess import run_all_stages
from helpers.terminal import FIXTURES
from vendas import resources, schema
from vendas.warehouse.embedded import stop

OLD_FILES = ("registros_website.csv", "registros_lojas_fisicas.csv")
NEW_FILE = "registros_novos.csv"
DROPPED_AT = 1_780_000_000  # the same time on every lake, so that it is the same event
NEW_ROWS = """\
Data,Nome,Sobrenome,Email,Telefone,Produto Adquirido,Valor da Compra,Origem,Loja,Campanha de Marketing,Vendedor,\
Desconto Oferecido,Código de Desconto Usado,forma de pagamento,Quantidade
2024-05-01 10:00:00,Ana,Souza,ana@exemplo.com,1,Tênis,100.00,Rádio,Centro,Verão,Rui,10%,V10,Pix,3
2024-05-01 11:00:00,Bia,Lima,bia@exemplo.com,2,Tênis,50.00,Rádio,Centro,Verão,Rui,,,,
2024-05-01 12:00:00,Caio,Reis,caio@exemplo.com,3,Tênis,50.00,Rádio,Centro,Verão,Rui,,,Cartão,0
2024-05-01 13:00:00,Davi,Luz,davi@exemplo.com,4,Tênis,50.00,Rádio,Centro,Verão,Rui,,,Cartão,1.5
2024-05-01 10:00:00,Ana,Souza,ana@exemplo.com,1,Tênis,100.00,Rádio,Centro,Verão,Rui,10%,V10,Pix,3
"""


@pytest.fixture(scope="module")
def drilled(tmp_path_factory):
    return Project.make(tmp_path_factory.mktemp("outra"), PAYMENT, QUANTITY, OTHER_NAMES)


def drop(lake, *files):
    landing = lake / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    for file in files:
        if file == NEW_FILE:
            (landing / file).write_text(NEW_ROWS, encoding="utf-8")
            os.utime(landing / file, (DROPPED_AT, DROPPED_AT))
        else:
            shutil.copy2(FIXTURES / file, landing / file)


@pytest.fixture(scope="module")
def lakes(engine, drilled, tmp_path_factory):
    """Yield an old lake, a new lake, the old one's contents after its upgrade, and the result of its run with a file.

    Today's declaration began the old lake, and the changed one goes on with it; the changed one began the new lake. The
    file is NEW_FILE.
    """
    folder = tmp_path_factory.mktemp("lagos")
    old, new = folder / "antigo", folder / "novo"
    try:
        drop(old, *OLD_FILES)
        run_all_stages(old)
        drilled.run(old)  # with nothing pending
        upgraded = drilled.contents(old)
        drop(old, NEW_FILE)
        ran = drilled.run(old)
        drop(new, *OLD_FILES, NEW_FILE)
        drilled.run(new)
        yield old, new, upgraded, ran
    finally:
        for lake in (old, new):
            stop(lake / "dw")


def of_new_file(rows, held):
    """Return the rows that come from the new file."""
    return sorted((row for row in held[rows] if any("registros_novos" in str(value) for value in row)), key=repr)


def test_the_new_file_is_read_by_the_declaration(lakes):
    _, _, _, ran = lakes
    (entry,) = [entry for entry in ran["files"] if entry["arquivo_recebido"] == NEW_FILE]
    assert {name: entry[name] for name in ("lidas", "duplicadas", "quarentena", "silver", "gold", "dw")} == {
        "lidas": 5,
        "duplicadas": 1,
        "quarentena": 2,
        "silver": 2,
        "gold": 2,
        "dw": 2,
    }


def test_refused_quantities_have_their_own_reasons(drilled, lakes):
    old, *_ = lakes
    rows = drilled.vendas("quarantine", "list", "--lake", old)["rows"]
    assert [(row["linha"], row["motivos"]) for row in rows if "novos" in row["arquivo"]] == [
        (4, ["quantidade_zero"]),
        (5, ["quantidade_invalida"]),
    ]


def test_gold_and_the_star_have_the_new_columns(drilled, lakes):
    old, *_ = lakes
    held = drilled.contents(old)
    gold = [(2, 3, "Pix", 2024), (3, 1, "NÃO INFORMADO", 2024)]
    assert [row[-4:] for row in of_new_file("gold", held)] == gold
    facts = [(Decimal("90.00"), 3), (Decimal("50.00"), 1)]
    assert [row[14:16] for row in of_new_file("fato_vendas", held)] == facts
    assert {member for _, member in held["dim_pagamento"]} == {"Pix", "NÃO INFORMADO"}
    assert {channel for _, channel in held["dim_canal"]} >= {"Rádio"}
    assert {place for _, place in held["dim_plataforma"]} >= {"Centro"}


def test_rows_from_before_the_columns_have_their_defaults(lakes):
    _, _, upgraded, _ = lakes
    assert {row[-3:-1] for row in upgraded["gold"]} == {(1, "NÃO INFORMADO")}
    assert {row[13:15] for row in upgraded["silver"]} == {(1, "NÃO INFORMADO")}
    assert {row[-3:-1] for row in upgraded["registros_vendas"]} == {(1, "NÃO INFORMADO")}
    assert len(upgraded["dim_pagamento"]) == 1
    assert len(upgraded["fato_vendas"]) == len(upgraded["gold"]) > 0


def test_an_old_lake_becomes_what_a_new_one_is(drilled, lakes):
    old, new, *_ = lakes
    left, right = drilled.contents(old), drilled.contents(new)
    assert [name for name in left if left[name] != right[name]] == []


def test_an_old_file_is_undone_and_replayed_as_ever(drilled, lakes):
    old, new, *_ = lakes
    before = drilled.contents(old)
    (file,) = [row[0] for row in before["arquivos_carregados"] if "lojas_fisicas" in row[0]]
    drilled.vendas("undo", file, "--yes", "--lake", old)
    assert file not in {row[0] for row in drilled.contents(old)["registros_vendas"]}
    drilled.vendas("replay", file, "--yes", "--lake", old)
    after = drilled.contents(old)
    assert [name for name in after if after[name] != before[name] and name != "ledger"] == []


@pytest.mark.parametrize(
    ("drill", "files", "lines"), [(PAYMENT, 1, 2), (QUANTITY, 4, 26), (OTHER_NAMES, 1, 2)], ids=["a", "b", "c"]
)
def test_little_is_written_by_hand(drill, files, lines):
    assert by_hand(drill) == (files, lines)


SEARCHED = """
import sys
from pathlib import Path
from vendas.csvfile.dialect import survey
from vendas.privacy.search import CsvFile, Request, search
file = Path(sys.argv[1])
found = search([CsvFile(file, survey(file))], Request(frozenset({"ana@exemplo.com"})))
print(found.values.replaced_in(sys.argv[2], "T"))
"""


@pytest.mark.slow
def test_all_personal_values_of_a_person_are_searched_for(tmp_path):
    header, row = ",".join([*schema.INPUT_NAMES, "CPF"]), "2024-05-01 10:00,{},Lima,{},,Mesa,9,Rádio,Web,,Rui,,,{}"
    rows = [row.format("Ana", "ana@exemplo.com", "123.456.789-00"), row.format("Bia", "bia@exemplo.com", "987")]
    file = tmp_path / "registros.csv"
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    said = Project.make(tmp_path / "projeto", CPF).python("-c", SEARCHED, file, "CPF 123.456.789-00, não 987")
    assert said.decode().strip() == "CPF T, não 987"


RETURNED = """
import sys
from pathlib import Path
from vendas.lake.erasures import Erased, remember_person
from vendas.landing.arrivals import list_bronze_files
from vendas.privacy.intake import protect_erased
from vendas.settings import load_settings
settings = load_settings(lake=Path(sys.argv[1]))
remember_person(settings.lake, Erased("ANONIMIZADO-0123456789ab"))
print([protect_erased(settings, list_bronze_files(settings.bronze)) for _ in range(2)])
"""


@pytest.mark.slow
def test_a_personal_column_declared_after_an_erasure_brings_no_value_back(tmp_path):
    token = "ANONIMIZADO-0123456789ab"
    header = ",".join([*schema.INPUT_NAMES, "CPF"])
    row = f"2024-05-01 10:00,{token},{token},{token},,Mesa,9,Rádio,Web,,Rui,,,123.456.789-00"
    file = tmp_path / "lago" / "bronze" / "registros_a_20240331T140509123Z_1a2b3c4d.csv"
    file.parent.mkdir(parents=True)
    file.write_text(f"{header}\n{row}\n", encoding="utf-8")
    said = Project.make(tmp_path / "projeto", CPF).python("-c", RETURNED, tmp_path / "lago")
    assert said.decode().strip() == "[1, 0]"
    assert file.read_text("utf-8").splitlines()[1].endswith(f",Rui,,,{token}")


TEST_FILES = (
    "records dialect gold duplicates silver_preview bronze_preview star_rows validate transform generator declaration"
)


@pytest.mark.slow
def test_tests_follow_the_declaration(drilled):
    drilled.bring("tests", "benchmarks")
    shutil.copy(resources.REPOSITORY / "pyproject.toml", drilled.root)
    files = [f"tests/test_{name}.py" for name in TEST_FILES.split()]
    options = ["-q", "--tb=no", "--color=no", "-p", "no:cacheprovider", "-m", "not engine and not slow"]
    said = drilled.python("-m", "pytest", *options, *files, codes=(pytest.ExitCode.TESTS_FAILED,)).decode()
    failed = re.findall(r"^(?:FAILED|ERROR) tests/(\S+)", said, re.MULTILINE)
    assert failed == ["test_star_rows.py::test_the_fact_is_this"]  # which follows from nothing, on purpose
