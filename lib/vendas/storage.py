"""Places of files: in a folder of this machine (`pathlib.Path`), or in S3 (`S3Path`, with the same methods)."""

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Self, cast

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from pyarrow import Buffer

SCHEME = "s3://"


@dataclass(frozen=True, order=True)
class S3Path:
    """An object of a bucket, or the prefix of keys that begin with its key and a slash; compares by bucket and key."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, uri: str, **more: str) -> Self:
        """Return the place of `s3://bucket/key`; blanks, accents and `%` in a key are not encoded.

        Raises: ValueError if `uri` is no such address.
        """
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
        """Open the object; after `seek`, only the bytes from there on are read.

        Raises: OSError if it cannot be opened.
        """
        from smart_open import open as smart_open  # here, because the Lambda function has no such library

        opened = smart_open(str(self), mode, transport_params={"client": client("s3")})
        return cast(BinaryIO, opened)  # its declared type does not say whether the mode is binary or text

    def write_bytes(self, data: bytes | memoryview) -> int:
        """Write the object in one request; return its size in bytes."""
        client("s3").put_object(Bucket=self.bucket, Key=self.key, Body=bytes(data))
        return len(data)

    def unlink(self, missing_ok: bool = True) -> None:
        """Delete the object; S3 does not report whether there was one, so `missing_ok` has no effect."""
        client("s3").delete_object(Bucket=self.bucket, Key=self.key)


@dataclass(frozen=True)
class S3Lake(S3Path):  # pyrefly: ignore[ordered-dataclass-inheritance]  # lakes are never sorted
    """A lake in S3: the place of its files, and the database of the Glue Data Catalog with its tables."""

    database: str = field(default="vendas", kw_only=True)


Location = Path | S3Path


def location(address: str) -> Location:
    """Return the place of an address as Iceberg or Hadoop write it: `s3://…`, `file:/…`, or a path."""
    return S3Path.parse(address) if address.startswith(SCHEME) else Path(address.removeprefix("file:"))


def as_folder(place: Location) -> Path:
    """Return the place as a folder, for code that works only on local lakes. Raises: TypeError for a place in S3."""
    if not isinstance(place, Path):
        raise TypeError(f"{place} is in S3; expected a folder of this machine")
    return place


def write_file(place: Location, content: "bytes | Buffer") -> int:
    """Write a file, and its folder if that is missing; return the file's size in bytes."""
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
    return place.write_bytes(content)


def sync(place: Location) -> None:
    """Flush a file to disk, or of a folder what is in it by which name, so that it survives a power failure.

    What was written to S3 does.
    """
    if isinstance(place, S3Path):
        return
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_s3(place: Location) -> S3Path:
    """Return the place as one in S3, for code that works only on AWS. Raises: TypeError for a folder."""
    if not isinstance(place, S3Path):
        raise TypeError(f"{place} is a folder of this machine; expected a place in S3")
    return place


@cache
def client(service: str) -> "BaseClient":
    """Return the process's shared client of an AWS service, since creating one takes longer than most calls."""
    import boto3  # here, because the import would cost every command on a local lake 0.25 s

    return boto3.client(service)


def region_of_process() -> str | None:
    """Return the AWS region of this process's clients, or None if none is configured."""
    import boto3

    return boto3.Session().region_name
