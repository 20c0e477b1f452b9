import pytest

from test_ledger import A, B, event
from vendas.errors import ConservationError
from vendas.stages.reconciliation import (
    carried_events,
    check_carried,
    check_conservation,
    recounted_events,
    silver_events,
)


def surveyed(lidas):
    return [event(A, "bronze", 0, lidas=lidas)]


def test_silvers_duplicates_are_what_is_neither_kept_nor_quarantined():
    done = silver_events(surveyed(10), {A: 1}, {A: 7}, "r2")
    assert [(e.etapa, e.run_id, e.lidas, e.duplicadas, e.quarentena, e.gravadas) for e in done] == [
        ("silver", "r2", 10, 2, 1, 7)
    ]


def test_conserved_rows_pass():
    check_conservation(silver_events(surveyed(10), {A: 1}, {A: 7}, "r"), {"linhas": 9, "vendas": 7})


@pytest.mark.parametrize(
    ("quarantined", "held", "good_rows", "kept_rows"),
    [
        (1, 7, 8, 7),  # a row was lost before duplicates were dropped
        (1, 7, 10, 7),  # a row was multiplied
        (0, 7, 9, 7),  # a refused row did not reach quarantine
        (1, 6, 9, 7),  # a sale was not written
        (1, 8, 9, 7),  # a sale was written twice
        (1, 10, 9, 10),  # more than was read
    ],
)
def test_rows_that_are_not_conserved_are_an_error(quarantined, held, good_rows, kept_rows):
    with pytest.raises(ConservationError, match="nothing was published"):
        check_conservation(
            silver_events(surveyed(10), {A: quarantined}, {A: held}, "r"), {"linhas": good_rows, "vendas": kept_rows}
        )


def test_carried_rows_must_be_as_many():
    with pytest.raises(ConservationError, match=f"{A}: 7 rows in silver, 6 in the next stage"):
        check_carried([event(A, "silver", 1, gravadas=7)], {A: 6})


def test_carried_events_hold_the_new_stages_rows():
    assert carried_events([event(A, "silver", 1, gravadas=7)], "gold", {A: 7}, "r")[0].etapa == "gold"


def test_a_file_with_rows_more_than_it_had_is_an_error():
    with pytest.raises(ConservationError, match="10 read, but 12 in silver"):
        recounted_events([event(A, "silver", 1, lidas=10, gravadas=7)], {A: 12}, "r")


def test_only_files_with_other_rows_than_before_are_told_of_again():
    before = [event(name, "silver", 1, lidas=10, duplicadas=3, gravadas=7) for name in (A, B)]
    told = recounted_events(before, {A: 7, B: 9}, "r")
    assert [(e.arquivo, e.gravadas, e.duplicadas) for e in told] == [(B, 9, 1)]
