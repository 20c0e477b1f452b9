"""Claims on S3: the name under which an object goes to bronze, and the bronze files that no run has recorded yet.

A claim is a note in bronze that S3 creates only if there is none. A mover claims an object before it moves it, and all
other movers use that claim. A claim stays until a run has recorded the bronze file in the ledger, so the claims are the
index of new files, and a run need not list all of bronze, which only grows. A file without a claim, such as one that
was put into bronze by hand, is found by a full listing, which a run makes once a day. In a lake made by an older
version, whose runs listed all of bronze, the first of these days begins with the first run.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from vendas.landing.bronze_names import Arrival, BronzeFile, NewFiles
from vendas.landing.s3_objects import NO_VERSION, head_of, hex_of, list_objects, list_objects_with_times, status
from vendas.storage import S3Path
from vendas.tuning import BRONZE_LISTED_EVERY, CLAIM_STALE_AFTER

if TYPE_CHECKING:
    from botocore.client import BaseClient

CLAIMS = "_claims"  # the folder of claims in bronze
LOOKED = "_looked"  # among the claims, written by the first run and each full listing: its age shows when one is due


@dataclass(frozen=True)
class Landed:
    """One version of an object in landing; without a version ID, the current object if it has this ETag (hex)."""

    path: S3Path
    event_time: datetime
    etag: str
    version: str | None = None

    @property
    def arrival(self) -> Arrival:
        """Its arrival, from which the bronze name is derived."""
        return Arrival(self.path.name, self.event_time, self.etag)

    @property
    def which(self) -> dict[str, str]:
        """The request parameters that limit a request for its key to exactly this object."""
        return {"VersionId": self.version} if self.version else {"IfMatch": f'"{self.etag}"'}

    def as_found(self, head: dict[str, Any]) -> Self:
        """Return the same object with the ETag and version that S3 reports."""
        found = head.get("VersionId", NO_VERSION)
        version = self.version or (None if found == NO_VERSION else found)
        return replace(self, etag=hex_of(head["ETag"]), version=version)

    def claim(self, head: dict[str, Any], bronze: S3Path) -> S3Path:
        """Return the path of its claim: always the same for one object, and different for any other."""
        identity = [*self._place, self.version, hex_of(head["ETag"]), head["LastModified"].isoformat()]
        return bronze / CLAIMS / hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    @property
    def _place(self) -> tuple[str, str]:
        return self.path.bucket, self.path.key

    def to_json(self) -> bytes:
        """Return the content of the claim."""
        return json.dumps([*self._place, self.event_time.isoformat(), self.etag, self.version]).encode()

    @classmethod
    def from_json(cls, note: bytes) -> Self:
        """Return the object that a claim was made for, from the content of the claim."""
        bucket, key, event_time, etag, version = json.loads(note)
        return cls(S3Path(bucket, key), datetime.fromisoformat(event_time), etag, version)


def claim_first(s3: "BaseClient", claim: S3Path, landed: Landed) -> Arrival | None:
    """Claim an object; return the arrival as first claimed, or None if it was moved and its claim deleted."""
    try:
        s3.put_object(Bucket=claim.bucket, Key=claim.key, Body=landed.to_json(), IfNoneMatch="*")
        return landed.arrival
    except ClientError as error:
        if status(error) != 412:
            raise
    first = _read(s3, claim)
    return first.arrival if first else None


def is_run_owed(s3: "BaseClient", bronze: S3Path) -> bool:
    """Return whether bronze holds a file that no run has recorded since it arrived."""
    claims = (claim for claim in list_objects(s3, bronze / CLAIMS) if claim.name != LOOKED)
    return any(_arrived(s3, landed, bronze) for _, landed in _of_moved(s3, claims, bronze))


def look(s3: "BaseClient", bronze: S3Path) -> NewFiles:
    """Return the bronze files that no run has recorded since they arrived, from their claims; once a day all of bronze.

    `NewFiles.done` deletes the claims. The claim of an object that is still in landing stays, because the object has
    yet to be moved.
    """
    made = dict(list_objects_with_times(s3, bronze / CLAIMS))
    now, looked = datetime.now(UTC), made.pop(bronze / CLAIMS / LOOKED, None)
    is_full = looked is not None and now - looked >= BRONZE_LISTED_EVERY
    arrivals, released = [], []
    for claim, landed in _of_moved(s3, made, bronze):
        if _arrived(s3, landed, bronze):
            arrivals.append(landed.arrival)
            released.append(claim)
        elif now - made[claim] >= CLAIM_STALE_AFTER:
            released.append(claim)
    names = {arrival.bronze_name for arrival in arrivals}
    if is_full:
        names |= {path.name for path in list_objects(s3, bronze)}

    def done() -> None:
        for claim in released:
            s3.delete_object(Bucket=claim.bucket, Key=claim.key)
        if is_full or looked is None:
            s3.put_object(Bucket=bronze.bucket, Key=(bronze / CLAIMS / LOOKED).key, Body=b"")

    return NewFiles(sorted(filter(None, map(BronzeFile.parse, names))), arrivals, done)


def _of_moved(s3: "BaseClient", claims: Iterable[S3Path], bronze: S3Path) -> Iterator[tuple[S3Path, Landed]]:
    """Yield the claims whose objects are gone from landing: a mover that still tries one finds nothing to copy."""
    for claim in claims:
        landed = _read(s3, claim)
        if landed is None:
            continue
        head = head_of(s3, landed.path, **landed.which)
        if head is None or landed.claim(head, bronze) != claim:
            yield claim, landed


def _read(s3: "BaseClient", claim: S3Path) -> Landed | None:
    try:
        return Landed.from_json(s3.get_object(Bucket=claim.bucket, Key=claim.key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def _arrived(s3: "BaseClient", landed: Landed, bronze: S3Path) -> bool:
    """Return whether its copy is in bronze; it is not if somebody deleted the object from landing before the copy."""
    return head_of(s3, bronze / landed.arrival.bronze_name) is not None
