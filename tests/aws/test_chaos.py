"""Arrivals on S3 with faults at every call: each upload ends up in bronze once, and is never lost in between."""

import itertools
from collections import Counter

import pytest

from helpers.arrival_faults import (
    KEY,
    KILLED,
    REFUSED,
    REPLY_LOST,
    WAYS,
    each_place,
    go,
    go_while,
    is_settled,
    watch_for_losses,
)
from helpers.arrival_world import world

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [REFUSED, REPLY_LOST, KILLED])
@pytest.mark.parametrize(("way", "again"), list(itertools.product(WAYS, WAYS)))
def test_a_move_that_fails_at_any_call_is_finished_once(way, again, kind):
    def fail_at(place):
        with world() as aws:
            aws.upload(KEY)
            losses = watch_for_losses(aws)
            failed = go(aws, way, kind, place)
            go(aws, again)
            assert is_settled(aws) and losses == [], f"{way}, {kind} at call {place}, then {again}"
            return failed

    each_place(fail_at)


@pytest.mark.filterwarnings("ignore:No application metrics")  # Powertools expects one function call at a time
@pytest.mark.parametrize(("way", "between"), list(itertools.product(WAYS, WAYS)))
def test_two_at_work_on_one_file_at_once_make_one_copy(way, between):
    def meet_at(place):
        with world() as aws:
            aws.upload(KEY)
            losses = watch_for_losses(aws)
            met = go_while(aws, way, place, lambda aws: go(aws, between))
            assert is_settled(aws) and losses == [], f"{between} before call {place} of {way}"
            return met

    each_place(meet_at)


@pytest.mark.parametrize("body", [b"a,b\n", b"other\n"], ids=["same", "other"])
@pytest.mark.parametrize("way", WAYS)
def test_a_file_sent_again_while_it_is_moved_arrives_too(way, body):
    def send_at(place):
        with world() as aws:
            aws.upload(KEY, b"a,b\n")
            losses = watch_for_losses(aws)
            sent = go_while(aws, way, place, lambda aws: aws.upload(KEY, body))
            aws.sweep()
            assert is_settled(aws) and losses == [], f"sent again before call {place} of {way}"
            return sent

    each_place(send_at)


@pytest.mark.parametrize("way", WAYS)
def test_without_versions_a_file_replaced_while_it_is_moved_is_not_deleted_for_the_other(way):
    def replace_at(place):
        with world(versioned=False) as aws:
            aws.upload(KEY, b"a,b\n")
            replaced = go_while(aws, way, place, lambda aws: aws.upload(KEY, b"other\n"))
            aws.sweep()
            copies = Counter(aws.in_bronze().values())
            assert copies[b"other\n"] == replaced and copies[b"a,b\n"] <= 1 and aws.in_landing() == []
            return replaced

    each_place(replace_at)


@pytest.mark.parametrize(
    ("versioned", "bodies", "arrived"),
    [
        (True, (b"1", b"2"), {b"1": 1, b"2": 1}),
        (True, (b"1", b"1"), {b"1": 2}),
        (False, (b"1", b"2"), {b"2": 1}),
        (False, (b"1", b"1"), {b"1": 1}),
    ],
)
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1, 1), (1, 0, 1, 0)])
def test_events_delayed_past_another_upload_of_that_name_take_what_they_tell_of(versioned, bodies, arrived, order):
    with world(versioned) as aws:
        events = [aws.upload(KEY, body).event() for body in bodies]
        assert aws.deliver(*([events[place]] for place in order)) == []
        assert Counter(aws.in_bronze().values()) == arrived and aws.in_landing() == []


def test_a_run_lets_go_of_no_claim_whose_object_is_still_on_its_way():
    for place in range(4):  # the number of a run's calls when landing is empty
        with world() as aws:

            def arrive_and_die(aws):
                aws.upload(KEY)
                go(aws, "event", KILLED, place=6)  # killed after the copy was verified, before the deletion

            go_while(aws, "run", place, arrive_and_die)
            aws.sweep()
            assert is_settled(aws), f"arrived before call {place} of the run"


def test_an_event_names_its_own_version_however_late_it_comes():
    with world() as aws:
        first, second = aws.upload(KEY, b"1"), aws.upload(KEY, b"2")
        aws.deliver([second.event()], [first.event()])
        assert aws.in_bronze() == {first.bronze_name: b"1", second.bronze_name: b"2"}


def test_a_version_that_somebody_deleted_is_not_swept():
    with world() as aws:
        aws.upload(KEY)
        aws.now = aws.now.replace(second=aws.now.second + 1)
        aws.user.delete_object(Bucket="landing-bucket", Key=KEY)
        later = aws.upload(KEY, b"later")
        aws.sweep()
        assert list(aws.in_bronze().values()) == [later.body]
