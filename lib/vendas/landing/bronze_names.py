"""File names: which files intake takes, and the bronze name of each, derived from its arrival event."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from vendas.errors import ArrivalError

_BRONZE_NAME = re.compile(r"(?P<stem>registros.*)_(?P<time>\d{8}T\d{9}Z)_[0-9a-f]{8}\.csv", re.IGNORECASE | re.DOTALL)
MAX_NAME_BYTES = 255  # the limit of the file systems in use
MAX_S3_NAME_BYTES = 1000  # for bronze names on S3: the length of the warehouse's columns
MAX_KEY_BYTES = 1024  # S3's limit for an object's key
MISNAMED = (
    "stays in landing because of its name: intake takes CSV files named registros*.csv; send it as one, or move it away"
)
_NO_CSV = (".xlsx", ".xls", ".ods", ".zip")
_ADDED_BYTES = len("_20240331T140509123Z_1a2b3c4d")  # what a bronze name adds to the received name
_HASH_DIGITS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_sales_file(name: str) -> bool:
    """Return whether intake takes a file of this name: `registros*.csv`, in upper or lower case."""
    return name.lower().startswith("registros") and name.lower().endswith(".csv")


def looks_misnamed(name: str) -> bool:
    """Return whether a file looks like sales that intake does not take: another CSV, or a spreadsheet `registros*`."""
    lower = name.lower()
    other_csv = lower.endswith(".csv") and not is_sales_file(name) and not name.startswith(".")
    return other_csv or (lower.startswith("registros") and lower.endswith(_NO_CSV))


def bytes_too_long(name: str, longest: int = MAX_NAME_BYTES) -> int:
    """Return by how many bytes the bronze name of a file received as `name` would exceed `longest`; 0 if it fits."""
    return max(0, _bytes(composed(name)) + _ADDED_BYTES - longest)


def why_unfit(name: str) -> str | None:
    """Return why a bronze folder cannot keep a file under this name, and what to do; None if it can."""
    if not is_utf8(name):
        return "its name is not in UTF-8; rename it"
    excess = bytes_too_long(name)
    return f"its name is {excess} bytes too long for bronze; shorten it" if excess else None


def is_utf8(name: str) -> bool:
    """Return whether the name is a text, as tables and JSON need it; names in a folder can be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def bytes_too_long_on_s3(name: str, prefix: str) -> int:
    """Return by how many bytes a bronze name would be too long for an object under this prefix on S3 (`bronze/`)."""
    return bytes_too_long(name, min(MAX_S3_NAME_BYTES, MAX_KEY_BYTES - _bytes(prefix)))


def fitting_name(stem: str, ending: str) -> str:
    """Return `stem` + `ending`, short enough for intake; of a stem that is too long, its start and a hash of it.

    `stem` is composed, `ending` is in ASCII.
    """
    if not bytes_too_long(stem + ending):
        return stem + ending
    whole = stem.encode(errors="surrogateescape")
    ending = f"_{hashlib.sha256(whole).hexdigest()[:_HASH_DIGITS]}{ending}"
    return whole[: MAX_NAME_BYTES - _ADDED_BYTES - len(ending)].decode(errors="ignore") + ending


def _bytes(name: str) -> int:
    return len(name.encode(errors="surrogateescape"))


def in_either_form(path: Path) -> Path:
    """Return the path, or, if it does not exist, the file beside it whose name differs only in Unicode form."""
    if not path.exists() and path.parent.is_dir():
        wanted = composed(path.name)
        return next((other for other in path.parent.iterdir() if composed(other.name) == wanted), path)
    return path


def composed(name: str) -> str:
    """Return the name in NFC, the form of all bronze names; macOS and others decompose the letters of names."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class Arrival:
    """The arrival of a file in landing: the name it was received under, the time (UTC), and its ETag (hex)."""

    name: str
    event_time: datetime
    etag: str

    @classmethod
    def of_local_file(cls, path: Path, modified_ns: int, md5: str) -> Self:
        """Return the arrival of a file in a folder, from its modification time (ns since 1970) and its MD5 (hex)."""
        return cls(path.name, _EPOCH + timedelta(microseconds=modified_ns // 1000), md5)

    @property
    def bronze_name(self) -> str:
        """`<stem>_<yyyyMMddTHHmmssSSSZ>_<first 8 characters of the ETag>.csv`; depends only on the arrival."""
        stem = composed(self.name[: -len(".csv")])
        time = f"{self.event_time:%Y%m%dT%H%M%S}{self.event_time.microsecond // 1000:03d}Z"
        return f"{stem}_{time}_{self.etag[:8]}.csv"


@dataclass(frozen=True, order=True)
class BronzeFile:
    """A file in bronze; sorts in bronze order (event time, then name)."""

    event_time: str
    name: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the bronze file of this name, or None if it is not a bronze name."""
        match = _BRONZE_NAME.fullmatch(name)
        return cls(match["time"], name) if match else None

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the bronze file of this name. Raises: ValueError if it is not a bronze name."""
        if (file := cls.parse(name)) is None:
            raise ValueError(f"{name} is no bronze file's name")
        return file

    @property
    def received_as(self) -> str:
        """The name it was received under, with the extension in lower case."""
        return self.name[: -_ADDED_BYTES - len(".csv")] + ".csv"


@dataclass(frozen=True)
class NewFiles:
    """The files in bronze that a run may not know yet, and the arrivals that are known for them.

    Call `done` once the ledger knows all of `files`; until then the next look finds them again.
    """

    files: list[BronzeFile]
    arrivals: list[Arrival] = field(default_factory=list)
    done: Callable[[], None] = lambda: None


def find(
    files: Iterable[BronzeFile], names: Iterable[str], in_landing: Callable[[], Iterable[str]] = tuple
) -> list[BronzeFile]:
    """Return the bronze files of these names, in the order of the names.

    The received name is enough if only one bronze file was received under it. `in_landing` returns the names of the
    files in landing, for the error that a name of one of them gets.
    Raises: ArrivalError for a name that matches no bronze file, or several, and for a text in place of names.
    """
    if isinstance(names, str):
        raise ArrivalError(f"Expected a list of bronze files' names, like [{names!r}]; got the text {names!r}.")
    files = list(files)
    return [_find(files, name, in_landing) for name in names]


def check_present(names: Iterable[str], files: Iterable[BronzeFile]) -> None:
    """Check that all named bronze files are among `files`. Raises: ArrivalError if any is missing."""
    if missing := sorted({*names} - {file.name for file in files}):
        raise ArrivalError(
            f"{len(missing)} files that the ledger knows are not in bronze any more, {missing[0]} for one.\n"
            "This lake was made by an older version, so all of bronze is read again, once. Put them back from a copy, "
            "and run again; nothing was changed."
        )


def _find(files: list[BronzeFile], name: str, in_landing: Callable[[], Iterable[str]]) -> BronzeFile:
    given, name = name, composed(name)
    found = (
        [file for file in files if given == file.name]
        or [file for file in files if name == composed(file.name)]
        or [file for file in files if name.lower() == composed(file.received_as).lower()]
    )
    if len(found) == 1:
        return found[0]
    if found:
        listed = "\n".join(file.name for file in found)
        raise ArrivalError(f"{len(found)} bronze files arrived as {name}. Give the name of one of them:\n{listed}")
    if name.lower() in {composed(other).lower() for other in in_landing()}:
        raise ArrivalError(f"{name} is still in landing. The next run (`vendas run`) takes it to bronze, and on.")
    close = get_close_matches(name, [file.name for file in files])
    hint = f"Did you mean {close[0]}?" if close else "`vendas status --json` names them all."
    raise ArrivalError(f"No bronze file is named {name}. {hint}")
