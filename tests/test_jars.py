import pytest

from vendas.errors import DownloadError
from vendas.jars import PACKAGES, REDSHIFT, fetch_jars, jar_path


@pytest.fixture
def java_home(tmp_path):
    """A Java whose Ivy finds nothing."""
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho ':: x#y;1: not found'\nexit 1\n")
    java.chmod(0o755)
    return tmp_path / "java"


def test_jars_in_the_cache_are_not_fetched_again(tmp_path, java_home):
    for package in PACKAGES:
        jar = jar_path(package, tmp_path)
        jar.parent.mkdir(exist_ok=True)
        jar.touch()
    assert fetch_jars(java_home, tmp_path) == [jar_path(package, tmp_path) for package in PACKAGES]


def test_only_what_is_asked_for_is_fetched(tmp_path, java_home):
    with pytest.raises(DownloadError, match=f"(?s){REDSHIFT}.*not found"):
        fetch_jars(java_home, tmp_path, packages=[REDSHIFT])


def test_a_failed_download_names_the_artifact_and_ivys_reason(tmp_path, java_home):
    with pytest.raises(DownloadError, match=rf"(?s){PACKAGES[0]}.*not found"):
        fetch_jars(java_home, tmp_path)


def test_a_download_is_announced(tmp_path, java_home):
    lines = []
    with pytest.raises(DownloadError):
        fetch_jars(java_home, tmp_path, progress=lines.append)
    assert lines == [f"Fetching {PACKAGES[0]} from Maven Central (once, into {tmp_path})"]
