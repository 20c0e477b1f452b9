"""The lock of a lake in S3: one object, which S3 changes only for whoever has seen it as it is.

S3 knows of no process that ended, so whoever holds the lock writes the object anew all the time, and a lock that is not
written for long belongs to nobody. Two clocks never meet: who waits measures by its own how long the object has not
changed. The object is never deleted. Conditional writes: Amazon S3 User Guide, "How to prevent object overwrites with
conditional writes".
"""

import json
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from vendas.landing.s3_objects import status
from vendas.storage import S3Path, client
from vendas.tuning import LOCK_BEAT_SECONDS, LOCK_DEAD_SECONDS, LOCK_LOOK_SECONDS

_CHANGED = (404, 409, 412)  # deleted by somebody; being written by another; written by another


@dataclass(frozen=True)
class _Seen:
    """The lock as it was seen: whether somebody holds it, who wrote it, and the ETag that says it has not changed."""

    is_held: bool
    writer: str
    etag: str


class _Lock:
    """One holder's view of the lock's object."""

    def __init__(self, s3: BaseClient, path: S3Path):
        self._s3, self._path = s3, path
        self._writer = secrets.token_hex(8)
        self._own: _Seen | None = None  # as this holder wrote it last
        self._writes = 0

    def take(self, waiting: Callable[[], None]) -> None:
        """Wait until nobody else holds it, and hold it; call `waiting` once if that takes time."""
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
        """Show that its holder lives; return whether it still is the holder."""
        return self._write(self._own, is_held=True)

    def release(self) -> None:
        """Let go of it, if it is still held."""
        self._write(self._own, is_held=False)

    def _look(self) -> _Seen | None:
        try:
            found = self._s3.get_object(Bucket=self._path.bucket, Key=self._path.key)
        except self._s3.exceptions.NoSuchKey:
            return None
        held = json.loads(found["Body"].read())
        return _Seen(held["is_held"], held["writer"], found["ETag"])

    def _write(self, seen: _Seen | None, is_held: bool) -> bool:
        """Write the object if it is as it was seen, or was written by this holder since; return whether it was."""
        while True:
            condition = {"IfMatch": seen.etag} if seen else {"IfNoneMatch": "*"}
            self._writes += 1  # no two writes of a holder are equal, nor are their ETags
            body = json.dumps({"is_held": is_held, "writer": self._writer, "write": self._writes}).encode()
            try:
                put = self._s3.put_object(Bucket=self._path.bucket, Key=self._path.key, Body=body, **condition)
            except ClientError as error:
                if status(error) not in _CHANGED:
                    raise
            else:
                self._own = _Seen(is_held, self._writer, put["ETag"])
                return True
            # A write whose answer was lost is sent again, and refused for what it has done itself.
            seen = self._look()
            if seen is None or seen.writer != self._writer:
                return False


@contextmanager
def hold_object(path: S3Path, waiting: Callable[[], None]) -> Generator[None]:
    """Hold the lock that this object is for the block; call `waiting` once when another holds it, then wait.

    A holder that is cut off from S3 for LOCK_DEAD_SECONDS loses it and is not told: what it does meanwhile must be
    safe by itself, as commits of Iceberg are.
    """
    lock, done = _Lock(client("s3"), path), Event()
    lock.take(waiting)

    def keep_beating() -> None:
        is_held = True
        while is_held and not done.wait(LOCK_BEAT_SECONDS):
            with suppress(BotoCoreError, ClientError):  # the next beat may come through
                is_held = lock.beat()

    thread = Thread(target=keep_beating, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(BotoCoreError, ClientError):  # it is nobody's before long; the work is done, or says what failed
            lock.release()
