"""Refused rows, from quarantine to a person and back."""

import csv
import json
import os

import pytest
from test_pipeline import ENTRY, run, table, vendas

from vendas.embedded import stop
from vendas.errors import QuarantineError
from vendas.quarantine import export_quarantine, quarantined_rows
from vendas.schema import INPUT_NAMES

HEADER = ";".join(["Loja; a", *INPUT_NAMES]).replace("Loja; a", '"Loja; a"')
GOOD = "L1;2024-03-31 14:05;Ana;Souza;a@b.example;119;Livro;10,00;C;P;M;V;11%;X"
AMBIGUOUS = GOOD.replace("10,00", "1.234").replace("Livro", '"Livro; ""A""\r\nB"')
SHORT = "L1;2024-03-31 14:05;Bia"
TWICE = GOOD.replace("2024-03-31 14:05", "31/02/2024 10:00").replace("11%", "0.11").replace("Ana", "Zoë")


def drop(lake, name, text, moment=1_711_900_000):
    path = lake / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    os.utime(path, (moment, moment))


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quarentena") / "lago"
    drop(folder, "registros_loja 1.csv", "\r\n".join([HEADER, GOOD, AMBIGUOUS, SHORT, TWICE, ""]))
    run(folder)
    yield folder
    stop(folder / "dw")


def test_every_refused_row_is_listed_with_line_exact_text_and_all_reasons(lake):
    (name,) = [path.name for path in (lake / "bronze").iterdir()]
    listed = json.loads(vendas("quarantine", "list", "--lake", lake, "--json").stdout)
    assert listed == {
        "rows": [
            {"arquivo": name, "linha": 3, "texto": AMBIGUOUS, "motivos": ["valor_ambiguo"]},
            {"arquivo": name, "linha": 5, "texto": SHORT, "motivos": ["numero_de_campos"]},
            {"arquivo": name, "linha": 6, "texto": TWICE, "motivos": ["timestamp_impossivel", "desconto_ambiguo"]},
        ]
    }


def test_people_see_what_the_reasons_mean(lake):
    shown = vendas("quarantine", "list", "--lake", lake).stdout
    assert "desconto_ambiguo: " in shown and "Livro" in shown


def exported(lake, folder):
    (path,) = export_quarantine(lake, lake / "landing", folder)
    return path


def test_the_export_is_a_csv_with_the_original_header_and_rows_exactly(lake, tmp_path):
    text = exported(lake, tmp_path).read_bytes().decode("utf-8-sig")
    assert text.startswith(HEADER + ";Motivos da Quarentena;Linha de Origem\r\n")
    assert all(f"\r\n{row};" in text for row in (AMBIGUOUS, SHORT, TWICE))


def test_the_export_names_reasons_and_origin(lake, tmp_path):
    path = exported(lake, tmp_path)
    *_, (*_, reasons, origin) = csv.reader(path.open(encoding="utf-8-sig", newline=""), delimiter=";")
    (name,) = [path.name for path in (lake / "bronze").iterdir()]
    assert "desconto" in reasons.lower() and origin == f"{name}:6"


def test_the_landing_is_no_place_to_export_to(lake):
    with pytest.raises(QuarantineError, match="is the landing"):
        export_quarantine(lake, lake / "landing", lake / "bronze" / ".." / "landing")


def test_a_file_somebody_may_be_mending_is_not_overwritten(lake, tmp_path):
    path = exported(lake, tmp_path)
    path.write_text("half mended")
    with pytest.raises(QuarantineError, match="exists already"):
        exported(lake, tmp_path)
    assert path.read_text() == "half mended"


def test_a_lake_without_refused_rows_exports_nothing(tmp_path):
    assert export_quarantine(tmp_path, tmp_path / "landing", tmp_path / "out") == {} and quarantined_rows(tmp_path) == []


def test_mended_rows_are_taken_and_linked_and_those_still_wrong_can_be_mended_again(lake, tmp_path):
    """The last test of this lake: one row mended well, one still wrong, one not sent back."""
    path = exported(lake, tmp_path)
    header, _, rest = path.read_bytes().decode("utf-8-sig").partition("\r\n")
    ambiguous = rest[: rest.index("\r\n" + SHORT)]
    twice = rest[rest.index(TWICE) :].rstrip("\r\n")
    mended = [ambiguous.replace(";1.234;", ";1.234,00;"), twice.replace("31/02/2024", "29/02/2024")]
    drop(lake, "registros_loja 1 corrigido.csv", "\ufeff" + "\r\n".join([header, *mended]), moment=1_711_990_000)
    (entry,) = run(lake)["files"]
    assert [entry[name] for name in ENTRY[4:]] == [2, 0, 1, 1, 1, 1]
    assert "Linhas corrigidas, vindas da quarentena: 2" in entry["motivo"]

    first, second = [path.name for path in sorted((lake / "bronze").iterdir(), key=lambda path: path.stat().st_mtime)]
    assert sorted(tuple(row.values()) for row in table(lake, "mended")) == [(second, 2, first, 3), (second, 4, first, 6)]
    assert [(row.arquivo, row.linha) for row in quarantined_rows(lake) if not row.corrigida] == [(first, 5), (second, 4)]

    again = export_quarantine(lake, lake / "landing", tmp_path / "again")
    (still_wrong,) = [path for path in again if "corrigido" in path.name]
    drop(lake, "registros_z.csv", still_wrong.read_text("utf-8").replace(";0.11;", ";0,11%;"))
    run(lake)
    assert [(row.arquivo, row.linha) for row in quarantined_rows(lake) if not row.corrigida] == [(first, 5)]


def test_an_origin_that_names_no_quarantined_row_makes_no_link(tmp_path):
    lake = tmp_path / "lago"
    header = ";".join([*INPUT_NAMES, "linha de  ORIGEM"])
    rows = [GOOD.partition(";")[2] + f";{origin}" for origin in ("registros_x.csv:3", "nonsense", "")]
    drop(lake, "registros_a.csv", "\n".join([header, *rows]))
    (entry,) = run(lake)["files"]
    stop(lake / "dw")
    assert [entry[name] for name in ENTRY[4:]] == [3, 2, 0, 1, 1, 1] and table(lake, "mended") == []
