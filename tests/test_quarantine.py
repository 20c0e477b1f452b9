"""Refused rows: from quarantine to an export, and back."""

import csv
import json

import pyarrow as pa
import pytest

from helpers.inprocess import drop, run_intake
from helpers.plain_lake import make_lake
from helpers.rows import NEEDED
from helpers.terminal import vendas_here
from vendas.errors import QuarantineError
from vendas.lake.events import Events
from vendas.lake.ledger import list_entries, mark_undone, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import RESUBMITTED_TABLE
from vendas.landing.bronze_names import BronzeFile, bytes_too_long, is_sales_file
from vendas.schema import ORIGIN_NAME
from vendas.stages import quarantine
from vendas.stages.quarantine import QuarantinedRow, export_quarantine, read_quarantine
from vendas.stages.resubmitted import find_links
from vendas.storage import S3Path

HEADER = ";".join(['"Loja; a"', *NEEDED])
GOOD = "L1;2024-03-31 14:05;Ana;Souza;a@b.example;119;Livro;10,00;C;P;M;V;11%;X"
AMBIGUOUS = GOOD.replace("10,00", "1.234").replace("Livro", '"Livro; ""A""\r\nB"')
SHORT = "L1;2024-03-31 14:05;Bia"
TWICE = GOOD.replace("2024-03-31 14:05", "31/02/2024 10:00").replace("11%", "0.11").replace("Ana", "Zoë")
FILE = "\r\n".join([HEADER, GOOD, AMBIGUOUS, SHORT, TWICE, ""]).encode()


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return make_lake(tmp_path_factory.mktemp("quarentena") / "lago", {"registros_loja 1.csv": FILE})


def links(lake):
    return sorted(tuple(row.values()) for row in read_table(lake, RESUBMITTED_TABLE).to_pylist())


def test_every_refused_row_is_listed_with_line_exact_text_and_all_reasons(lake, capsys):
    (name,) = [path.name for path in (lake / "bronze").iterdir()]
    listed = json.loads(vendas_here(capsys, "quarantine", "list", "--lake", lake, "--json").stdout)
    assert listed == {
        "rows": [
            {"arquivo": name, "linha": 3, "texto": AMBIGUOUS, "motivos": ["valor_ambiguo"]},
            {"arquivo": name, "linha": 5, "texto": SHORT, "motivos": ["numero_de_campos"]},
            {"arquivo": name, "linha": 6, "texto": TWICE, "motivos": ["timestamp_impossivel", "desconto_ambiguo"]},
        ]
    }


def test_people_see_what_the_reasons_mean(lake, capsys):
    shown = vendas_here(capsys, "quarantine", "list", "--lake", lake).stdout
    assert "desconto_ambiguo: " in shown and "Livro" in shown


def exported(lake, folder):
    (path,) = export_quarantine(lake, lake / "landing", folder)
    return path


def test_the_export_is_a_csv_with_the_original_header_and_rows_exactly(lake, tmp_path):
    text = exported(lake, tmp_path).read_bytes().decode("utf-8-sig")
    assert text.startswith(HEADER + ";Motivos da Quarentena;Linha de Origem\r\n")
    assert all(f"\r\n{row};" in text for row in (AMBIGUOUS, SHORT, TWICE))


def test_the_help_of_an_export_says_which_column_must_stay(capsys):
    assert f'Leave their last column, "{ORIGIN_NAME}"' in vendas_here(capsys, "quarantine", "export", "--help").stdout


def test_the_export_names_reasons_and_origin(lake, tmp_path):
    path = exported(lake, tmp_path)
    *_, (*_, reasons, origin) = csv.reader(path.open(encoding="utf-8-sig", newline=""), delimiter=";")
    (name,) = [path.name for path in (lake / "bronze").iterdir()]
    assert "desconto" in reasons.lower() and origin == f"{name}:6"


@pytest.mark.parametrize(
    "received", ["REGISTROS_A.CSV", 'registros "a";\nb.csv', f"registros_{'ã' * 106}.csv", f"registros_{'a' * 212}.csv"]
)
def test_rows_of_a_file_of_any_name_can_come_back(tmp_path, received):
    lake = make_lake(tmp_path / "lago", {received: FILE})
    (name,) = [path.name for path in (lake / "bronze").iterdir()]
    path = exported(lake, tmp_path / "out")
    assert is_sales_file(path.name) and path.name.endswith("_quarentena.csv") and not bytes_too_long(path.name)
    _, *rows = csv.reader(path.open(encoding="utf-8-sig", newline=""), delimiter=";")
    returned = pa.table({"arquivo": [path.name] * 3, "linha": [2, 4, 5], "origem": [origin for *_, origin in rows]})
    assert find_links(returned).select(["arquivo_de_origem", "linha_de_origem"]).to_pylist() == [
        {"arquivo_de_origem": name, "linha_de_origem": line} for line in (3, 5, 6)
    ]


def test_files_whose_names_are_cut_alike_are_exported_apart(tmp_path):
    lake = make_lake(tmp_path / "lago", {f"registros_{'a' * 205}{end}.csv": FILE for end in "12"})
    assert [*export_quarantine(lake, lake / "landing", tmp_path / "out").values()] == [3, 3]


def test_rows_of_a_file_that_is_being_undone_are_exported_with_its_header(lake, tmp_path, monkeypatch):
    events = read_events(lake)
    undone = mark_undone(events, [BronzeFile.of(events[0].arquivo)], "r2")
    monkeypatch.setattr(quarantine, "read_events", lambda lake: Events.of([*undone, *events]))
    assert exported(lake, tmp_path).read_text("utf-8-sig").startswith(HEADER)


def test_the_landing_is_no_place_to_export_to(lake):
    with pytest.raises(QuarantineError, match="is the landing"):
        export_quarantine(lake, lake / "landing", lake / "bronze" / ".." / "landing")


def test_rows_of_a_lake_whose_landing_is_on_s3_are_exported_to_a_folder(lake, tmp_path):
    assert list(export_quarantine(lake, S3Path("loja", "landing"), tmp_path).values()) == [3]


def test_a_file_somebody_may_be_mending_is_not_overwritten(lake, tmp_path):
    path = exported(lake, tmp_path)
    path.write_text("half mended")
    with pytest.raises(QuarantineError, match="exists already"):
        exported(lake, tmp_path)
    assert path.read_text() == "half mended"


def test_a_lake_without_refused_rows_exports_nothing(tmp_path):
    assert export_quarantine(tmp_path, tmp_path / "landing", tmp_path / "out") == {} and read_quarantine(tmp_path) == []


def test_mended_rows_are_taken_and_linked_and_those_still_wrong_can_be_mended_again(tmp_path):
    """One row is corrected, one is still wrong, one is not sent back."""
    lake = tmp_path / "lago"
    drop(lake, "registros_loja 1.csv", FILE)
    run_intake(lake)
    path = exported(lake, tmp_path / "first")
    header, _, rest = path.read_bytes().decode("utf-8-sig").partition("\r\n")
    ambiguous = rest[: rest.index("\r\n" + SHORT)]
    twice = rest[rest.index(TWICE) :].rstrip("\r\n")
    resubmitted = [ambiguous.replace(";1.234;", ";1.234,00;"), twice.replace("31/02/2024", "29/02/2024")]
    drop(lake, "registros_corrigido.csv", "\r\n".join(["\ufeff" + header, *resubmitted]).encode(), at=1_711_990_000)
    intake = run_intake(lake)
    assert intake.counts("registros_corrigido.csv") == (2, 1, 0, 1)

    first, second = intake.bronze_names["registros_loja 1.csv"], intake.bronze_names["registros_corrigido.csv"]
    assert links(lake) == [(second, 2, first, 3), (second, 4, first, 6)]
    assert [(row.arquivo, row.linha) for row in read_quarantine(lake) if not row.corrigida] == [
        (first, 5),
        (second, 4),
    ]
    assert "Linhas corrigidas, vindas da quarentena: 2" in list_entries(read_events(lake))[1]["motivo"]

    again = export_quarantine(lake, lake / "landing", tmp_path / "again")
    (still_wrong,) = [path for path in again if "corrigido" in path.name]
    drop(lake, "registros_z.csv", still_wrong.read_bytes().replace(b";0.11;", b";0,11%;"), at=1_711_991_000)
    run_intake(lake)
    assert [(row.arquivo, row.linha) for row in read_quarantine(lake) if not row.corrigida] == [(first, 5)]


def test_an_origin_that_names_no_quarantined_row_makes_no_link(tmp_path):
    header = ";".join([*NEEDED, "linha de  ORIGEM"])
    rows = [GOOD.partition(";")[2] + f";{origin}" for origin in ("registros_x.csv:3", "nonsense", "")]
    drop(tmp_path, "registros_a.csv", "\n".join([header, *rows]).encode())
    assert run_intake(tmp_path).counts("registros_a.csv") == (3, 1, 2, 0) and links(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2024-03-31 1\u200d4:05,Ana", "(U+200D)"),
        ("a\x1c\u2065b", "(U+001C, U+2065)"),
        ("a\u200bb\ufeff\t\u00a0", None),  # removed by cleaning, or white space
    ],
)
def test_characters_that_nobody_sees_are_told_by_their_code(text, told):
    row = QuarantinedRow(
        "registros_a_20240101T000000000Z_aaaaaaaa.csv", 2, text, ("timestamp_invalido",), corrigida=False
    )
    assert (told in row.sentences) if told else ("U+" not in row.sentences)
