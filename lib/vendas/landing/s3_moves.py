"""The verified move of objects from landing to bronze, both on S3: each version of an object once.

An event tells of an object, may tell of it again, and every sweep comes upon it, too; each may be killed anywhere, and
several may be at work at once. So whoever is first claims the object (`s3_claims`), and all others go by that claim.
"""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import S3CopyFailedError

from vendas.errors import ArrivalError
from vendas.landing import s3_claims
from vendas.landing.bronze_names import MISNAMED, Arrival, NewFiles, bytes_too_long_on_s3, is_sales_file, looks_misnamed
from vendas.landing.s3_claims import Landed
from vendas.landing.s3_objects import head_of, hex_of, is_gone, is_same, list_objects, prefix
from vendas.limits import S3_PART_BYTES
from vendas.storage import S3Path, client

COPIED_AT_ONCE = 5 * 1024**3  # bytes; S3 copies what is larger in parts only
_log = logging.getLogger(__name__)
_NO_VERSION = "null"  # what S3 calls the version of an object that came while its bucket kept none


def names_in(bronze: S3Path) -> list[str]:
    """The names of all objects directly in a place."""
    with _explained(f"{bronze} could not be listed"):
        return [path.name for path in list_objects(_client(), bronze)]


def waiting_files(landing: S3Path) -> list[S3Path]:
    """The sales files directly in landing, by name."""
    with _explained(f"{landing} could not be listed"):
        return sorted({landed.path for landed in waiting(_client(), landing)}, key=lambda path: path.key)


def sweep(landing: S3Path, bronze: S3Path) -> list[Arrival]:
    """Moves every sales file of landing to bronze; returns what arrived. Warns of another CSV that stays there.

    Raises ArrivalError that names each file which could not be moved, once all others are.
    """
    s3 = _client()
    with _explained(f"{landing} could not be swept to {bronze}"):
        there = _in_landing(s3, landing)
        for path in sorted({found.path for found in there if looks_misnamed(found.path.name)}):
            _log.warning("%s %s", path, MISNAMED)
        arrived, failed = move_all(s3, _sales(there), bronze)
        if failed:
            raise ArrivalError("\n".join(map(str, failed)))
    return arrived


def look(bronze: S3Path) -> NewFiles:
    """The bronze files that no run has recorded yet. Raises ArrivalError, also from its `done`."""
    told = f"{bronze} could not be looked at"
    with _explained(told):
        found = s3_claims.look(_client(), bronze)

    def done() -> None:
        with _explained(told):
            found.done()

    return NewFiles(found.files, found.arrivals, done)


def waiting(s3: BaseClient, landing: S3Path) -> list[Landed]:
    """The sales files directly in landing, oldest first; the event time is their LastModified (whole seconds).

    A version that a later upload hides waits as well; one that somebody hid by a deletion was taken back.
    """
    return _sales(_in_landing(s3, landing))


def _sales(there: Iterable[Landed]) -> list[Landed]:
    sales = [landed for landed in there if is_sales_file(landed.path.name)]
    return sorted(sales, key=lambda landed: (landed.event_time, landed.path.key))


def _in_landing(s3: BaseClient, landing: S3Path) -> list[Landed]:
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=landing.bucket, Prefix=prefix(landing), Delimiter="/"
    )
    versions: list[dict] = []
    deleted: dict[str, datetime] = {}
    for page in pages:
        versions += page.get("Versions", [])
        for marker in page.get("DeleteMarkers", []):
            deleted[marker["Key"]] = max(marker["LastModified"], deleted.get(marker["Key"], marker["LastModified"]))
    return [
        Landed(
            S3Path(landing.bucket, version["Key"]),
            version["LastModified"].astimezone(UTC),
            hex_of(version["ETag"]),
            None if version["IsLatest"] and version["VersionId"] == _NO_VERSION else version["VersionId"],
        )
        for version in versions
        if version["IsLatest"] or version["LastModified"] >= deleted.get(version["Key"], version["LastModified"])
    ]


def move_all(s3: BaseClient, waiting: Iterable[Landed], bronze: S3Path) -> tuple[list[Arrival], list[ArrivalError]]:
    """Moves each, whatever becomes of the others; returns what arrived, and why the rest could not be moved."""
    arrived, failed = [], []
    for landed in waiting:
        try:
            arrived.append(move_to_bronze(s3, landed, bronze))
        except ArrivalError as error:
            failed.append(error)
    return [arrival for arrival in arrived if arrival], failed


def move_to_bronze(
    s3: BaseClient, landed: Landed, bronze: S3Path, copied_at_once: int = COPIED_AT_ONCE
) -> Arrival | None:
    """Copies one object to bronze, verifies the copy, and only then deletes just this object from landing.

    None when it is gone, or another by now, of which another event tells; also, with a warning, when its name is too
    long for bronze, so that it stays. What is smaller than `copied_at_once` bytes is copied in one request. Raises
    ArrivalError when this cannot be done; the object is in landing then, or verified in bronze.
    """
    if excess := bytes_too_long_on_s3(landed.path.name, prefix(bronze)):
        _log.warning(
            "%s stays in landing: its name is %d bytes too long for bronze; send it under a shorter one",
            landed.path,
            excess,
        )
        return None
    with _explained(f"{landed.path} could not be moved to {bronze}; nothing is lost, and it is tried again"):
        head = head_of(s3, landed.path, **landed.which)
        if head is None:
            return None
        landed = landed.as_found(head)
        arrival = s3_claims.claim_first(s3, landed.claim(head, bronze), landed)
        if arrival is None:
            return None
        target = bronze / arrival.bronze_name
        if not is_same(head, head_of(s3, target)) and not _copy(s3, landed, head, target, copied_at_once):
            return None
        _delete(s3, landed)
        return arrival


def _copy(s3: BaseClient, landed: Landed, head: dict[str, Any], target: S3Path, at_once: int) -> bool:
    """Whether the object was there to be copied. Raises ArrivalError when the copy differs, which is deleted again."""
    source = {"Bucket": landed.path.bucket, "Key": landed.path.key}
    try:
        s3.copy(
            source | ({"VersionId": landed.version} if landed.version else {}),
            target.bucket,
            target.key,
            # Tags stay behind: to copy them takes permissions that nothing else here needs.
            ExtraArgs={"CopySourceIfMatch": head["ETag"], "TaggingDirective": "REPLACE"},
            Config=TransferConfig(multipart_threshold=at_once, multipart_chunksize=min(at_once, S3_PART_BYTES)),
        )
    except ClientError as error:
        if is_gone(error):
            return False
        raise
    made = head_of(s3, target)
    if is_same(head, made):
        return True
    if made:  # nobody shall read it; a better one that somebody else has made since stays
        s3.delete_object(Bucket=target.bucket, Key=target.key, IfMatch=made["ETag"])
    raise ArrivalError(f"The copy of {landed.path} as {target} differs from it and was deleted. It is tried again.")


def _delete(s3: BaseClient, landed: Landed) -> None:
    try:
        s3.delete_object(Bucket=landed.path.bucket, Key=landed.path.key, **landed.which)
    except ClientError as error:
        if not is_gone(error):
            raise


@contextmanager
def _explained(what: str) -> Generator[None]:
    """A block that raises ArrivalError, saying `what` failed, when AWS refuses or cannot be reached."""
    try:
        yield
    except (BotoCoreError, ClientError, S3CopyFailedError) as error:
        raise ArrivalError(
            f"{what}: {error}\nCheck that both buckets exist, and that the role may read, write and delete there."
        ) from error


def _client() -> BaseClient:
    return client("s3")
