"""What each layer but bronze holds of a person: rows of tables, files in landing, executed notebooks, exports."""

import errno
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.data_files import HeldFile
from vendas.lake.erasures import PRIVACY, RECEIPTS, exported_folders
from vendas.lake.lock import LOCK
from vendas.lake.table_reader import held_files, table_exists
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, PLACES, QUARANTINE_TABLE, SILVER_TABLE
from vendas.landing.s3_objects import list_below, list_objects, list_prefixes
from vendas.privacy.anonymize import Kind
from vendas.privacy.record_edits import survey_or_none
from vendas.privacy.search import CsvFile, Found
from vendas.rules.people import Values, normalize_emails, normalize_telephones
from vendas.settings import Settings
from vendas.storage import Location, S3Path, client

CONTACTS = {SILVER_TABLE: (schema.EMAIL.name, schema.TELEFONE.name), GOLD_TABLE: ("email", "telefone")}
"""The columns in which a table of sales has e-mail and telephone."""

NOT_TEXTS = {"bronze", "landing", "staging", "dw", PRIVACY, RECEIPTS, LOCK, *schema.TABLES}
GZIP = b"\x1f\x8b"  # what a compressed file begins with
LONGEST_TEXT_BYTES = 256 << 20  # of a file that is searched as a whole


def files_of_table(settings: Settings, table: str) -> list[HeldFile]:
    """Return all data files of a table; none if it does not exist yet."""
    from pyiceberg.expressions import AlwaysTrue

    return held_files(settings.lake, table, AlwaysTrue()) if table_exists(settings.lake, table) else []


def kinds_of_rows(table: str, rows: pa.Table, found: Found) -> dict[int, Kind]:
    """Return place and kind of each row of a table that has something of the person's.

    These are the rows of the lines found in bronze, and rows with the person's values whose line is not in bronze.
    """
    file, line = (rows[name] for name in PLACES[table])
    lines = {(record.arquivo, record.linha): record.tipo for record in found.records if record.tipo != Kind.POSSIBLE}
    names, numbers = pa.array(sorted({name for name, _ in lines}), pa.string()), sorted({n for _, n in lines})
    near = pc.and_(pc.is_in(file, names), pc.is_in(line, pa.array(numbers, pa.int64())))
    kinds = {}
    for place in pc.indices_nonzero(near).to_pylist():
        if kind := lines.get((file[place].as_py(), line[place].as_py())):
            kinds[place] = kind
    for place in _by_values(table, rows, found.values):
        kinds.setdefault(place, Kind.ROW if table in CONTACTS else Kind.TEXT)
    return kinds


def _by_values(table: str, rows: pa.Table, values: Values) -> Iterator[int]:
    if table in CONTACTS:
        email, telephone = (rows[name].combine_chunks() for name in CONTACTS[table])
        theirs = values.keys.is_theirs(normalize_emails(_array(email)), normalize_telephones(_array(telephone)))
        yield from pc.indices_nonzero(theirs).to_pylist()
    elif table == QUARANTINE_TABLE:
        texts = rows["texto"].to_pylist()
        yield from (place for place, text in enumerate(texts) if values.by_request.are_in(text))


def _array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def rows_of_person(settings: Settings, table: str, found: Found) -> list[dict]:
    """Return a table's rows that have something of the person's."""
    held = []
    for file in files_of_table(settings, table):
        rows = file.rows()
        held += rows.take(pa.array(sorted(kinds_of_rows(table, rows, found)), pa.int64())).to_pylist()
    return held


def ledger_texts(settings: Settings, values: Values) -> list[dict]:
    """Return the ledger's events whose reason, survey or file name holds a value of the person's."""
    rows = (row for file in files_of_table(settings, LEDGER_TABLE) for row in file.rows().to_pylist())
    return [row for row in rows if any(isinstance(text, str) and values.found_in(text) for text in row.values())]


def landing_files(settings: Settings) -> list[CsvFile]:
    """Return the CSV files that wait in landing, or stay there."""
    landing = settings.landing
    if isinstance(landing, S3Path):
        paths = list(list_objects(client("s3"), landing))
    else:
        paths = [path for path in landing.glob("*") if path.is_file()]
    csv_files = sorted((path for path in paths if path.name.lower().endswith(".csv")), key=str)
    return [CsvFile(path, survey_or_none(path)) for path in csv_files]


def texts_of_lake(settings: Settings) -> list[Location]:
    """Return the files of a lake beside its data and its database: notebooks, pages, logs, exports."""
    lake = settings.lake
    if isinstance(lake, S3Path):
        return _objects_of_lake(lake)
    tops = [top for top in lake.iterdir() if top.name not in NOT_TEXTS]
    return sorted(path for top in tops for path in ([top] if top.is_file() else _files_below(top)))


def _files_below(folder: Path, levels: int | None = None) -> list[Path]:
    """Return the files below a folder, and the folders that cannot be listed, which hold files that are not seen."""
    unlisted: list[OSError] = []
    walked = islice(os.walk(folder, onerror=unlisted.append), levels)
    files = [Path(here) / name for here, _, names in walked for name in names]
    return sorted([*files, *(Path(error.filename) for error in unlisted)])


def _objects_of_lake(lake: S3Path) -> list[Location]:
    s3 = client("s3")
    below = (path for top in list_prefixes(s3, lake) if top.name not in NOT_TEXTS for path, *_ in list_below(s3, top))
    return [*(path for path in list_objects(s3, lake) if path.name not in NOT_TEXTS), *below]


def search_texts(paths: Iterable[Location], values: Values) -> tuple[list[Location], list[Location]]:
    """Return the files whose text holds a value of the person's, and those that cannot be searched."""
    held, unsearched = [], []
    for path in paths:
        try:
            text = read_text(path)
        except OSError:
            unsearched.append(path)
        else:
            held += [path] if text is not None and values.found_in(text) else []
    return held, unsearched


def holding(paths: Iterable[Location], values: Values) -> list[Location]:
    """Return the files whose text holds a value of the person's; of compressed ones, the text inside."""
    return search_texts(paths, values)[0]


def read_text(path: Location) -> str | None:
    """Return a file's text, decompressed; bytes that are no UTF-8 are kept. None if it is gone.

    Raises: OSError if it cannot be read, or is too long.
    """
    try:
        data = _read_object(path) if isinstance(path, S3Path) else _read_file(path)
    except FileNotFoundError:
        return None
    return as_text(data)


def as_text(data: bytes) -> str:
    """Return the text of a file's bytes, decompressed if they are compressed; bytes that are no UTF-8 are kept."""
    if data[:2] == GZIP:
        with suppress(OSError, EOFError, zlib.error):  # it only begins like a compressed file
            data = gzip.decompress(data)
    return data.decode("utf-8", "surrogateescape")


def _read_file(path: Path) -> bytes:
    _check_length(path, path.stat().st_size)
    return path.read_bytes()


def _read_object(path: S3Path) -> bytes:
    s3 = client("s3")
    try:
        found = s3.get_object(Bucket=path.bucket, Key=path.key)
    except s3.exceptions.NoSuchKey as error:
        raise FileNotFoundError(str(path)) from error
    _check_length(path, found["ContentLength"])
    return found["Body"].read()


def _check_length(path: Location, length: int) -> None:
    if length > LONGEST_TEXT_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))


def is_text(path: Location) -> bool:
    """Return whether a file is a text, compressed or not, in which values can be replaced."""
    return "\0" not in (read_text(path) or "\0")


def exports_outside(settings: Settings) -> list[Location]:
    """Return the exported files on this machine, outside the lake."""
    lake = settings.lake
    folders, _ = exported_folders(lake)
    if isinstance(lake, Path):
        folders = [folder for folder in folders if not folder.is_relative_to(lake)]
    return [path for folder in folders for path in _files_below(folder, levels=1)]


def exports_elsewhere(settings: Settings) -> list[str]:
    """Return the folders of other machines that rows were exported to, as `machine:folder`."""
    return exported_folders(settings.lake)[1]
