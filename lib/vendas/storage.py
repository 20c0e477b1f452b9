"""Where files are: in a folder of this machine (`pathlib.Path`), or in S3 (`S3Path`, which answers the same calls)."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Self, cast

if TYPE_CHECKING:
    from botocore.client import BaseClient

SCHEME = "s3://"


@dataclass(frozen=True, order=True)
class S3Path:
    """An object of a bucket, or a prefix: what has the key's name before a slash. Compares by bucket and key."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, uri: str, **more: str) -> Self:
        """The place of `s3://bucket/key`; blanks, accents and `%` in a key stand as they are. Raises ValueError."""
        bucket, _, key = uri.removeprefix(SCHEME).partition("/")
        if not uri.startswith(SCHEME) or not bucket:
            raise ValueError(f"expected {SCHEME}bucket or {SCHEME}bucket/prefix")
        return cls(bucket, key.strip("/"), **more)

    def __truediv__(self, name: str) -> "S3Path":
        return S3Path(self.bucket, f"{self.key}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    def open(self, mode: str) -> BinaryIO:
        """The object's bytes, read on from wherever `seek` goes without what lies before. Raises OSError."""
        from smart_open import open as smart_open  # here, because the Lambda function has no such library

        opened = smart_open(str(self), mode, transport_params={"client": client("s3")})
        return cast(BinaryIO, opened)  # its own type leaves open whether the mode is of bytes or of text

    def write_bytes(self, data: bytes | memoryview) -> int:
        """Makes the object, in one request; the bytes it has."""
        client("s3").put_object(Bucket=self.bucket, Key=self.key, Body=bytes(data))
        return len(data)

    def unlink(self, missing_ok: bool = True) -> None:
        """Deletes the object; S3 does not tell whether there was one."""
        client("s3").delete_object(Bucket=self.bucket, Key=self.key)


@dataclass(frozen=True)
class S3Lake(S3Path):  # pyrefly: ignore[ordered-dataclass-inheritance]  # lakes are not sorted among objects
    """A lake in S3: the place of its files, and the database of the Glue Data Catalog that knows its tables."""

    database: str = field(default="vendas", kw_only=True)


Location = Path | S3Path


def location(address: str) -> Location:
    """The place that Iceberg or Hadoop name by this address: `s3://…`, `file:/…`, or a path."""
    return S3Path.parse(address) if address.startswith(SCHEME) else Path(address.removeprefix("file:"))


def as_folder(place: Location) -> Path:
    """Return the place as a folder of this machine, for what works on local lakes only. Raises TypeError for S3."""
    if not isinstance(place, Path):
        raise TypeError(f"{place} is in S3; expected a folder of this machine")
    return place


def as_s3(place: Location) -> S3Path:
    """Return the place as one in S3, for what works on AWS only. Raises TypeError for a folder of this machine."""
    if not isinstance(place, S3Path):
        raise TypeError(f"{place} is a folder of this machine; expected a place in S3")
    return place


@cache
def client(service: str) -> "BaseClient":
    """The process's one client of an AWS service: making one takes longer than most calls."""
    import boto3  # here, because it would cost every command on a local lake a quarter of a second

    return boto3.client(service)


def region_of_process() -> str | None:
    """Return the AWS region that clients of this process work in; None where nothing names one."""
    import boto3

    return boto3.Session().region_name
