"""Arrivals on S3 with uploads, deliveries, sweeps, runs and faults in any order."""

from contextlib import ExitStack, suppress

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from helpers.arrival_faults import FAILURES, KEY, KILLED, OTHER_KEY, REFUSED, REPLY_LOST, Fault, watch_for_losses
from helpers.arrival_world import world

pytestmark = pytest.mark.slow

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
            suppress(*FAILURES),
        ):
            way()

    @invariant()
    def nothing_is_lost_forgotten_or_doubled(self):
        assert not self.aws.forgotten()
        if self.versioned:
            assert not self.aws.lost() and self.losses == []
        else:  # only the last upload of each key must be in landing or bronze; the others may have been replaced
            last = {upload.key: upload for upload in self.aws.uploads}.values()
            places = set(self.aws.arrived()) | {(key[:-4] + ".csv", body) for key, body in self.aws.in_landing()}
            assert {(upload.key[:-4] + ".csv", upload.body) for upload in last} <= places
        assert self.aws.arrived() <= self.aws.uploaded()

    def teardown(self):
        with self.worlds:
            self.aws.sweep()
            self.nothing_is_lost_forgotten_or_doubled()
            arrived = self.aws.in_bronze()
            assert all(not key.lower().startswith("registros") for key, _ in self.aws.in_landing())
            assert not self.versioned or self.aws.arrived() == self.aws.uploaded()
            self.aws.deliver([upload.event() for upload in self.aws.uploads])
            self.aws.run()
            assert self.aws.in_bronze() == arrived and self.aws.ledger == set(arrived)


class ArrivalsWithoutVersions(Arrivals):
    versioned = False


quick = settings(max_examples=25, stateful_step_count=12)
TestArrivals = Arrivals.TestCase
TestArrivals.settings = quick
TestArrivalsWithoutVersions = ArrivalsWithoutVersions.TestCase
TestArrivalsWithoutVersions.settings = quick
