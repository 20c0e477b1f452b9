"""`vendas undo` and `vendas replay` ask before they act, and give the run the files to correct."""

from types import SimpleNamespace

import pytest

from helpers.rows import FILE
from helpers.runs import entry
from helpers.terminal import vendas_here
from vendas.cli import commands

OTHER = "registros_b_20240101T000000000Z_bbbbbbbb.csv"
NAMES = {"undo": "Take out of every layer", "replay": "Process again"}


@pytest.fixture
def lake(tmp_path):
    """Return a lake with two files in bronze, which no run has seen."""
    (tmp_path / "bronze").mkdir()
    for name in (FILE, OTHER):
        (tmp_path / "bronze" / name).write_text("a\n")
    return tmp_path


@pytest.fixture
def runs(monkeypatch):
    """Let commands run nothing; return the corrections of each run that they ask for, and its status for the next."""
    asked = SimpleNamespace(corrections=[], status="ok")

    def run(settings, json, corrections):
        asked.corrections.append((corrections.undo, corrections.replay))
        return SimpleNamespace(status=asked.status)

    monkeypatch.setattr(commands, "_run", run)
    return asked


@pytest.mark.parametrize("how", NAMES)
def test_nobody_there_to_answer_is_told_to_say_yes(lake, runs, capsys, how):
    done = vendas_here(capsys, how, FILE, "--lake", lake)
    assert done.returncode == 1 and f"`vendas {how}` asks before it acts" in done.stderr.replace("\n", " ")
    assert runs.corrections == []


@pytest.mark.parametrize(("how", "expected"), [("undo", [([FILE], [])]), ("replay", [([], [FILE])])])
def test_yes_runs_at_once(lake, runs, capsys, how, expected):
    assert vendas_here(capsys, how, f"bronze/{FILE}", "--yes", "--lake", lake).returncode == 0
    assert runs.corrections == expected


@pytest.mark.parametrize(("answer", "count"), [("y", 1), ("n", 0)])
@pytest.mark.parametrize("how", NAMES)
def test_an_answer_decides(lake, runs, capsys, monkeypatch, how, answer, count):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    questions = []
    monkeypatch.setattr(
        commands.typer, "confirm", lambda question, err: questions.append((question, err)) or answer == "y"
    )
    done = vendas_here(capsys, how, FILE, "--lake", lake)
    assert questions == [(f"{NAMES[how]}: {FILE}?", True)] and len(runs.corrections) == count
    assert done.returncode == 0 and ("Nothing was done." in done.stderr) == (count == 0)


@pytest.mark.parametrize("how", NAMES)
def test_rejections_are_told_by_the_exit_code(lake, runs, capsys, how):
    runs.status = "with_rejections"
    assert vendas_here(capsys, how, FILE, "--yes", "--lake", lake).returncode == 2


@pytest.mark.parametrize("how", NAMES)
def test_a_file_that_is_not_there_is_an_error(lake, runs, capsys, how):
    done = vendas_here(capsys, how, "registros_c.csv", "--yes", "--lake", lake)
    assert done.returncode == 1 and "registros_c.csv" in done.stderr and runs.corrections == []


@pytest.mark.parametrize("words", [[], [FILE, "--outdated"]])
def test_a_replay_is_of_one_file_or_of_the_outdated(lake, runs, capsys, words):
    done = vendas_here(capsys, "replay", *words, "--lake", lake)
    assert done.returncode != 0 and "Give one FILE, or --outdated." in done.stderr and runs.corrections == []


def test_outdated_files_are_replayed_together(lake, runs, capsys, monkeypatch):
    monkeypatch.setattr(commands.ledger, "list_of_older_rules", lambda events: [FILE, OTHER])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    questions = []
    monkeypatch.setattr(commands.typer, "confirm", lambda question, err: questions.append(question) or True)
    assert vendas_here(capsys, "replay", "--outdated", "--lake", lake).returncode == 0
    assert (questions, runs.corrections) == (["Process again: 2 files?"], [([], [FILE, OTHER])])


def test_without_outdated_files_a_run_follows_and_nobody_is_asked(lake, runs, capsys):
    done = vendas_here(capsys, "replay", "--outdated", "--lake", lake)
    assert done.returncode == 0 and "Today's rules have processed every file." in done.stderr
    assert runs.corrections == [([], [])]


def test_a_file_that_is_undone_is_not_undone_again(lake, runs, capsys, monkeypatch):
    """The run that follows anyway ends what a killed one left."""
    undone = entry() | {"arquivo": FILE, "situacao": "desfeito"}
    monkeypatch.setattr(commands.ledger, "list_entries", lambda events: [undone])
    done = vendas_here(capsys, "undo", FILE, "--lake", lake)
    assert done.returncode == 0 and f"{FILE} is already undone." in done.stderr
    assert runs.corrections == [([], [])]
