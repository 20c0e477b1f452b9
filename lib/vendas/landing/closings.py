"""What a process that stays sees happen in a landing folder: files that were closed after writing, or renamed into it.

On Linux this uses inotify(7), which reports changes made on this machine. Elsewhere, and with writers on another one,
nothing is seen, and the folder has to be looked at now and then. A file whose closing was seen needs no quiet time. The
process that moves it is another one: a variable of its environment names a file that lists them.
"""

import ctypes
import json
import os
import select
import struct
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

_SEEN = "VENDAS_SEEN_CLOSED"  # names a file with JSON: name of a file in landing to its state when it was closed
_CLOSE_WRITE, _MOVED_TO, _IGNORED, _OVERFLOW, _ONLY_FOLDER = 0x8, 0x80, 0x8000, 0x4000, 0x1000000
_EVENT = struct.Struct("iIII")  # watch, what happened, cookie, length of the name
_BUFFER_BYTES = 1 << 16

State = list[int]  # JSON has no tuples


class Closings:
    """The files in a folder whose closing was seen since the block began, with their states."""

    def __init__(self, folder: Path):
        self._folder, self._seen = folder, dict[str, State]()
        self._inotify = _inotify()
        self._watches = False
        self._watch()

    def __enter__(self) -> "Closings":
        return self

    def __exit__(self, *_: object) -> None:
        if self._inotify is not None:
            os.close(self._inotify)
            self._inotify = None

    def wait(self, seconds: float) -> bool:
        """Return True as soon as a file was closed or came; False after so many seconds."""
        self._watch()
        if self._inotify is None:
            time.sleep(seconds)
            return False
        return bool(select.select([self._inotify], [], [], seconds)[0]) and self._read()

    def has_seen(self, path: Path) -> bool:
        """Return whether this file of the folder was closed, and has not changed since."""
        return path.name in self._seen and self._seen[path.name] == _state(path)

    @contextmanager
    def told(self) -> Generator[None]:
        """Tell the processes that the block starts which files were closed, and are as they were then."""
        self._read()
        self._seen = {name: state for name, state in self._seen.items() if self.has_seen(self._folder / name)}
        with tempfile.NamedTemporaryFile("w", prefix="vendas-closings-") as listed:
            json.dump(self._seen, listed)
            listed.flush()
            os.environ[_SEEN] = listed.name
            try:
                yield
            finally:
                del os.environ[_SEEN]

    def _watch(self) -> None:
        """Begin to watch the folder; again if it was deleted meanwhile."""
        if self._inotify is not None and not self._watches:
            wanted = _CLOSE_WRITE | _MOVED_TO | _ONLY_FOLDER
            self._watches = _libc().inotify_add_watch(self._inotify, os.fsencode(self._folder), wanted) >= 0

    def _read(self) -> bool:
        """Note the files of all events so far; return whether there were any."""
        found = False
        for name, happened in _events(self._inotify):
            found = True
            if happened & _IGNORED:  # the folder is gone
                self._watches = False
            elif happened & _OVERFLOW:  # too much has happened to be told
                self._seen.clear()
            elif state := _state(self._folder / name):
                self._seen[name] = state
        return found


def is_seen_closed(path: Path, stat: os.stat_result) -> bool:
    """Return whether this process was told that the file was closed, and it has not changed since."""
    told = _read_list(os.environ[_SEEN]) if _SEEN in os.environ else {}
    return told.get(path.name) == _describe(stat)


@lru_cache(maxsize=1)  # a sweep asks for each file; a list is not changed once it is named
def _read_list(path: str) -> dict[str, State]:
    return json.loads(Path(path).read_bytes())


def _events(inotify: int | None) -> Iterator[tuple[str, int]]:
    with suppress(BlockingIOError):
        while inotify is not None:
            events, place = os.read(inotify, _BUFFER_BYTES), 0
            while place < len(events):
                _, happened, _, length = _EVENT.unpack_from(events, place)
                begin = place + _EVENT.size
                yield os.fsdecode(events[begin : begin + length].rstrip(b"\0")), happened
                place = begin + length


def _inotify() -> int | None:
    """Return the descriptor of a new inotify instance; None where there is no inotify, or no more instance."""
    with suppress(OSError, AttributeError):
        descriptor = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        return descriptor if descriptor >= 0 else None
    return None


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _state(path: Path) -> State | None:
    with suppress(OSError):
        return _describe(path.stat())
    return None


def _describe(stat: os.stat_result) -> State:
    return [stat.st_mtime_ns, stat.st_size, stat.st_ino]
