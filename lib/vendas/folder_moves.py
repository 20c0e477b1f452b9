"""The verified move of files from a landing folder to a bronze folder."""

import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vendas.bronze_names import Arrival, is_sales_file
from vendas.errors import ArrivalError

_CHUNK = 8 * 1024 * 1024
_PART = ".part"  # the ending of a copy on its way; bronze names end in .csv


def names_in(bronze: Path) -> list[str]:
    """The names of all files of a folder, which need not exist."""
    return [entry.name for entry in os.scandir(bronze) if entry.is_file()] if bronze.is_dir() else []


def waiting_files(landing: Path) -> list[Path]:
    """The sales files in the landing folder itself, by name; sub-folders are not looked into."""
    if not landing.is_dir():
        return []
    return sorted(Path(entry) for entry in os.scandir(landing) if entry.is_file() and is_sales_file(entry.name))


def sweep(landing: Path, bronze: Path) -> list[Arrival]:
    """Moves every sales file of the landing folder itself to bronze; returns what arrived.

    Both folders are made when missing. A file that is still being written stays for the next sweep.
    Raises ArrivalError when a copy cannot be made or differs from its original; the original then stays.
    """
    landing.mkdir(parents=True, exist_ok=True)
    bronze.mkdir(parents=True, exist_ok=True)
    for leftover in bronze.glob(f"*{_PART}"):  # of a sweep that was killed; its original is still in landing
        leftover.unlink(missing_ok=True)  # another sweep may be clearing up, too
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        arrived = list(threads.map(lambda path: move_to_bronze(path, bronze), waiting_files(landing)))
    return [arrival for arrival in arrived if arrival]


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
