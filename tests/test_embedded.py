"""The embedded PostgreSQL: it is started once, survives, restarts, is isolated, and explains its failures."""

import multiprocessing
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg
import pytest

from vendas.errors import WarehouseError
from vendas.warehouse import embedded

pytestmark = pytest.mark.engine

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
START = """
import pathlib, sys
from vendas.warehouse import embedded
print(embedded.ensure_running(pathlib.Path(sys.argv[1])).url)
"""
SOMEBODY = pwd.getpwuid(1)  # a user that has a name on every system


def may_pass(path):
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return a running server for tests that do not change it."""
    folder = tmp_path_factory.mktemp("embedded") / "dw"
    embedded.ensure_running(folder)
    yield folder
    embedded.stop(folder)


@pytest.fixture
def folder(tmp_path):
    """Return a folder for a server of the test."""
    yield tmp_path / "dw"
    embedded.stop(tmp_path / "dw")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped") / "dw"
    embedded.ensure_running(folder)
    embedded.stop(folder)
    return folder


@pytest.fixture
def made(stopped, folder):
    """Return a folder with an initialized server; copying one is faster than initdb."""
    subprocess.run(["cp", "-a", stopped, folder], check=True)
    return folder


@pytest.fixture
def open_folder():
    """Return a folder that all users may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    embedded.stop(path / "dw")
    shutil.rmtree(path)


def ask(endpoint, query):
    with psycopg.connect(endpoint.url) as connection:
        return connection.execute(query).fetchone()[0]


def kill_server(folder):
    server = psutil.Process(int((folder / "cluster/data/postmaster.pid").read_text().split()[0]))
    server.kill()
    psutil.wait_procs([server], timeout=10)


def test_listens_on_tcp_of_this_machine_only(shared):
    endpoint = embedded.find_running(shared)
    listens = "select current_setting('listen_addresses') || '|' || current_setting('unix_socket_directories')"
    assert ask(endpoint, listens) == "127.0.0.1|"


def test_the_database_is_utf8_sorted_by_code_point_and_durable(shared):
    query = "select concat_ws(' ', pg_encoding_to_char(encoding), datlocale, current_setting('fsync')) from pg_database"
    assert ask(embedded.find_running(shared), f"{query} where datname = 'vendas'") == "UTF8 C.UTF-8 on"


def test_the_password_is_asked_for(shared):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(embedded.find_running(shared).url, password="guess")


def test_the_password_is_kept_from_other_users_and_from_reprs(shared):
    password = shared / "cluster/password"
    endpoint = embedded.find_running(shared)
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert password.read_text() not in repr(endpoint) + endpoint.address


def test_urls_encode_the_password():
    assert embedded.Endpoint(port=1, password="a/b@c ").url == "postgresql://vendas:a%2Fb%40c%20@127.0.0.1:1/vendas"


def test_psql_gets_the_password_by_its_environment(shared):
    command, variables = embedded.psql(embedded.find_running(shared))
    result = subprocess.run([*command, "-Atc", "select 1"], env=variables, capture_output=True, text=True, check=True)
    assert result.stdout == "1\n"
    assert not any(variables["PGPASSWORD"] in word for word in command)


def test_a_second_start_finds_the_first(shared):
    assert embedded.ensure_running(shared) == embedded.find_running(shared)


def test_the_server_outlives_its_starter_in_a_session_of_its_own(made):
    subprocess.run([sys.executable, "-c", START, made], check=True, capture_output=True)
    server = int((made / "cluster/data/postmaster.pid").read_text().split()[0])
    assert embedded.find_running(made)
    assert os.getsid(server) != os.getsid(0)


def test_stopping_twice_is_no_error(made):
    embedded.ensure_running(made)
    assert [embedded.stop(made), embedded.stop(made)] == [True, False]
    assert embedded.find_running(made) is None


def test_stopping_what_was_never_started_leaves_no_trace(tmp_path):
    assert embedded.stop(tmp_path / "dw") is False
    assert not (tmp_path / "dw").exists()


def test_data_and_address_survive_stop_and_start(made):
    first = embedded.ensure_running(made)
    with psycopg.connect(first.url) as connection:
        connection.execute("create table t as select 42 as n")
    embedded.stop(made)
    again = embedded.ensure_running(made)
    assert (again, ask(again, "select n from t")) == (first, 42)


def test_a_killed_server_starts_again(made):
    with psycopg.connect(embedded.ensure_running(made).url):
        kill_server(made)
        assert ask(embedded.ensure_running(made), "select 1") == 1


def test_a_dead_servers_process_id_may_be_anothers(made):
    embedded.ensure_running(made)
    kill_server(made)
    pid_file = made / "cluster/data/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    assert embedded.find_running(made) is None
    assert ask(embedded.ensure_running(made), "select 1") == 1


def test_a_port_taken_meanwhile_is_replaced(made):
    first = embedded.ensure_running(made)
    embedded.stop(made)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind((first.host, first.port))
        squatter.listen()
        second = embedded.ensure_running(made)
    assert second.port != first.port
    assert ask(second, "select 1") == 1


def test_two_lakes_keep_to_themselves(shared, folder):
    one, other = embedded.find_running(shared), embedded.ensure_running(folder)
    assert (one.port, one.password) != (other.port, other.password)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(one.url, password=other.password)


def test_starts_at_once_give_one_server(folder):
    starts = [subprocess.Popen([sys.executable, "-c", START, folder], stdout=subprocess.PIPE, text=True) for _ in "123"]
    urls = {start.communicate()[0] for start in starts}
    assert urls == {f"{embedded.find_running(folder).url}\n"}


def test_a_first_start_killed_half_way_is_begun_afresh(folder):
    (folder / "cluster.new/data").mkdir(parents=True)
    (folder / "cluster.new/data/PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure_running(folder), "select 1") == 1


@pytest.mark.parametrize("name", ["um 'são' \"joão\" $HOME `x` %", "/".join(["longo" * 30] * 5)], ids=["odd", "long"])
def test_paths_may_be_odd_or_long(tmp_path, name):
    try:
        assert ask(embedded.ensure_running(tmp_path / name), "select 1") == 1
    finally:
        embedded.stop(tmp_path / name)


@as_root
def test_root_runs_it_as_nobody(open_folder):
    endpoint = embedded.ensure_running(open_folder / "dw")
    server = psutil.Process(int((open_folder / "dw/cluster/data/postmaster.pid").read_text().split()[0]))
    assert (server.username(), ask(endpoint, "select 1")) == ("nobody", 1)


@as_root
def test_root_may_keep_data_and_programs_where_nobody_else_may_pass(tmp_path, monkeypatch):
    private = tmp_path / "root's"
    private.mkdir(mode=0o700)
    package = embedded.BIN.parents[1]
    shutil.copytree(package / "pginstall18", private / package.name / "pginstall18")
    shutil.copytree(f"{package}.libs", private / f"{package.name}.libs")
    monkeypatch.setattr(embedded, "BIN", private / package.name / "pginstall18" / "bin")
    try:
        assert ask(embedded.ensure_running(private / "dw"), "select 1") == 1
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    finally:
        embedded.stop(private / "dw")


def start_as(uid, folder, answer):
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    try:
        answer.put(embedded.ensure_running(folder).url)
    except WarehouseError as error:
        answer.put(str(error))


def url_or_error_of(uid, folder):
    context = multiprocessing.get_context("fork")  # another user may not be able to execute the interpreter
    answer = context.SimpleQueue()
    other = context.Process(target=start_as, args=(uid, folder, answer))
    other.start()
    other.join()
    return answer.get()


@as_root
@pytest.mark.skipif(not may_pass(embedded.BIN), reason="an ordinary user cannot reach this environment's programs")
def test_an_ordinary_user_runs_it_as_itself(open_folder):
    os.chown(open_folder, SOMEBODY.pw_uid, SOMEBODY.pw_gid)
    url = url_or_error_of(SOMEBODY.pw_uid, open_folder / "dw")
    server = psutil.Process(int((open_folder / "dw/cluster/data/postmaster.pid").read_text().split()[0]))
    assert url == embedded.ensure_running(open_folder / "dw").url
    assert server.username() == SOMEBODY.pw_name


@as_root
def test_a_folder_one_may_not_write_is_explained(open_folder):
    error = url_or_error_of(SOMEBODY.pw_uid, open_folder / "dw")
    assert "Permission denied" in error
    assert str(open_folder) in error


@as_root
def test_anothers_server_is_explained(open_folder):
    embedded.ensure_running(open_folder / "dw")
    assert "run as the user who made this one" in url_or_error_of(SOMEBODY.pw_uid, open_folder / "dw")


def test_a_file_in_the_folders_place_is_explained(tmp_path):
    (tmp_path / "dw").write_text("")
    with pytest.raises(WarehouseError, match="cannot be used"):
        embedded.ensure_running(tmp_path / "dw")


@pytest.mark.parametrize(
    ("version", "found"),
    [(None, "no database"), ("17", "a database of PostgreSQL 17"), ("18", "a database whose password is not beside")],
)
def test_foreign_data_is_refused_and_left_alone(folder, version, found):
    data = folder / "cluster/data"
    data.mkdir(parents=True)
    if version:
        (data / "PG_VERSION").write_text(version)
    (data / "carta.txt").write_text("minha")
    with pytest.raises(WarehouseError, match=found):
        embedded.ensure_running(folder)
    assert (data / "carta.txt").read_text() == "minha"


def test_a_server_that_cannot_start_shows_its_last_words(made):
    with (made / "cluster/data/postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = plenty\n")
    with pytest.raises(WarehouseError, match="(?s)server.log.*plenty"):
        embedded.ensure_running(made)
