"""The check of a file before it is sent: each part of the report, and that it agrees with intake."""

import io
import json
import unicodedata
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import nbformat
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from rich.console import Console

from helpers.inprocess import NOTEBOOKS, drop, run_notebook
from helpers.intake_twin import Dropped, Twin
from helpers.rows import HEADER, NEEDED
from helpers.terminal import vendas_here
from vendas.cli.display import print_diagnoses
from vendas.csvfile import dialect
from vendas.errors import FileRejected, VendasError
from vendas.formatting import format_number
from vendas.landing.arrivals import list_bronze_files
from vendas.reasons import Reason
from vendas.rules.quality_warnings import MOJIBAKE, Hint, QualityWarning, explain_code
from vendas.stages import check_file, survey
from vendas.stages.check_file import as_json, check_files, check_sample
from vendas.stages.survey import survey_file
from vendas.tuning import FORECAST_FILES, FORECAST_ROWS

NOW = datetime(2024, 6, 30, 12, 0)
SALE = {"Timestamp do Registro": "2024-03-31 14:05", "Nome": "Ana", "Valor da Compra": "50"}


def line(**changed):
    sale = SALE | {name.replace("_", " "): value for name, value in changed.items()}
    return ",".join(sale.get(name, "") for name in NEEDED)


def zero(**changed):
    return line(Valor_da_Compra="0", **changed)


@pytest.fixture
def look(tmp_path):
    def look(**files):
        """Return the diagnoses, by name, of files `registros_<name>.csv` of these lines after a header, or bytes."""
        paths = {name: tmp_path / f"registros_{name}.csv" for name in files}
        for name, path in paths.items():
            content = files[name]
            path.write_bytes(content if isinstance(content, bytes) else "\n".join([HEADER, *content]).encode())
        return dict(zip(paths, check_files(paths.values(), NOW), strict=True))

    return look


def counts(found):
    return (found.lidas, found.boas, found.duvidosas, found.recusadas)


def test_a_report_has_all_parts(look, tmp_path):
    header = ";".join(["Loja", *NEEDED]).replace("Valor da Compra", "VALOR  DA COMPRA")
    rows = [
        "x;2024-03-31 14:05;Zoë;;;;;1,50;;;;;;",
        "x;;;;;;;1.234;;;;;0.11;",
        "curta",
        "x;2024-03-31 14:05;;;;;;0;;;;;;",
        "x;2024-03-31 14:05;;;;119.0;;0;;;;;;",
    ]
    found = look(pt="\r\n".join([header, *rows]).encode("utf-8-sig"))["pt"]
    assert as_json([found])["files"] == [
        {
            "arquivo": str(tmp_path / "registros_pt.csv"),
            "nome_aceito": True,
            "situacao": "aceito",
            "motivo": None,
            "codificacao": "utf-8",
            "bom": True,
            "delimitador": "ponto e vírgula",
            "colunas": {name: name for name in NEEDED} | {"Valor da Compra": "VALOR DA COMPRA"},
            "colunas_ignoradas": ("Loja",),
            "lidas": 5,
            "boas": 2,
            "duvidosas": 1,
            "recusadas": 2,
            "motivos": {"numero_de_campos": 1, "timestamp_ausente": 1, "valor_ambiguo": 1, "desconto_ambiguo": 1},
            "duvidas": {"telefone_decimal": 1},
            "avisos": {"valor_zero": 2},
            "exemplos": (
                {"linha": 3, "texto": rows[1], "motivos": ("timestamp_ausente", "valor_ambiguo", "desconto_ambiguo")},
                {"linha": 4, "texto": "curta", "motivos": ("numero_de_campos",)},
                {"linha": 5, "texto": rows[3], "motivos": ("valor_zero",)},
                {"linha": 6, "texto": rows[4], "motivos": ("telefone_decimal", "valor_zero")},
            ),
        }
    ]


def test_warnings_and_hints_by_file(look):
    found = look(
        three_times=[line()] * 3,
        after_cleaning=[line(), line(Nome=" Ana ", Valor_da_Compra='"R$ 50,00"')],
        elsewhere=[line()],
        refused_twice=["x", "x"],
        zero_twice=[zero(), zero()],
        future=[line(Timestamp_do_Registro=f"2024-06-30 12:00:00{fraction}") for fraction in ("", ".000001")],
        mojibake=[line(Nome="JoÃ£o"), line(Vendedor="\ufffd"), line(Nome="João")],
        nothing=[],
    )
    assert {name: (counts(report), report.duvidas, report.avisos) for name, report in found.items()} == {
        "three_times": ((3, 3, 0, 0), {}, {"linha_repetida": 2}),
        "after_cleaning": ((2, 2, 0, 0), {}, {"linha_repetida": 1}),
        "elsewhere": ((1, 1, 0, 0), {}, {}),
        "refused_twice": ((2, 0, 0, 2), {}, {}),
        "zero_twice": ((2, 2, 0, 0), {}, {"linha_repetida": 1, "valor_zero": 2}),
        "future": ((2, 2, 0, 0), {}, {"timestamp_no_futuro": 1}),
        "mojibake": ((3, 1, 2, 0), {"texto_mal_decodificado": 2}, {}),
        "nothing": ((0, 0, 0, 0), {}, {}),
    }


def test_rows_tell_how_others_of_their_file_are_to_be_understood(look):
    months = [line(Timestamp_do_Registro=f"{day} 10:00") for day in ("03/05/2024", "03/25/2024", "05/05/2024")]
    found = look(
        month_first=months,
        day_first=months[::2],
        month_first_twice=[months[0], months[1], months[0], months[2], months[2]],
        fractions=[line(Desconto_Oferecido=percent) for percent in ("1", "0.5", "1%", "10")],
        fractions_twice=[line(Desconto_Oferecido=percent) for percent in ("1", "0.5", "1")],
        percents=[line(Desconto_Oferecido=percent) for percent in ("1", "0.5%", "1%", "10")],
    )
    assert {name: (counts(report), report.motivos | report.avisos) for name, report in found.items()} == {
        "month_first": ((3, 1, 0, 2), {"timestamp_impossivel": 1, "timestamp_ambiguo": 1}),
        "month_first_twice": (
            (5, 2, 0, 3),
            {"timestamp_impossivel": 1, "timestamp_ambiguo": 2, "linha_repetida": 1},
        ),
        "day_first": ((2, 2, 0, 0), {}),
        "fractions": ((4, 2, 0, 2), {"desconto_ambiguo": 1, "desconto_um_ambiguo": 1}),
        "fractions_twice": ((3, 0, 0, 3), {"desconto_ambiguo": 1, "desconto_um_ambiguo": 2}),
        "percents": ((4, 4, 0, 0), {"linha_repetida": 1}),
    }


def test_evidence_in_a_later_block_counts_for_the_rows_before(look, monkeypatch):
    monkeypatch.setattr(check_file.dialect, "survey", partial(dialect.survey, block_bytes=200))
    days = ["03/05/2024", *["05/05/2024"] * 20, "03/25/2024"]
    found = look(a=[line(Timestamp_do_Registro=f"{day} 10:00", Nome=str(n)) for n, day in enumerate(days)])["a"]
    assert found.motivos == {"timestamp_impossivel": 1, "timestamp_ambiguo": 1}


def test_rows_of_one_moment_are_told_apart(look):
    text = {"Nome": "a", "Sobrenome": "bc"}
    found = look(
        shifted=[line(**text), line(Nome="ab", Sobrenome="c"), line(**text)],
        refused=[line(), line(Valor_da_Compra=""), line(Valor_da_Compra="")],
        long=[line(Nome="x" * 1001), line(Nome="x" * 1001)],
    )
    assert {name: (counts(report), report.avisos) for name, report in found.items()} == {
        "shifted": ((3, 3, 0, 0), {"linha_repetida": 1}),
        "refused": ((3, 1, 0, 2), {}),
        "long": ((2, 0, 0, 2), {}),
    }


def test_equal_rows_are_found_in_blocks_far_apart(look, monkeypatch):
    monkeypatch.setattr(check_file.dialect, "survey", partial(dialect.survey, block_bytes=200))
    rows = [zero(), *(line(Nome=f"N{number}") for number in range(20)), zero()]
    found = look(a=rows)["a"]
    assert (counts(found), found.avisos) == ((22, 22, 0, 0), {"linha_repetida": 1, "valor_zero": 2})
    assert [(example.linha, example.motivos) for example in found.exemplos] == [
        (2, ("valor_zero",)),
        (23, ("linha_repetida", "valor_zero")),
    ]


def test_there_is_one_example_of_each_code(look):
    found = look(a=[line(), "x", "y", zero(), line(), zero(Nome="Bia")])["a"]
    assert [(example.linha, example.texto, example.motivos) for example in found.exemplos] == [
        (3, "x", ("numero_de_campos",)),
        (5, zero(), ("valor_zero",)),
        (6, line(), ("linha_repetida",)),
    ]


def test_an_examples_text_is_exact(look):
    text = '2024-03-31 14:05,"Zoë\r\n ""é""",,,,,-1,,,,,,'
    found = look(a=f"{HEADER}\r\n\r\n{text}\r\n".encode("cp1252"))["a"]
    (example,) = found.exemplos
    assert (found.codificacao, example.linha, example.texto) == ("cp1252", 3, text)


def test_examples_are_found_in_later_blocks(look, monkeypatch):
    monkeypatch.setattr(check_file.dialect, "survey", partial(dialect.survey, block_bytes=200))
    found = look(a=[line(Nome=f"N{number}") for number in range(20)] + [zero(), "x"])["a"]
    assert [(example.linha, example.texto) for example in found.exemplos] == [(22, zero()), (23, "x")]


def test_files_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / name / "registros.csv" for name in "ab"]
    for number, path in enumerate(paths, 1):
        path.parent.mkdir()
        path.write_text("\n".join([HEADER, *["x"] * number]))
    found = check_files([*paths, paths[0]], NOW)
    assert [report.recusadas for report in found] == [1, 2, 1]


@pytest.mark.parametrize(("kept", "given_in"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_by_its_name_in_either_form(tmp_path, kept, given_in):
    (tmp_path / unicodedata.normalize(kept, "registros_São João.csv")).write_text(HEADER)
    (found,) = check_files([tmp_path / unicodedata.normalize(given_in, "registros_São João.csv")], NOW)
    assert found.situacao == "aceito"


def test_a_rejected_file_has_its_reason(tmp_path):
    path = tmp_path / "vendas.csv"
    path.write_text("Nome,Sobrenome\n")
    (found,) = check_files([path], NOW)
    with pytest.raises(FileRejected) as reason:
        dialect.survey(path)
    assert (found.nome_aceito, found.situacao, found.motivo) == (False, "rejeitado", str(reason.value))
    assert (found.delimitador, found.colunas, counts(found)) == (None, {}, (0, 0, 0, 0))


def test_a_header_alone_is_accepted(tmp_path):
    path = tmp_path / "REGISTROS.CSV"
    path.write_text(HEADER.replace(",", "\t"))
    (found,) = check_files([path], NOW)
    assert (found.nome_aceito, found.situacao, found.delimitador) == (True, "aceito", "tabulação")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.csv", r"missing\.csv is not there, or is no file"),
        (".", r" is a folder\. Give the files in it: .*/\*\.csv"),
    ],
)
def test_what_is_no_file_is_an_error(tmp_path, name, said):
    with pytest.raises(VendasError, match=said):
        check_files([tmp_path / name], NOW)


def test_an_unreadable_file_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "registros.csv"
    path.touch()
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(VendasError, match=r"registros\.csv cannot be read: Permission denied"):
        check_files([path], NOW)


def misread(text):
    """Decode UTF-8 as Windows-1252 like common programs, which turn its undefined bytes into control characters."""
    undefined = b"\x81\x8d\x8f\x90\x9d"
    return "".join(bytes([byte]).decode("latin-1" if byte in undefined else "cp1252") for byte in text.encode())


def is_noticed(text):
    (noticed,) = pc.match_substring_regex(pa.array([text]), MOJIBAKE).to_pylist()
    return noticed


@pytest.mark.parametrize("text", ["nÂ\nÂ", "Â\ro", "a\nÂ", "Â o"])
def test_a_misread_blank_is_noticed_before_the_end_of_a_line_too(text):
    assert is_noticed(text)


@pytest.mark.parametrize("letter", [*"áàâãéêíóôõúüçñÁÀÂÃÉÊÍÓÕÚÜÇÑºª°", "\u00a0", "’", "–", "\ufeff", "\ufffd"])
def test_misread_letters_are_noticed(letter):
    assert is_noticed(misread(f"n{letter}o"))


@pytest.mark.parametrize(
    "text", ["João", "MANHÃ DE SOL", "“MAÇÔ", "MAÇÃ…", "NÃO INFORMADO", "Ângela", "PÂNTANO", "nº 1", "Zoë"]
)
def test_good_letters_are_not(text):
    assert not is_noticed(text)


def test_every_code_has_a_sentence_of_its_own():
    codes = [*Reason, *QualityWarning, *Hint]
    sentences = {explain_code(code) for code in codes}
    assert len(sentences) == len(codes) and all(text.endswith(".") for text in sentences)


GOOD_OR_NOT = [
    "", "50", "0", "1", "1.234", "-1", "0.11", "101%", "2024-03-31 14:05", "2030-01-01 00:00", "03/25/2024 10:00",
    "03/05/2024 9:00", "Â ", "x" * 1001,
]  # fmt: skip
CHANGES = st.tuples(st.sampled_from(NEEDED), st.sampled_from([*GOOD_OR_NOT, '"', '"a"b', "\n"]))
FILES = st.lists(st.lists(st.lists(CHANGES, max_size=3), max_size=8), min_size=15, max_size=15)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(FILES)
def test_it_is_of_intakes_opinion(tmp_path, files):
    paths = [tmp_path / f"registros_{number}.csv" for number in range(len(files))]
    for path, rows in zip(paths, files, strict=True):
        path.write_text("\n".join([HEADER, *(line(**dict(changes)) for changes in rows)]))
    found = check_files(paths, NOW)
    opinions = [
        (report.rejected, report.lidas, report.recusadas, report.motivos, report.avisos.get("linha_repetida", 0))
        for report in found
    ]
    assert opinions == [intakes_opinion(path) for path in paths]
    assert all(report.lidas == report.boas + report.duvidosas + report.recusadas for report in found)


def intakes_opinion(path):
    """Return the twin's outcome of the file alone."""
    twin, file = Twin(), Dropped(path.name, 0, path.read_bytes())
    twin.run([file])
    made = twin.outcomes[file.bronze_name]
    by_code = Counter(code for _, _, reasons in made.quarantined for code in reasons)
    return (made.rejected, made.read, len(made.quarantined), by_code, made.duplicates)


def bronze(folder, **files):
    """Return bronze's events of files with these lines."""
    for name, lines in files.items():
        (folder / f"registros_{name}_20240101T000000000Z_aaaaaaaa.csv").write_text("\n".join(lines))
    return [survey_file(file, folder, {}, "r", "0a1b") for file in list_bronze_files(folder)]


def test_a_sample_is_of_the_first_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(check_file, "FORECAST_ROWS", 3)
    events = bronze(
        tmp_path,
        empty=[""],
        header=[HEADER],
        long=[HEADER, line(Nome='"a\nb"'), "x", zero(), "x", "x"],
        one=["", HEADER, "", line()],
    )
    found = check_sample(tmp_path, events, NOW)
    assert {Path(report.arquivo).stem: (report.situacao, *counts(report)) for report in found} == {
        "registros_empty": ("rejeitado", 0, 0, 0, 0),
        "registros_header": ("aceito", 0, 0, 0, 0),
        "registros_long": ("aceito", 3, 2, 0, 1),
        "registros_one": ("aceito", 1, 1, 0, 0),
    }


def test_a_sample_of_long_rows_has_fewer(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "SAMPLE_BYTES", 200)
    events = bronze(tmp_path, a=[HEADER, *[line(Nome="x" * 150)] * 9])
    (found,) = check_sample(tmp_path, events, NOW)
    assert found.lidas == 2


def test_a_sample_is_of_the_first_files(tmp_path):
    events = bronze(tmp_path, **{f"{number:02}": [""] for number in range(FORECAST_FILES + 1)})
    assert [report.arquivo for report in check_sample(tmp_path, events, NOW)] == [
        event.arquivo_recebido for event in events[:FORECAST_FILES]
    ]


def test_without_new_files_nothing_is_done(tmp_path):
    assert check_sample(tmp_path, [], NOW) == []


def test_the_notebook_runs_with_and_without_new_files_and_names_the_samples_size(tmp_path):
    drop(tmp_path, "registros_a.csv", f"{HEADER}\n{line()}\nx\n".encode())
    results = [run_notebook("01_bronze", lake=str(tmp_path), run_id=run_id) for run_id in "12"]
    assert [(len(result.files), result.read) for result in results] == [(1, 2), (0, 0)]
    text = "".join(cell.source for cell in nbformat.read(NOTEBOOKS / "01_bronze.ipynb", 4).cells)
    assert f"{format_number(FORECAST_ROWS)} linhas" in text and f"{FORECAST_FILES} arquivos" in text


def shown(*found):
    console = Console(file=io.StringIO(), width=80)
    print_diagnoses(console, found)
    return console.file.getvalue()


def test_the_terminals_table_fits_and_tells_all(look):
    wide = dict.fromkeys(("Nome", "Email"), "x" * 300)
    found = look(**{"[b]de_março_" * 8: [line(**wide), line(**wide), zero(), line(Desconto_Oferecido="0.11"), "x"]})
    text = shown(*found.values())
    words = " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80 and "…" in text
    for code in ("numero_de_campos", "desconto_ambiguo", "linha_repetida", "valor_zero"):
        assert f"1 por {code}. {explain_code(code)}" in words
    assert "UTF-8, delimitador: vírgula." in words


def test_the_terminal_tells_of_names_and_columns(tmp_path):
    path = tmp_path / "loja.csv"
    path.write_text(f"Obs,{HEADER.lower()}", encoding="utf-8-sig")
    words = " ".join(shown(*check_files([path], NOW)).split())
    assert "o arquivo não seria recolhido" in words and "UTF-8 com BOM" in words
    assert "Canal (no arquivo: canal)" in words and "Colunas ignoradas: 'Obs'." in words


def test_the_command_prints_json_writes_nothing_and_exits_2_for_a_rejected_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    later = (datetime.now() + timedelta(days=1)).isoformat(" ")
    (tmp_path / "registros_a.csv").write_text("\n".join([HEADER, line(), line(Timestamp_do_Registro=later)]))
    (tmp_path / "registros_b.csv").touch()
    done = vendas_here(capsys, "check", "registros_a.csv", "registros_b.csv", "--json")
    files = json.loads(done.stdout.splitlines()[-1])["files"]
    assert done.returncode == 2 and "WARN" not in done.stderr and "Traceback" not in done.stderr
    assert [(report["arquivo"], report["situacao"], report["avisos"]) for report in files] == [
        ("registros_a.csv", "aceito", {"timestamp_no_futuro": 1}),
        ("registros_b.csv", "rejeitado", {}),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registros_a.csv", "registros_b.csv"]


def test_a_file_all_of_whose_rows_would_be_refused_is_taken(tmp_path, capsys):
    path = tmp_path / "registros_a.csv"
    path.write_text("\n".join([HEADER, line(Timestamp_do_Registro="ontem")]))
    done = vendas_here(capsys, "check", path, "--json")
    (found,) = json.loads(done.stdout)["files"]
    assert (done.returncode, found["situacao"], found["lidas"], found["recusadas"]) == (0, "aceito", 1, 1)


def test_the_command_exits_1_for_a_missing_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done = vendas_here(capsys, "check", "registros.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert "VendasError: registros.csv is not there" in done.stderr
