"""Work that is done again after a conflict: how often, after which pauses, and what it returns."""

import time

import pytest

from vendas.errors import ConcurrentChange
from vendas.retries import retry_on

PAUSES = (1, 4)


@pytest.fixture
def slept(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def retried(*failures):
    """Return the result of work that fails in these ways first."""
    left = [*failures]

    def work():
        if left:
            raise left.pop(0)
        return "done"

    return retry_on(ConcurrentChange, PAUSES, work)


@pytest.mark.parametrize("conflicts", [0, 1, 2])
def test_work_is_done_until_it_meets_no_conflict(slept, conflicts):
    assert retried(*[ConcurrentChange("met")] * conflicts) == "done"
    assert len(slept) == conflicts
    assert all(0.5 * pause <= seconds <= 1.5 * pause for pause, seconds in zip(PAUSES, slept, strict=False))


def test_the_conflict_of_the_last_time_is_raised(slept):
    with pytest.raises(ConcurrentChange, match="third"):
        retried(ConcurrentChange("first"), ConcurrentChange("second"), ConcurrentChange("third"))
    assert len(slept) == 2


def test_another_error_is_raised_at_once(slept):
    with pytest.raises(ZeroDivisionError):
        retried(ZeroDivisionError())
    assert slept == []
