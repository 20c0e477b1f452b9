"""`vendas person show` on a lake with all layers, and the receipts of an erased person."""

import json

import pyarrow as pa
import pytest

from helpers.people import E_MAIL, REJECTED, TELEPHONE, all_files
from helpers.plain_lake import make_lake
from helpers.terminal import vendas_here
from vendas.cli.person_display import _TITLES
from vendas.lake.erasures import EMAIL_KIND, Erased, Receipt, keyed_hash, read_key, remember_person, write_receipt
from vendas.lake.tables import RESUBMITTED_TABLE, Lake
from vendas.lake.workers import ThisProcess
from vendas.privacy.receipts_page import write_receipts_page
from vendas.settings import load_settings
from vendas.stages.resubmitted import RESUBMITTED_SCHEMA

PAGE = f"<td>{E_MAIL.upper()}</td>"
TOKENS = ("ANONIMIZADO-0123456789ab", "ANONIMIZADO-ba9876543210")
HER, OTHERS = (
    Receipt("20241203T100000Z-0a1b", "2024-12-03T10:00:00Z", "pedido", TOKENS[0], 2, 9, {"silver": 5}),
    Receipt("20241201T100000Z-ffff", "2024-12-01T10:00:00Z", "prazo <vencido>", TOKENS[1], 1, 1),
)
# Mended rows: one that was hers when it was refused, one that is hers now, and one that never was.
MENDED = (
    ("registros_b", 4, "registros_a", 9),
    ("registros_b", 3, "registros_a", 7),
    ("registros_b", 4, "registros_a", 7),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = make_lake(tmp_path_factory.mktemp("pessoa") / "lago", all_files())
    mend(Lake(lake, ThisProcess()))
    (lake / "runs" / "r1").mkdir(parents=True)
    (lake / "runs" / "r1" / "index.html").write_text(PAGE)
    (lake / "runs" / "r1" / "run.log").write_text("nobody")
    key = read_key(load_settings(lake=lake))
    for token, email in zip(TOKENS, (E_MAIL, "ana@exemplo.com.br"), strict=True):
        remember_person(lake, Erased(token, named=[keyed_hash(key, EMAIL_KIND, email)]))
    for receipt in (HER, OTHERS):
        write_receipt(lake, receipt)
    return lake


def mend(tables):
    """Link rows of the lake's files as MENDED says."""
    files = {path.name.partition("_2")[0]: path.name for path in (tables.place / "bronze").iterdir()}
    rows = [(files[file], line, files[former], of) for file, line, former, of in MENDED]
    links = pa.table([*zip(*rows, strict=True)], schema=RESUBMITTED_SCHEMA)
    tables.replace(RESUBMITTED_TABLE, [tables.target(RESUBMITTED_TABLE).write(links)], files.values())


@pytest.fixture
def shown(capsys, lake):
    return json.loads(vendas_here(capsys, "person", "show", "--lake", lake, "--email", E_MAIL, "--json").stdout)


def places(rows, file, line):
    return [(row[file].partition("_2")[0], row[line]) for row in rows]


def test_each_layer_gives_her_rows_and_no_others(shown):
    sales = [("registros_a", line) for line in (2, 3, 5, 8, 11)] + [("registros_b", 3)]
    assert places(shown["silver"], "Arquivo de Origem", "Linha do Arquivo") == sales
    assert places(shown["gold"], "arquivo_de_origem", "linha_do_arquivo") == sales
    assert shown["gold"][0]["nome_completo"] == "Zuleica Quarésma" and shown["gold"][0]["valor_com_desconto"] == "9.98"
    refused = [("registros_a", 9), ("registros_a", 10), ("registros_engolido", 2)]
    assert places(shown["quarentena"], "arquivo", "linha") == refused
    assert [row["motivos"] for row in shown["quarentena"]][0] == ["valor_ambiguo"]
    in_header, event = shown["livro_razao"]
    assert in_header["arquivo_recebido"] == "registros_cabecalho.csv" and in_header["lidas"] == 1
    assert event["arquivo_recebido"] == "registros_rejeitado.csv" and event["lidas"] == 0 and event["notebook"] is None
    assert [path.rpartition("/")[2] for path in shown["notebooks"]] == ["index.html"]
    assert shown["landing"] == shown["possiveis"] == shown["dw"] == []


def test_mended_rows_are_hers_by_their_own_line_and_by_the_refused_one(shown):
    mended = shown["corrigidas"]
    new, former = places(mended, "arquivo", "linha"), places(mended, "arquivo_de_origem", "linha_de_origem")
    assert [(*one, *other) for one, other in zip(new, former, strict=True)] == [*MENDED[:2]]


def test_a_person_has_the_receipts_of_her_own_erasures(shown):
    assert shown["recibos"] == [vars(HER)]


def test_the_table_has_every_row_of_the_document(capsys, lake, shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    said = vendas_here(capsys, "person", "show", "--lake", lake, "--email", E_MAIL).stdout.splitlines()
    counted = dict(line.strip().rsplit(maxsplit=1) for line in said[3 : 3 + len(_TITLES)])
    assert counted == {title: str(len(shown[name])) for name, title in _TITLES.items()}
    rows = [line.split(maxsplit=1) for line in said[3 + len(_TITLES) :]]
    by_place = {place: what.strip() for place, what in (row for row in rows if len(row) == 2)}
    sale = shown["silver"][-1]
    gold_of = f"{sale['Arquivo de Origem']}:3"
    assert by_place[gold_of].startswith("2024-02-08 10:00:00; Manhã; Zuleica Quaresma; zuleica.quaresma@exemplo.com.br")
    assert by_place[gold_of].endswith("; NÃO DISPONÍVEL; 2024")
    refused = shown["quarentena"][0]
    assert by_place[f"{refused['arquivo']}:9"] == f"{refused['texto']}; ['valor_ambiguo']"
    *_, event = shown["livro_razao"]
    assert by_place[f"{event['arquivo']}:"].startswith("bronze: O cabeçalho (linha 1)")
    assert by_place[HER.recibo] == f"{HER.quando}; pedido; {HER.token}; 2 arquivos, 9 linhas (silver 5)"
    assert any(line.strip() == shown["notebooks"][0] for line in said)


def test_the_page_of_receipts_has_the_newest_first_and_no_value(lake):
    write_receipts_page(lake)
    page = (lake / "recibos" / "index.html").read_text()
    assert page.index(HER.recibo) < page.index(OTHERS.recibo)
    assert "03/12/2024 10:00" in page and "prazo &lt;vencido&gt;" in page
    assert E_MAIL not in page and TELEPHONE not in page and REJECTED.split("\r\n", 1)[0] not in page
