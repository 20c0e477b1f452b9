"""A place on S3, with the few verbs of a path that intake needs."""

from dataclasses import dataclass
from typing import BinaryIO, Literal


@dataclass(frozen=True, order=True)
class S3Path:
    """An object, or all objects whose keys begin with `key/`; an empty key is the whole bucket."""

    bucket: str
    key: str = ""

    @property
    def name(self) -> str:
        """The key's last part."""
        return self.key.rpartition("/")[2]

    def __truediv__(self, name: str) -> "S3Path":
        return S3Path(self.bucket, f"{self.key}/{name}" if self.key else name)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:
        """The object's bytes, from the first on."""
        import boto3  # takes 0.2 s to load, which a lake in folders has no use for

        return boto3.client("s3").get_object(Bucket=self.bucket, Key=self.key)["Body"]
