"""Who does the work on rows, and that it comes out the same."""

import os
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from helpers.lake_twin import contents
from vendas.lake import forked_workers, spark, workers
from vendas.lake.workers import ForkedWorkers, SparkWorkers, ThisProcess, kernel_environment, open_workers, own_workers
from vendas.sample.generator import write_sample
from vendas.settings import load_settings
from vendas.warehouse.embedded import stop


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("amostra")
    write_sample(2000, folder, seed=7, files=4)
    return folder


@pytest.fixture(scope="module")
def by_itself(run_here, sample, tmp_path_factory):
    """Return the contents of a lake whose stages did all work themselves."""
    lake = tmp_path_factory.mktemp("só") / "lago"
    yield run(run_here, sample, lake)


def run(run_here, sample, lake):
    shutil.copytree(sample, lake / "landing")  # with the files' times
    try:
        run_here(lake)
        return contents(lake)
    finally:
        stop(lake / "dw")


@pytest.mark.parametrize("master", ["", "local[2]"])
def test_a_run_is_the_same_whoever_does_its_work(run_here, sample, by_itself, tmp_path, monkeypatch, master):
    monkeypatch.setattr(workers, "LITTLE_WORK_BYTES", 1)
    monkeypatch.setenv("VENDAS_SPARK_MASTER", master)
    monkeypatch.setenv("VENDAS_SPARK_MEMORY", "1g")
    found = run(run_here, sample, tmp_path / "lago")
    ledger, expected = ([{**entry, "run_id": ""} for entry in held.pop("ledger")] for held in (found, dict(by_itself)))
    assert ledger == expected
    assert found == {name: rows for name, rows in by_itself.items() if name != "ledger"}


@pytest.mark.parametrize(("bytes_", "kind"), [(0, ThisProcess), (workers.LITTLE_WORK_BYTES, ForkedWorkers)])
def test_a_kernel_has_the_workers_that_its_run_has_much_to_read_for(tmp_path, monkeypatch, bytes_, kind):
    settings = load_settings(lake=tmp_path)
    with kernel_environment(settings, tmp_path / "spark.log", bytes_) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert type(open_workers(settings)) is kind


@pytest.mark.parametrize("master", ["", "local[2]"])
@pytest.mark.parametrize("bytes_", [0, 9])
def test_a_notebook_opened_by_hand_has_workers_by_the_size_of_bronze(tmp_path, monkeypatch, master, bytes_):
    monkeypatch.setattr(workers, "LITTLE_WORK_BYTES", 9)
    monkeypatch.setenv("VENDAS_SPARK_MASTER", master)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    (tmp_path / "bronze").mkdir()
    (tmp_path / "bronze" / "a.csv").write_bytes(b"x" * bytes_)
    expected = ThisProcess if not bytes_ else SparkWorkers if master else ForkedWorkers
    assert type(open_workers(load_settings(lake=tmp_path))) is expected


def test_a_lake_in_s3_has_sparks(monkeypatch):
    assert type(open_workers(load_settings(lake="s3://lago"))) is SparkWorkers


def test_a_kernel_that_is_given_a_jvm_has_sparks(tmp_path, monkeypatch):
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert type(open_workers(load_settings(lake=tmp_path))) is SparkWorkers


@pytest.fixture
def jvms(monkeypatch):
    """Return what is done with JVMs, none of which is started."""

    @contextmanager
    def jvm(settings, *given):
        done.append(given)
        yield {"PYSPARK_GATEWAY_PORT": "1"}
        done.append("ended")

    done = []
    monkeypatch.setattr(workers, "LITTLE_WORK_BYTES", 9)
    for name in ("gateway_environment", "private_jvm"):
        monkeypatch.setattr(spark, name, jvm)
    monkeypatch.setattr(spark, "session", lambda settings: done.append("session") or session)
    session = SimpleNamespace(sparkContext=SimpleNamespace(defaultParallelism=3))
    return done


def test_kernels_of_a_run_that_has_much_to_read_share_a_jvm_if_spark_is_chosen(tmp_path, jvms):
    settings, log = load_settings(lake=tmp_path, spark_master="local[2]"), tmp_path / "spark.log"
    with kernel_environment(settings, log, 9) as environment:
        assert (environment, jvms) == ({"PYSPARK_GATEWAY_PORT": "1"}, [(log, 9)])
    assert jvms == [(log, 9), "ended"]


def test_a_command_has_a_jvm_from_its_first_need_to_its_end(tmp_path, jvms):
    with own_workers(load_settings(lake=tmp_path, spark_master="local[2]"), 9) as own:
        assert jvms == []
        assert (own.parallelism, own.spark is own.spark) == (3, True)
        assert jvms == [(9,), "session"]
    assert jvms == [(9,), "session", "ended"]


@pytest.mark.parametrize(("bytes_", "kind"), [(8, ThisProcess), (9, ForkedWorkers)])
def test_a_command_has_workers_by_what_it_is_to_read_or_by_the_size_of_bronze(tmp_path, jvms, bytes_, kind):
    (tmp_path / "bronze").mkdir()
    (tmp_path / "bronze" / "a.csv").write_bytes(b"x" * bytes_)
    settings = load_settings(lake=tmp_path)
    for given in (bytes_, None):
        with own_workers(settings, given) as own:
            assert type(own) is kind and (own.spark is own.spark)
    assert jvms == ["session", "session"]


def test_sparks_get_the_work_with_its_items(monkeypatch, jvms):
    for name in ("map_on_workers", "stream_from_workers"):
        monkeypatch.setattr(spark, name, lambda session, items, work, name=name: (name, session, items, work))
    by_spark = SparkWorkers(load_settings())
    assert by_spark.map(str, [1]) == ("map_on_workers", by_spark.spark, [1], str)
    assert by_spark.stream(str, [1]) == ("stream_from_workers", by_spark.spark, [1], str)
    assert (by_spark.parallelism, jvms) == (3, ["session"])


def test_little_work_is_done_in_order_by_this_process():
    alone = ThisProcess()
    assert alone.map(str, [2, 1]) == [*alone.stream(str, [2, 1])] == ["2", "1"]


def test_for_no_items_spark_does_not_start(tmp_path):
    assert SparkWorkers(load_settings(lake=tmp_path)).map(str, []) == []


@pytest.mark.parametrize(
    ("quota", "allowed"), [(None, 8), ("max 100000", 8), ("150000 100000", 2), ("900000 100000", 8), ("1 100000", 1)]
)
def test_forks_are_as_many_as_processors_that_a_container_may_use(tmp_path, monkeypatch, quota, allowed):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(forked_workers, "QUOTA", tmp_path / "cpu.max")
    if quota:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert (ForkedWorkers().parallelism, ThisProcess().parallelism) == (allowed, 1)
