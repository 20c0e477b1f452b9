"""A lake and a warehouse of the version of 26 November 2026, as today's version reads them."""

import hashlib
import json
from collections import Counter
from datetime import datetime
from decimal import Decimal

import psycopg
import pytest

from helpers import avro_files, old_lake_files
from helpers.old_lakes import EXPECTED, INTERRUPTED, LAKE, restore_warehouse, unpack
from helpers.terminal import vendas_here
from vendas.lake import ledger
from vendas.lake.data_files import HeldFile
from vendas.lake.events import PROCESSED, REJECTED, UNDONE
from vendas.lake.ledger import list_entries, pending, read_events
from vendas.lake.spark import session
from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.landing.arrivals import list_waiting_files
from vendas.landing.bronze_names import BronzeFile
from vendas.settings import load_settings
from vendas.stages.check_file import check_files
from vendas.stages.lineage import NEITHER
from vendas.stages.quarantine import read_quarantine
from vendas.warehouse import embedded

BY_NAME = {entry["arquivo"]: entry for entry in EXPECTED["files"]}
FILE = {SILVER_TABLE: "Arquivo de Origem", GOLD_TABLE: "arquivo_de_origem", QUARANTINE_TABLE: "arquivo"}
VALUE = {SILVER_TABLE: "Valor da Compra", GOLD_TABLE: "valor_da_compra"}
NOW = datetime(2026, 11, 28)
PENDING, SURVEYED = old_lake_files.PENDING.name, old_lake_files.SURVEYED.name

UNDERSTOOD_IN_ANOTHER_WAY = {  # rows read and refused, by version 1 and by the rules of contract 2; None: rejected
    "registros_invisiveis.csv": ((18, 2), (18, 0)),
    "registros_formatos.csv": ((16, 15), (16, 0)),
    "registros_virgula_final.csv": ((12, 12), (12, 0)),
    "registros_cabecalho_virgula.csv": ((6, 6), (6, 0)),
    "registros_fracoes.csv": ((6, 1), (6, 3)),
    "registros_mes_primeiro.csv": ((5, 1), (5, 3)),
    "registros_sep.csv": (None, (4, 0)),
    "registros_outros_nomes.csv": (None, (5, 0)),
    "registros_crcrlf.csv": (None, (4, 0)),
    "registros_cr.csv": (None, (4, 1)),
    "registros_mistura.csv": ((4, 0), None),
    "registros_cp850.csv": ((3, 0), None),
    "registros_emendado.csv": ((10, 3), (7, 0)),
    "registros_aspas.csv": ((4, 0), (4, 1)),
}


def unpacked(archive, folder):
    return unpack(archive, folder / "lago de março" / "lago")  # accents and blanks, which Iceberg must handle


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return unpacked(LAKE, tmp_path_factory.mktemp("antigo"))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    return unpacked(INTERRUPTED, tmp_path_factory.mktemp("interrompido"))


@pytest.fixture(scope="module")
def warehouse(lake, engine):
    restore_warehouse(lake)
    yield embedded.find_running(lake / "dw")
    embedded.stop(lake / "dw")


def expected(column):
    """Return the counts of version 1 by file, without files that have none."""
    return {name: entry[column] for name, entry in BY_NAME.items() if entry[column]}


def expected_sums():
    return {row["arquivo"]: Decimal(row["valor"]) for row in EXPECTED["sums"]}


def told(capsys, lake):
    """Return the output of `vendas status` for each file, limited to the fields of version 1."""
    shown = json.loads(vendas_here(capsys, "status", "--lake", lake, "--json").stdout.splitlines()[-1])["files"]
    return [{key: entry[key] for key in EXPECTED["files"][0]} for entry in shown]


def rows_by_file(lake, table):
    return Counter(read_table(lake, table)[FILE[table]].to_pylist())


def ask(endpoint, query):
    with psycopg.connect(endpoint.url) as connection:
        return connection.execute(query).fetchall()


def test_status_shows_every_file_with_the_counts_of_then(lake, capsys):
    assert told(capsys, lake) == EXPECTED["files"]


def status_of(capsys, lake, situacao, *options):
    arquivo = next(name for name, entry in BY_NAME.items() if entry["situacao"] == situacao)
    return vendas_here(capsys, "status", arquivo, *options, "--lake", lake)


def test_a_line_that_no_table_holds_yet_is_not_called_no_sale(lake, capsys):
    refused = status_of(capsys, lake, PROCESSED, "--line", 2)
    assert refused.returncode == 1 and "`vendas run` reads it again" in " ".join(refused.stderr.split())
    assert "linha" not in json.loads(status_of(capsys, lake, PROCESSED, "--json").stdout)


def test_a_line_of_an_undone_file_is_no_sale(lake, capsys):
    assert status_of(capsys, lake, UNDONE, "--line", 2).stdout.endswith("não é uma venda: o arquivo foi desfeito.\n")
    told = json.loads(status_of(capsys, lake, UNDONE, "--line", 2, "--json").stdout)["linha"]
    assert (told["linha"], told["situacao"]) == (2, NEITHER)


def test_two_files_are_undone(lake):
    undone = [entry["arquivo_recebido"] for entry in list_entries(read_events(lake)) if entry["situacao"] == UNDONE]
    assert undone == ["registros_engano.csv", "registros_cancelado.csv"]


@pytest.mark.parametrize(
    ("table", "column"), [(SILVER_TABLE, "silver"), (GOLD_TABLE, "gold"), (QUARANTINE_TABLE, "quarentena")]
)
def test_a_table_holds_the_rows_that_the_ledger_counted(lake, table, column):
    assert rows_by_file(lake, table) == expected(column)


@pytest.mark.parametrize("table", [SILVER_TABLE, GOLD_TABLE])
def test_a_table_holds_each_files_values(lake, table):
    sums = Counter()
    for row in read_table(lake, table).to_pylist():
        sums[row[FILE[table]]] += row[VALUE[table]]
    assert sums == expected_sums()


@pytest.mark.parametrize("table", [SILVER_TABLE, GOLD_TABLE])
def test_spark_reads_a_moved_table_whose_files_it_holds_against_their_checksums(spark, lake, table):
    rows = session(load_settings(lake=lake)).table(f"lago.{table}")
    assert dict(rows.groupBy(FILE[table]).count().collect()) == expected(table)


def test_six_refused_rows_came_back_mended(lake):
    resubmitted = Counter(row.arquivo.partition("_20")[0] for row in read_quarantine(lake) if row.corrigida)
    assert (resubmitted, len(read_table(lake, RESUBMITTED_TABLE))) == (
        {"registros_aplicativo": 3, "registros_formatos": 3},
        6,
    )


def test_a_file_waits_in_landing_beside_what_is_left_alone(lake):
    assert [path.name for path in list_waiting_files(lake / "landing")] == [PENDING]
    assert {path.name for path in (lake / "landing").iterdir()} == {PENDING, "vendas_antigas.csv", "leia-me.txt"}


def test_bronze_has_what_was_sent(lake):
    sent = {file.data for file in (*old_lake_files.FIRST, *old_lake_files.SECOND, *old_lake_files.THIRD)}
    held = [path.read_bytes() for path in (lake / "bronze").iterdir()]
    assert (sent - {*held}, len(held)) == (set(), len(sent) + 4)  # two were sent twice, two came back from quarantine


def test_today_understands_these_files_in_another_way(lake):
    entered = {name: entry for name, entry in BY_NAME.items() if entry["situacao"] != UNDONE}
    different = {}
    for entry, found in zip(
        entered.values(), check_files([lake / "bronze" / name for name in entered], NOW), strict=True
    ):
        then = None if entry["situacao"] == REJECTED else (entry["lidas"], entry["quarentena"])
        now = None if found.rejected else (found.lidas, found.recusadas)
        different |= {entry["arquivo_recebido"]: (then, now)} if then != now else {}
    assert different == UNDERSTOOD_IN_ANOTHER_WAY


def test_bronze_has_every_file_under_the_name_of_its_time_and_content(lake):
    for path in (lake / "bronze").iterdir():
        name, content = path.stem.split("_"), hashlib.md5(path.read_bytes()).hexdigest()
        assert name[-1] == content[:8] and BY_NAME[path.name]
    assert {BronzeFile.parse(path.name) for path in (lake / "bronze").iterdir()} == set(map(BronzeFile.parse, BY_NAME))


def test_a_manifest_that_is_read_and_written_stays_what_it_was(lake):
    for path in lake.glob("*/metadata/*.avro"):
        read = avro_files.read(path.read_bytes())
        assert avro_files.read(avro_files.written(read)) == read


def test_nothing_in_the_tables_names_the_place_they_were_made_at(lake):
    texts = [path.read_text(encoding="utf-8") for path in lake.glob("*/metadata/*.json")]
    lists = [avro_files.read(path.read_bytes()).records for path in lake.glob("*/metadata/*.avro")]
    assert '"/lago/' not in "".join([*texts, json.dumps(lists, default=str)])


@pytest.mark.parametrize("table", ["registros_vendas", "fato_vendas"])
def test_the_warehouse_has_each_files_rows_and_values(warehouse, table):
    found = ask(warehouse, f"select arquivo_de_origem, count(*), sum(valor_da_compra) from {table} group by 1")
    assert {name: rows for name, rows, _ in found} == expected("dw")
    assert {name: valor for name, _, valor in found} == expected_sums()


def test_the_warehouse_belongs_to_the_one_role_of_then(warehouse):
    assert ask(warehouse, "select distinct tableowner from pg_tables where schemaname = 'public'") == [("vendas",)]


def test_the_warehouse_has_the_keys_of_version_1(warehouse):
    """Consecutive numbers, and an MD5 for a sale, which an upgrade has to replace."""
    types = "select column_name, data_type from information_schema.columns where table_name = 'fato_vendas'"
    kinds = dict(ask(warehouse, types))
    assert (kinds["cliente_id"], "linha_do_arquivo" in kinds) == ("integer", False)
    assert ask(warehouse, "select max(cliente_id) = count(*) from dim_cliente") == [(True,)]


@pytest.mark.parametrize(("stage", "waits"), [("silver", SURVEYED), ("gold", PENDING), ("dw", None)])
def test_a_stage_of_the_interrupted_lake_has_this_file_to_take_up(interrupted, stage, waits):
    assert [event.arquivo_recebido for event in pending(read_events(interrupted), stage)] == [waits] * bool(waits)


def test_the_interrupted_lake_differs_by_these_files_alone(interrupted, capsys):
    entries = told(capsys, interrupted)
    others = [entry for entry in entries if entry["arquivo_recebido"] not in (PENDING, SURVEYED)]
    assert (others, EXPECTED["interrupted"]) == (EXPECTED["files"], [e for e in entries if e not in others])
    assert not list_waiting_files(interrupted / "landing")


@pytest.fixture
def read(monkeypatch):
    """Return the ledger's files that were read, in order; each counts as a large one."""
    files, rows = [], HeldFile.rows
    monkeypatch.setattr(HeldFile, "rows", lambda file: files.append(file.path) or rows(file))
    monkeypatch.setattr(ledger, "LEDGER_KEPT_ROWS", 1)
    monkeypatch.setattr(ledger, "LEDGER_SMALL_FILE_BYTES", 1)
    ledger._rows_in.cache_clear()
    yield files
    ledger._rows_in.cache_clear()


def test_a_large_file_of_the_ledger_is_read_once(lake, read):
    first = read_events(lake).rows
    assert len(read) == len({*read}) > 1
    assert read_events(lake).rows == first and len(read) == len({*read})


def test_a_small_one_is_read_each_time(lake, read, monkeypatch):
    monkeypatch.setattr(ledger, "LEDGER_KEPT_ROWS", 1_000)
    assert len(read_events(lake)) == len(read_events(lake)) > 100
    assert len(read) == 2 * len({*read})


def test_what_was_read_ahead_is_not_read_again(lake, read):
    ledger.read_ahead(lake)
    ahead, found = [*read], read_events(lake).rows
    assert len(ahead) > 1 and read == ahead
    expected, order = read_table(lake, LEDGER_TABLE), [("registrado_em", "ascending"), ("arquivo", "ascending")]
    given = {"duvidosas", "contrato"}  # which this lake lacks, and events have nevertheless
    found, expected = (
        rows.select([name for name in rows.column_names if name not in given]) for rows in (found, expected)
    )
    assert found.sort_by(order) == expected.cast(found.schema).sort_by(order)


def test_there_is_nothing_to_read_ahead_without_a_ledger(tmp_path):
    ledger.read_ahead(tmp_path)
