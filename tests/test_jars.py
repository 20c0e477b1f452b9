"""Spark's jars, downloaded from a server of the test: the cached files, and the errors."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vendas.errors import DownloadError
from vendas.lake import jars
from vendas.lake.jars import (
    PACKAGES,
    REDSHIFT_DRIVER,
    SHA256,
    damaged_jars,
    fetch_jars,
    jar_cache,
    jar_path,
    maven_central,
    spark_version,
)

JAR = b"a jar"
PATH = "/com/amazon/redshift/redshift-jdbc42/2.1.0.30/redshift-jdbc42-2.1.0.30.jar"


class Repository(ThreadingHTTPServer):
    """A Maven repository, or a proxy, with given responses; `asked` has the requested paths or addresses."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.answers, self.announced = [], {}, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path, 404)
        answer = answer.pop(0) if isinstance(answer, list) else answer
        self.send_response(200 if isinstance(answer, bytes) else answer)
        body = answer if isinstance(answer, bytes) else b"no"
        self.send_header("Content-Length", str(max(len(body), self.server.announced)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with Repository() as found:
        threading.Thread(target=found.serve_forever, args=[0.01], daemon=True).start()  # seconds until it sees its end
        monkeypatch.setattr(jars, "DOWNLOAD_PAUSE_SECONDS", 0)
        monkeypatch.setitem(SHA256, REDSHIFT_DRIVER, hashlib.sha256(JAR).hexdigest())
        yield found
        found.shutdown()


@pytest.fixture
def fetch(server):
    def fetch(cache, *packages, progress=lambda line: None, repository=None):
        return fetch_jars(cache, progress, packages, repository or server.url)

    return fetch


def test_jars_in_the_cache_are_not_fetched_again(tmp_path, fetch, server):
    for package in PACKAGES:
        jar_path(package, tmp_path).touch()
    assert fetch(tmp_path, *PACKAGES) == [jar_path(package, tmp_path) for package in PACKAGES]
    assert server.asked == []


def test_a_jar_is_fetched_announced_and_kept(tmp_path, fetch, server):
    server.answers[PATH] = JAR
    lines = []
    (path,) = fetch(tmp_path / "new" / "cache", REDSHIFT_DRIVER, progress=lines.append)
    assert path.read_bytes() == JAR and server.asked == [PATH]
    assert lines == [f"Fetching {REDSHIFT_DRIVER} from {server.url} (once, into {tmp_path / 'new' / 'cache'})"]
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_the_jar_is_not_kept(tmp_path, fetch, server):
    server.answers[PATH] = b"<html>please log in</html>"
    with pytest.raises(DownloadError, match=f"(?s){REDSHIFT_DRIVER}.*SHA-256.*expected.*HTTPS_PROXY"):
        fetch(tmp_path, REDSHIFT_DRIVER)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_stumbles_is_asked_again(tmp_path, fetch, server):
    server.answers[PATH] = [503, 500, JAR]
    assert fetch(tmp_path, REDSHIFT_DRIVER)[0].read_bytes() == JAR


def test_a_download_that_breaks_off_is_begun_anew(tmp_path, fetch, server):
    server.announced, server.answers[PATH] = len(JAR), [JAR[:2], JAR]
    assert fetch(tmp_path, REDSHIFT_DRIVER)[0].read_bytes() == JAR
    assert server.asked == [PATH, PATH]


def test_a_download_that_always_breaks_off_is_told_as_such(tmp_path, fetch, server):
    server.announced, server.answers[PATH] = len(JAR), JAR[:2]
    with pytest.raises(DownloadError, match=r"IncompleteRead.*3 more expected"):
        fetch(tmp_path, REDSHIFT_DRIVER)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path, fetch, server, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(jars, "_download", full)
    with pytest.raises(DownloadError, match=f"The disk of {tmp_path} is full"):
        fetch(tmp_path, REDSHIFT_DRIVER)


def test_a_jar_that_was_copied_by_hand_and_cut_short_is_found(tmp_path, server):
    packages = [REDSHIFT_DRIVER, jars.ICEBERG]
    good, bad = (jar_path(package, tmp_path) for package in packages)
    good.write_bytes(JAR)
    bad.write_bytes(JAR[:2])
    assert damaged_jars(tmp_path, packages) == [bad]


@pytest.mark.parametrize(("code", "times"), [(404, 1), (403, 1), (499, 1), (500, 3), (503, 3)])
def test_a_refused_download_names_artifact_address_and_what_to_do(tmp_path, fetch, server, code, times):
    server.answers[PATH] = code
    with pytest.raises(DownloadError, match=f"(?s){REDSHIFT_DRIVER} from {server.url}.*VENDAS_MAVEN_URL.*copy the jar"):
        fetch(tmp_path, REDSHIFT_DRIVER)
    assert len(server.asked) == times and list(tmp_path.iterdir()) == []


def test_no_network_is_an_error_that_says_so(tmp_path, fetch, server, monkeypatch):
    with pytest.raises(DownloadError, match="(?s)Connection refused.*Check the network"):
        fetch(tmp_path, REDSHIFT_DRIVER, repository="http://127.0.0.1:9/")


def test_jars_come_through_the_proxy_that_the_environment_names(tmp_path, fetch, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.answers[f"http://repository.example/maven2{PATH}"] = JAR
    assert fetch(tmp_path, REDSHIFT_DRIVER, repository="http://repository.example/maven2")[0].read_bytes() == JAR


def test_two_processes_may_fetch_at_once(tmp_path, fetch, server):
    server.answers[PATH] = JAR
    threads = [threading.Thread(target=fetch, args=[tmp_path, REDSHIFT_DRIVER]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(tmp_path.iterdir()) == [jar_path(REDSHIFT_DRIVER, tmp_path)]


def test_every_package_has_its_checksum():
    wanted = {REDSHIFT_DRIVER}
    for of_spark in jars._OF_SPARK.values():
        wanted |= {of_spark.iceberg, of_spark.iceberg_aws, *of_spark.s3a}
    assert wanted == SHA256.keys()


@pytest.mark.parametrize(
    ("version", "first_two"),
    [("3.5.6", "3.5"), ("3.5.6+amzn.1", "3.5"), ("3.5.6-amzn-1", "3.5"), ("4.1.1", "4.1"), ("3.5.4.dev0", "3.5")],
)
def test_a_version_of_spark_is_its_first_two_parts(version, first_two):
    assert spark_version(version) == first_two


def test_maven_central_is_where_sparks_own_ivy_finds_it():
    assert maven_central().startswith("https://") and maven_central().endswith("/maven2/")


@pytest.mark.parametrize(("variable", "inside"), [("XDG_CACHE_HOME", "vendas/jars"), ("HOME", ".cache/vendas/jars")])
def test_jars_are_in_the_users_cache(tmp_path, monkeypatch, variable, inside):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/proc")
    monkeypatch.setenv(variable, str(tmp_path))
    assert jar_cache() == tmp_path / inside


def test_a_home_that_has_all_jars_need_not_be_writable(tmp_path, monkeypatch):
    """As in a read-only container whose image has the jars; the environment of a run names another cache there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(jars.os, "access", lambda path, mode: tmp_path not in [path, *path.parents])
    cache = tmp_path / ".cache" / "vendas" / "jars"
    cache.mkdir(parents=True)
    assert jar_cache() != cache
    for package in PACKAGES:
        jar_path(package, cache).touch()
    assert jar_cache() == cache


@pytest.mark.parametrize("name", ["a#b", "a,b", "{a}", "a[1]", "a*", "a?", "a\\b"])
def test_a_cache_that_spark_would_not_find_is_not_used(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path / name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "João Silva"))
    (tmp_path / name).mkdir()
    assert jar_cache() == tmp_path / "João Silva" / "vendas" / "jars"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
    monkeypatch.setattr(jars, "temporary_folder", lambda: tmp_path)
    assert jar_cache() == tmp_path / "jars"


@pytest.mark.parametrize("home", ["/proc/nowhere", "/proc", ""])
def test_without_a_home_to_write_into_jars_are_in_a_temporary_folder(tmp_path, monkeypatch, home):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(jars.os, "access", lambda path, mode: not str(path).startswith("/proc") and str(path) != "/")
    monkeypatch.setattr(jars, "temporary_folder", lambda: tmp_path)
    assert jar_cache() == tmp_path / "jars"
