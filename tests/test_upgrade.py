"""A lake and a warehouse of the version of 26 November 2026, upgraded by the next command."""

import os
import shutil
import subprocess

import psycopg
import pytest

from helpers.inprocess import run_all_stages
from helpers.lake_twin import contents
from helpers.old_lakes import EXPECTED, INTERRUPTED, LAKE, restore_warehouse, unpack
from helpers.terminal import ENVIRONMENT, NO_REPORT, VENDAS, kill_with_children, run, vendas
from vendas.lake.events import UNDONE
from vendas.warehouse import embedded

pytestmark = pytest.mark.engine

UNDONE_FILES = {entry["arquivo"] for entry in EXPECTED["files"] if entry["situacao"] == UNDONE}
NEVER_TYPED = {"registros_sem_coluna.csv", "registros_mistura.csv", "registros_cp850.csv"}


def old(archive, folder):
    lake = unpack(archive, folder / "lago")
    restore_warehouse(lake)
    return lake


def fresh(lake, folder):
    """Return a lake that today's version makes of the same files except those that were undone."""
    made = folder / "novo"
    shutil.copytree(lake / "bronze", made / "bronze", ignore=lambda *_: UNDONE_FILES)
    shutil.copytree(lake / "landing", made / "landing")
    assert run_all_stages(made) > 0
    return made


def rows(lake):
    """Return all that the lake and its warehouse hold, except what belongs to undone files."""
    held = contents(lake)
    kept = {name: held[name] for name in held if name not in ("landing", "bronze", "arquivos_carregados")}
    return kept | {"ledger": [entry for entry in held["ledger"] if entry["arquivo"] not in UNDONE_FILES]}


def counts(lake):
    with psycopg.connect(embedded.ensure_running(lake / "dw").url) as connection:
        return connection.execute("select count(*), sum(valor_da_compra) from fato_vendas").fetchone()


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory, engine):
    """Yield the old lake, its warehouse's counts before, the output of today's first run on it, and a fresh lake."""
    folder = tmp_path_factory.mktemp("antigo")
    lake = old(LAKE, folder)
    new, before = fresh(lake, folder), counts(lake)
    done = vendas("run", "--lake", lake)
    yield lake, before, done, new
    for place in (lake, new):
        embedded.stop(place / "dw")


def test_all_layers_are_as_if_todays_version_had_made_them(upgraded):
    lake, _, _, new = upgraded
    left, right = rows(lake), rows(new)
    assert [name for name in left if left[name] != right[name]] == []
    assert len(left["fato_vendas"]) == len(left["silver"]) == 320


def test_the_run_says_what_it_does_and_what_came_of_it(upgraded):
    _, before, done, _ = upgraded
    assert (done.returncode, before[0]) == (2, 285)  # it rejects files that were accepted before, so it ends with 2
    assert "all of bronze is read again, once, by today's rules (27 files)." in done.stderr.replace("\n", " ")
    assert "285 sales and 51 refused rows before, 320 sales and 19 refused rows now" in done.stderr.replace("\n", " ")


def test_every_row_has_its_line_and_undone_files_stay_undone(upgraded):
    lake, _, _, _ = upgraded
    held = contents(lake)
    assert {entry["arquivo"] for entry in held["ledger"] if entry["situacao"] == UNDONE} == UNDONE_FILES
    rejected = {entry["arquivo_recebido"] for entry in held["ledger"] if entry["situacao"] == "rejeitado"}
    assert rejected == NEVER_TYPED
    assert None not in {row[-2] for row in held["silver"]} | {row[-2] for row in held["gold"]}


def test_a_second_run_finds_nothing_to_do(upgraded):
    lake, _, _, _ = upgraded
    assert run(lake)["stages"] == []


def test_killed_after_each_stage_it_ends_as_a_fresh_lake(tmp_path, run_here):
    """The old lake is the result of killed runs; until the load commits, the warehouse stays the old one."""
    lake = old(INTERRUPTED, tmp_path)
    new, before = fresh(lake, tmp_path), counts(lake)
    try:
        for stage in ("01_bronze", "02_silver", "03_gold"):
            kill_after(stage, lake)
            assert counts(lake) == before, stage
        assert run_here(lake).status == "with_rejections"
        left, right = rows(lake), rows(new)
        assert [name for name in left if left[name] != right[name]] == []
    finally:
        for place in (lake, new):
            embedded.stop(place / "dw")


def kill_after(stage, lake):
    running = subprocess.Popen(
        [VENDAS, "run", "--lake", lake], stderr=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT | NO_REPORT
    )
    for line in running.stderr:
        if line.startswith(f"{stage} done"):
            break
    kill_with_children(running)


def test_what_cannot_be_done_before_says_so_and_changes_nothing(tmp_path):
    lake = old(LAKE, tmp_path)
    try:
        before = counts(lake)
        rebuilt = vendas("dw", "rebuild", "--lake", lake)
        assert rebuilt.returncode == 1 and "`vendas run` first" in rebuilt.stderr.replace("\n", " ")
        (gone,) = (lake / "bronze").glob("registros_website_*.csv")
        gone.rename(tmp_path / gone.name)
        lost = vendas("run", "--lake", lake)
        assert lost.returncode == 1
        assert f"not in bronze any more, {gone.name} for one" in lost.stderr.replace("\n", " ")
        assert counts(lake) == before
    finally:
        embedded.stop(lake / "dw")
