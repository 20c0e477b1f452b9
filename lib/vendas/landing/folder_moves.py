"""The verified move of files from a landing folder to a bronze folder; a file that is still being written stays.

Copy the file, verify the copy, and rename the original to a hidden name. If nobody has changed the original until then,
rename the copy to its bronze name and delete the original. If a sweep is killed at any point, the next one gives the
original its name back and starts over: the same file always gets the same bronze name.
"""

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vendas.errors import ArrivalError
from vendas.landing.anonymized_files import is_anonymized
from vendas.landing.bronze_names import Arrival, composed, is_sales_file, looks_misnamed, why_unfit
from vendas.landing.closings import is_seen_closed
from vendas.landing.open_files import WriteGuard, held_by_writers
from vendas.storage import sync
from vendas.tuning import CLOSED_QUIET_SECONDS, COPY_CHUNK_BYTES

_PART = ".part"  # the extension of an unfinished copy; bronze names end in .csv
_TAKEN = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.taken", re.DOTALL)  # an original that is being moved


@dataclass(frozen=True)
class Landing:
    """The files directly in a landing folder, grouped by what a run does with them; each list sorted by name."""

    ready: list[Path]  # complete, as far as this machine can tell
    young: list[Path]  # changed within the quiet time, or with a modification time in the future
    held: list[Path]  # open for writing
    unfit: list[Path]  # bronze cannot keep their names
    unreadable: list[Path]  # this user may not read them
    not_files: list[Path]  # folders, or links that lead nowhere, that are named like sales files
    misnamed: list[Path]  # other CSV files, which stay because of their names
    hidden: list[Path]  # originals that a killed sweep left under a hidden name

    @property
    def takeable(self) -> list[Path]:
        """The files that a run would move at once."""
        return [*self.ready, *self.hidden]

    @property
    def waiting(self) -> list[Path]:
        """The files that a run would move, at once or after the quiet time."""
        return sorted([*self.takeable, *self.young])


def names_in(folder: Path) -> list[str]:
    """List the names of all files in a folder; empty if the folder does not exist."""
    return [name for name, is_file in _are_files(folder).items() if is_file]


def _are_files(folder: Path) -> dict[str, bool]:
    """Map each name in a folder to whether it is a file's; empty if the folder does not exist."""
    return {entry.name: _is_file(entry) for entry in os.scandir(folder)} if folder.is_dir() else {}


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads in a circle, or where this user may not look
        return False


def look(landing: Path, quiet: float) -> Landing:
    """Group the files in the landing folder; one that has not changed for `quiet` seconds counts as complete.

    A file whose closing was seen (`landing.closings`) counts as complete sooner.
    """
    found = _are_files(landing)
    names = [name for name, is_file in found.items() if is_file]
    sales = [landing / name for name in names if is_sales_file(name)]
    fitting = [path for path in sales if not why_unfit(path.name)]
    unreadable = [path for path in fitting if path.exists() and not os.access(path, os.R_OK)]
    held = held_by_writers(fitting)
    free = set(fitting) - {*held, *unreadable}
    young = [path for path in free if (stat := _stat(path)) and _wait(path, stat, quiet) > 0]
    return Landing(
        ready=sorted(free - {*young}),
        young=sorted(young),
        held=sorted(held),
        unfit=sorted(set(sales) - set(fitting)),
        unreadable=sorted(unreadable),
        not_files=sorted(landing / name for name, is_file in found.items() if is_sales_file(name) and not is_file),
        misnamed=sorted(landing / name for name in names if looks_misnamed(name)),
        # An original whose name a newer file has now is restored once that file has gone.
        hidden=sorted(path for path, own in _hidden(landing, names) if not own.exists()),
    )


def _hidden(landing: Path, names: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """Find the originals under hidden names; yield each hidden path with the original path."""
    found = ((name, _TAKEN.fullmatch(name)) for name in names)
    return ((landing / name, landing / taken["name"]) for name, taken in found if taken)


def sweep(landing: Path, bronze: Path, quiet: float) -> list[Arrival]:
    """Move every complete sales file directly in the landing folder to bronze; return the arrivals.

    Missing folders are created. If files changed within the last `quiet` seconds, wait for them, at most that long. A
    file that is open for writing, or changes meanwhile, stays for the next sweep.
    Raises: ArrivalError if copies could not be made or differ from their originals, which then stay in landing, naming
    each, after all others were moved.
    """
    landing.mkdir(parents=True, exist_ok=True)
    bronze.mkdir(parents=True, exist_ok=True)
    _clear_up(landing, bronze)
    found = look(landing, quiet)
    moved = _move_all(found.ready, bronze)
    seen = {path: stat for path in found.young if (stat := _stat(path))}
    if seen:
        time.sleep(max(0.0, *(_wait(path, stat, quiet) for path, stat in seen.items())))
    moved += _move_all([path for path, stat in seen.items() if not _changed(stat, _stat(path))], bronze)
    if failed := [str(error) for error in moved if isinstance(error, ArrivalError)]:
        raise ArrivalError("\n".join(failed))
    return [arrival for arrival in moved if isinstance(arrival, Arrival)]


def _move_all(paths: Iterable[Path], bronze: Path) -> list[Arrival | ArrivalError | None]:
    """Move each file, even if others fail; return each one's arrival or error, or None if it stays or is gone."""

    def move(path: Path) -> Arrival | ArrivalError | None:
        try:
            return move_to_bronze(path, bronze)
        except ArrivalError as error:
            return error

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return [*threads.map(move, paths)]


def _clear_up(landing: Path, bronze: Path) -> None:
    """Clean up after killed sweeps; another sweep may be cleaning up, or still be running, at the same time."""
    for name in [entry.name for entry in os.scandir(bronze) if entry.name.endswith(_PART)]:
        (bronze / name).unlink(missing_ok=True)
    for taken, path in _hidden(landing, names_in(landing)):
        _put_back(taken, path)


def move_to_bronze(path: Path, bronze: Path) -> Arrival | None:
    """Copy one landing file to bronze, verify the copy, and only then delete the original.

    Return None if the file is open for writing, was written to meanwhile, or is gone.
    Raises: ArrivalError if the copy cannot be made or differs.
    """
    part = bronze / f"{secrets.token_hex(8)}{_PART}"  # a random name, so that no other sweep writes to it
    # Composed, because only the composed name is sure to be short enough; a decomposed one may have maximum length.
    taken = path.with_name(f".{composed(path.name)}.{secrets.token_hex(4)}.taken")
    try:
        with path.open("rb") as file, WriteGuard(file) as guard:
            before = os.fstat(file.fileno())
            md5 = _copy(file, part, guard)
            if md5 is None:
                return None
            if _md5(part) != md5:
                raise ArrivalError(f"The copy of {path} in {bronze} differs from it. Check the disk and run again.")
            arrival = Arrival.of_local_file(path, before.st_mtime_ns, md5)
            target = bronze / arrival.bronze_name
            changed = is_anonymized(target)  # it stays: a person who was erased from it must not come back
            if target.exists() and not changed and _md5(target) != md5:
                raise ArrivalError(f"{target} holds other content than {path}. Touch the landing file and run again.")
            os.utime(part, ns=(before.st_mtime_ns, before.st_mtime_ns))
            if guard.is_broken():
                return None
            path.rename(taken)
            if _changed(before, taken.stat()) or guard.is_broken():  # also when another file was renamed over it
                return None
            if not changed:
                part.rename(target)
                sync(bronze)
            if guard.is_lease_broken():  # by a writer that opened the file while it was being renamed
                return None
            taken.unlink()
            return arrival
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArrivalError(
            f"{path} could not be moved to {bronze}: {error.strerror}.\n"
            "The file is still in landing. Mend its permissions, or free disk space, and run again."
        ) from error
    finally:
        part.unlink(missing_ok=True)
        if taken.exists():
            _put_back(taken, path)


def _put_back(taken: Path, path: Path) -> None:
    """Give an original its name back; if a newer file has that name now, a later sweep does so once it is gone."""
    try:
        os.link(taken, path)  # unlike a rename, a link replaces no file
        taken.unlink(missing_ok=True)
    except (FileExistsError, FileNotFoundError):  # a newer file has the name, or another sweep was faster
        pass
    except OSError:  # this file system has no links
        with suppress(FileNotFoundError):
            if not path.exists():
                taken.rename(path)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _wait(path: Path, stat: os.stat_result, quiet: float) -> float:
    """Return the seconds until the file counts as complete; `quiet` if its time is in the future, to look again."""
    if is_seen_closed(path, stat):
        quiet = min(quiet, CLOSED_QUIET_SECONDS)
    age = time.time() - stat.st_mtime
    return quiet if age < 0 else quiet - age


def _changed(before: os.stat_result, after: os.stat_result | None) -> bool:
    if after is None:
        return True
    return (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino)


def _copy(source: BinaryIO, target: Path, guard: WriteGuard) -> str | None:
    """Copy and flush to disk; return the MD5 of what was read (hex), or None as soon as a writer wants the file."""
    digest = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as writer:
        while not guard.is_lease_broken():
            chunk = source.read(COPY_CHUNK_BYTES)
            if not chunk:
                writer.flush()
                os.fsync(writer.fileno())
                return digest.hexdigest()
            digest.update(chunk)
            writer.write(chunk)
    return None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
