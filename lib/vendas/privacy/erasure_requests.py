"""Requests to erase people from a lake in S3: a command leaves them in the lake, a job does them and answers there.

A request names the person, so it is a file of the lake and no argument of the job, which Glue would keep and show. It
is deleted, with all its versions, once it is answered; one whose job was killed is done by the next job.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Self

from vendas.lake.erasures import Receipt
from vendas.lake.private_files import read_private, remove_private, write_private
from vendas.landing.anonymized_files import PRIVACY
from vendas.landing.s3_objects import list_objects
from vendas.privacy.erase import Erasure
from vendas.privacy.search import Request
from vendas.storage import S3Path, client

_REQUESTS, _ANSWERS = "requests", "answers"


@dataclass(frozen=True)
class Answer:
    """What became of a request: the receipt, None if nobody was found, and what is left to people (`Erasure`).

    `problem` is why it was refused; nothing was changed then.
    """

    receipt: Receipt | None = None
    left: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)
    problem: str | None = None

    @classmethod
    def of(cls, done: Erasure) -> Self:
        """Return what an erasure that was done answers."""
        return cls(done.receipt, [*map(str, done.left)], done.elsewhere, [*map(str, done.unsearched)])


def leave_request(lake: S3Path, request: Request, ground: str) -> str:
    """Leave a request in the lake; return its name."""
    name = secrets.token_hex(8)
    held = {
        "emails": sorted(request.emails),
        "telephones": sorted(request.telephones),
        "lines": sorted(request.lines),
        "ground": ground,
    }
    write_private(_path(lake, _REQUESTS, name), json.dumps(held, ensure_ascii=False))
    return name


def waiting_requests(lake: S3Path) -> Iterator[tuple[str, Request, str]]:
    """Yield name, person and ground of each request that waits, by name."""
    for path in sorted(list_objects(client("s3"), lake / PRIVACY / _REQUESTS)):
        if text := read_private(path):
            held = json.loads(text)
            lines = frozenset((file, line) for file, line in held["lines"])
            request = Request(frozenset(held["emails"]), frozenset(held["telephones"]), lines)
            yield path.name.removesuffix(".json"), request, held["ground"]


def answer_request(lake: S3Path, name: str, done: Erasure) -> None:
    """Leave the answer to a request, and delete the request."""
    _answer(lake, name, Answer.of(done))


def refuse_request(lake: S3Path, name: str, problem: str) -> None:
    """Leave the reason for which a request is refused, and delete the request, which would stop all later ones."""
    _answer(lake, name, Answer(problem=problem))


def _answer(lake: S3Path, name: str, answer: Answer) -> None:
    write_private(_path(lake, _ANSWERS, name), json.dumps(asdict(answer), ensure_ascii=False))
    remove_private(_path(lake, _REQUESTS, name))


def withdraw_request(lake: S3Path, name: str) -> None:
    """Delete a request that no job has done."""
    remove_private(_path(lake, _REQUESTS, name))


def take_answer(lake: S3Path, name: str) -> Answer | None:
    """Return the answer to a request, and delete it; None if there is none."""
    path = _path(lake, _ANSWERS, name)
    text = read_private(path)
    if text is None:
        return None
    held = json.loads(text)
    remove_private(path)
    receipt = Receipt(**held["receipt"]) if held["receipt"] else None
    more = (held.get(name, []) for name in ("elsewhere", "unsearched"))
    return Answer(receipt, held["left"], *more, problem=held.get("problem"))


def _path(lake: S3Path, kind: str, name: str) -> S3Path:
    return lake / PRIVACY / kind / f"{name}.json"
