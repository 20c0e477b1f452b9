import json
from dataclasses import replace

import pytest

from helpers.rows import FILE, HEADER
from vendas.csvfile.records import read_block
from vendas.lake.workers import ThisProcess
from vendas.landing.arrivals import BronzeFile
from vendas.stages.survey import SurveyedFile, survey_files

OTHER = "registros_b_20240102T000000000Z_bbbbbbbb.csv"


@pytest.fixture
def survey(tmp_path):
    return lambda *names: survey_files(ThisProcess(), tmp_path, [BronzeFile.parse(name) for name in names], [], "r1")


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")


def sale(product):
    return f'2024-03-31 14:05,Ana,Souza,a@b.c,119,{product},"1,50",C,P,M,V,,X\n'


def test_a_survey_survives_the_ledger(survey, tmp_path):
    write(tmp_path, FILE, f"{HEADER}\n{sale('Livro') * 3}")
    (event,) = survey(FILE)
    assert (event.lidas, SurveyedFile.of(tmp_path, event).survey.rows) == (3, 3)


def test_a_file_is_read_by_the_columns_that_are_declared_now(survey, tmp_path):
    """Its survey may be older: of a declaration with other columns, or with the same ones in another order."""
    write(tmp_path, FILE, f"{HEADER}\n{sale('Livro')}")
    (event,) = survey(FILE)
    older = replace(event, dialeto=json.dumps(json.loads(event.dialeto) | {"positions": [12, None, *range(12)]}))
    file = SurveyedFile.of(tmp_path, older)
    (records,) = read_block(file.path, file.survey.blocks[0], file.survey)
    assert records["Produto Adquirido"].to_pylist() == ["Livro"]


@pytest.mark.parametrize("end", ["", "\x1a", "\r\n\x1a", "\n\x1a\x1a\r\n\x1a \n"])
def test_the_head_of_a_short_file_is_the_file(survey, tmp_path, end):
    write(tmp_path, FILE, f"{HEADER}\n{sale('Livro') * 3}{end}")
    (event,) = survey(FILE)
    file = SurveyedFile.of(tmp_path, event)
    assert file.head(10) == file


def test_a_bad_file_is_rejected_with_its_reason_and_the_others_go_on(survey, tmp_path):
    write(tmp_path, FILE, "")
    write(tmp_path, OTHER, HEADER)
    rejected, good = survey(FILE, OTHER)
    assert (rejected.situacao, bool(rejected.motivo), good.situacao) == ("rejeitado", True, "processado")


def test_ignored_columns_are_named(survey, tmp_path):
    write(tmp_path, FILE, f"Loja,{HEADER},Obs\n")
    (event,) = survey(FILE)
    assert event.motivo == "Colunas ignoradas: 'Loja', 'Obs'"


@pytest.mark.parametrize(
    ("times", "where"),
    [(1, "na linha 3"), (20, f"nas linhas {', '.join(map(str, range(3, 43, 2)))}"), (23, "41 e mais 3")],
)
def test_headers_that_come_again_are_told_by_line_and_many_are_counted(survey, tmp_path, times, where):
    write(tmp_path, FILE, f"{HEADER}\n" + f"{sale('Livro')}{HEADER}\n" * times)
    (event,) = survey(FILE)
    assert event.motivo.startswith("Cabeçalho repetido, ignorado: na") and event.motivo.endswith(where)
    assert event.lidas == times


def test_no_files_have_no_events(survey):
    assert survey() == []
