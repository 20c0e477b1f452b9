"""Rehearsals of the stages on a real lake: what they show, and that they change nothing."""

import os
import shutil
from functools import partial
from types import SimpleNamespace

import nbformat
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from helpers.inprocess import NOTEBOOKS, run_all_stages, run_notebook
from helpers.plain_lake import make_lake
from helpers.rows import HEADER
from helpers.small_notebooks import write_notebook
from helpers.terminal import real_files
from test_plan import files_below
from test_project import ROOT
from vendas import schema
from vendas.errors import NotebookError, RuleError, SettingsError
from vendas.lake import ledger, spark as vendas_spark
from vendas.lake.table_reader import read_table
from vendas.lake.workers import ForkedWorkers, SparkWorkers, ThisProcess
from vendas.reports.difference_preview import (
    NO_REHEARSAL,
    draw_columns,
    show_columns,
    show_fates,
    show_months,
    tell_where,
)
from vendas.runs.notebook_runner import run_notebook as run_strictly
from vendas.settings import load_settings
from vendas.stages import reconciliation, rehearsal, transform
from vendas.stages.difference import compare_gold
from vendas.stages.plan import make_plan
from vendas.stages.rehearsal import RehearsalLake, WorkersOnTrial, known_events, open_lake
from vendas.warehouse import embedded
from vendas.warehouse.load import endpoint_of

LOADED_ROWS = "select arquivo_de_origem, linhas from arquivos_carregados order by 1"
BAD = f"{HEADER}\n2024-02-01 10:00,Caio,,,,Bola,caro,Loja,,,,,\n2024-02-01 10:00,Caio,,,,Bola,5.00,Loja,,,,,\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Return a lake with the real files, one with a refused row, and a rejected one."""
    files = real_files() | {"registros_caro.csv": BAD.encode(), "registros_vazio.csv": b""}
    return make_lake(tmp_path_factory.mktemp("ensaio") / "lago", files)


@pytest.fixture
def no_jvm(monkeypatch):
    def refuse(*_):
        raise AssertionError("a rehearsal of a sample started a JVM")

    monkeypatch.setattr("vendas.lake.workers._session", refuse)


@pytest.mark.parametrize("stage", ["01_bronze", "02_silver", "03_gold"])
def test_a_rehearsal_does_all_the_work_and_changes_nothing(lake, stage, no_jvm):
    before, entries = files_below(lake), ledger.list_entries(ledger.read_events(lake))
    result = run_notebook(stage, lake=str(lake), ensaio=True)
    assert files_below(lake) == before
    processed = [entry for entry in entries if entry["situacao"] == "processado"]
    assert result.rehearsal and set(result.files) == {entry["arquivo"] for entry in processed}
    if stage == "02_silver":
        counted = (result.read, result.written, result.duplicates, result.quarantined)
        assert counted == tuple(sum(e[n] for e in processed) for n in ("lidas", "silver", "duplicadas", "quarentena"))
    if stage == "03_gold":
        assert result.read == result.written == sum(entry["gold"] for entry in processed)


def test_a_rehearsed_load_is_rolled_back(tmp_path, engine):
    lake = tmp_path / "lago"
    run_all_stages(lake, files=real_files())
    settings = load_settings(lake=lake)
    with psycopg.connect(embedded.ensure_running(lake / "dw").url, autocommit=True) as connection:
        before = connection.execute(LOADED_ROWS).fetchall(), files_below(settings.lake)
        stamps = connection.execute("select max(xmin::text::bigint) from fato_vendas").fetchall()
        result = run_notebook("04_dw", lake=str(lake), ensaio=True)
        assert result.rehearsal and result.read == result.written == sum(rows for _, rows in before[0])
        assert connection.execute(LOADED_ROWS).fetchall() == before[0]
        assert connection.execute("select max(xmin::text::bigint) from fato_vendas").fetchall() == stamps
    assert files_below(lake) == before[1]
    embedded.stop(lake / "dw")


def upper(texts):
    return pc.utf8_upper(texts)


def rehearse(lake, stage, **rules):
    """Run a stage's notebook as a rehearsal with these rules in its cell; return the names that it leaves."""
    cells = [c for c in nbformat.read(NOTEBOOKS / f"{stage}.ipynb", 4).cells if c.cell_type == "code"]
    names = {}
    for cell in cells:
        exec(compile(cell.source, stage, "exec"), names)
        if "parameters" in cell.metadata.get("tags", []):
            names |= {"lake": str(lake), "ensaio": True}
        if cell.source.endswith("regras = {}"):
            names["regras"] = rules
    return names


def test_the_difference_of_a_rule_of_silver_is_shown(lake, no_jvm):
    found = rehearse(lake, "02_silver", Canal=upper)["diferenca"]
    silver = read_table(lake, "silver")
    changed = sum(text != text.upper() for text in silver["Canal"].to_pylist())
    assert found.total.colunas["Canal"].mudam == changed > 0
    assert not found.total.quarentena and not found.total.silver
    assert "Canal" in repr(show_columns(found)) and str(changed) in draw_columns(found).svg()


def test_the_difference_of_a_rule_of_gold_is_shown(lake, no_jvm):
    found = rehearse(lake, "03_gold", valor_com_desconto=lambda valor, desconto: valor)["diferenca"]
    gold = read_table(lake, "gold")
    changed = pc.sum(pc.not_equal(gold["valor_com_desconto"], gold["valor_da_compra"])).as_py()
    assert {name: changes.mudam for name, changes in found.total.colunas.items()} == {"valor_com_desconto": changed}
    months = {f"{row['timestamp_do_registro']:%Y-%m}" for row in gold.to_pylist() if row["desconto_oferecido"]}
    assert set(found.months) == months
    assert "→" in repr(show_months(found))


def test_a_rule_that_makes_sales_equal_makes_duplicates(lake, no_jvm):
    same = {name: (lambda texts: pa.array(["x"] * len(texts))) for name in schema.names(schema.TEXT_COLUMNS)}
    found = rehearse(lake, "02_silver", **same)["diferenca"]
    silver = read_table(lake, "silver").to_pylist()
    distinct = {tuple(row[c.name] for c in schema.INPUT_COLUMNS if c.type != "string") for row in silver}
    assert found.total.duplicadas.entram == found.total.silver.saem == len(silver) - len(distinct)
    assert "duplicadas" in repr(show_fates(found)) or len(silver) == len(distinct)


def test_without_a_rule_nothing_changes(lake, no_jvm):
    for stage in ("02_silver", "03_gold"):
        found = rehearse(lake, stage)["diferenca"]
        assert not found and not found.months and "Nada muda" in repr(show_columns(found))


@pytest.mark.parametrize("sampled", [True, False])
def test_a_rehearsal_by_spark_finds_what_this_process_finds(lake, spark, sampled):
    def difference(workers):
        tables = RehearsalLake(lake, WorkersOnTrial(workers, {"canal": pc.utf8_upper}), sampled)
        known = known_events(tables, "gold")
        refined = ledger.pending(known, "gold")
        names = [event.arquivo for event in refined]
        written = transform.write_gold(tables.workers, tables.files_of("silver", names), names, tables.target("gold"))
        held = tables.replace("gold", written, names)
        return compare_gold(tables, reconciliation.carried_events(refined, "gold", held, "r"))

    assert difference(SparkWorkers(load_settings(lake=lake))) == difference(ThisProcess())


def test_a_plan_of_a_rule_is_its_rehearsal_on_all_rows(lake):
    planned = make_plan(lake, WorkersOnTrial(ThisProcess(), {"Canal": upper})).total.colunas["Canal"].mudam
    assert rehearse(lake, "02_silver", Canal=upper)["diferenca"].total.colunas["Canal"].mudam == planned


def test_of_a_long_file_the_beginning_is_rehearsed(lake, tmp_path, monkeypatch):
    monkeypatch.setattr("vendas.stages.rehearsal.SAMPLE_ROWS", 3)
    names = rehearse(lake, "02_silver", Canal=upper)
    entries = [e for e in ledger.list_entries(ledger.read_events(lake)) if e["situacao"] == "processado"]
    assert sum(event.lidas for event in names["events"]) == sum(min(3, entry["lidas"]) for entry in entries)
    found = names["diferenca"]
    assert not found.total.silver and not found.total.quarentena  # rows below the beginning do not count as gone
    names = rehearse(lake, "03_gold", canal=upper)
    assert sum(event.gravadas for event in names["events"]) == sum(min(3, entry["silver"]) for entry in entries)
    assert names["diferenca"].total.colunas["canal"].mudam <= 3 * len(entries)


def test_the_newest_files_are_the_sample(lake, monkeypatch):
    monkeypatch.setattr("vendas.stages.rehearsal.SAMPLE_FILES", 2)
    done = [e["arquivo"] for e in ledger.list_entries(ledger.read_events(lake)) if e["situacao"] == "processado"]
    for stage in ("01_bronze", "02_silver", "03_gold"):
        assert list(run_notebook(stage, lake=str(lake), ensaio=True).files) == done[-2:]


def test_a_rule_of_a_cell_is_never_published(lake):
    with pytest.raises(RuleError, match="Only a rehearsal"):
        open_lake(load_settings(lake=lake), regras={"canal": upper})


@pytest.mark.parametrize(
    ("regras", "message"),
    [
        ({"dominio": upper}, "no column 'dominio'"),
        ({"canal": "upper"}, "a function was expected"),
        (["canal"], r"regras is \['canal'\]: expected rules by column"),
        (None, "regras is None"),
    ],
)
def test_what_is_no_rule_is_told_before_any_work(lake, regras, message, no_jvm):
    with pytest.raises(RuleError, match=message):
        open_lake(load_settings(lake=lake), ensaio=True, regras=regras)


@pytest.mark.parametrize("ensaio", ["sim", "não", "", None, 0])
def test_what_is_neither_true_nor_false_neither_rehearses_nor_publishes(lake, ensaio, no_jvm):
    with pytest.raises(SettingsError, match=f"ensaio is {ensaio!r}: expected True to rehearse"):
        open_lake(load_settings(lake=lake), ensaio=ensaio)


@pytest.mark.parametrize("open_what", [partial(open_lake, ensaio=True), endpoint_of])
def test_a_mistyped_lake_is_refused_and_not_made(tmp_path, no_jvm, open_what):
    with pytest.raises(SettingsError, match="There is no lake at .*lgao"):
        open_what(load_settings(lake=tmp_path / "lgao"))
    assert not (tmp_path / "lgao").exists()


def test_a_stage_that_publishes_has_its_tables_made_and_follows_no_edits(lake, monkeypatch):
    made = []
    monkeypatch.setattr(rehearsal, "follow_edits", pytest.fail)
    monkeypatch.setattr(rehearsal, "Lake", lambda place, _: SimpleNamespace(create_tables=lambda: made.append(place)))
    open_lake(load_settings(lake=lake))
    assert made == [lake]


@pytest.mark.parametrize("regras", [{}, {"canal": upper}])
def test_a_rehearsal_of_many_files_is_of_many_workers_and_of_a_sample_this_process_own(lake, monkeypatch, regras):
    monkeypatch.setattr("vendas.lake.workers.LITTLE_WORK_BYTES", 1)
    settings = load_settings(lake=lake)
    for amostra, kind in ((True, ThisProcess), (False, ForkedWorkers)):
        opened = open_lake(settings, ensaio=True, regras=regras, amostra=amostra)
        on_trial = isinstance(opened.workers, WorkersOnTrial)
        assert on_trial == bool(regras) and opened.sampled == amostra
        assert type(opened.workers.workers if on_trial else opened.workers) is kind


def test_a_rehearsals_notebook_follows_edits_of_the_library(lake, monkeypatch):
    said = []
    shell = SimpleNamespace(run_line_magic=lambda *words: said.append(words))
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    open_lake(load_settings(lake=lake), ensaio=True)
    assert said == [("reload_ext", "autoreload"), ("autoreload", "2")]


def test_a_rehearsal_in_a_schedule_fails_loudly(tmp_path):
    result = "from vendas.results import StageResult\nStageResult(stage='bronze', run_id=run_id, rehearsal=True)"
    notebook = write_notebook(tmp_path / "x.ipynb", result, parameters='run_id: str = "manual"')
    with pytest.raises(NotebookError, match="was a rehearsal, so it published nothing"):
        run_strictly(notebook, tmp_path / "out" / "x.ipynb", {"run_id": "r1"}, {}, 60)


def test_where_nothing_is_rehearsed_nothing_is_compared():
    for shown in (show_columns(None), show_fates(None), show_months(None), draw_columns(None)):
        assert shown.note == NO_REHEARSAL


@pytest.mark.parametrize(
    ("column", "place"),
    [
        ("Valor da Compra", "a função parse_valor"),
        ("Canal", "TEXT_RULES"),
        ("turno_compra", "a função turno"),
        ("canal", "Derived"),
    ],
)
def test_the_notebook_says_where_a_rule_goes(column, place):
    (row,) = tell_where({column: upper}).to_dict("records")
    assert place in row["a regra vai para"]
    for path in row["os testes que vão falhar"].split(", "):
        assert (ROOT / path).is_file()
    assert (ROOT / row["a regra vai para"].split(",")[0].split(";")[0]).is_file()


# --- an edited library


def test_workers_of_other_rules_are_not_used(spark, monkeypatch):
    def pids(rules):
        monkeypatch.setattr(vendas_spark, "rules_fingerprint", lambda: rules)
        return set(vendas_spark.map_on_workers(spark, range(4), lambda _: (os.getpid(), os.environ["VENDAS_RULES"])))

    one, other = pids("a" * 16), pids("b" * 16)
    assert {rules for _, rules in one} == {"a" * 16} and {rules for _, rules in other} == {"b" * 16}
    assert not {pid for pid, _ in one} & {pid for pid, _ in other}


@pytest.mark.slow
def test_an_edited_library_counts_from_the_next_cell_on(lake, tmp_path):
    """Run cells of a rehearsal in a kernel whose library is edited between two of them."""
    copy = tmp_path / "projeto"
    for name in ("lib", "sql", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    gold = copy / "lib" / "vendas" / "rules" / "gold.py"
    rehearse = (
        "from vendas.settings import load_settings\n"
        "from vendas.stages.rehearsal import RehearsalLake, open_lake\n"
        "from vendas.stages.plan import make_plan\n"
        "from vendas.lake.workers import ThisProcess\n"
        f"settings = load_settings(lake={str(lake)!r})\n"
        "open_lake(settings, ensaio=True)\n"
    )
    look = "print('mudam', sum(c.mudam for c in make_plan(settings.lake, ThisProcess()).total.colunas.values()))"
    edit = (
        "import pathlib, time\n"
        f"path = pathlib.Path({str(gold)!r})\n"
        "time.sleep(1.1)  # autoreload compares times of modification in whole seconds\n"
        "path.write_text(path.read_text().replace('Madrugada', 'Noturno'))"
    )
    result = "from vendas.results import StageResult\nStageResult(stage='bronze', run_id=run_id)"
    notebook = write_notebook(
        tmp_path / "x.ipynb", rehearse, look, edit, look, result, parameters='run_id: str = "manual"'
    )
    output = tmp_path / "out" / "x.ipynb"
    run_strictly(notebook, output, {"run_id": "r1"}, {"PYTHONPATH": str(copy / "lib")}, 60)
    outputs = [out for cell in nbformat.read(output, 4).cells for out in cell.get("outputs", [])]
    said = [out.text for out in outputs if "mudam" in out.get("text", "")]
    night = sum(value == "Madrugada" for value in read_table(lake, "gold")["turno_compra"].to_pylist())
    assert said == ["mudam 0\n", f"mudam {night}\n"] and night
