"""How a file arrives: its bronze name, and its verified move from landing to bronze."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from vendas.errors import ArrivalError

_CHUNK = 8 * 1024 * 1024
_PART = ".part"  # the ending of a copy on its way; bronze names end in .csv
_BRONZE_NAME = re.compile(r"(?P<stem>registros.*)_(?P<time>\d{8}T\d{9}Z)_[0-9a-f]{8}\.csv", re.IGNORECASE | re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_sales_file(name: str) -> bool:
    """Whether intake takes up a file of this name: `registros*.csv`, in any case."""
    return name.lower().startswith("registros") and name.lower().endswith(".csv")


@dataclass(frozen=True)
class Arrival:
    """A file arriving in landing: the name it came under, when (UTC), and its ETag (hex)."""

    name: str
    event_time: datetime
    etag: str

    @classmethod
    def of_local_file(cls, path: Path, modified_ns: int, md5: str) -> Self:
        """The event of a file in a folder: its modification time (nanoseconds since 1970) and its content's MD5."""
        return cls(path.name, _EPOCH + timedelta(microseconds=modified_ns // 1000), md5)

    @property
    def bronze_name(self) -> str:
        """`<stem>_<yyyyMMddTHHmmssSSSZ>_<first 8 of the ETag>.csv`; depends on the event alone."""
        stem = self.name[: -len(".csv")]
        time = f"{self.event_time:%Y%m%dT%H%M%S}{self.event_time.microsecond // 1000:03d}Z"
        return f"{stem}_{time}_{self.etag[:8]}.csv"


@dataclass(frozen=True, order=True)
class BronzeFile:
    """A file in bronze; sorts in bronze order (event time, then name)."""

    event_time: str
    name: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """The bronze file of this name; None for a name that no arrival gives."""
        match = _BRONZE_NAME.fullmatch(name)
        return cls(match["time"], name) if match else None

    @property
    def received_as(self) -> str:
        """The name it arrived under (its ending in lower case)."""
        return _BRONZE_NAME.fullmatch(self.name)["stem"] + ".csv"


def bronze_files(bronze: Path) -> list[BronzeFile]:
    """All files of a bronze folder, in bronze order; anything else there is ignored."""
    if not bronze.is_dir():
        return []
    parsed = (BronzeFile.parse(entry.name) for entry in os.scandir(bronze) if entry.is_file())
    return sorted(file for file in parsed if file)


def find(files: Iterable[BronzeFile], names: Iterable[str]) -> list[BronzeFile]:
    """The bronze files of these names; the name a file arrived under will do where only one did.

    Raises ArrivalError for a name that none has, or several have.
    """
    files = list(files)
    return [_find(files, name) for name in names]


def _find(files: list[BronzeFile], name: str) -> BronzeFile:
    found = [file for file in files if name == file.name] or [
        file for file in files if name.lower() == file.received_as.lower()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        listed = "\n".join(file.name for file in found)
        raise ArrivalError(f"{len(found)} bronze files arrived as {name}. Give the name of one of them:\n{listed}")
    close = get_close_matches(name, [file.name for file in files])
    hint = f"Did you mean {close[0]}?" if close else "`vendas status --json` names them all."
    raise ArrivalError(f"No bronze file is named {name}. {hint}")


def waiting_files(landing: Path) -> list[Path]:
    """The sales files in the landing folder itself, by name; sub-folders are not looked into."""
    if not landing.is_dir():
        return []
    return sorted(Path(entry) for entry in os.scandir(landing) if entry.is_file() and is_sales_file(entry.name))


def sweep(landing: Path, bronze: Path) -> list[Arrival]:
    """Moves every sales file of the landing folder itself to bronze; returns what arrived, in bronze order.

    Both folders are made when missing. A file that is still being written stays for the next sweep.
    Raises ArrivalError when a copy cannot be made or differs from its original; the original then stays.
    """
    landing.mkdir(parents=True, exist_ok=True)
    bronze.mkdir(parents=True, exist_ok=True)
    for leftover in bronze.glob(f"*{_PART}"):  # of a sweep that was killed; its original is still in landing
        leftover.unlink(missing_ok=True)  # another sweep may be clearing up, too
    arrived = [move_to_bronze(path, bronze) for path in waiting_files(landing)]
    return sorted((arrival for arrival in arrived if arrival), key=lambda a: BronzeFile.parse(a.bronze_name))


def move_to_bronze(path: Path, bronze: Path) -> Arrival | None:
    """Copies one landing file to bronze, verifies the copy, and only then deletes the original.

    None when the file changed while it was copied (its writer is not done), or is gone.
    """
    part = bronze / f"{path.name}.{secrets.token_hex(4)}{_PART}"  # no other sweep writes into it
    try:
        before = path.stat()
        md5 = _copy(path, part)
        if _md5(part) != md5:
            raise ArrivalError(f"The copy of {path} in {bronze} differs from it. Check the disk and run again.")
        if _changed(before, path.stat()):
            part.unlink(missing_ok=True)
            return None
        arrival = Arrival.of_local_file(path, before.st_mtime_ns, md5)
        target = bronze / arrival.bronze_name
        if target.exists() and _md5(target) != md5:
            raise ArrivalError(f"{target} holds other content than {path}. Touch the landing file and run again.")
        os.utime(part, ns=(before.st_mtime_ns, before.st_mtime_ns))
        part.rename(target)
        _sync_folder(bronze)
        path.unlink()
        return arrival
    except FileNotFoundError:
        part.unlink(missing_ok=True)
        return None
    except OSError as error:
        raise ArrivalError(
            f"{path} could not be moved to {bronze}: {error.strerror}.\n"
            "The file is still in landing. Mend its permissions, or free disk space, and run again."
        ) from error


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino)


def _copy(source: Path, target: Path) -> str:
    """Copies through to the disk; returns the MD5 of what was read."""
    digest = hashlib.md5(usedforsecurity=False)
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Makes a rename outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
