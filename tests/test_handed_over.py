"""Commands that hand over to the library: what they pass on, what they print, and how they end."""

import json
import os
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest

from helpers.rows import FILE
from helpers.terminal import vendas_here
from vendas.cli import plan_command
from vendas.lake import maintenance, workers
from vendas.lake.lock import hold_lake
from vendas.lake.maintenance import Size, Upkeep
from vendas.stages import quarantine
from vendas.stages.difference import ColumnChanges, Difference, FileDifference
from vendas.stages.quarantine import QuarantinedRow
from vendas.tuning import MIB
from vendas.warehouse import embedded, rebuild

ROWS = [
    QuarantinedRow(FILE, 3, "a;b", ("timestamp_invalido",), corrigida=False),
    QuarantinedRow(FILE, 4, "c;d", ("valor_invalido",), corrigida=True),
]


@pytest.fixture
def refused(monkeypatch):
    """Return the refused rows that commands find; none at first."""
    rows = []
    monkeypatch.setattr(quarantine, "read_quarantine", lambda lake: rows)
    return rows


@contextmanager
def no_workers(settings):
    """Stand in for the workers of a command."""
    yield f"workers for {settings.lake.name}"


def test_refused_rows_are_listed_or_none_are(tmp_path, capsys, refused):
    done = vendas_here(capsys, "quarantine", "list", "--lake", tmp_path)
    assert (done.returncode, done.stdout) == (0, "") and "No row is in quarantine." in done.stderr
    refused += ROWS
    done = vendas_here(capsys, "quarantine", "list", "--lake", tmp_path)
    assert done.returncode == 0 and "a;b" in done.stdout and "c;d" in done.stdout


@pytest.mark.parametrize("command", [["list"], ["export", "fora"]], ids=["list", "export"])
def test_of_a_lake_that_is_not_there_no_refused_rows_are_told(tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    done = vendas_here(capsys, "quarantine", *command, "--lake", tmp_path / "lgao")
    assert done.returncode == 1 and "There is no lake at" in done.stderr and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "lines"), [([], [3, 4]), (["--open"], [3])])
def test_refused_rows_are_told_as_json_also_without_those_that_came_back(tmp_path, capsys, refused, words, lines):
    refused += ROWS
    told = json.loads(vendas_here(capsys, "quarantine", "list", "--json", *words, "--lake", tmp_path).stdout)["rows"]
    assert [row["linha"] for row in told] == lines
    assert told[0] == {"arquivo": FILE, "linha": 3, "texto": "a;b", "motivos": ["timestamp_invalido"]}


@pytest.mark.parametrize(("count", "counted"), [(0, "0 rows"), (1, "1 row"), (2000, "2.000 rows")])
def test_rows_to_mend_are_exported_and_told(tmp_path, capsys, monkeypatch, count, counted):
    asked, path = [], tmp_path / "fora" / "registros_a.csv"
    monkeypatch.setattr(
        quarantine, "export_quarantine", lambda *given: asked.append(given) or ({path: count} if count else {})
    )
    done = vendas_here(capsys, "quarantine", "export", tmp_path / "fora", "--json", "--lake", tmp_path)
    assert asked == [(tmp_path, tmp_path / "landing", tmp_path / "fora")] and done.returncode == 0
    assert json.loads(done.stdout) == {"files": [{"arquivo": str(path), "linhas": count}] if count else []}
    assert (f"Wrote {path}: {counted} to mend" in done.stderr) == bool(count)
    assert ("No row is in quarantine." in done.stderr) == (not count)


@pytest.mark.parametrize(("words", "said"), [([], "postgresql://x\n"), (["--json"], '{"url": "postgresql://x"}\n')])
def test_the_warehouses_url_stands_alone_on_the_output(tmp_path, capsys, monkeypatch, words, said):
    asked = []
    monkeypatch.setattr(
        embedded, "ensure_running", lambda dw: asked.append(dw) or SimpleNamespace(url="postgresql://x")
    )
    done = vendas_here(capsys, "dw", "url", *words, "--lake", tmp_path)
    assert (done.returncode, done.stdout, asked) == (0, said, [tmp_path / "dw"])


@pytest.mark.parametrize(("stopped", "said"), [(True, "Warehouse stopped."), (False, "Warehouse was not running.")])
def test_stopping_says_whether_it_ran(tmp_path, capsys, monkeypatch, stopped, said):
    monkeypatch.setattr(embedded, "stop", lambda dw: stopped and dw == tmp_path / "dw")
    done = vendas_here(capsys, "dw", "stop", "--json", "--lake", tmp_path)
    assert done.returncode == 0 and said in done.stderr and json.loads(done.stdout) == {"stopped": stopped}


def test_a_rebuild_holds_the_lake_and_counts(tmp_path, capsys, monkeypatch):
    def rebuilt(by, settings):
        waits = []
        with pytest.raises(TimeoutError), hold_lake(settings.lake, lambda: stop_waiting(waits)):
            pytest.fail("the lake was free")
        return {FILE: 3, "registros_b.csv": 4} if by == f"workers for {tmp_path.name}" else {}

    def stop_waiting(waits):
        raise TimeoutError(waits)

    monkeypatch.setattr(workers, "own_workers", no_workers)
    monkeypatch.setattr(rebuild, "rebuild_warehouse", rebuilt)
    done = vendas_here(capsys, "dw", "rebuild", "--json", "--lake", tmp_path)
    assert done.returncode == 0 and "Loaded 7 sales of 2 files." in done.stderr, done.stderr
    assert json.loads(done.stdout)["files"][0] == {"arquivo": FILE, "dw": 3}


def test_psql_takes_the_place_of_the_command_with_all_further_words(tmp_path, capsys, monkeypatch):
    class Replaced(BaseException):
        """What takes the place of the process."""

    def execve(path, command, environment):
        raise Replaced(path, command, environment["PGPASSWORD"], "PATH" in environment)

    monkeypatch.setattr(embedded, "ensure_running", lambda dw: dw)
    monkeypatch.setattr(embedded, "psql", lambda dw: (["/bin/psql", str(dw)], {"PGPASSWORD": "x"}))
    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(Replaced) as replaced:
        vendas_here(capsys, "dw", "psql", "--lake", tmp_path, "--", "-c", "select 1")
    words = ["/bin/psql", str(tmp_path / "dw"), "-c", "select 1"]
    assert replaced.value.args == ("/bin/psql", words, "x", True)


@pytest.mark.parametrize(("words", "hours"), [([], 168), (["--keep", "0"], 0)])
@pytest.mark.parametrize("as_json", [True, False])
def test_upkeep_is_given_the_hours_and_told_by_table(tmp_path, capsys, monkeypatch, words, hours, as_json):
    upkeep = Upkeep("silver", Size(9, 8, 7, 6), Size(1, 2, 3, 4))

    def maintain(settings, keep, open_workers, waiting, done):
        assert (settings.lake, keep, open_workers) == (tmp_path, timedelta(hours=hours), workers.own_workers)
        done("silver")
        return [upkeep]

    monkeypatch.setattr(maintenance, "maintain_tables", maintain)
    done = vendas_here(capsys, "maintain", *words, *["--json"] * as_json, "--lake", tmp_path)
    assert done.returncode == 0 and "silver done" in done.stderr and "Nothing to maintain" not in done.stderr
    if as_json:
        assert json.loads(done.stdout) == maintenance.as_json([upkeep])
    else:
        assert "silver" in done.stdout


def test_a_lake_without_tables_has_nothing_to_maintain(tmp_path, capsys):
    done = vendas_here(capsys, "maintain", "--json", "--lake", tmp_path)
    assert done.returncode == 0 and "Nothing to maintain" in done.stderr
    assert json.loads(done.stdout) == maintenance.as_json([])


CHANGES = Difference(
    [FileDifference(FILE, 9, {"canal": ColumnChanges(2, ())}), FileDifference(FILE.replace("_a_", "_b_"), 1)]
)


@pytest.mark.parametrize(("found", "code"), [(CHANGES, 3), (Difference([FileDifference(FILE, 9)]), 0)])
@pytest.mark.parametrize(
    ("bytes_", "master", "kind"),
    [
        (MIB - 1, "", workers.ThisProcess),
        (MIB, "", workers.ForkedWorkers),
        (MIB, "local[2]", workers._OwnSpark),
    ],
)
def test_a_plan_is_made_by_many_if_there_is_much_to_read(
    tmp_path, capsys, monkeypatch, found, code, bytes_, master, kind
):
    asked = []
    monkeypatch.setattr(workers, "LITTLE_WORK_BYTES", MIB)
    monkeypatch.setenv("VENDAS_SPARK_MASTER", master)
    monkeypatch.setattr(plan_command, "make_plan", lambda *given: asked.append(given) or found)
    (tmp_path / "bronze").mkdir()
    (tmp_path / "bronze" / FILE).write_text("x" * bytes_)
    done = vendas_here(capsys, "plan", "--json", "--lake", tmp_path)
    ((lake, by, names),) = asked
    assert (done.returncode, lake, type(by), names) == (code, tmp_path, kind, []), done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(found.as_json()))
    (page,) = [line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("Page: ")]
    assert ("canal" in (tmp_path / page).read_text(encoding="utf-8")) == bool(found)
