"""The archive of Java's classes: made once, used from then on, and never in the way."""

import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest

from vendas.lake import class_archive, spark as vendas_spark
from vendas.lake.class_archive import ClassArchive
from vendas.lake.jars import REDSHIFT_DRIVER, fetch_jars, jar_cache
from vendas.lake.spark import gateway_environment, java_home
from vendas.settings import load_settings

pytestmark = pytest.mark.engine  # also where Java is a script: `make check` refuses to start either


@pytest.fixture
def archive(tmp_path):
    """Return the archive for a Java that writes an archive of its own classes at once."""
    java = tmp_path / "java"
    for folder in ("bin", "lib"):
        (java / folder).mkdir(parents=True)
    (java / "lib" / "modules").touch()
    script = '#!/bin/sh\nfor option; do case "$option" in *ArchiveFile=*) touch "${option#*=}"; esac; done\n'
    (java / "bin" / "java").write_text(script)
    (java / "bin" / "java").chmod(0o755)
    return ClassArchive(tmp_path / "classes", java, [java])


def end_jvm(options, written=b"classes"):
    """Do what a JVM with these options does as it ends."""
    (part,) = re.findall(r"-XX:ArchiveClassesAtExit=(\S+)", " ".join(options))
    if written is not None:
        Path(part).write_bytes(written)


def file_of(archive):
    (path,) = re.findall(r"-XX:SharedArchiveFile=(\S+)", " ".join(archive.options()))
    return Path(path)


def make(archive):
    with archive.made() as options:
        end_jvm(options)


def test_an_archive_is_used_once_it_was_made(archive):
    assert archive.options() == []
    make(archive)
    assert file_of(archive).read_bytes() == b"classes"


@pytest.mark.parametrize("ends", [True, False])
def test_after_an_error_none_is_kept(archive, ends):
    with pytest.raises(KeyError), archive.made() as options:
        if ends:
            end_jvm(options)
        raise KeyError
    assert archive.options() == [] and not list(archive._folder.glob("*part*"))


@pytest.mark.parametrize("written", [None, b"", b"\0\0\0\0half"])
def test_of_a_jvm_that_is_killed_none_is_kept(archive, written):
    with archive.made() as options:
        end_jvm(options, written)
    assert archive.options() == [] and not list(archive._folder.glob("*part*"))


@pytest.mark.parametrize("left", [b"", b"class"])
def test_an_archive_that_was_cut_off_is_not_used(archive, left):
    make(archive)
    file_of(archive).write_bytes(left)
    assert archive.options() == []


def test_one_process_at_a_time_makes_it(archive):
    with archive.made() as first, archive.made() as second:
        end_jvm(first)
    assert second == [] and archive.options() != []


@pytest.mark.parametrize("why", ["no space", "no folder", "no Java"])
def test_where_it_cannot_be_kept_none_is_made(archive, monkeypatch, why):
    if why == "no space":
        monkeypatch.setattr(class_archive, "ARCHIVE_FREE_BYTES", 1 << 60)
    elif why == "no folder":
        archive._folder.touch()
    else:
        (archive._java / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    with archive.made() as options:
        assert options == []
    assert archive.options() == []


def test_another_java_or_jar_has_another_archive(archive):
    make(archive)
    os.utime(archive._java / "lib" / "modules", (1, 1))
    assert ClassArchive(archive._folder, archive._java, [archive._java]).options() == []


def test_an_archive_that_is_unused_for_long_goes_with_the_next(archive):
    make(archive)
    for file in archive._folder.glob("*.jsa"):
        os.utime(file, (1, 1))
    os.utime(archive._java / "lib" / "modules", (1, 1))
    make(other := ClassArchive(archive._folder, archive._java, [archive._java]))
    assert archive.options() == [] != other.options()


def start_java(driver, *options):
    """Start Java for a moment; return its exit code and output."""
    command = [java_home() / "bin" / "java", *options, "-cp", driver, "com.amazon.redshift.util.RedshiftJDBCMain"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout


@pytest.mark.parametrize("damaged", ["java", "spark"])
def test_java_starts_as_without_an_archive_that_is_missing_or_damaged(tmp_path, damaged):
    (driver,) = fetch_jars(jar_cache(), packages=[REDSHIFT_DRIVER])
    archive = ClassArchive(tmp_path, java_home(), [driver])
    said = start_java(driver)
    assert "Redshift JDBC Driver" in said[1]
    with archive.made() as options:
        assert start_java(driver, *options) == said
    options = archive.options()
    (file,) = tmp_path.glob(f"{damaged}-*.jsa")
    for damage in (lambda: file.write_bytes(b"\0" * 99_999), file.unlink):
        file.chmod(0o600)
        damage()
        assert start_java(driver, *options) == said


def test_a_jvm_with_work_makes_it_for_the_next(tmp_path, monkeypatch):
    jars = tmp_path / "João da Silva" / "jars"
    jars.parent.mkdir()
    jars.symlink_to(jar_cache())
    monkeypatch.setattr(vendas_spark, "jar_cache", lambda: jars)
    settings, log = load_settings(lake=tmp_path, spark_memory="1g"), tmp_path / "spark.log"

    def list_jvms():
        return {child for child in psutil.Process().children(recursive=True) if child.name() == "java"}

    def archives(work_bytes):
        others = list_jvms()  # such as that of the tests' session
        with gateway_environment(settings, log, work_bytes):
            (jvm,) = list_jvms() - others
            mapped = (Path(region.path) for region in jvm.memory_maps() if region.path.endswith(".jsa"))
            return [path.name[:5] for path in mapped if path.parent.name == "classes"]  # Java may have one of its own

    assert [archives(work) for work in (0, 1, 0)] == [[], ["java-"], ["java-", "spark"]]
