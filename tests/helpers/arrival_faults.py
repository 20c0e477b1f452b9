"""The ways by which files reach bronze on S3, and faults to inject into them."""

import itertools
from contextlib import suppress

from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from helpers.arrival_world import World, failure
from vendas.errors import ArrivalError

KEY, OTHER_KEY = "registros loja.csv", "REGISTROS_São+1%.CSV"
FAILURES = (ArrivalError, ExceptionGroup, ClientError, EndpointConnectionError)  # after which AWS would try again

# Faults at one position in a sequence of calls: AWS refuses the call, its reply is lost, or the function is killed.
REFUSED, REPLY_LOST, KILLED = "refused", "reply lost", "killed"
WAYS = {
    "event": lambda aws: aws.deliver([upload.event() for upload in aws.uploads]),
    "sweep": World.sweep,
    "run": World.run,
}


class Fault:
    """Makes the call number `place` (from 0) of a world fail as `kind` says; KILLED also fails all later calls."""

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
    """Take one of WAYS, with a fault if one is given, and ignore the errors that follow.

    Return whether it made that call at all.
    """
    fault = Fault(aws, kind, place)
    with fault, suppress(*FAILURES):
        WAYS[way](aws)
    return fault.asked > place


def go_while(aws, way, place, something):
    """Take one of WAYS, and call `something` before its call number `place` (from 0); return whether there is one."""
    calls, done = itertools.count(), []

    def meanwhile(call, _):
        if next(calls) == place:
            done.append(something(aws))

    aws.before.append(meanwhile)
    go(aws, way)
    aws.before.remove(meanwhile)
    return bool(done)


def each_place(try_at):
    """Call `try_at` with each number of a call, from 0, until it returns that there is no such call."""
    with mock_aws():  # once for the worlds of all places: to begin and end it takes longer than some of them
        assert next(place for place in itertools.count() if not try_at(place)) > 1


def watch_for_losses(aws):
    """Collect what is lost or forgotten before each call, in a list, because an error raised here might be caught."""
    losses = []

    def look(call, _):
        losses.extend((call, missing) for missing in (aws.lost(), aws.forgotten()) if missing)

    aws.before.append(look)
    return losses


def is_settled(aws):
    """Return whether each upload is in bronze once, landing empty, and a run then records all and drops all claims."""
    settled = aws.arrived() == aws.uploaded() and aws.in_landing() == [] and not aws.forgotten()
    aws.run()
    return settled and aws.ledger == set(aws.in_bronze()) and aws.claimed() == set()
