"""Change a file in place, in a folder or in S3, where it is edited as a copy and no older version of it is left."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from vendas.errors import PersonError
from vendas.landing.s3_objects import ANONYMIZED, head_of, is_anonymized, put_if_unchanged
from vendas.landing.s3_versions import delete_noncurrent
from vendas.storage import Location, S3Path, client
from vendas.tuning import COPY_CHUNK_BYTES, EDITED_BYTES


def edit_file(path: Location, edit: Callable[[Path], bool]) -> bool:
    """Let `edit` change a file and return whether it did; return that. A file that does not exist is left alone.

    An object is downloaded to a file of the same name, and put back only if nobody has written it meanwhile, else this
    starts over. The versions with the old content are deleted, also those that a killed process left.
    Raises: PersonError if an object that has to be changed is too long to be put back in one request.
    """
    if isinstance(path, S3Path):
        return _edit_object(path, edit)
    return path.exists() and edit(path)


def _edit_object(path: S3Path, edit: Callable[[Path], bool]) -> bool:
    s3 = client("s3")
    while True:
        try:
            found = s3.get_object(Bucket=path.bucket, Key=path.key)
        except s3.exceptions.NoSuchKey:
            return False
        with tempfile.TemporaryDirectory(prefix="vendas-") as folder:
            copy = Path(folder) / path.name
            with copy.open("wb") as file:
                for chunk in found["Body"].iter_chunks(COPY_CHUNK_BYTES):
                    file.write(chunk)
            changed = edit(copy)
            if not changed or _put_back(path, copy, found):
                break
    if changed or is_anonymized(found):
        delete_noncurrent(s3, path)
    return changed


def _put_back(path: S3Path, copy: Path, found: dict) -> bool:
    """Replace the object by its edited copy; return False if somebody else has written it since it was read."""
    if copy.stat().st_size > EDITED_BYTES:
        raise _too_long(path)
    kept = {"ContentType": found["ContentType"], "Metadata": found["Metadata"] | ANONYMIZED}
    with copy.open("rb") as body:
        return put_if_unchanged(client("s3"), path, body, found["ETag"], **kept) is not None


def check_length(path: Location) -> None:
    """Check that a file, if it exists, can be changed. Raises: PersonError if it is an object that is too long."""
    if isinstance(path, S3Path):
        head = head_of(client("s3"), path)
        if head and head["ContentLength"] > EDITED_BYTES:
            raise _too_long(path)


def _too_long(path: S3Path) -> PersonError:
    return PersonError(
        f"{path} holds the person and has more than {EDITED_BYTES} bytes, which S3 does not take in one request. "
        "Take it out (undo), and put its parts into landing instead. It was not changed."
    )
