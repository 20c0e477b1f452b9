import gc
import os
import signal
import subprocess
import sys
from contextlib import closing, nullcontext
from zipimport import zipimporter

import pytest
from pyspark import SparkContext

from vendas.errors import SparkStartError
from vendas.lake import spark as vendas_spark
from vendas.lake.spark import gateway_environment, map_on_workers, session, stream_from_workers
from vendas.runs.worker_daemon import IMPORTED
from vendas.settings import load_settings

MAKE_TABLE = """
import sys
from vendas.settings import load_settings
from vendas.lake.spark import session

spark = session(load_settings(lake=sys.argv[1]))
spark.sql(f"CREATE TABLE lago.{sys.argv[2]} (a int) USING iceberg")
print(spark.sparkContext.applicationId)
"""


def test_two_lakes_in_one_process_do_not_mix(spark, tmp_path):
    session(load_settings(lake=tmp_path / "a")).sql("CREATE TABLE lago.so_em_a (x int) USING iceberg")
    other = session(load_settings(lake=tmp_path / "b"))
    assert not other.catalog.tableExists("lago.so_em_a")


def test_the_session_of_a_lake_is_found_again(spark, tmp_path):
    settings = load_settings(lake=tmp_path)
    session(settings).sql("CREATE TABLE lago.t (x int) USING iceberg")
    assert session(settings).catalog.tableExists("lago.t")


@pytest.mark.engine
def test_processes_joined_to_a_gateway_share_one_context_that_outlives_them(tmp_path):
    settings = load_settings(lake=tmp_path, spark_memory="1g")
    with gateway_environment(settings, tmp_path / "spark.log") as environment:
        contexts = {
            subprocess.run(
                [sys.executable, "-c", MAKE_TABLE, str(tmp_path), table],
                env=os.environ | environment,
                check=True,
                capture_output=True,
            ).stdout
            for table in ("a", "b")
        }
    assert len(contexts) == 1 and (tmp_path / "a").is_dir() and (tmp_path / "b").is_dir()


def test_what_warms_a_jvm_up_does_not_fail(spark, monkeypatch):
    monkeypatch.setattr(vendas_spark, "suppress", lambda *_: nullcontext())
    vendas_spark._warm_up(spark.sparkContext._gateway)


def test_an_interrupt_does_not_cut_off_the_start_of_a_jvm(tmp_path, monkeypatch):
    steps = []

    def launch(*_):
        os.kill(os.getpid(), signal.SIGINT)
        steps.append("started")

    monkeypatch.setattr(vendas_spark, "launch_gateway", launch)
    given = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background ignores it
    try:
        with pytest.raises(KeyboardInterrupt), gateway_environment(load_settings(lake=tmp_path), tmp_path / "log"):
            pytest.fail("went on")
    finally:
        signal.signal(signal.SIGINT, given)
    assert steps == ["started"]


@pytest.mark.engine
def test_a_jvm_of_its_own_that_does_not_start_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(SparkContext, "_active_spark_context", None)
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    with pytest.raises(SparkStartError, match=r"(?s)lago/spark\.log.*not reserve enough space.*VENDAS_SPARK_MEMORY"):
        session(load_settings(lake=tmp_path / "lago", spark_memory="999999g"))


def test_results_come_as_soon_as_they_are_there_and_an_early_end_begins_no_more(spark, tmp_path):
    def work(number):
        (tmp_path / str(number)).touch()
        return number

    items = range(4 * spark.sparkContext.defaultParallelism)
    assert sorted(stream_from_workers(spark, items, work)) == list(items)
    for file in tmp_path.iterdir():
        file.unlink()
    with closing(stream_from_workers(spark, items, work)) as results:
        next(results)
    assert len(list(tmp_path.iterdir())) < len(items)


def test_a_worker_is_born_with_what_its_work_needs_and_keeps_it(spark):
    def kept(_):
        archives = [finder for finder in sys.path_importer_cache.values() if isinstance(finder, zipimporter)]
        told = ["invalidate_caches" in vars(finder) for finder in archives]
        return set(IMPORTED) <= set(sys.modules), gc.get_freeze_count() > 0, bool(told) and all(told)

    assert map_on_workers(spark, [1, 2, 3], kept) == [(True, True, True)] * 3
