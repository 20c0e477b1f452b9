"""`vendas plan` by changed rules, in a copy of the project, against what `vendas replay --outdated` then does."""

import json
import os
import shutil
from collections import Counter
from decimal import Decimal

import pyarrow as pa
import pytest

from helpers.drills import Edit, Project
from helpers.inprocess import run_all_stages
from helpers.plain_lake import make_lake
from helpers.terminal import FIXTURES, real_files, vendas_here
from vendas import schema
from vendas.csvfile import header
from vendas.errors import VendasError
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.workers import ForkedWorkers, SparkWorkers, ThisProcess
from vendas.rules.trial import REFUSED_ON_TRIAL, trying
from vendas.settings import load_settings
from vendas.stages import difference, plan
from vendas.stages.difference import Moves
from vendas.stages.plan import make_plan
from vendas.stages.rehearsal import WorkersOnTrial
from vendas.warehouse.embedded import stop

HEADER = ",".join(schema.INPUT_NAMES)
# What each line becomes when the rules change: it stays; another part of the day; a duplicate of it, by a channel in
# capitals; refused, for its long text.
SALES = f"""{HEADER}
2024-03-31 14:05,Ana,Souza,ana@b.c,1,Bola,100.00,Loja,Site,M,V,,X
2024-03-31 05:05,Bia,Souza,bia@b.c,2,Bola,100.00,LOJA,Site,M,V,,X
2024-03-31 05:05,Bia,Souza,bia@b.c,2,Bola,100.00,loja,Site,M,V,,X
2024-02-01 10:00,Caio,Souza,caio@b.c,3,Bola com um nome de quarenta bytes ou mais,50.00,LOJA,Site,M,V,,X
"""
CHANGED = (
    Edit("lib/vendas/rules/gold.py", '"Manhã": 6,', '"Manhã": 5,', instead=True),
    Edit("lib/vendas/rules/validate.py", "column.max_bytes", "40", instead=True),
    Edit("lib/vendas/rules/input_columns.py", "import pyarrow as pa\n", "# Another rule.\n"),
    Edit(
        "lib/vendas/rules/cleaning.py",
        "TEXT_RULES: dict[str, Rule] = {}",
        'TEXT_RULES: dict[str, Rule] = {"Canal": pc.utf8_upper}',
        instead=True,
    ),
    Edit("lib/vendas/csvfile/header.py", '"|": "barra vertical"', '"!": "exclamação"', instead=True),
)
DROPPED_AT = 1_780_000_000


@pytest.fixture(scope="module")
def lake(tmp_path_factory, engine):
    """Return a lake with the real files, sales of this module, a rejected file, one with bars, and an undone one.

    Another file comes late: it has the same sales as one of the first run, and an older time.
    """
    lake = tmp_path_factory.mktemp("plano") / "lago"
    landing = lake / "landing"
    landing.mkdir(parents=True)
    for path in FIXTURES.glob("*.csv"):
        shutil.copy2(path, landing)
    (landing / "registros_regras.csv").write_text(SALES)
    (landing / "registros_exclamadas.csv").write_text(SALES.replace(",", "!").replace("Souza", "Silva"))
    (landing / "registros_barradas.csv").write_text(SALES.replace(",", "|").replace("Souza", "Costa"))
    (landing / "registros_fora.csv").write_text(SALES.replace("Souza", "Reis"))
    for path in landing.iterdir():
        os.utime(path, (DROPPED_AT, DROPPED_AT))
    assert run_all_stages(lake) > 0
    (landing / "registros_atrasadas.csv").write_text(SALES)
    os.utime(landing / "registros_atrasadas.csv", (DROPPED_AT - 100, DROPPED_AT - 100))
    assert run_all_stages(lake, "r2") == 0
    assert run_all_stages(lake, "r3", undo=[bronze_name(lake, "registros_fora.csv")]) == 0
    yield lake
    stop(lake / "dw")


def bronze_name(lake, received):
    (name,) = {event.arquivo for event in read_events(lake) if event.arquivo_recebido == received}
    return name


def files_below(folder):
    """Return the size and time of each file of a lake, except its lock, the plan's page, and the warehouse's files."""
    found = [path for path in folder.rglob("*") if path.is_file() and "dw" not in path.parts]
    kept = [path for path in found if path.name not in (".lock", "plano.html")]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in kept}


def held(lake):
    """Return each table's rows by file and line, without them."""
    tables = {}
    for table, place in difference.PLACES.items():
        rows = read_table(lake, table).to_pylist()
        tables[table] = {tuple(row.pop(name) for name in place): row for row in rows}
    return tables


def duplicates(status):
    return {entry["arquivo"]: entry["duplicadas"] for entry in status["files"]}


# --- rules on trial, and ways of working


CELL = """
from decimal import Decimal
import pyarrow as pa
import pyarrow.compute as pc
from vendas.rules.input_columns import parse_valor
from vendas.settings import load_settings

def refuse_over_100(amount):
    value = parse_valor(amount)
    return pc.if_else(pc.greater(value, pa.scalar(Decimal(100))), None, value)

def without_domain(email):
    return pa.array([text.partition("@")[0] for text in email.to_pylist()])
"""
_CELLS = {"__name__": "__main__"}  # Spark gets such functions as they are, not by a module's name
exec(CELL, _CELLS)
without_domain = _CELLS["without_domain"]
RULES = {"Valor da Compra": _CELLS["refuse_over_100"], "dominio_email": without_domain}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a lake with the real files, sales of this module, a rejected file, one with bars, and the sales again."""
    bars = SALES.replace(",", "|").replace("Souza", "Costa")
    own = {"regras": SALES, "exclamadas": SALES.replace(",", "!"), "barradas": bars}
    files = real_files() | {f"registros_{name}.csv": text.encode() for name, text in own.items()}
    return make_lake(tmp_path_factory.mktemp("plano") / "lago", files, {"registros_iguais.csv": SALES.encode()})


@pytest.fixture(scope="module")
def on_trial(plain):
    return make_plan(plain, WorkersOnTrial(ThisProcess(), RULES))


def test_rules_on_trial_are_planned_as_the_librarys_would_be(on_trial):
    total = on_trial.total
    assert total.quarentena.entram and total.colunas["dominio_email"].mudam
    assert total.quarentena.entram == total.silver.saem + total.duplicadas.saem


def test_the_librarys_own_rules_change_nothing(lake):
    (late,) = [event for event in read_events(lake) if "atrasadas" in event.arquivo and event.etapa == "silver"]
    assert late.duplicadas == late.lidas
    assert not make_plan(lake, ThisProcess())


@pytest.mark.parametrize("rows", [pytest.param(1, marks=pytest.mark.slow), 7, 40])
def test_a_plan_is_the_same_however_many_rows_are_compared_at_a_time(plain, on_trial, monkeypatch, rows):
    monkeypatch.setattr(difference, "COMPARED_ROWS", rows)
    assert make_plan(plain, WorkersOnTrial(ThisProcess(), RULES)) == on_trial


def test_a_plan_is_the_same_by_spark_and_by_forks(lake, spark):
    settings = load_settings(lake=lake)
    by_spark, by_forks, here = (
        make_plan(lake, WorkersOnTrial(kind(settings), RULES)) for kind in (SparkWorkers, ForkedWorkers, ThisProcess)
    )
    assert by_spark == by_forks == here and here.total.duplicadas.saem


def test_a_plan_for_some_files_is_their_part(plain, on_trial):
    name = bronze_name(plain, "registros_regras.csv")
    (found,) = make_plan(plain, WorkersOnTrial(ThisProcess(), {"dominio_email": without_domain}), [name]).files
    (whole,) = [file for file in on_trial.files if file.arquivo == name]
    assert found.colunas["dominio_email"].mudam == 4 and found.arquivo == whole.arquivo


def test_without_other_rules_there_is_nothing_to_change(plain):
    found = make_plan(plain, ThisProcess())
    assert not found and [file.linhas for file in found.files] == [
        entry["lidas"] for entry in list_entries(read_events(plain))
    ]


def test_the_rules_on_trial_decide_about_each_row(plain, on_trial):
    sales = read_table(plain, "silver").to_pylist()
    dear = sum(sale["Valor da Compra"] > 100 for sale in sales)
    assert on_trial.total.silver.saem == dear > 0
    domains = {row["dominio_email"] for row in read_table(plain, "gold").to_pylist()}
    assert {change.depois for change in on_trial.total.colunas["dominio_email"].exemplos}.isdisjoint(domains)


def test_what_intake_rejected_and_now_takes_comes_in(plain, monkeypatch):
    monkeypatch.setitem(header.DELIMITERS, "!", "exclamação")
    name = bronze_name(plain, "registros_exclamadas.csv")
    (found,) = make_plan(plain, ThisProcess(), [name]).files
    assert (found.linhas, found.motivo, found.silver, found.duplicadas) == (4, None, Moves(0, 0), Moves(4, 0))


def test_what_intake_took_and_now_rejects_goes_and_says_why(plain, monkeypatch):
    others = {
        sign: name for sign, name in header.DELIMITERS.items() if sign != ","
    }  # their order counts elsewhere, too
    monkeypatch.setattr(header, "DELIMITERS", others)
    name = bronze_name(plain, "registros_regras.csv")
    (found,) = make_plan(plain, ThisProcess(), [name]).files
    assert found.motivo and found.silver == Moves(0, 4)


def test_a_plan_needs_the_files_in_bronze_and_in_the_ledger(plain, monkeypatch):
    with pytest.raises(VendasError, match="is still pending"):
        make_plan(plain, ThisProcess(), ["registros_x.csv"])
    monkeypatch.setattr(plan, "list_bronze_files", lambda folder: [])
    with pytest.raises(VendasError, match="registros_regras"):
        make_plan(plain, ThisProcess(), [bronze_name(plain, "registros_regras.csv")])


def test_an_undone_file_cannot_be_planned_for(lake, capsys):
    done = vendas_here(capsys, "plan", bronze_name(lake, "registros_fora.csv"), "--lake", lake)
    assert done.returncode == 1 and "was undone" in done.stderr


def test_a_file_that_is_not_there_cannot_be_planned_for(plain, capsys):
    done = vendas_here(capsys, "plan", "registros_nenhum.csv", "--lake", plain)
    assert done.returncode == 1 and "No bronze file is named registros_nenhum.csv" in done.stderr


def test_the_terminal_says_that_nothing_would_change(plain, capsys):
    done = vendas_here(capsys, "plan", "--lake", plain)
    assert done.returncode == 0 and "Nothing would change" in done.stdout
    done = vendas_here(capsys, "plan", "--lake", plain, "--json")
    assert json.loads(done.stdout.splitlines()[-1])["totais"]["arquivos"] == 8


def test_a_refusal_on_trial_has_a_reason():
    from vendas.rules.validate import RULES as LIBRARY

    with trying(RULES):
        parse, reason = LIBRARY["Valor da Compra"]
        text = pa.array(["100", "101", "x"])
        assert parse(text).is_null().to_pylist() == [False, True, True]
        assert reason(text).to_pylist()[1] == REFUSED_ON_TRIAL


# --- the library's rules changed; from here on the lake does not stay as it was


@pytest.fixture(scope="module")
def applied(lake, tmp_path_factory):
    """Plan by changed rules, then apply; return both, and the lake's rows and entries before and after."""
    project = Project.make(tmp_path_factory.mktemp("projeto"), CHANGED)
    status, rows, there = [project.vendas("status", "--lake", lake)], [held(lake)], files_below(lake)
    plans = [project.plan(lake)]
    assert files_below(lake) == there
    page = (lake / "plano.html").read_text()
    run = project.vendas("replay", "--outdated", "--yes", "--lake", lake)
    plans.append(project.plan(lake))
    status.append(project.vendas("status", "--lake", lake))
    rows.append(held(lake))
    return plans, status, rows, run, page


def test_a_plan_says_what_the_replay_then_does(applied):
    ((code, plan), _), status, (before, after), run, _ = applied
    assert code == 3 and run["status"] == "with_rejections"
    expected = {}
    for entry in status[0]["files"]:
        if entry["situacao"] == "desfeito":
            continue
        name = entry["arquivo"]
        keys = {t: [{k for k in side[t] if k[0] == name} for side in (before, after)] for t in before}
        columns = Counter(
            column
            for table in ("silver", "gold")
            for key in set.intersection(*keys[table])
            for column, value in before[table][key].items()
            if after[table][key][column] != value
        )
        expected[name] = (
            columns,
            *((len(new - old), len(old - new)) for old, new in (keys["silver"], keys["quarantine"])),
        )
    planned = {
        file["arquivo"]: (
            Counter({name: changes["mudam"] for name, changes in file["colunas"].items()}),
            *((file[table]["entram"], file[table]["saem"]) for table in ("silver", "quarentena")),
        )
        for file in plan["files"]
    }
    assert planned == expected
    assert {column for columns, *_ in planned.values() for column in columns} >= {"turno_compra", "Canal", "canal"}
    moved = {file["arquivo"]: file["duplicadas"]["entram"] - file["duplicadas"]["saem"] for file in plan["files"]}
    was, now = map(duplicates, status)
    assert moved == {name: now[name] - was[name] for name in moved} and any(moved.values())


def test_a_plan_tells_a_files_lines_and_examples(applied, lake):
    ((_, plan), _), *_ = applied
    (found,) = [file for file in plan["files"] if file["arquivo"] == bronze_name(lake, "registros_regras.csv")]
    assert found["linhas"] == 4
    assert found["colunas"]["turno_compra"] == {
        "mudam": 1,
        "exemplos": [{"linha": 3, "antes": "Madrugada", "depois": "Manhã"}],
    }
    assert found["colunas"]["Canal"] == {"mudam": 1, "exemplos": [{"linha": 2, "antes": "Loja", "depois": "LOJA"}]}
    assert (found["silver"], found["quarentena"]) == ({"entram": 0, "saem": 2}, {"entram": 1, "saem": 0})
    assert found["duplicadas"] == {"entram": 1, "saem": 0} and found["motivo"] is None


def test_a_plan_tells_of_files_that_would_be_taken_or_rejected(applied, lake):
    ((_, plan), _), *_ = applied
    files = {file["arquivo"]: file for file in plan["files"]}
    taken = files[bronze_name(lake, "registros_exclamadas.csv")]
    assert (taken["linhas"], taken["silver"]["entram"], taken["quarentena"]["entram"]) == (4, 2, 1)
    assert taken["duplicadas"] == {"entram": 1, "saem": 0}
    rejected = files[bronze_name(lake, "registros_barradas.csv")]
    assert rejected["silver"] == {"entram": 0, "saem": 4} and rejected["quarentena"] == {"entram": 0, "saem": 0}
    assert "cabeçalho" in rejected["motivo"].lower() or "coluna" in rejected["motivo"].lower()


def test_a_plan_tells_the_totals_of_the_months_that_change(applied):
    ((_, plan), _), _, (before, after), *_ = applied

    def totals(gold):
        found = {}
        for row in gold.values():
            month = found.setdefault(f"{row['timestamp_do_registro']:%Y-%m}", [0, Decimal(0), Decimal(0)])
            for place, value in enumerate((1, row["valor_da_compra"], row["valor_com_desconto"])):
                month[place] += value
        return found

    was, now = (totals(side["gold"]) for side in (before, after))
    none = [0, Decimal(0), Decimal(0)]
    expected = [
        {"mes": month, "antes": was.get(month, none), "depois": now.get(month, none)}
        for month in sorted(was.keys() | now.keys())
        if was.get(month) != now.get(month)
    ]
    planned = [
        {"mes": month["mes"]}
        | {
            side: [month[side]["vendas"], *(Decimal(month[side][name]) for name in schema.SALES.measures)]
            for side in ("antes", "depois")
        }
        for month in plan["totais"]["meses"]
    ]
    assert planned == expected and len(planned) > 1


def test_once_applied_nothing_would_change_and_no_file_is_of_older_rules(applied):
    (_, (code, plan)), (was, now), *_ = applied
    assert code == 0 and not any(file["colunas"] for file in plan["files"]) and plan["totais"]["meses"] == []
    files = [entry["arquivo"] for entry in was["files"] if entry["situacao"] != "desfeito"]
    assert was["regras_anteriores"] == files and now["regras_anteriores"] == []
    assert [file["arquivo"] for file in plan["files"]] == files


def test_the_page_of_a_plan_masks_what_is_personal(applied):
    *_, page = applied
    assert "turno_compra" in page and "Madrugada" in page and "2024-02" in page
    assert "bia@b.c" not in page and "<script" not in page
