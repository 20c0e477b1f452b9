"""Objects on S3 as requests see them: what S3 knows of one, whether two are equal, which ones there are."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from vendas.storage import S3Path

_GONE = (404, 412)  # no such object or version; another content by now


def head_of(s3: BaseClient, path: S3Path, **which: str) -> dict[str, Any] | None:
    """What S3 knows of an object; None if it is gone, or no longer `which` it should be."""
    try:
        return s3.head_object(Bucket=path.bucket, Key=path.key, ChecksumMode="ENABLED", **which)
    except ClientError as error:
        if not is_gone(error):
            raise
        return None


def is_gone(error: ClientError) -> bool:
    """Whether a request failed for want of the object, as it was, and of nothing else."""
    return status(error) in _GONE and error.response["Error"]["Code"] != "NoSuchBucket"


def status(error: ClientError) -> int:
    """The HTTP status of a failed request."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def is_same(head: dict[str, Any], copy: dict[str, Any] | None) -> bool:
    """Whether all that S3 knows of both says they are equal: sizes, checksums of the same kind, ETags that are MD5s."""
    if copy is None or head["ContentLength"] != copy["ContentLength"]:
        return False
    names = {name for name in head if name.startswith("Checksum")} & copy.keys() - {"ChecksumType"}
    sums = [(head[name], copy[name]) for name in names if "-" not in head[name] + copy[name]]  # "-": a sum of parts'
    if _is_md5(head) and _is_md5(copy):
        sums.append((head["ETag"], copy["ETag"]))
    return all(one == other for one, other in sums)


def _is_md5(head: dict[str, Any]) -> bool:
    return "-" not in head["ETag"] and head.get("ServerSideEncryption", "AES256") == "AES256"


def hex_of(etag: str) -> str:
    """An ETag without the quotes that S3 puts around it."""
    return etag.strip('"')


def list_objects(s3: BaseClient, place: S3Path) -> Iterator[S3Path]:
    """The objects directly in a place."""
    return (path for path, _ in list_objects_with_times(s3, place))


def list_objects_with_times(s3: BaseClient, place: S3Path) -> Iterator[tuple[S3Path, datetime]]:
    """The objects directly in a place, each with when it was made."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix(place), Delimiter="/")
    return (
        (S3Path(place.bucket, found["Key"]), found["LastModified"])
        for page in pages
        for found in page.get("Contents", [])
    )


def bytes_below(s3: BaseClient, place: S3Path) -> int:
    """Return the bytes of all objects in a place and the places in it."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix(place))
    return sum(found["Size"] for page in pages for found in page.get("Contents", []))


def prefix(place: S3Path) -> str:
    """What the keys of all objects in a place begin with."""
    return f"{place.key}/" if place.key else ""
