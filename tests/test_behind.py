"""Whether a run has something to do, told from the ledger, the bronze folder and silver's count of rows."""

import pytest

from test_ledger import A, B, event
from vendas.lake.events import STAGES, Events
from vendas.runs import pipeline
from vendas.settings import load_settings


@pytest.fixture
def behind(tmp_path, bronze, monkeypatch):
    """Return whether a lake with file A in bronze is behind, by its events and its number of sales."""

    def is_behind(events, sales=2):
        monkeypatch.setattr(pipeline, "count_rows", lambda lake, table: sales)
        return pipeline.is_behind(load_settings(lake=tmp_path), Events.of(events))

    bronze.mkdir()
    (bronze / A).touch()
    return is_behind


def done(*stages, **fields):
    return [event(A, stage, minute, gravadas=2, **fields) for minute, stage in enumerate(stages)]


def test_a_lake_whose_stages_have_all_done_their_work_is_not_behind(behind):
    assert not behind(done(*STAGES))


@pytest.mark.parametrize("stages", [STAGES[:1], STAGES[:2], STAGES[:3]])
def test_a_file_that_a_stage_has_yet_to_process_is(behind, stages):
    assert behind(done(*stages), sales=2 * ("silver" in stages))


@pytest.mark.parametrize("sales", [0, 1, 3])
def test_a_silver_of_other_rows_than_the_ledger_counts_is(behind, sales):
    assert behind(done(*STAGES), sales)


def test_a_bronze_file_that_the_ledger_does_not_know_is(behind, bronze):
    (bronze / B).touch()
    assert behind(done(*STAGES))


def test_a_file_that_an_older_contract_read_is(behind):
    assert behind(done(*STAGES, contrato=1))
