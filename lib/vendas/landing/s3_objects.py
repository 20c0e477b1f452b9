"""Requests about objects on S3: the metadata of one, whether two are equal, and lists of objects."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from vendas.storage import S3Path

if TYPE_CHECKING:
    from botocore.client import BaseClient

ANONYMIZED = {"anonimizado": "sim"}  # the metadata of an object whose content was changed to erase a person
PREFLIGHT_FOLDER = "_preflight"  # in landing, in bronze and among the runs: of test objects, which no run reads
_CHANGED = (404, 409, 412)  # deleted; being written by another; written by another
NO_VERSION = "null"  # the version ID of an object that was written while its bucket had no versioning
_GONE = (404, 412)  # no such object or version; the content is another one now


def head_of(s3: "BaseClient", path: S3Path, **which: str) -> dict[str, Any] | None:
    """Return the metadata of an object, or None if it is gone or no longer matches `which`."""
    try:
        return s3.head_object(Bucket=path.bucket, Key=path.key, ChecksumMode="ENABLED", **which)
    except ClientError as error:
        if not is_gone(error):
            raise
        return None


def is_gone(error: ClientError) -> bool:
    """Return whether a request failed because the object is gone or was changed, and not for another reason."""
    return status(error) in _GONE and error.response["Error"]["Code"] != "NoSuchBucket"


def status(error: ClientError) -> int:
    """Return the HTTP status of a failed request."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def put_if_unchanged(
    s3: "BaseClient", path: S3Path, body: bytes | BinaryIO, etag: str | None, **more: Any
) -> str | None:
    """Write an object if its ETag is still this one, or, for None, if it does not exist; return its new ETag.

    Return None if somebody else has written or deleted it meanwhile. `more` are further arguments of PutObject.
    """
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        return s3.put_object(Bucket=path.bucket, Key=path.key, Body=body, **condition, **more)["ETag"]
    except ClientError as error:
        if status(error) not in _CHANGED:
            raise
        return None


def is_anonymized(head: dict[str, Any] | None) -> bool:
    """Return whether an object, by its metadata, was changed to erase a person, so that it must not be overwritten."""
    return head is not None and ANONYMIZED.items() <= head["Metadata"].items()


def is_same(head: dict[str, Any], copy: dict[str, Any] | None) -> bool:
    """Return whether sizes, checksums of the same kind, and ETags that are MD5s are equal, as far as S3 has them."""
    if copy is None or head["ContentLength"] != copy["ContentLength"]:
        return False
    names = {name for name in head if name.startswith("Checksum")} & copy.keys() - {"ChecksumType"}
    sums = [(head[name], copy[name]) for name in names if "-" not in head[name] + copy[name]]  # "-": one of parts
    if _is_md5(head) and _is_md5(copy):
        sums.append((head["ETag"], copy["ETag"]))
    return all(one == other for one, other in sums)


def _is_md5(head: dict[str, Any]) -> bool:
    return "-" not in head["ETag"] and head.get("ServerSideEncryption", "AES256") == "AES256"


def hex_of(etag: str) -> str:
    """Return an ETag without the quotes that S3 puts around it."""
    return etag.strip('"')


def list_objects(s3: "BaseClient", place: S3Path) -> Iterator[S3Path]:
    """List the objects directly under a prefix."""
    return (path for path, _ in list_objects_with_times(s3, place))


def list_objects_with_times(s3: "BaseClient", place: S3Path) -> Iterator[tuple[S3Path, datetime]]:
    """List the objects directly under a prefix, each with its LastModified time."""
    found = _listed(s3, place, "Contents", Delimiter="/")
    return ((S3Path(place.bucket, one["Key"]), one["LastModified"]) for one in found)


def list_prefixes(s3: "BaseClient", place: S3Path) -> Iterator[S3Path]:
    """List the prefixes directly under a prefix, as a folder lists its folders."""
    found = _listed(s3, place, "CommonPrefixes", Delimiter="/")
    return (S3Path(place.bucket, one["Prefix"].rstrip("/")) for one in found)


def list_below(s3: "BaseClient", place: S3Path) -> Iterator[tuple[S3Path, int, datetime]]:
    """List all objects under a prefix, at any depth, each with its size in bytes and its LastModified time."""
    found = _listed(s3, place, "Contents")
    return ((S3Path(place.bucket, one["Key"]), one["Size"], one["LastModified"]) for one in found)


def _listed(s3: "BaseClient", place: S3Path, part: str, **more: str) -> Iterator[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=prefix(place), **more)
    return (one for page in pages for one in page.get(part, []))


def prefix(place: S3Path) -> str:
    """Return the prefix that the keys of all objects in a place begin with, its slash included."""
    return f"{place.key}/" if place.key else ""
