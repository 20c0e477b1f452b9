"""Ways to bronze, and what goes wrong on them."""

import itertools
from contextlib import suppress

from botocore.exceptions import ClientError, EndpointConnectionError

from arrival_world import World, failure
from vendas.errors import ArrivalError

KEY, OTHER_KEY = "registros loja.csv", "REGISTROS_São+1%.CSV"
CALLS = 16  # more than the longest way makes for one file; a fault after the last call is none
FAILURES = (ArrivalError, ExceptionGroup, ClientError, EndpointConnectionError)  # what AWS would try again after

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
    """Goes a way as far as a fault lets it."""
    with Fault(aws, kind, place), suppress(*FAILURES):
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
    """What was lost or forgotten at any moment: seen before each call, as what a meddler raises might be caught."""
    losses = []

    def look(call, _):
        losses.extend((call, missing) for missing in (aws.lost(), aws.forgotten()) if missing)

    aws.before.append(look)
    return losses


def is_settled(aws):
    """Whether every upload is in bronze once, landing is empty, and a run that finds what is owed leaves nothing so."""
    settled = aws.arrived() == aws.uploaded() and aws.in_landing() == [] and not aws.forgotten()
    aws.run()
    return settled and aws.ledger == set(aws.in_bronze()) and aws.claimed() == set()
