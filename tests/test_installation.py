"""`vendas doctor`: each line is ok on a working machine, and not ok, with a remedy, after a fault is injected."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.terminal import vendas_here
from vendas.doctor import installation
from vendas.doctor.installation import look_at_installation
from vendas.errors import SparkStartError
from vendas.lake.jars import PACKAGES, jar_path

FOLDERS = {"Lake", "Landing", "File system"}
VENDAS = Path(sys.executable).with_name("vendas")


@pytest.fixture
def look(tmp_path):
    def look(lake=tmp_path / "lago", environment=None):
        """Return the findings by what was checked."""
        return {finding.what: finding for finding in look_at_installation(str(lake), environment)}

    return look


def test_all_is_ok_on_a_machine_that_works(look, tmp_path):
    findings = look()
    assert [finding.what for finding in findings.values() if not finding.ok] == []
    assert not (tmp_path / "lago").exists()  # it creates nothing


def raiser(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.fixture
def by_spark(monkeypatch):
    """Let Spark do the work on the lake."""
    monkeypatch.setenv("VENDAS_SPARK_MASTER", "local[*]")


FAULTS = {
    "Python": lambda patch, lake: patch.setattr(installation, "PYTHONS", ((9, 0), (9, 1))),
    "Java": lambda patch, lake: patch.setattr(installation, "java_home", raiser(SparkStartError("no Java"))),
    "Lake": lambda patch, lake: lake.touch(),
    "Landing": lambda patch, lake: (lake.mkdir(), (lake / "landing").touch()),
    "Disk of the lake": lambda patch, lake: patch.setattr(installation, "DOCTOR_FREE_BYTES", 1 << 60),
    "Temporary files": lambda patch, lake: patch.setattr(installation, "DOCTOR_FREE_BYTES", 1 << 60),
    "Memory": lambda patch, lake: patch.setenv("VENDAS_SPARK_MEMORY", "9999g"),
    "PostgreSQL": lambda patch, lake: patch.setattr(installation.embedded, "BIN", lake),
    "Ports": lambda patch, lake: patch.setattr(installation, "HOST", "203.0.113.1"),
    "User": lambda patch, lake: patch.setattr(installation, "nameless_user", lambda: 12345),
    "Settings": lambda patch, lake: patch.setenv("VENDAS_SPARK_MEMORY", "much"),
}


@pytest.mark.parametrize(
    ("module", "name", "stand_in", "says"),
    [
        ("fcntl", "flock", raiser(OSError(95, "Operation not supported")), "it has no locks"),
        ("stat", "S_IMODE", lambda mode: 0o777, "it has no permissions"),  # as on a Windows drive
    ],
)
def test_a_file_system_that_lacks_what_runs_need_is_told(look, monkeypatch, module, name, stand_in, says):
    monkeypatch.setattr(getattr(installation, module), name, stand_in)
    finding = look()["File system"]
    assert not finding.ok and says in finding.found and "--lake" in finding.remedy


def test_sizes_are_told_in_gib(look, monkeypatch):
    sizes = SimpleNamespace(total=3 << 29, free=5 << 29)
    monkeypatch.setattr(installation.psutil, "virtual_memory", lambda: sizes)
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda _: sizes)
    findings = look()
    assert findings["Memory"].found.startswith("1.5 GiB in all") and findings["Temporary files"].found == "2.5 GiB free"


@pytest.mark.parametrize(("version", "fits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_a_python_that_is_too_old_or_too_new_is_told(look, monkeypatch, version, fits):
    monkeypatch.setattr(installation.sys, "version_info", version)
    assert look()["Python"].ok == fits


def test_a_folder_in_the_lake_that_another_users_run_made_is_told(look, monkeypatch, tmp_path):
    def temporary_file(dir):
        if dir == tmp_path / "lago" / "bronze":
            raise PermissionError(13, "Permission denied")  # simulated, because root may write anywhere
        return (tmp_path / "probe").open("w")

    (tmp_path / "lago" / "bronze").mkdir(parents=True)
    assert look()["Lake"].ok
    monkeypatch.setattr(installation.tempfile, "TemporaryFile", temporary_file)
    assert look()["Lake"].found == f"{tmp_path / 'lago' / 'bronze'}: Permission denied"


def test_a_look_leaves_nothing_in_a_lake(look, tmp_path):
    (tmp_path / "lago" / "landing").mkdir(parents=True)
    look()
    assert [path.name for path in (tmp_path / "lago").rglob("*")] == ["landing"]


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_told_with_what_to_do(look, by_spark, monkeypatch, tmp_path, what):
    FAULTS[what](monkeypatch, tmp_path / "lago")
    finding = look()[what]
    assert not finding.ok and finding.found and finding.remedy


def test_a_landing_in_s3_of_a_lake_in_a_folder_is_told_as_a_run_tells_it(look, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VENDAS_LANDING", "s3://loja/landing")
    finding, done = look()["Landing"], vendas_here(capsys, "run", "--lake", tmp_path / "lago")
    assert (finding.ok, done.stderr) == (False, f"ArrivalError: {finding.found}\n") and finding.remedy


def test_what_spark_needs_is_not_looked_at_where_it_is_not_used(look, monkeypatch, tmp_path):
    monkeypatch.delenv("VENDAS_SPARK_MASTER", raising=False)
    monkeypatch.setattr(installation, "jar_cache", raiser(AssertionError()))
    monkeypatch.setattr(installation, "java_home", raiser(AssertionError()))
    findings = [look()[what] for what in ("Java", "Spark's jars", "Memory")]
    assert all(finding.ok for finding in findings) and "not needed" in findings[0].found == findings[1].found


def test_missing_jars_are_no_fault_while_there_is_a_way_to_them(look, by_spark, monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "jar_cache", lambda: tmp_path)
    monkeypatch.setattr(installation, "can_be_fetched", lambda package, url: None)
    assert look()["Spark's jars"].ok


def test_damaged_jars_are_a_fault(look, by_spark, monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "jar_cache", lambda: tmp_path)
    for package in PACKAGES:
        jar_path(package, tmp_path).write_bytes(b"<html>please log in</html>")
    finding = look()["Spark's jars"]
    assert not finding.ok and str(jar_path(PACKAGES[0], tmp_path)) in finding.found and "Delete" in finding.remedy


def test_missing_jars_without_a_way_to_them_are_a_fault(look, by_spark, monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "jar_cache", lambda: tmp_path)
    monkeypatch.setenv("VENDAS_MAVEN_URL", "http://127.0.0.1:9/maven2")
    finding = look()["Spark's jars"]
    assert not finding.ok and "Connection refused" in finding.found and "HTTPS_PROXY" in finding.remedy


@pytest.mark.parametrize(
    ("what", "environment", "says"),
    [
        ("Home", {"HOME": "/proc"}, "temporary folders are used instead"),
        ("Locale", {"LC_ALL": "xx_YY"}, "is not installed, so C.UTF-8 is used instead"),
        ("Variables of others", {"PGHOST": "x", "SPARK_HOME": "y"}, "ignored: PGHOST, SPARK_HOME"),
    ],
)
def test_what_a_run_works_around_is_told_and_ok(look, what, environment, says):
    finding = look(environment={"PATH": os.defpath} | environment)[what]
    assert finding.ok and says in finding.found


def test_the_command_shows_a_line_each_and_exits_1_for_a_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lago").touch()
    done = vendas_here(capsys, "doctor", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert {finding["what"] for finding in document["findings"] if not finding["ok"]} == FOLDERS


def test_the_command_works_where_settings_cannot_be_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("VENDAS_LAKE=é\n".encode("utf-16"))
    done = vendas_here(capsys, "doctor")
    assert done.returncode == 1 and "not in UTF-8" in " ".join(done.stdout.split()) and "Traceback" not in done.stderr


def test_the_command_works_where_folders_may_not_be_looked_into(tmp_path):
    """As after `sudo -u`, which keeps HOME and the working folder of another user."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    command = [VENDAS, "doctor", "--json", "--lake", closed / "lago"]
    if os.geteuid() == 0:
        told = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={told}", f"--inh-caps={told}", *command]
    environment = os.environ | {"HOME": str(closed / "home")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert {what for what, finding in findings.items() if not finding["ok"]} == FOLDERS, done.stderr
    assert "Permission denied" in findings["Lake"]["found"] and "not writable" in findings["Home"]["found"]
