"""The versions of objects on S3: a bucket with versioning keeps what was replaced or deleted, until it is deleted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from vendas.errors import VendasError
from vendas.landing.s3_objects import prefix
from vendas.storage import S3Path

if TYPE_CHECKING:
    from botocore.client import BaseClient

_DELETED_AT_ONCE = 1000  # the most that S3 takes in one request


@dataclass(frozen=True)
class Version:
    """A version of an object, or a delete marker; the latest one is what a reader without a version ID gets."""

    path: S3Path
    id: str
    is_latest: bool
    is_marker: bool
    at: datetime
    size: int = 0


def list_versions(s3: "BaseClient", place: S3Path) -> Iterator[list[Version]]:
    """Yield all versions of each object under a prefix, at any depth, the newest first.

    An object of a bucket without versioning has one version.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=prefix(place))
    found = (version for page in pages for version in sorted(_of_page(page, place.bucket), key=lambda v: v.path.key))
    for _, versions in groupby(found, key=lambda version: version.path.key):
        yield sorted(versions, key=lambda version: (version.is_latest, version.at), reverse=True)


def versions_of(s3: "BaseClient", path: S3Path) -> list[Version]:
    """List all versions of one object."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=path.bucket, Prefix=path.key)
    return [version for page in pages for version in _of_page(page, path.bucket) if version.path == path]


def _of_page(page: dict, bucket: str) -> Iterator[Version]:
    for kind in ("Versions", "DeleteMarkers"):
        for found in page.get(kind, []):
            yield Version(
                S3Path(bucket, found["Key"]),
                found["VersionId"],
                found["IsLatest"],
                kind == "DeleteMarkers",
                found["LastModified"],
                found.get("Size", 0),
            )


def delete_versions(s3: "BaseClient", versions: Iterable[Version]) -> int:
    """Delete these versions, for ever; return how many. All are in one bucket.

    Raises: VendasError if S3 refuses one of them, as it does while a lock or a legal hold protects it.
    """
    listed = list(versions)
    for begin in range(0, len(listed), _DELETED_AT_ONCE):
        some = listed[begin : begin + _DELETED_AT_ONCE]
        keys = [{"Key": version.path.key, "VersionId": version.id} for version in some]
        answer = s3.delete_objects(Bucket=some[0].path.bucket, Delete={"Objects": keys, "Quiet": True})
        for refused in answer.get("Errors", []):
            path = S3Path(some[0].path.bucket, refused["Key"])
            raise VendasError(
                f"S3 does not delete version {refused['VersionId']} of {path}: {refused['Code']}. Allow "
                "s3:DeleteObjectVersion, or end what protects it (object lock, legal hold)."
            )
    return len(listed)


def delete_noncurrent(s3: "BaseClient", path: S3Path) -> int:
    """Delete all versions of an object but the latest; return how many."""
    return delete_versions(s3, (version for version in versions_of(s3, path) if not version.is_latest))


def delete_entirely(s3: "BaseClient", path: S3Path) -> None:
    """Delete an object with all its versions."""
    delete_versions(s3, versions_of(s3, path))
