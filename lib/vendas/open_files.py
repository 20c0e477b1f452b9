"""Whether a process of this machine has a file open for writing.

On Linux a read lease tells (fcntl(2), F_SETLEASE): the kernel grants it only while nobody has the file open for
writing, and keeps whoever opens it for writing afterwards waiting until the lease is given back. It takes the file's
owner or root, and not all file systems know leases. Where there is none, the open files of /proc tell, of those
processes that this user may look into. Elsewhere (macOS, writers on other machines) nothing tells.
"""

import errno
import fcntl
import os
import signal
from pathlib import Path
from typing import BinaryIO, Self

_CANNOT_BE_HAD = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOLCK}
_WRITES = os.O_WRONLY | os.O_RDWR


class WriteGuard:
    """Tells whether anybody has had an open file open for writing since the guard began; ends with the block."""

    def __init__(self, file: BinaryIO):
        self._file = file.fileno()
        self._leased = _lease(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._leased:
            fcntl.fcntl(self._file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    def is_broken(self) -> bool:
        """Return whether a writer has, or wants, the file."""
        if self._leased is None:
            return _file_id(os.fstat(self._file)) in files_open_for_writing()
        return not self._leased or fcntl.fcntl(self._file, fcntl.F_GETLEASE) != fcntl.F_RDLCK


def is_open_for_writing(path: Path) -> bool:
    """Return whether a process of this machine has the file open for writing. Raises: OSError."""
    with path.open("rb") as file, WriteGuard(file) as guard:
        return guard.is_broken()


def files_open_for_writing() -> set[tuple[int, int]]:
    """Return device and inode of the files that processes have open for writing, as far as /proc tells."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            flags = (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text().split("flags:")[1].split()[0]
            if int(flags, 8) & _WRITES:
                found.add(_file_id(descriptor.stat()))
        except (OSError, IndexError, ValueError):  # it is gone, or another user's
            continue
    return found


def _lease(file: int) -> bool | None:
    """Take a read lease; False where a writer has the file open, None where no lease can be had."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        # A broken lease is told by a signal whose default would end the process; this one is ignored by default.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG) if hasattr(fcntl, "F_SETSIG") else None
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EBUSY):
            return False
        if error.errno in _CANNOT_BE_HAD:
            return None
        raise
    return True


def _file_id(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
