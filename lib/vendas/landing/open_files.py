"""Whether a process of this machine has a file open for writing.

On Linux this uses a read lease (fcntl(2), F_SETLEASE): the kernel grants it only while nobody has the file open for
writing, and blocks a process that then opens it for writing until the lease is released. Only the file's owner or root
can take a lease, and not all file systems support leases: NFS and SMB refuse them with the same error as for a writer.
Without a lease, the open files in /proc are searched, of those processes that this user may inspect. A writer on macOS
or on another machine cannot be detected.
"""

import errno
import fcntl
import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Self

_CANNOT_BE_HAD = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOLCK}
_SAY_EAGAIN = {"nfs", "nfs4", "cifs", "smb3"}  # file systems on which EAGAIN may also mean that they support no leases
_MOUNTS = Path("/proc/self/mountinfo")
_WRITES = os.O_WRONLY | os.O_RDWR


class WriteGuard:
    """Detects whether a process has had an open file open for writing since the guard began; ends with the block."""

    def __init__(self, file: BinaryIO):
        self._file = file.fileno()
        self._leased = _lease(self._file)

    @property
    def has_no_lease(self) -> bool:
        """Whether no lease could be taken, so that only the open files in /proc show a writer."""
        return self._leased is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._leased:
            fcntl.fcntl(self._file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    def is_lease_broken(self) -> bool:
        """Return whether the lease shows that a writer has, or wants, the file; False without one. Cheap to call."""
        if self._leased is None:
            return False
        return not self._leased or fcntl.fcntl(self._file, fcntl.F_GETLEASE) != fcntl.F_RDLCK

    def is_broken(self) -> bool:
        """Return whether a writer has, or wants, the file; without a lease, search the open files of all processes."""
        if self._leased is None:
            return bool(open_for_writing([_file_id(os.fstat(self._file))]))
        return self.is_lease_broken()


def held_by_writers(paths: Collection[Path]) -> list[Path]:
    """Return the files that a process of this machine has open for writing; skip files that cannot be opened."""
    held, unleased = [], {}
    for path in paths:
        try:
            with path.open("rb") as file, WriteGuard(file) as guard:
                if guard.has_no_lease:
                    unleased[path] = _file_id(os.fstat(file.fileno()))
                elif guard.is_lease_broken():
                    held.append(path)
        except OSError:  # it is gone, or unreadable, which `folder_moves.look` tells
            continue
    written = open_for_writing(unleased.values()) if unleased else set()
    return held + [path for path, file in unleased.items() if file in written]


def open_for_writing(files: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the files, as (device, inode), that processes have open for writing, as far as /proc shows."""
    wanted, found = set(files), set()
    for process in _entries("/proc"):
        for descriptor in _entries(f"/proc/{process}/fd") if process.isdigit() else ():
            try:
                file = _file_id(os.stat(f"/proc/{process}/fd/{descriptor}"))
                if file in wanted and _flags(process, descriptor) & _WRITES:
                    found.add(file)
            except (OSError, IndexError, ValueError):  # it was closed meanwhile
                continue
    return found


def _entries(folder: str) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:  # the process is gone or another user's, or this machine has no /proc
        return


def _flags(process: str, descriptor: str) -> int:
    return int(Path(f"/proc/{process}/fdinfo/{descriptor}").read_text().split("flags:")[1].split()[0], 8)


def _lease(file: int) -> bool | None:
    """Take a read lease; return False if a writer has the file open, None if no lease can be taken."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        # By default, a broken lease sends a signal that would end the process; SIGURG is ignored by default.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG) if hasattr(fcntl, "F_SETSIG") else None
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EBUSY):
            return None if _file_system(os.fstat(file).st_dev) in _SAY_EAGAIN else False
        if error.errno in _CANNOT_BE_HAD:
            return None
        raise
    return True


def _file_system(device: int) -> str | None:
    """Return the type of the file system on a device, from the mounts that this process sees; None if unknown."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.partition(" - ") for line in _MOUNTS.read_text(errors="surrogateescape").splitlines()]
    except OSError:
        return None
    return next((kind.split()[0] for mount, _, kind in mounts if mount.split()[2] == number), None)


def _file_id(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
