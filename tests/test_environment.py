"""The environment of a run: variables of other programs, homes, locales, terminals, paths and settings files."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vendas.errors import SettingsError
from vendas.machine.environment import (
    LOCALE,
    foreign_variables,
    home_is_usable,
    isolate,
    leave_gateway,
    nameless_user,
    temporary_folder,
)
from vendas.machine.job_environment import WRITABLE
from vendas.settings import load_settings

VENDAS = Path(sys.executable).with_name("vendas")
FIXTURES = Path(__file__).parent / "fixtures"
FOREIGN = {
    "CLASSPATH": "/nowhere",
    "HADOOP_CONF_DIR": "/nowhere",
    "HADOOP_HOME": "/nowhere",
    "JAVA_TOOL_OPTIONS": "-Xmx1k",
    "JDK_JAVA_OPTIONS": "-Xmx1k",
    "MPLBACKEND": "Agg",
    "PGDATABASE": "other",
    "PGHOST": "nowhere.example",
    "PGOPTIONS": "-c nonsense=1",
    "PGPORT": "1",
    "PGSERVICE": "other",
    "PGSSLMODE": "require",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYSPARK_DRIVER_PYTHON": "/nowhere/jupyter",
    "PYSPARK_GATEWAY_PORT": "1",
    "PYSPARK_GATEWAY_SECRET": "x",
    "PYSPARK_PYTHON": "/nowhere/python",
    "SPARK_CONF_DIR": "/nowhere",
    "SPARK_HOME": "/nowhere/spark",
    "SPARK_LOCAL_IP": "203.0.113.1",
    "_JAVA_OPTIONS": "-Xmx1k",
}


def vendas(*arguments, cwd, **environment):
    variables = os.environ | FOREIGN | {"LC_ALL": "xx_YY.UTF-8", "HOME": "/proc"} | environment
    return subprocess.run([VENDAS, *map(str, arguments)], cwd=cwd, env=variables, capture_output=True)


def test_what_others_set_is_taken_out_and_nothing_else():
    environment = {"PATH": "/bin", "HOME": "/proc", "VENDAS_LAKE": "x"}
    given = environment | FOREIGN | {"LC_CTYPE": "C", "LANG": "C"}
    assert foreign_variables(given) == sorted({*FOREIGN, "LC_CTYPE"})
    isolate(given)
    assert given.keys() >= {"PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET", "SPARK_LOCAL_IP"}
    leave_gateway(given)
    assert given.items() >= (environment | {"LANG": "C", "LC_ALL": LOCALE}).items()
    assert given.keys() == {*environment, "LANG", "LC_ALL", *WRITABLE}


def test_what_starts_from_a_command_speaks_utf8_whatever_its_terminal_does(tmp_path):
    environment = {"HOME": str(tmp_path), "PYTHONIOENCODING": "latin-1"}
    isolate(environment)
    assert environment == {"HOME": str(tmp_path), "LC_ALL": LOCALE}


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Make `tmp_path` the temporary folder of all users; return the path of this user's own folder in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    temporary_folder.cache_clear()
    yield tmp_path / f"vendas-{os.getuid()}"
    temporary_folder.cache_clear()


def test_the_temporary_folder_is_this_users_alone(temporary):
    temporary.mkdir(mode=0o777)
    assert temporary_folder() == temporary and stat.S_IMODE(temporary.stat().st_mode) == 0o700


def test_a_temporary_folder_that_others_made_is_not_used(temporary, tmp_path):
    (tmp_path / "of others").mkdir()
    temporary.symlink_to(tmp_path / "of others")
    assert temporary_folder() != temporary and list((tmp_path / "of others").iterdir()) == []
    assert temporary_folder().parent == tmp_path and stat.S_IMODE(temporary_folder().stat().st_mode) == 0o700


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "broken link"])
def test_a_name_of_the_temporary_folder_that_is_no_folder_is_left_alone(temporary, make):
    make(temporary)
    assert temporary_folder() != temporary and temporary_folder().is_dir() and not temporary.is_dir()


def test_a_home_that_can_be_written_to_is_kept(tmp_path):
    environment = {"HOME": str(tmp_path)}
    isolate(environment)
    assert environment == {"HOME": str(tmp_path), "LC_ALL": LOCALE}


@pytest.mark.parametrize("home", ["/proc", "/nowhere", "/etc/passwd"])
def test_a_home_that_cannot_be_written_to_is_told(home):
    assert not home_is_usable({"HOME": home})


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_env_file_of_another_encoding_is_named(tmp_path, monkeypatch, encoding):
    (tmp_path / ".env").write_bytes("VENDAS_LAKE=lagoa_não_é\n".encode(encoding))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"\.env is not in UTF-8.*Save it as UTF-8"):
        load_settings()


def test_an_env_file_in_utf16_without_a_mark_is_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / ".env").write_bytes("VENDAS_QUIET_SECONDS=7\n".encode("utf-16-le"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"\.env is not in UTF-8 \(it has bytes of zero.*Save it as UTF-8"):
        load_settings()


def test_an_env_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / ".env").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", denied)  # because root may read everything
    with pytest.raises(SettingsError, match=r"\.env cannot be read \(Permission denied\)"):
        load_settings()


@pytest.mark.parametrize(
    ("lake", "says"),
    [("l\udce1", "is not in UTF-8, and Java could not open it"), ("~nobody-of-this-name/x", "give an absolute path")],
)
def test_a_lake_that_cannot_be_opened_is_refused_before_anything_is_made(tmp_path, monkeypatch, lake, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=rf"VENDAS_LAKE\).*{says}"):
        load_settings(lake=lake)


def test_a_relative_lake_in_a_folder_that_is_gone_is_refused(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(SettingsError, match="give an absolute path"):
        load_settings()


def test_an_env_file_may_begin_with_a_byte_order_mark(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("VENDAS_QUIET_SECONDS=7\n", encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    assert load_settings().quiet_seconds == 7


@pytest.fixture(scope="module")
def odd_lake(tmp_path_factory, engine):
    """Run with all oddities at once, on a lake whose path has accents, braces, blanks and more."""
    lake = tmp_path_factory.mktemp("ambiente") / "lá {go} #1 'x' %20"
    (lake / "landing").mkdir(parents=True)
    for path in FIXTURES.glob("*.csv"):
        (lake / "landing" / path.name).write_bytes(path.read_bytes())
    (lake / "landing" / "vendas.csv").touch()
    with (lake / "landing" / "registros_aberto.csv").open("w"):
        done = vendas("run", "--lake", lake, "--json", cwd=lake.parent, PYTHONIOENCODING="latin-1")
    yield lake, done
    vendas("dw", "stop", "--lake", lake, cwd=lake.parent)


def test_a_run_does_not_mind_what_is_around_it(odd_lake):
    _, done = odd_lake
    report = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, sum(file["dw"] for file in report["files"])) == (0, 70), done.stderr.decode("latin-1")
    assert [stage["notebook"] for stage in report["stages"]] == ["01_bronze", "02_silver", "03_gold", "04_dw"]
    assert b"Traceback" not in done.stderr and b"exploration failed" not in done.stderr


def test_a_run_names_what_it_leaves_in_landing(odd_lake):
    lake, done = odd_lake
    said = done.stderr.decode("latin-1")
    assert "registros_aberto.csv is still being written; the next run takes it" in said
    assert "vendas.csv stays in landing because of its name" in said
    assert sorted(path.name for path in (lake / "landing").iterdir()) == ["registros_aberto.csv", "vendas.csv"]


def test_a_terminal_that_lacks_letters_shows_the_others(odd_lake):
    lake, _ = odd_lake
    shown = vendas("status", "--lake", lake, cwd=lake.parent, PYTHONIOENCODING="latin-1", COLUMNS="200")
    assert shown.returncode == 0 and "Situação" in shown.stdout.decode("latin-1")


def test_json_is_whole_whatever_the_terminal(odd_lake, tmp_path):
    lake, _ = odd_lake
    path = tmp_path / "registros_€.csv"
    path.write_text("x")
    said = vendas("check", path, "--json", cwd=tmp_path, PYTHONIOENCODING="latin-1").stdout
    assert json.loads(said.decode("latin-1"))["files"][0]["arquivo"] == str(path)


def test_psql_reaches_the_lakes_own_warehouse(odd_lake):
    lake, _ = odd_lake
    query = "select count(*) from fato_vendas"
    done = vendas("dw", "psql", "--lake", lake, "--", "-Atc", query, cwd=lake.parent)
    assert (done.returncode, done.stdout) == (0, b"70\n"), done.stderr


def test_pages_are_written(odd_lake):
    lake, _ = odd_lake
    assert (lake / "runs" / "index.html").is_file()


def test_a_user_without_a_name_is_told(monkeypatch):
    assert nameless_user() is None
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    assert nameless_user() == 4_000_000_000
