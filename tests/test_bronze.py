from rows import FILE
from vendas.arrivals import BronzeFile
from vendas.bronze import SurveyedFile, arquivo_at, read_bronze, survey_files
from vendas.schema import INPUT_NAMES

HEADER = ",".join(INPUT_NAMES)
OTHER = "registros_b_20240102T000000000Z_bbbbbbbb.csv"


def survey(folder, *names):
    return survey_files(folder, [BronzeFile.parse(name) for name in names], [], "r1")


def surveyed(folder, *names):
    return [SurveyedFile.of(folder, event) for event in survey(folder, *names)]


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")


def sale(product):
    return f'2024-03-31 14:05,Ana,Souza,a@b.c,119,{product},"1,50",C,P,M,V,,X\n'


def test_records_of_several_files_come_with_file_line_and_fields(spark, tmp_path):
    write(tmp_path, FILE, f"{HEADER}\n\n{sale('Livro')}")
    write(tmp_path, OTHER, f"{HEADER.replace(',', ';')}\n{sale('Mesa').replace(',', ';')}")
    rows = read_bronze(spark, surveyed(tmp_path, FILE, OTHER)).orderBy("posicao").collect()
    assert [(r.arquivo, r.linha, r["Produto Adquirido"]) for r in rows] == [(FILE, 3, "Livro"), (OTHER, 2, "Mesa")]


def test_a_position_tells_its_file(spark, tmp_path):
    for name in (FILE, OTHER):
        write(tmp_path, name, f"{HEADER}\n{sale('Livro') * 3}")
    rows = read_bronze(spark, surveyed(tmp_path, FILE, OTHER))
    told = rows.select("arquivo", arquivo_at(rows.posicao, [FILE, OTHER]).alias("told")).collect()
    assert len(told) == 6 and all(row.arquivo == row.told for row in told)


def test_no_files_give_no_rows(spark):
    assert read_bronze(spark, []).isEmpty()


def test_a_file_of_no_rows_gives_none(spark, tmp_path):
    write(tmp_path, FILE, HEADER)
    assert read_bronze(spark, surveyed(tmp_path, FILE)).isEmpty()


def test_a_survey_survives_the_ledger(tmp_path):
    write(tmp_path, FILE, f"{HEADER}\n{sale('Livro') * 3}")
    (event,) = survey(tmp_path, FILE)
    assert (event.lidas, SurveyedFile.of(tmp_path, event).survey.rows) == (3, 3)


def test_a_bad_file_is_rejected_with_its_reason_and_the_others_go_on(tmp_path):
    write(tmp_path, FILE, "")
    write(tmp_path, OTHER, HEADER)
    rejected, good = survey(tmp_path, FILE, OTHER)
    assert (rejected.situacao, bool(rejected.motivo), good.situacao) == ("rejeitado", True, "processado")


def test_ignored_columns_are_named(tmp_path):
    write(tmp_path, FILE, f"Loja,{HEADER},Obs\n")
    (event,) = survey(tmp_path, FILE)
    assert event.motivo == "Colunas ignoradas: 'Loja', 'Obs'"
