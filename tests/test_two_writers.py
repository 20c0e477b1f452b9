"""Two writers on one lake: runs wait for each other, and notebooks without a lock publish nothing twice."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from helpers.inprocess import Intake, cell_by_cell, drop, run_notebook
from helpers.rows import HEADER
from helpers.terminal import ENVIRONMENT, NO_REPORT
from vendas.errors import ConcurrentChange
from vendas.lake.ledger import list_entries, read_events
from vendas.warehouse.embedded import stop

VENDAS = Path(sys.executable).with_name("vendas")
CELLS = {"01_bronze": 6, "02_silver": 9, "03_gold": 6}  # after which another writer does all there is to do


def lines(*sales):
    return "\n".join([HEADER, *(f"2024-01-01 10:00,Ana,,,,P{sale},10.00,,,,,," for sale in sales)]).encode()


def run_all(lake, run_id):
    for name in ("01_bronze", "02_silver", "03_gold"):
        run_notebook(name, lake=str(lake), run_id=run_id)


def products(rows):
    return sorted(row["Produto Adquirido"] for of_file in rows.values() for row in of_file)


@pytest.mark.parametrize("name", CELLS)
def test_a_notebook_by_hand_beside_another_writer_doubles_nothing(engine, tmp_path, name):
    """One notebook stops after each cell in turn, the other writer processes everything, the notebook continues.

    Whether it is then refused or not, no data is harmed.
    """
    refused, sales = 0, []
    for cell in range(2, CELLS[name] + 1):
        sales += [2 * cell, 2 * cell + 1]
        drop(tmp_path, f"registros_{cell}.csv", lines(*sales), at=1_700_000_000 + cell)
        for before in ("01_bronze", "02_silver"):
            if before < name:
                run_notebook(before, lake=str(tmp_path), run_id="one")
        one = cell_by_cell(name, lake=str(tmp_path), run_id="one")
        list(islice(one, cell))
        run_all(tmp_path, "other")
        try:
            list(one)
        except ConcurrentChange:
            refused += 1
        run_all(tmp_path, "last")
        intake = Intake(tmp_path)
        assert products(intake._silver) == sorted(f"P{sale}" for sale in sales), cell
        assert len([row for rows in intake._gold.values() for row in rows]) == len(sales), cell
        told = list_entries(read_events(tmp_path))
        assert all(e["lidas"] == e["silver"] + e["duplicadas"] + e["quarentena"] for e in told), cell
        assert [e["silver"] for e in told] == [e["gold"] for e in told] == [2] * len(told), cell
    assert (refused > 0) == (name == "02_silver")  # gold does the same a second time, which is harmless


def start_run(lake):
    return subprocess.Popen(
        [VENDAS, "run", "--lake", lake, "--json"],
        env=os.environ | ENVIRONMENT | NO_REPORT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.engine
def test_runs_started_at_every_stage_of_another_wait_and_double_nothing(tmp_path):
    drop(tmp_path, "registros_0.csv", lines(0, 1), at=1_700_000_000)
    runs, said = [start_run(tmp_path)], []
    for line in runs[0].stderr:  # "Run …: starting …", then a line per finished stage
        said.append(line)
        stage = len(runs)
        if stage <= 4 and ("starting" in line or " done in " in line):
            drop(tmp_path, f"registros_{stage}.csv", lines(0, stage, stage + 1), at=1_700_000_000 + stage)
            runs.append(start_run(tmp_path))
    ended = [run.communicate() for run in runs]
    stop(tmp_path / "dw")
    assert [run.returncode for run in runs] == [0] * 5
    assert not any("Traceback" in text for text in (*said, *(err for _, err in ended)))
    assert all("Another run holds this lake" in err for _, err in ended[1:])
    reported = [entry["arquivo"] for out, _ in ended for entry in json.loads(out)["files"]]
    assert len(reported) == len(set(reported)) == 5  # each file by one run
    intake = Intake(tmp_path)
    assert products(intake._silver) == [f"P{sale}" for sale in range(6)]
    assert [sum(e[c] for e in list_entries(read_events(tmp_path))) for c in ("lidas", "silver", "gold", "dw")] == [
        14,
        6,
        6,
        6,
    ]
