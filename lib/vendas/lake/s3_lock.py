"""The lock of a lake in S3: one object, changed only by conditional writes.

S3 cannot know that a process has ended, so the holder rewrites the object regularly, and a lock that has not been
rewritten for a long time is free. Clocks are never compared: whoever waits measures with its own clock how long the
object has not changed. The object is never deleted. Conditional writes: Amazon S3 User Guide, "How to prevent object
overwrites with conditional writes".
"""

import json
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from vendas.landing.s3_objects import put_if_unchanged
from vendas.storage import S3Path, client
from vendas.tuning import LOCK_BEAT_SECONDS, LOCK_DEAD_SECONDS, LOCK_LOOK_SECONDS

if TYPE_CHECKING:
    from botocore.client import BaseClient


@dataclass(frozen=True)
class _Seen:
    """The lock as last read: whether it is held, who wrote it, and the ETag of this state."""

    is_held: bool
    writer: str
    etag: str


class _Lock:
    """One holder's view of the lock's object."""

    def __init__(self, s3: "BaseClient", path: S3Path):
        self._s3, self._path = s3, path
        self._writer = secrets.token_hex(8)
        self._own: _Seen | None = None  # the state that this holder wrote last
        self._writes = 0

    def take(self, waiting: Callable[[], None]) -> None:
        """Wait until the lock is free, and take it; call `waiting` once if that takes time."""
        before, changed, is_told = None, time.monotonic(), False
        while True:
            seen = self._look()
            if seen != before:
                before, changed = seen, time.monotonic()
            is_free = seen is None or not seen.is_held or time.monotonic() - changed >= LOCK_DEAD_SECONDS
            if is_free and self._write(seen, is_held=True):
                return
            if not is_free:
                if not is_told:
                    waiting()
                is_told = True
                time.sleep(LOCK_LOOK_SECONDS)

    def beat(self) -> bool:
        """Rewrite the object to show that the holder is alive; return whether it still holds the lock."""
        return self._write(self._own, is_held=True)

    def release(self) -> None:
        """Release the lock if this holder still has it."""
        self._write(self._own, is_held=False)

    def _look(self) -> _Seen | None:
        try:
            found = self._s3.get_object(Bucket=self._path.bucket, Key=self._path.key)
        except self._s3.exceptions.NoSuchKey:
            return None
        held = json.loads(found["Body"].read())
        return _Seen(held["is_held"], held["writer"], found["ETag"])

    def _write(self, seen: _Seen | None, is_held: bool) -> bool:
        """Write the object if it is as `seen`, or was written by this holder since; return whether it was written."""
        while True:
            self._writes += 1  # makes each write, and thus its ETag, unique
            body = json.dumps({"is_held": is_held, "writer": self._writer, "write": self._writes}).encode()
            if etag := put_if_unchanged(self._s3, self._path, body, seen.etag if seen else None):
                self._own = _Seen(is_held, self._writer, etag)
                return True
            # If a write's answer is lost, botocore repeats the write, which then fails because of the first one.
            seen = self._look()
            if seen is None or seen.writer != self._writer:
                return False


@contextmanager
def hold_object(path: S3Path, waiting: Callable[[], None]) -> Generator[None]:
    """Hold the lock that this object represents for the block; if another holds it, call `waiting` once and wait.

    A holder that cannot reach S3 for LOCK_DEAD_SECONDS loses the lock without notice. What it does meanwhile must be
    safe without the lock, as Iceberg's commits are.
    """
    lock, done = _Lock(client("s3"), path), Event()
    lock.take(waiting)

    def keep_beating() -> None:
        is_held = True
        while is_held and not done.wait(LOCK_BEAT_SECONDS):
            with suppress(BotoCoreError, ClientError):  # the next beat may succeed
                is_held = lock.beat()

    thread = Thread(target=keep_beating, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(BotoCoreError, ClientError):  # it expires soon; the work has ended or raised its own error
            lock.release()
