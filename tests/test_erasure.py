"""A person is erased from every layer: no byte is left, all counts stay, and nothing brings her back."""

import gzip
import json
import shutil
import subprocess
import time
from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest

from helpers import people
from helpers.inprocess import run_notebook
from helpers.kills import Killed, kill_after
from helpers.lake_twin import Shelf, contents
from helpers.people import ANA, E_MAIL, FILES, TELEPHONE, find_left, send, send_files
from helpers.terminal import VENDAS, run, vendas
from vendas.errors import WarehouseError
from vendas.lake.erasures import plan_of
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.maintenance import maintain_tables
from vendas.lake.workers import ThisProcess
from vendas.privacy import database, erase
from vendas.privacy.show import make_request
from vendas.runs.pipeline import is_up_to_date
from vendas.settings import load_settings
from vendas.warehouse.embedded import ensure_running, stop

pytestmark = pytest.mark.engine

NOTHING = timedelta(0)
COUNTS = ("lidas", "duplicadas", "quarentena", "silver", "gold", "dw")
STAGES = ("01_bronze", "02_silver", "03_gold", "04_dw")
HERS = make_request([E_MAIL], [], [])


class Erased:
    """A lake with a person in every layer, and what can be done to it, in the tests' own JVM."""

    def __init__(self, lake):
        self.lake, self.settings = Path(lake), load_settings(lake=lake)

    def here(self, settings):
        return nullcontext(ThisProcess(settings))

    def erase(self, request=HERS):
        return erase.erase_person(self.settings, request, self.here).receipt

    def complete(self):
        return erase.complete_erasure(self.settings, self.here)

    def run(self, **of_bronze):
        for name in STAGES:
            run_notebook(name, lake=str(self.lake), run_id="r", **(of_bronze if name == STAGES[0] else {}))

    def counts(self):
        entries = list_entries(read_events(self.lake))
        return {entry["arquivo"]: [entry[name] for name in COUNTS] for entry in entries}

    def query(self, query):
        with psycopg.connect(ensure_running(self.lake / "dw").url) as connection:
            return connection.execute(query).fetchall()

    def left(self):
        """Return what is left of the person, once the database has written all that it holds in memory."""
        stop(self.lake / "dw")
        return find_left(self.lake)

    def bronze(self, received):
        return next((self.lake / "bronze").glob(f"{Path(received).stem}_2*.csv"))


@pytest.fixture(scope="module")
def shelf(run_here, tmp_path_factory):
    """Return copies of a lake after a run, with exports inside and outside of it."""
    folder = tmp_path_factory.mktemp("titular")
    lake = folder / "lago"
    (lake / "landing").mkdir(parents=True)
    send_files(lake)
    assert run_here(lake).status == "with_rejections"
    for place in (lake / "exportado", folder / "fora"):
        assert vendas("quarantine", "export", place, "--lake", lake).returncode == 0
    (lake / "runs" / "velho.log.gz").write_bytes(gzip.compress(f"erro na linha de {E_MAIL}".encode()))
    kept = Shelf(lake, folder)
    kept.keep("após a carga")
    yield kept
    stop(lake / "dw")
    shutil.rmtree(folder)


@pytest.fixture
def here(shelf):
    """Return the lake as it was after the run."""
    shelf.bring_back("após a carga")
    yield Erased(shelf.lake)
    stop(shelf.lake / "dw")


@pytest.fixture
def bronze_only(tmp_path, engine):
    """Return a lake that has a file with her in bronze, and no tables yet."""
    bronze = tmp_path / "lago" / "bronze"
    bronze.mkdir(parents=True)
    data = people.as_csv(*FILES["registros_a.csv"])
    (bronze / "registros_a_20240102T030405678Z_0a1b2c3d.csv").write_bytes(data)
    yield Erased(tmp_path / "lago")
    stop(tmp_path / "lago" / "dw")


def test_no_byte_is_left_and_every_count_stays(here):
    before, sums = here.counts(), here.query("select count(*), sum(valor_com_desconto) from fato_vendas")
    assert len(find_left(here.lake)) > 20
    receipt = here.erase()
    maintain_tables(here.settings, NOTHING, here.here, pytest.fail)
    assert here.left() == {}
    assert here.counts() == before and is_up_to_date(here.settings)
    assert here.query("select count(*), sum(valor_com_desconto) from fato_vendas") == sums
    members = "select nome_completo, email, dominio_email, telefone from dim_cliente where email = '{}'"
    assert here.query(members.format(receipt.token)) == [(receipt.token, receipt.token, "NÃO INFORMADO", receipt.token)]
    assert (receipt.arquivos, receipt.linhas) == (6, 17)


def test_a_lake_that_has_no_tables_yet_is_erased_from_and_runs_on(bronze_only):
    receipt = bronze_only.erase()
    bronze_only.run()
    hers = f"select count(*) from fato_vendas natural join dim_cliente where email = '{receipt.token}'"
    assert bronze_only.query(hers) == [(4,)] and bronze_only.left() == {}


def test_bronze_keeps_lines_and_all_other_bytes(here):
    paths = {name: here.bronze(name) for name in FILES}
    before = {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in paths.items()}
    token = here.erase().token.encode()
    for name, path in paths.items():
        data, at = path.read_bytes(), path.stat().st_mtime_ns
        old, old_at = before[name]
        assert at == old_at and data.count(b"\n") == old.count(b"\n") and data.count(b";") == old.count(b";")
        assert data.count(b'"') == old.count(b'"')
        kept = [line for line in old.splitlines() if not any(v.encode() in line.lower() for v in people.VALUES)]
        assert [line for line in data.splitlines() if token not in line] == [
            line for line in kept if "Quarésma".encode("cp1252") not in line
        ]


def test_others_rows_stay_as_they_are(here):
    before = contents(here.lake)
    here.erase()
    after = contents(here.lake)
    for table in ("silver", "gold", "quarantine", "registros_vendas", "fato_vendas"):
        lost = Counter(map(repr, before[table])) - Counter(map(repr, after[table]))
        assert len(before[table]) == len(after[table])
        assert not any("Ana" in row for row in lost)


def test_replay_and_undo_keep_every_count(here):
    before = here.counts()
    here.erase()
    rows = contents(here.lake)
    names = [here.bronze(name).name for name in FILES]
    here.run(replay=names)
    assert here.counts() == before
    again = contents(here.lake)
    tables = ("silver", "gold", "quarantine", "registros_vendas", "fato_vendas", "dim_cliente")
    assert [table for table in tables if again[table] != rows[table]] == []
    here.run(undo=[names[0]])
    here.run(replay=[names[0]])
    assert sum(counts[3] for counts in here.counts().values()) == sum(counts[3] for counts in before.values())
    assert find_left(here.lake / "bronze") == {} == find_left(here.lake / "silver")


@pytest.mark.parametrize("at", [1_700_000_000, 1_800_000_000], ids=["same-event", "later"])
def test_a_file_that_brings_her_back_is_taken_with_the_token(here, at):
    here.erase()
    sales = here.query("select count(*) from fato_vendas")
    send(here.lake, "registros_a.csv", *FILES["registros_a.csv"], at)
    here.run()
    maintain_tables(here.settings, NOTHING, here.here, pytest.fail)
    assert here.left() == {} and list((here.lake / "landing").iterdir()) == []
    assert here.query("select count(*) from fato_vendas") == sales


def test_a_new_sale_of_hers_is_the_same_customers(here):
    token = here.erase().token
    rows = [
        f"10/03/2024 10:00;Zuleica;Quaresma;ZULEICA.quaresma@exemplo.com.br;;{people.REST}",
        f"10/03/2024 11:00;Zu;;;(11) 98765-4321;{people.REST}",
        "10/03/2024 11:00;Zu;Quaresma;zuleica.quaresma@exemplo.com.br;x;y",
        ANA,
    ]
    send(here.lake, "registros_novo.csv", "cp1252", rows, 1_800_000_000)
    here.run()
    assert here.bronze("registros_novo.csv").read_text("cp1252").count(token) == 4 + 4 + 3
    of_march = "select count(distinct cliente_id), count(*) from fato_vendas where ano = 2024 and data_id > 20240301"
    assert here.query(of_march) == [(1, 2)]


def test_erasing_twice_or_nobody_changes_nothing(here):
    receipt = here.erase()
    stop(here.lake / "dw")
    before = snapshot(here.lake)
    assert here.erase() == receipt and here.erase(make_request([], [f"+55 {TELEPHONE}"], [])) == receipt
    assert here.erase(make_request(["ninguem@exemplo.com.br"], [], [])) is None
    stop(here.lake / "dw")
    assert {path for path, of in snapshot(here.lake).items() if before.get(path) != of} == set()


def snapshot(lake):
    paths = (path for path in lake.rglob("*") if path.is_file() and not path.is_relative_to(lake / "dw"))
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_a_line_that_somebody_names_is_hers_too_and_no_other(here):
    name = here.bronze("registros_a.csv").name
    receipt = here.erase(make_request([E_MAIL], [], [f"{name}:7"]))  # Ana's, in one of her two files
    lines = here.bronze("registros_a.csv").read_bytes().splitlines()
    assert receipt.token.encode() in lines[6] and b"ana@" not in lines[6]
    assert ANA.encode() in here.bronze("registros_b.csv").read_bytes()


def test_a_reader_of_old_rows_is_waited_for_and_then_named(here, monkeypatch):
    monkeypatch.setattr(database, "PURGE_WAIT_SECONDS", 1)
    with psycopg.connect(ensure_running(here.lake / "dw").url) as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select count(*) from dim_canal")
        with pytest.raises(WarehouseError, match="vendas run"):
            here.erase()
    assert here.complete() is not None and here.left() == {}


def test_two_people_one_of_them_twice_are_erased_at_once_beside_a_run(here, run_here):
    """Four processes; whichever comes first, the result is the same."""
    sales = sum(counts[3] for counts in here.counts().values())
    send(here.lake, "registros_a_outra_vez.csv", *FILES["registros_a.csv"], 1_800_000_000)
    erase_hers = ["person", "erase", "--yes", "--json", "--lake", here.lake]
    commands = [
        [*erase_hers, "--email", E_MAIL],
        ["run", "--lake", here.lake],
        [*erase_hers, "--telefone", TELEPHONE, "--email", E_MAIL],
        [*erase_hers, "--email", "ana@exemplo.com.br"],
    ]
    started = [subprocess.Popen([VENDAS, *map(str, words)], stdout=PIPE, stderr=PIPE, text=True) for words in commands]
    said = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    hers, _, again, anas = (json.loads(out.splitlines()[-1]) if out else None for out, _ in said)
    assert hers == again and hers["token"] != anas["token"]
    assert run_here(here.lake).status == "ok"
    maintain_tables(here.settings, NOTHING, here.here, pytest.fail)
    stop(here.lake / "dw")
    assert find_left(here.lake, [*people.VALUES, "ana@exemplo.com.br", "91111-2222"]) == {}
    assert sum(counts[3] for counts in here.counts().values()) == sales
    customers = "select count(distinct cliente_id) from fato_vendas natural join dim_cliente where email = '{}'"
    assert [here.query(customers.format(one["token"])) for one in (hers, anas)] == [[(1,)]] * 2


def test_killed_after_each_step_it_is_completed(here, monkeypatch):
    before, steps = here.counts(), list(erase.STEPS)
    for number, step in enumerate(steps):
        monkeypatch.setattr(erase, "STEPS", [*steps[:number], kill_after(step)])
        with pytest.raises(Killed):
            here.erase() if number == 0 else here.complete()
        assert plan_of(here.lake).exists()
    monkeypatch.setattr(erase, "STEPS", steps)
    receipt = here.complete()
    assert not plan_of(here.lake).exists() and here.complete() is None
    assert here.left() == {} and here.counts() == before
    assert (receipt.arquivos, receipt.linhas) == (6, 17)


@pytest.mark.parametrize("inside", ["replace_records", "anonymize_sales", "anonymize_file", "delete_old_versions"])
def test_killed_within_a_step_it_is_completed(here, monkeypatch, inside):
    before, done, real = here.counts(), [], getattr(erase, inside)

    def once(*given):
        if done:
            raise Killed
        done.append(given)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(erase, inside, once)
        with pytest.raises(Killed):
            here.erase()
    here.complete()
    assert here.left() == {} and here.counts() == before


def test_what_is_left_of_a_killed_command_is_done_by_the_next_run(here):
    command = ["person", "erase", "--yes", "--email", E_MAIL, "--lake", here.lake]
    started = subprocess.Popen([VENDAS, *map(str, command)], stderr=subprocess.DEVNULL)
    while started.poll() is None and not plan_of(here.lake).exists():
        time.sleep(0.05)
    started.kill()
    started.wait()
    run(here.lake)
    maintain_tables(here.settings, NOTHING, here.here, pytest.fail)
    assert here.left() == {} and not plan_of(here.lake).exists()
