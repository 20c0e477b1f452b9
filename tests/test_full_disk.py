"""A full disk is reported as such, even if only the server's log shows it."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from vendas.machine.full_disk import explain
from vendas.warehouse.endpoint import Endpoint, explain_refusal

SAID = "could not write: No space left on device"
BROKEN = "Database connection failed when canceling copy operation"


def a_log(folder, *lines):
    path = folder / "server.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def line(ago, text=SAID):
    return f"{datetime.now(UTC) - ago:%Y-%m-%d %H:%M:%S}.123 UTC [1] PANIC:  {text}"


def test_an_error_that_says_so_is_remarked_with_the_disk(tmp_path):
    assert f"The disk of {tmp_path} is full" in explain(SAID, tmp_path / "not" / "there")


def test_an_english_sentence_has_an_english_number(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1234 << 20))
    assert "(1,234 MiB are free now)" in explain(SAID, tmp_path)


def test_another_error_is_not(tmp_path):
    assert explain(BROKEN, tmp_path) == ""


@pytest.mark.parametrize(
    ("ago", "text", "told"),
    [(timedelta(seconds=5), SAID, True), (timedelta(hours=1), SAID, False), (timedelta(0), "shutting down", False)],
)
def test_the_servers_log_knows_of_a_disk_that_was_full_a_moment_ago(tmp_path, ago, text, told):
    endpoint = Endpoint(1, "x", log=a_log(tmp_path, line(ago, text)))
    assert ("The disk of" in explain_refusal(endpoint, BROKEN)) == told


def test_a_log_that_is_missing_or_odd_says_nothing(tmp_path):
    assert explain(BROKEN, tmp_path, tmp_path / "no.log") == ""
    assert explain(BROKEN, tmp_path, a_log(tmp_path, f"\tat x {SAID}", "")) == ""


START = "import sys, pathlib; from vendas.warehouse import embedded; embedded.ensure_running(pathlib.Path(sys.argv[1]))"
IN_A_SMALL_DISK = """
mount -t tmpfs -o size=8m none "$1" || exit 77
exec "$2" -c "$3" "$1/dw"
"""


@pytest.mark.engine
def test_a_warehouse_that_finds_no_room_names_the_full_disk(tmp_path):
    if not shutil.which("unshare"):
        pytest.skip("no disk can be mounted here")
    command = ["unshare", "--mount", "sh", "-c", IN_A_SMALL_DISK, "sh", tmp_path, sys.executable, START]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no disk can be mounted here")
    assert f"The disk of {tmp_path}" in done.stderr and "MiB are free now" in done.stderr
