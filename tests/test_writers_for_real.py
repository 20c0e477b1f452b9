"""Writers that pause, reopen and rename, during the real `vendas run` and `vendas watch`: every row arrives."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.rows import HEADER
from helpers.terminal import NO_REPORT
from helpers.writers import HOLDS, another_process
from vendas.lake.table_reader import read_table
from vendas.settings import load_settings
from vendas.warehouse import embedded

pytestmark = pytest.mark.engine

VENDAS = Path(sys.executable).with_name("vendas")
ENVIRONMENT = os.environ | {"VENDAS_SPARK_MEMORY": "1g"} | NO_REPORT
ROWS = 40
LIMIT_SECONDS = 300

# Writes the rows of a file one by one, in three ways: open all the time with a long pause within a row; closed and
# reopened for each row; in another file, which is then renamed.
WRITER = """
import os, sys, time
path, how, header, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
place = path + ".part" if how == "rename" else path
file = open(place, "w")
file.write(header + "\\n")
print("ready", flush=True)
for number in range(rows):
    row = f"2024-03-31 14:{number:02}:00,{how},,,,P,1234.56,,,,,,\\n"
    file.write(row[:30])
    file.flush()
    if how == "pause" and number == rows // 4:
        time.sleep(8)
    file.write(row[30:])
    if how == "reopen":
        file.close()
        time.sleep(0.1)
        file = open(place, "a")
file.close()
if how == "rename":
    time.sleep(3)
    os.rename(place, path)
"""
WAYS = ("pause", "reopen", "rename")


@pytest.fixture
def lake(tmp_path):
    folder = tmp_path / "lago"
    (folder / "landing").mkdir(parents=True)
    yield folder
    embedded.stop(folder / "dw")


@pytest.fixture
def writers(lake):
    """Start the writers; yield them once each has begun its file."""
    processes = []
    for how in WAYS:
        path = lake / "landing" / f"registros_{how}.csv"
        command = [sys.executable, "-c", WRITER, path, how, HEADER, str(ROWS)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        processes.append(process)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def rows_by_writer(lake):
    """Return the number of sales in silver per writer, and the number of quarantined rows."""
    names = read_table(load_settings(lake=lake).lake, "silver")["Nome"].to_pylist()
    refused = len(read_table(load_settings(lake=lake).lake, "quarantine"))
    return {how: names.count(how) for how in WAYS}, refused


WHOLE = (dict.fromkeys(WAYS, ROWS), 0)


def test_runs_take_each_file_whole_once_it_is_complete(lake, writers):
    first = subprocess.run([VENDAS, "run", "--lake", lake], env=ENVIRONMENT, capture_output=True, text=True)
    assert first.returncode == 0 and "Traceback" not in first.stderr
    for process in writers:
        process.wait()
    time.sleep(0.1)
    last = subprocess.run([VENDAS, "run", "--lake", lake, "--json"], env=ENVIRONMENT, capture_output=True, text=True)
    assert json.loads(last.stdout)["status"] == "ok"
    assert rows_by_writer(lake) == WHOLE and list((lake / "landing").iterdir()) == []


def test_watch_takes_each_file_whole_once_it_is_complete(lake, writers):
    command = [VENDAS, "watch", "--every", "1", "--lake", lake]
    watch = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + LIMIT_SECONDS
        while rows_by_writer(lake) != WHOLE:
            assert watch.poll() is None and time.monotonic() < deadline, rows_by_writer(lake)
            time.sleep(0.5)
    finally:
        watch.terminate()
        _, said = watch.communicate()
    assert "registros_pause.csv is still being written; the next run takes it" in said
    assert "Traceback" not in said and list((lake / "landing").iterdir()) == []


def test_a_run_takes_a_file_just_copied_and_names_once_each_that_stays(lake):
    landing, header = lake / "landing", HEADER
    row = "2024-03-31 14:00:00,pause,,,,P,1234.56,,,,,,"
    held, long, other = landing / "registros_held.csv", landing / f"registros_{'x' * 227}.csv", landing / "vendas.csv"
    for path in (held, long, other):
        path.write_text(f"{header}\n{row}\n")
        os.utime(path, (1_700_000_000,) * 2)
    with another_process(HOLDS, held, "a"):
        (landing / "registros_good.csv").write_text(f"{header}\n{row}\n")
        command = [VENDAS, "run", "--lake", lake, "--json"]
        runs = [subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0]
    taken = [[file["arquivo_recebido"] for file in json.loads(run.stdout)["files"]] for run in runs]
    assert taken == [["registros_good.csv"], []] and "Nothing new" in runs[1].stderr
    for run in runs:
        assert run.stderr.count(f"{held} is still being written; the next run takes it.") == 1
        assert run.stderr.count(f"{long} stays in landing: its name is 15 bytes too long for bronze; shorten it.") == 1
        assert run.stderr.count(f"{other} stays in landing because of its name") == 1
    assert sorted(landing.iterdir()) == sorted([held, long, other])
