"""Parse blocks of CSV bytes into Arrow batches: a row per record, with its physical line and exact original text.

Runs in the workers, one block at a time.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vendas.csvfile.dialect import Block, Survey
from vendas.csvfile.encoding import CP1252, UTF8
from vendas.csvfile.grammar import LF, MAX_RECORD_BYTES, Reader, Window, bytes_between, split, windows
from vendas.csvfile.row_finder import RowFinder
from vendas.errors import ConservationError
from vendas.reasons import Reason
from vendas.schema import INPUT_NAMES, LINHA, ORIGEM, PROBLEMAS, TEXTO
from vendas.storage import Location
from vendas.tuning import CSV_WINDOW_BYTES

RECORD_SCHEMA = pa.schema(
    [
        pa.field(LINHA, pa.int64(), nullable=False),
        pa.field(TEXTO, pa.string(), nullable=False),
        pa.field(PROBLEMAS, pa.list_(pa.string()), nullable=False),
        *(pa.field(name, pa.string()) for name in INPUT_NAMES),
        pa.field(ORIGEM, pa.string()),
    ]
)
"""`linha`: physical line on which the record begins. `texto`: its exact text without its line end. `problemas`: codes
of Reason, empty for a well-formed record. Then the raw fields of the declared columns, only unquoted; null in a
malformed record, empty in a column that the file lacks. `origem`: the quarantined row that a mended one claims to be,
if the file has that column.
"""

UTF8_GROWTH = 3  # maximum bytes in UTF-8 of one byte in Windows-1252


def read_block(
    path: Location, block: Block, survey: Survey, window_bytes: int = CSV_WINDOW_BYTES
) -> Iterator[pa.RecordBatch]:
    """Yield the block's rows in RECORD_SCHEMA, in batches of about `window_bytes` of text, with one in memory."""
    with path.open("rb") as file:
        yield from _parse(bytes_between(file, block.offset, block.offset + block.length), block, survey, window_bytes)


def _parse(read: Reader, block: Block, survey: Survey, window_bytes: int) -> Iterator[pa.RecordBatch]:
    if survey.encoding == CP1252:
        read = _as_utf8(read)
    finder = RowFinder(UTF8, survey.delimiter)
    rows_of = finder.rows if survey.repeated else lambda window: ~finder.blank(window)
    longest = UTF8_GROWTH * MAX_RECORD_BYTES  # the survey has applied the limit to the original encoding
    for window in windows(read, survey.delimiter, block.first_line, window_bytes, longest):
        solid = rows_of(window)
        if solid.any():
            yield _batch(window, solid, survey)


def _as_utf8(read: Reader) -> Reader:
    def decoded(size: int) -> bytes:
        return read(size).decode(CP1252).encode()  # one byte per character, so any chunk can be decoded alone

    return decoded


def _batch(window: Window, solid: np.ndarray, survey: Survey) -> pa.RecordBatch:
    problems = _problems(window, survey)
    well_formed = solid & ~np.logical_or.reduce(list(problems.values()))
    columns = _fields(_select(window, well_formed), int(well_formed.sum()), survey)
    if not well_formed[solid].all():
        good = well_formed[solid]
        places = pa.array(np.cumsum(good) - 1, mask=~good)
        columns = [column.take(places) for column in columns]
    reasons = _reasons({reason: given[solid] for reason, given in problems.items()})
    return pa.record_batch(
        [pa.array(window.lines[:-1][solid]), _texts(window, solid), reasons, *columns], schema=RECORD_SCHEMA
    )


def _problems(window: Window, survey: Survey) -> dict[Reason, np.ndarray]:
    """Return the structural problems: for each reason, which records it applies to."""
    return {
        Reason.NUMERO_DE_CAMPOS: window.fields(survey.delimiter) != len(survey.header),
        Reason.TEXTO_APOS_ASPAS: window.holding(window.quotes.loose),
        Reason.RETORNO_DE_CARRO: window.holding(window.lone_returns),
        Reason.ASPAS_ENGOLEM_LINHAS: _swallowing(window, survey),
    }


def _swallowing(window: Window, survey: Survey) -> np.ndarray:
    """Return which records have a quoted field with a line break and as many delimiters as a row has."""
    found = np.zeros(len(window), bool)
    breaks = np.diff(window.lines) - (window.bytes[window.bounds[1:] - 1] == LF)  # without the record's own line end
    several = np.flatnonzero(breaks)
    if not len(several):
        return found
    most, delimiter = len(survey.header) - 1, survey.delimiter.encode()
    held = np.add.reduceat(window.inside(ord(delimiter)), window.bounds[:-1], dtype=np.int32)
    for number in several[held[several] >= most]:
        fields = split(window.record(number), survey.delimiter)
        found[number] = any(
            field.startswith(b'"') and b"\n" in field and field.count(delimiter) >= most for field in fields
        )
    return found


def _select(window: Window, chosen: np.ndarray) -> bytes:
    if chosen.all():
        return window.data
    return window.bytes[np.repeat(chosen, np.diff(window.bounds))].tobytes()


def _fields(data: bytes, rows: int, survey: Survey) -> list[pa.Array]:
    """Return the declared columns of well-formed records, and `origem`."""
    if not rows:
        return [pa.nulls(0, pa.string()) for _ in (*INPUT_NAMES, ORIGEM)]
    places = [place for place in (*survey.positions, survey.origin) if place is not None]
    columns = [str(place) for place in range(len(survey.header))]
    # Arrow skips an empty line; in front, it keeps Arrow from taking a U+FEFF at the start for a BOM. The line end
    # behind the data keeps a line break in quotes from being the block's last one, where Arrow would cut.
    data = b"".join((b"\n", data, b"\n"))
    table = csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=columns),
        csv.ParseOptions(delimiter=survey.delimiter, ignore_empty_lines=True),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=[columns[place] for place in places],
            null_values=[],
            strings_can_be_null=False,
        ),
    )
    if table.num_rows != rows:
        raise ConservationError(f"{rows} records are well formed, but {table.num_rows} were parsed.")
    arrays = {place: column.combine_chunks() for place, column in zip(places, table.columns, strict=True)}
    fields = [pa.repeat("", rows) if place is None else arrays[place] for place in survey.positions]
    return [*fields, pa.nulls(rows, pa.string()) if survey.origin is None else arrays[survey.origin]]


def _texts(window: Window, chosen: np.ndarray) -> pa.Array:
    if len(window.lone_returns):  # a line end may then have more CRs before it than its own
        return pa.array([window.record(number).decode() for number in np.flatnonzero(chosen).tolist()], pa.string())
    offsets = pa.py_buffer(window.bounds.astype(np.int32))
    lines = pa.StringArray.from_buffers(len(window), offsets, pa.py_buffer(window.data))
    if not chosen.all():
        lines = lines.filter(pa.array(chosen))
    return pc.ascii_rtrim(lines, characters="\r\n")


def _reasons(problems: dict[Reason, np.ndarray]) -> pa.Array:
    given = np.stack(list(problems.values()), axis=1)
    codes = np.array([reason.value for reason in problems], object)
    offsets = np.concatenate(([0], np.cumsum(given.sum(axis=1))))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(codes[np.nonzero(given)[1]], pa.string()))
