"""Arrivals on S3 when everything goes wrong: each upload ends up in bronze once, and is lost at no moment."""

import itertools
from collections import Counter
from contextlib import ExitStack, suppress

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from arrival_world import World, failure, world
from vendas.errors import ArrivalError

KEY, OTHER_KEY = "registros loja.csv", "REGISTROS_São+1%.CSV"
CALLS = 10  # more than the longest way makes for one file; a fault after the last call is none

# Faults at one place of a sequence of calls: AWS refuses, the reply is lost, or the function dies.
REFUSED, REPLY_LOST, KILLED = "refused", "reply lost", "killed"
WAYS = {
    "event": lambda aws: aws.deliver([upload.event() for upload in aws.uploads]),
    "sweep": World.sweep,
    "run": World.run,
}


class Fault:
    """Makes the calls of a world fail from the `place`-th on (from 0), as `kind` says."""

    def __init__(self, aws, kind, place):
        self.aws, self.kind, self.place, self.asked, self.answered = aws, kind, place, 0, 0

    def __enter__(self):
        self.aws.before.append(self.before)
        self.aws.after.append(self.after)

    def __exit__(self, *_):
        self.aws.before.remove(self.before)
        self.aws.after.remove(self.after)

    def before(self, call, request):
        number, self.asked = self.asked, self.asked + 1
        if (self.kind == REFUSED and number == self.place) or (self.kind == KILLED and number >= self.place):
            return failure("SlowDown", 503)

    def after(self, call, parsed):
        number, self.answered = self.answered, self.answered + 1
        if self.kind == REPLY_LOST and number == self.place:
            raise EndpointConnectionError(endpoint_url="https://s3")


def go(aws, way, kind=None, place=0):
    """Goes a way as far as a fault lets it. What a way raises, AWS would try again."""
    with Fault(aws, kind, place), suppress(ArrivalError, ExceptionGroup, ClientError, EndpointConnectionError):
        WAYS[way](aws)


def go_while(aws, way, place, something):
    """Goes a way, before whose `place`-th call (from 0) something else happens."""
    calls = itertools.count()

    def meanwhile(call, _):
        if next(calls) == place:
            something(aws)

    aws.before.append(meanwhile)
    go(aws, way)
    aws.before.remove(meanwhile)


def watch_for_losses(aws):
    """What was lost at any moment: seen before each call, for an exception of a meddler might be caught."""
    losses = []

    def look(call, _):
        losses.extend([(call, aws.lost())] if aws.lost() else [])

    aws.before.append(look)
    return losses


def is_settled(aws):
    return aws.arrived() == aws.uploaded() and aws.in_landing() == []


@pytest.mark.parametrize("kind", [REFUSED, REPLY_LOST, KILLED])
@pytest.mark.parametrize(("way", "again"), list(itertools.product(WAYS, WAYS)))
def test_a_move_that_fails_at_any_call_is_finished_once(way, again, kind):
    for place in range(CALLS):
        with world() as aws:
            aws.upload(KEY)
            losses = watch_for_losses(aws)
            go(aws, way, kind, place)
            go(aws, again)
            assert is_settled(aws) and losses == [], f"{way}, {kind} at call {place}, then {again}"


@pytest.mark.filterwarnings("ignore:No application metrics")  # Powertools knows of one function call at a time
@pytest.mark.parametrize(("way", "between"), list(itertools.product(WAYS, WAYS)))
def test_two_at_work_on_one_file_at_once_make_one_copy(way, between):
    for place in range(CALLS):
        with world() as aws:
            aws.upload(KEY)
            losses = watch_for_losses(aws)
            go_while(aws, way, place, lambda aws: go(aws, between))
            assert is_settled(aws) and losses == [], f"{between} before call {place} of {way}"


@pytest.mark.parametrize("body", [b"a,b\n", b"other\n"], ids=["same", "other"])
@pytest.mark.parametrize("way", WAYS)
def test_a_file_sent_again_while_it_is_moved_arrives_too(way, body):
    for place in range(CALLS):
        with world() as aws:
            aws.upload(KEY, b"a,b\n")
            losses = watch_for_losses(aws)
            go_while(aws, way, place, lambda aws: aws.upload(KEY, body))
            aws.sweep()
            assert is_settled(aws) and losses == [], f"sent again before call {place} of {way}"


@pytest.mark.parametrize("way", WAYS)
def test_without_versions_a_file_replaced_while_it_is_moved_is_not_deleted_for_the_other(way):
    for place in range(CALLS):
        with world(versioned=False) as aws:
            aws.upload(KEY, b"a,b\n")
            go_while(aws, way, place, lambda aws: aws.upload(KEY, b"other\n"))
            aws.sweep()
            copies = Counter(aws.in_bronze().values())
            assert copies[b"other\n"] == (len(aws.uploads) == 2) and copies[b"a,b\n"] <= 1 and aws.in_landing() == []


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


faults = st.none() | st.tuples(st.sampled_from([REFUSED, REPLY_LOST, KILLED]), st.integers(0, 25))


class Arrivals(RuleBasedStateMachine):
    """Uploads, deliveries of any of their events in any order, sweeps and runs, each with or without a fault."""

    versioned = True

    def __init__(self):
        super().__init__()
        self.worlds = ExitStack()
        self.aws = self.worlds.enter_context(world(self.versioned))
        self.losses = watch_for_losses(self.aws) if self.versioned else []

    @rule(key=st.sampled_from([KEY, OTHER_KEY]), body=st.sampled_from([b"1", b"2"]))
    def upload(self, key, body):
        self.aws.upload(key, body)

    @rule(kind=st.sampled_from(["pasta/registros.csv", "outros.csv"]))
    def upload_what_is_not_for_us(self, kind):
        self.aws.user.put_object(Bucket="landing-bucket", Key=kind, Body=b"")

    @precondition(lambda self: self.aws.uploads)
    @rule(messages=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=1, max_size=3), fault=faults)
    def deliver(self, messages, fault):
        events = [upload.event() for upload in self.aws.uploads]
        bodies = [[events[number % len(events)] for number in message] for message in messages]
        self.go(lambda: self.aws.deliver(*bodies), fault)

    @rule(fault=faults)
    def sweep(self, fault):
        self.go(self.aws.sweep, fault)

    @rule(fault=faults)
    def run_first_notebook(self, fault):
        self.go(self.aws.run, fault)

    def go(self, way, fault):
        kind, place = fault or (None, 0)
        with (
            Fault(self.aws, kind, place),
            suppress(ArrivalError, ExceptionGroup, ClientError, EndpointConnectionError),
        ):
            way()

    @invariant()
    def nothing_is_lost_or_doubled(self):
        if self.versioned:
            assert not self.aws.lost() and self.losses == []
        else:  # what another upload replaced is not ours to keep; what is there or arrived, is
            last = {upload.key: upload for upload in self.aws.uploads}.values()
            places = set(self.aws.arrived()) | {(key[:-4] + ".csv", body) for key, body in self.aws.in_landing()}
            assert {(upload.key[:-4] + ".csv", upload.body) for upload in last} <= places
        assert self.aws.arrived() <= self.aws.uploaded()

    def teardown(self):
        with self.worlds:
            self.aws.sweep()
            self.nothing_is_lost_or_doubled()
            arrived = self.aws.in_bronze()
            assert all(not key.lower().startswith("registros") for key, _ in self.aws.in_landing())
            assert not self.versioned or self.aws.arrived() == self.aws.uploaded()
            self.aws.deliver([upload.event() for upload in self.aws.uploads])
            self.aws.run()
            assert self.aws.in_bronze() == arrived


class ArrivalsWithoutVersions(Arrivals):
    versioned = False


quick = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestArrivals = Arrivals.TestCase
TestArrivals.settings = quick
TestArrivalsWithoutVersions = ArrivalsWithoutVersions.TestCase
TestArrivalsWithoutVersions.settings = quick
