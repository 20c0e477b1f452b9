"""Arrival of files: the move from landing to bronze, both in folders or both on S3."""

from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path

from vendas.errors import ArrivalError
from vendas.landing import folder_moves
from vendas.landing.bronze_names import (
    MISNAMED,
    Arrival,
    BronzeFile,
    NewFiles,
    check_present,
    find,
    is_sales_file,
    is_utf8,
    why_unfit,
)
from vendas.landing.folder_moves import Landing
from vendas.storage import S3Path
from vendas.tuning import QUIET_SECONDS

__all__ = [
    "Arrival",
    "BronzeFile",
    "Landing",
    "list_bronze_files",
    "check_present",
    "find",
    "find_in_bronze",
    "is_sales_file",
    "landing_folder",
    "explain_left_behind",
    "explain_left_by_run",
    "find_new_files",
    "look_at_landing",
    "sweep",
    "list_waiting_files",
]


def list_bronze_files(bronze: Path | S3Path, but: Collection[str] = ()) -> list[BronzeFile]:
    """List the bronze files in bronze order, `but` these; ignore anything else that is in bronze."""
    names = _s3_moves().names_in(bronze) if isinstance(bronze, S3Path) else folder_moves.names_in(bronze)
    parsed = (BronzeFile.parse(name) for name in names if name not in but)
    return sorted(file for file in parsed if file)


def find_new_files(bronze: Path | S3Path, known: Collection[str] = (), arrived: Iterable[Arrival] = ()) -> NewFiles:
    """Return the bronze files that a run may have to survey: those that are not `known`, and those that `arrived` now.

    On S3 these are the files that no run has recorded, and once a day all of bronze.
    Raises: ArrivalError if AWS refuses a request or cannot be reached, or a name in a folder is not in UTF-8.
    """
    if isinstance(bronze, S3Path):
        return _s3_moves().look(bronze)
    new = list_bronze_files(bronze, but={*known} - {arrival.bronze_name for arrival in arrived})
    if odd := [file.name for file in new if not is_utf8(file.name)]:  # put there by hand, or by an older version
        raise ArrivalError(f"{bronze / odd[0]}: the name is not in UTF-8. Move the file to landing under another name.")
    return NewFiles(new)


def find_in_bronze(bronze: Path | S3Path, landing: Path | S3Path, names: Iterable[str]) -> list[BronzeFile]:
    """Return the bronze files of these names, as `find` does; its error tells of a file that is still in landing."""
    return find(list_bronze_files(bronze), names, partial(_names_in_landing, landing))


def _names_in_landing(landing: Path | S3Path) -> list[str]:
    if isinstance(landing, S3Path):
        return [path.name for path in _s3_moves().waiting_files(landing)]
    found = look_at_landing(landing, 0)
    return [path.name for path in (*found.waiting, *found.held)]


def list_waiting_files(landing: Path | S3Path) -> list[Path] | list[S3Path]:
    """List the sales files directly in landing that a run would process, by name; sub-folders are not searched.

    Raises: ArrivalError if landing is on S3 and cannot be listed.
    """
    return _s3_moves().waiting_files(landing) if isinstance(landing, S3Path) else look_at_landing(landing, 0).waiting


def landing_folder(landing: Path | S3Path) -> Path:
    """Return the landing folder of a lake in a folder.

    Raises: ArrivalError if landing is on S3.
    """
    if not isinstance(landing, Path):
        raise ArrivalError(f"Landing is {landing}, the lake a folder: set VENDAS_LANDING to a folder, too.")
    return landing


def look_at_landing(landing: Path, quiet: float) -> Landing:
    """Group the files in a landing folder by what a run does with each; `quiet` is in seconds."""
    return folder_moves.look(landing, quiet)


def explain_left_behind(found: Landing) -> dict[Path, str]:
    """Map each file that a run leaves in landing to why, and what to do; the text continues the file's name."""
    writing = dict.fromkeys([*found.held, *found.young], "is still being written; the next run takes it")
    unfit = {path: f"stays in landing: {why_unfit(path.name)}" for path in found.unfit}
    closed = dict.fromkeys(found.unreadable, "stays in landing: this user may not read it; give it the permission")
    no_files = dict.fromkeys(
        found.not_files, "stays in landing: it is no file, but a folder or a link that leads nowhere"
    )
    return writing | unfit | closed | no_files | dict.fromkeys(found.misnamed, MISNAMED)


def explain_left_by_run(found: Landing) -> dict[Path, str]:
    """Map each file that is still in landing after a run to why, and what to do.

    This includes files that arrived, or were still being written, during the run.
    """
    late = dict.fromkeys(found.takeable, "came, or was still being written, during this run; the next run takes it")
    return late | explain_left_behind(found)


def sweep(landing: Path | S3Path, bronze: Path | S3Path, quiet: float = QUIET_SECONDS) -> list[Arrival]:
    """Move every complete sales file directly in landing to bronze; return the arrivals in bronze order.

    Missing folders are created. In a folder, the sweep waits for a file that changed less than `quiet` seconds ago, and
    leaves one that is still being written for the next sweep.
    Raises: ArrivalError if a copy cannot be made or differs from its original, which then stays in landing; or if only
    one of landing and bronze is on S3.
    """
    if isinstance(landing, S3Path) and isinstance(bronze, S3Path):
        arrived = _s3_moves().sweep(landing, bronze)
    elif isinstance(landing, Path) and isinstance(bronze, Path):
        arrived = folder_moves.sweep(landing, bronze, quiet)
    else:
        raise ArrivalError(
            f"Landing is {landing} and bronze is {bronze}: one a folder, one on S3. "
            "Both must be folders or both on S3; set VENDAS_LAKE and VENDAS_LANDING."
        )
    return sorted(arrived, key=lambda arrival: BronzeFile.of(arrival.bronze_name))


def _s3_moves():
    from vendas.landing import s3_moves  # here, because boto3 takes 0.2 s to load; folders do not need it

    return s3_moves
