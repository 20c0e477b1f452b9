"""Small files that a lake keeps for its owner alone, in a folder or in S3: each is changed whole, or not at all."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vendas.landing.s3_objects import put_if_unchanged
from vendas.landing.s3_versions import delete_entirely
from vendas.storage import Location, S3Path, client, sync


def read_private(place: Location) -> str | None:
    """Return a file's text; None if it does not exist."""
    return _read_object(place)[0] if isinstance(place, S3Path) else _read_file(place)


def write_private(place: Location, text: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all; in a folder flush it and its folder to disk, and let nobody else read it."""
    change_private(place, lambda _: text, mode)


def change_private(place: Location, change: Callable[[str | None], str], mode: int = 0o600) -> None:
    """Replace a file's text by what `change` makes of it; None stands for a file that does not exist.

    On S3 the write is conditional: if somebody else has written meanwhile, `change` gets the new text.
    """
    if isinstance(place, S3Path):
        _change_object(place, change)
    else:
        _write_file(place, change(_read_file(place)), mode)


def remove_private(place: Location) -> None:
    """Delete a file; on S3 with all its versions."""
    if isinstance(place, S3Path):
        delete_entirely(client("s3"), place)
    else:
        place.unlink(missing_ok=True)
        sync(place.parent)


def _change_object(place: S3Path, change: Callable[[str | None], str]) -> None:
    while True:
        before, etag = _read_object(place)
        if put_if_unchanged(client("s3"), place, change(before).encode(), etag):
            return


def _read_object(place: S3Path) -> tuple[str | None, str | None]:
    s3 = client("s3")
    try:
        found = s3.get_object(Bucket=place.bucket, Key=place.key)
    except s3.exceptions.NoSuchKey:
        return None, None
    return found["Body"].read().decode(), found["ETag"]


def _read_file(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _write_file(path: Path, text: str, mode: int) -> None:
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o700 if mode == 0o600 else 0o755)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    sync(path.parent)
