"""The verified move of objects from landing to bronze, both on S3: each version of an object once.

An event may name an object more than once, and every sweep finds it, too. Each of these movers may be killed at any
point, and several may run at the same time. So the first mover claims the object (`s3_claims`), and all others use that
claim.
"""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from s3transfer.exceptions import S3CopyFailedError

from vendas.errors import ArrivalError
from vendas.landing import s3_claims
from vendas.landing.bronze_names import MISNAMED, Arrival, NewFiles, bytes_too_long_on_s3, is_sales_file, looks_misnamed
from vendas.landing.s3_claims import Landed
from vendas.landing.s3_objects import NO_VERSION, head_of, hex_of, is_anonymized, is_gone, is_same, list_objects, prefix
from vendas.storage import S3Path, client
from vendas.tuning import S3_PART_BYTES

if TYPE_CHECKING:
    from botocore.client import BaseClient

COPIED_AT_ONCE = 5 * 1024**3  # bytes; S3 copies a larger object only in parts
_log = logging.getLogger(__name__)


def names_in(bronze: S3Path) -> list[str]:
    """List the names of all objects directly under a prefix. Raises: ArrivalError if it cannot be listed."""
    with _explained(f"{bronze} could not be listed"):
        return [path.name for path in list_objects(_client(), bronze)]


def waiting_files(landing: S3Path) -> list[S3Path]:
    """List the sales files directly in landing, by key. Raises: ArrivalError if landing cannot be listed."""
    with _explained(f"{landing} could not be listed"):
        return sorted({landed.path for landed in waiting(_client(), landing)}, key=lambda path: path.key)


def sweep(landing: S3Path, bronze: S3Path) -> list[Arrival]:
    """Move every sales file of landing to bronze; return the arrivals. Log a warning for any other CSV file there.

    Raises: ArrivalError if files could not be moved, naming each, after all others were moved.
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
    """Return the bronze files that no run has recorded yet.

    Raises: ArrivalError if AWS refuses a request or cannot be reached; so does the `done` of the result.
    """
    told = f"{bronze} could not be looked at"
    with _explained(told):
        found = s3_claims.look(_client(), bronze)

    def done() -> None:
        with _explained(told):
            found.done()

    return NewFiles(found.files, found.arrivals, done)


def waiting(s3: "BaseClient", landing: S3Path) -> list[Landed]:
    """List the sales files directly in landing, oldest first; their event time is LastModified (whole seconds).

    This includes a version that a later upload replaced, but not one that was deleted after its upload.
    """
    return _sales(_in_landing(s3, landing))


def _sales(there: Iterable[Landed]) -> list[Landed]:
    sales = [landed for landed in there if is_sales_file(landed.path.name)]
    return sorted(sales, key=lambda landed: (landed.event_time, landed.path.key))


def _in_landing(s3: "BaseClient", landing: S3Path) -> list[Landed]:
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
            None if version["IsLatest"] and version["VersionId"] == NO_VERSION else version["VersionId"],
        )
        for version in versions
        if version["IsLatest"] or version["LastModified"] >= deleted.get(version["Key"], version["LastModified"])
    ]


def move_all(s3: "BaseClient", waiting: Iterable[Landed], bronze: S3Path) -> tuple[list[Arrival], list[ArrivalError]]:
    """Move each object, even if others fail; return the arrivals and the errors of those that could not be moved."""
    arrived, failed = [], []
    for landed in waiting:
        try:
            arrived.append(move_to_bronze(s3, landed, bronze))
        except ArrivalError as error:
            failed.append(error)
    return [arrival for arrival in arrived if arrival], failed


def move_to_bronze(
    s3: "BaseClient", landed: Landed, bronze: S3Path, copied_at_once: int = COPIED_AT_ONCE
) -> Arrival | None:
    """Copy one object to bronze, verify the copy, and only then delete exactly this object from landing.

    Return None if the object is gone, or was replaced by another, which has an event of its own; also, with a warning,
    if its name is too long for bronze, so that it stays. An object of less than `copied_at_once` bytes is copied in one
    request.
    Raises: ArrivalError if AWS refuses a request or the copy differs; the object is then still in landing, or verified
    in bronze.
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
        there = head_of(s3, target)
        is_there = is_same(head, there) or is_anonymized(there)  # whoever was erased from the copy must not come back
        if not is_there and not _copy(s3, landed, head, target, copied_at_once):
            return None
        _delete(s3, landed)
        return arrival


def _copy(s3: "BaseClient", landed: Landed, head: dict[str, Any], target: S3Path, at_once: int) -> bool:
    """Copy an object and verify the copy; return False if the object was gone.

    Raises: ArrivalError if the copy differs, which is then deleted again.
    """
    source = {"Bucket": landed.path.bucket, "Key": landed.path.key}
    try:
        s3.copy(
            source | ({"VersionId": landed.version} if landed.version else {}),
            target.bucket,
            target.key,
            # Do not copy tags: that needs permissions that nothing else here needs.
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
    if made:  # so that nobody reads it; IfMatch keeps a correct copy that another mover has made since
        s3.delete_object(Bucket=target.bucket, Key=target.key, IfMatch=made["ETag"])
    raise ArrivalError(f"The copy of {landed.path} as {target} differs from it and was deleted. It is tried again.")


def _delete(s3: "BaseClient", landed: Landed) -> None:
    try:
        s3.delete_object(Bucket=landed.path.bucket, Key=landed.path.key, **landed.which)
    except ClientError as error:
        if not is_gone(error):
            raise


@contextmanager
def _explained(what: str) -> Generator[None]:
    """Turn an error of AWS in the block, or a failed connection, into an ArrivalError that says `what` failed."""
    try:
        yield
    except (BotoCoreError, ClientError, S3CopyFailedError) as error:
        raise ArrivalError(
            f"{what}: {error}\nCheck that both buckets exist, and that the role may read, write and delete there."
        ) from error


def _client() -> "BaseClient":
    return client("s3")
