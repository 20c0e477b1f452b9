"""The files of tables' metadata, as pyiceberg reads and writes them: whole, in one request each on S3."""

import io
from pathlib import Path
from typing import cast

from botocore.exceptions import ClientError
from pyiceberg.avro.decoder import StreamingBinaryDecoder
from pyiceberg.avro.file import META_SCHEMA, AvroFileHeader
from pyiceberg.avro.resolver import construct_reader
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from vendas.errors import VendasError
from vendas.storage import S3Path, client, location as location_of, sync, write_file

_HEADER = construct_reader(META_SCHEMA, {-1: AvroFileHeader})
_MISSING = ("404", "NoSuchKey")


class LakeFileIO(FileIO):
    """Reads and writes files by `vendas.storage`: with this process's clients of AWS, their region and credentials."""

    def new_input(self, location: str) -> "LakeInput":
        """Return the file at this address, to be read."""
        return LakeInput(location)

    def new_output(self, location: str) -> "LakeOutput":
        """Return the file at this address, to be written."""
        return LakeOutput(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete the file; it need not be there."""
        location_of(location if isinstance(location, str) else location.location).unlink(missing_ok=True)


class LakeInput(InputFile):
    """A file to be read, at once."""

    def __len__(self) -> int:
        return len(self._read())

    def exists(self) -> bool:
        """Return whether it is there."""
        try:
            self._read()
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        """Return its content. Raises: FileNotFoundError if it is not there; VendasError if it was cut short."""
        content = self._read()
        if self.location.endswith(".avro") and not _is_whole(content):
            raise VendasError(
                f"{self.location} is damaged ({len(content)} bytes), and its table cannot be read without it.\n"
                "Put it back from a copy, or make a new lake from the bronze files."
            )
        return cast(InputStream, io.BytesIO(content))

    def _read(self) -> bytes:
        place = location_of(self.location)
        if isinstance(place, Path):
            return place.read_bytes()
        try:
            return client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise FileNotFoundError(f"{place} is not there") from error
            raise


def _is_whole(avro: bytes) -> bool:
    """Return whether a file ends with the marker that its header names, as each block does.

    pyiceberg does not look, and takes for rows what memory holds behind a file that was cut short.
    """
    try:
        header = _HEADER.read(StreamingBinaryDecoder(avro))
    except (EOFError, ValueError):
        return False
    return avro.endswith(header.sync)


class LakeOutput(OutputFile):
    """A file to be written, which is there once it is closed."""

    def __len__(self) -> int:
        return len(self.to_input_file())

    def exists(self) -> bool:
        """Return whether it is there."""
        return self.to_input_file().exists()

    def to_input_file(self) -> LakeInput:
        """Return the same file, to be read."""
        return LakeInput(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Return where to write its content. Its name is unique, so that nobody looks whether it is there already."""
        return cast(OutputStream, _Content(location_of(self.location)))


class _Content(io.BytesIO):
    def __init__(self, place: Path | S3Path):
        super().__init__()
        self._place = place

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:  # pyrefly: ignore[bad-override]  # as in Python
        if kind is None:
            self.close()
        super().close()  # without writing what an error has left incomplete

    def close(self) -> None:
        if not self.closed:
            write_file(self._place, self.getvalue())
            sync(self._place)
        super().close()
