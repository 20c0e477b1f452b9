"""How files arrive: from landing to bronze, both folders or both on S3."""

from pathlib import Path

from vendas import folder_moves
from vendas.bronze_names import Arrival, BronzeFile, Look, find, is_sales_file
from vendas.errors import ArrivalError
from vendas.storage import S3Path

__all__ = ["Arrival", "BronzeFile", "bronze_files", "find", "is_sales_file", "look", "sweep", "waiting_files"]


def bronze_files(bronze: Path | S3Path) -> list[BronzeFile]:
    """All files of bronze, in bronze order; anything else there is ignored."""
    parsed = (BronzeFile.parse(name) for name in _moves(bronze).names_in(bronze))
    return sorted(file for file in parsed if file)


def look(bronze: Path | S3Path) -> Look:
    """The bronze files that a run may not know yet: all of a folder; on S3 those that no run has recorded.

    Raises ArrivalError.
    """
    return _moves(bronze).look(bronze) if isinstance(bronze, S3Path) else Look(bronze_files(bronze))


def waiting_files(landing: Path | S3Path) -> list[Path] | list[S3Path]:
    """The sales files in landing itself, by name; sub-folders are not looked into."""
    return _moves(landing).waiting_files(landing)


def sweep(landing: Path | S3Path, bronze: Path | S3Path) -> list[Arrival]:
    """Moves every sales file of landing itself to bronze; returns what arrived, in bronze order.

    Folders are made when missing; a file that is still being written stays for the next sweep.
    Raises ArrivalError when a copy cannot be made or differs from its original; the original then stays.
    """
    if isinstance(landing, S3Path) != isinstance(bronze, S3Path):
        raise ArrivalError(
            f"Landing is {landing} and bronze is {bronze}: one a folder, one on S3. "
            "Both must be folders or both on S3; set VENDAS_LAKE and VENDAS_LANDING."
        )
    return sorted(_moves(bronze).sweep(landing, bronze), key=lambda arrival: BronzeFile.parse(arrival.bronze_name))


def _moves(place: Path | S3Path):
    if isinstance(place, S3Path):
        from vendas import s3_moves  # boto3 takes 0.2 s to load, which a lake in folders has no use for

        return s3_moves
    return folder_moves
