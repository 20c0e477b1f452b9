"""The lock of a lake in S3: one holder at a time, none forever, and no response of S3 misleads a holder."""

import io
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from vendas import storage
from vendas.lake import s3_lock
from vendas.lake.lock import LOCK, hold_lake
from vendas.storage import S3Path

HOLD = """
import sys, time
from vendas.lake.lock import hold_lake
from vendas.storage import S3Path
with hold_lake(S3Path(sys.argv[1]), sys.exit):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lake(bucket, monkeypatch):
    """Return a lake in S3 whose locks are renewed and expire quickly."""
    storage.client.cache_clear()
    monkeypatch.setattr(s3_lock, "LOCK_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(s3_lock, "LOCK_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(s3_lock, "LOCK_DEAD_SECONDS", 2)
    yield S3Path(bucket)
    storage.client.cache_clear()


@pytest.fixture
def lost_answers(lake):
    """Return a list; while it has items, S3 executes each PUT, but its response is lost and the PUT is sent again."""
    due, events = [], storage.client("s3").meta.events

    def lose(response, **_):
        if due and response and response[0].status_code == 200:
            due.pop()
            return 0  # seconds until the retry

    events.register_first("needs-retry.s3.PutObject", lose)
    yield due
    events.unregister("needs-retry.s3.PutObject", lose)


def is_free(lake):
    """Return whether the lock can be taken without waiting."""
    waits = []
    with hold_lake(lake, lambda: waits.append(True)):
        return not waits


def test_one_at_a_time_and_all_get_their_turn(lake):
    inside, most, turns = [], [], []

    def work(number):
        with hold_lake(lake, lambda: None):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)
            turns.append(number)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(12)))
    assert (max(most), sorted(turns)) == (1, list(range(12)))


def test_who_waits_is_told_once_and_goes_on_when_the_holder_has_done(lake):
    told, order = threading.Event(), []

    def wait():
        with hold_lake(lake, lambda: (order.append("waiting"), told.set())):
            order.append("second")

    second = threading.Thread(target=wait)
    with hold_lake(lake, pytest.fail):
        second.start()
        told.wait()
        time.sleep(0.2)
        order.append("first")
    second.join()
    assert order == ["waiting", "first", "second"]


@pytest.mark.slow
def test_a_holder_that_works_longer_than_a_lock_lives_without_it_keeps_it(lake):
    with hold_lake(lake, pytest.fail):
        waits = threading.Event()
        second = threading.Thread(target=lambda: hold_lake(lake, waits.set).__enter__(), daemon=True)
        second.start()
        second.join(2 * s3_lock.LOCK_DEAD_SECONDS)
        assert waits.is_set() and second.is_alive()
    second.join()


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_given_up(lake):
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    holder = subprocess.Popen([sys.executable, "-c", HOLD, lake.bucket], stdout=subprocess.PIPE, env=environment)
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate()
    waits, begun = [], time.monotonic()
    with hold_lake(lake, lambda: waits.append(True)):
        assert waits == [True] and time.monotonic() - begun >= s3_lock.LOCK_DEAD_SECONDS


def test_work_that_fails_lets_go(lake):
    with pytest.raises(ZeroDivisionError), hold_lake(lake, pytest.fail):
        raise ZeroDivisionError
    assert is_free(lake)


@pytest.mark.parametrize("losses", [1, 3])
def test_an_answer_that_is_lost_misleads_nobody(lake, lost_answers, losses):
    lost_answers.extend(range(losses))
    with hold_lake(lake, pytest.fail):
        time.sleep(0.3)
        assert lost_answers == []
        lost_answers.append(1)
    assert lost_answers == [] and is_free(lake)


class Answer(io.BytesIO):
    def stream(self, **_):
        yield self.read()


@pytest.mark.parametrize("code", [404, 409, 412])
def test_a_write_that_meets_another_ones_is_tried_again(lake, code):
    events, answers = storage.client("s3").meta.events, [AWSResponse("https://s3", code, {}, Answer())]

    def answer(**_):
        return answers.pop() if answers else None

    events.register("before-send.s3.PutObject", answer)
    try:
        assert is_free(lake) and answers == []
    finally:
        events.unregister("before-send.s3.PutObject", answer)


def test_a_beat_that_does_not_come_through_is_made_up_for(lake, monkeypatch):
    events, failed = storage.client("s3").meta.events, []

    def cut(**_):
        if len(failed) < 4:
            failed.append(True)
            raise ConnectionClosedError(endpoint_url="s3")

    with hold_lake(lake, pytest.fail):
        events.register("before-send.s3.PutObject", cut)
        time.sleep(0.6)
        before = boto3.client("s3").get_object(Bucket=lake.bucket, Key=LOCK)["ETag"]
        time.sleep(0.3)
        assert len(failed) == 4 and boto3.client("s3").get_object(Bucket=lake.bucket, Key=LOCK)["ETag"] != before
    events.unregister("before-send.s3.PutObject", cut)
    assert is_free(lake)


def test_a_holder_whose_lock_was_taken_over_takes_nothing_back(lake):
    s3, taken = boto3.client("s3"), b'{"is_held": true, "writer": "another", "write": 1}'
    with hold_lake(lake, pytest.fail):
        s3.put_object(Bucket=lake.bucket, Key=LOCK, Body=taken)
        time.sleep(0.3)
    assert s3.get_object(Bucket=lake.bucket, Key=LOCK)["Body"].read() == taken
