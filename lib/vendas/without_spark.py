"""Lake tables read without Spark, whose first query costs seconds: by pyiceberg."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from vendas.lake import COLUMNS
from vendas.storage import Location, S3Lake, client

if TYPE_CHECKING:
    from pyiceberg.table import Table

T = TypeVar("T")


def read_without_spark(lake: Location, table: str) -> pa.Table:
    """A table of a lake as Arrow, without a JVM: under a second; no rows where the table does not exist yet."""
    rows = _without_spark(lake, table, lambda opened: opened.scan().to_arrow())
    return pa.table({column.name: [] for column in COLUMNS[table]}) if rows is None else rows


def total_without_spark(lake: Location, table: str) -> int:
    """Rows that a table of a lake holds, as `Lake.total`."""
    snapshot = _without_spark(lake, table, lambda opened: opened.current_snapshot())
    return int(snapshot.summary["total-records"]) if snapshot else 0


def _without_spark(lake: Location, table: str, read: Callable[["Table"], T]) -> T | None:
    if isinstance(lake, S3Lake):
        opened = _in_glue(lake, table)
        return read(opened) if opened else None
    from pyiceberg.table import StaticTable  # here, because it costs every other command half a second

    while metadata := _current_metadata(lake / table / "metadata"):
        try:
            return read(StaticTable.from_metadata(str(metadata)))
        except FileNotFoundError:  # upkeep may have let go of it meanwhile; the version that replaced it is there
            if metadata == _current_metadata(metadata.parent):
                raise
    return None


def _in_glue(lake: S3Lake, table: str) -> "Table | None":
    import boto3
    from pyiceberg.catalog.glue import GlueCatalog
    from pyiceberg.exceptions import NoSuchTableError

    # Else pyarrow, which reads the files, would look for credentials, region and address in ways of its own.
    session = boto3.Session()
    credentials = session.get_credentials().get_frozen_credentials()
    found = {
        "s3.access-key-id": credentials.access_key,
        "s3.secret-access-key": credentials.secret_key,
        "s3.session-token": credentials.token,
        "s3.region": session.region_name,
        "s3.endpoint": client("s3").meta.endpoint_url,
    }
    catalog = GlueCatalog("glue", **{name: value for name, value in found.items() if value})
    try:
        return catalog.load_table((lake.database, table))
    except NoSuchTableError:
        return None


def _current_metadata(folder: Path) -> Path | None:
    """The newest version's file. Iceberg's hint can lag behind it, and old versions are deleted in time."""
    return max(folder.glob("v*.metadata.json"), key=_version, default=None)


def _version(metadata: Path) -> int:
    return int(metadata.name.removeprefix("v").removesuffix(".metadata.json"))
