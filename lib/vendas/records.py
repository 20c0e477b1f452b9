"""Blocks of CSV bytes as Arrow batches: a row a record, with its physical line and its exact original text.

Runs in Spark's Python workers, a block at a time.
"""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from vendas.dialect import Block, Survey
from vendas.encoding import CP1252, UTF8
from vendas.errors import ConservationError
from vendas.grammar import MAX_RECORD_BYTES, WINDOW_BYTES, Window, windows
from vendas.reasons import Reason
from vendas.schema import INPUT_NAMES, LINHA, ORIGEM, PROBLEMAS, TEXTO

Reader = Callable[[int], bytes]
ARROW_SCHEMA = pa.schema(
    [
        pa.field(LINHA, pa.int64(), nullable=False),
        pa.field(TEXTO, pa.string(), nullable=False),
        pa.field(PROBLEMAS, pa.list_(pa.string()), nullable=False),
        *(pa.field(name, pa.string()) for name in INPUT_NAMES),
        pa.field(ORIGEM, pa.string()),
    ]
)
"""`linha`: physical line the record begins on. `texto`: its exact text without its line end. `problemas`: codes of
Reason, empty for a well-formed record. Then the 13 raw fields: unquoted, not trimmed, NFC; null in a malformed record.
`origem`: the quarantined row a mended one says it was, where the file has that column.
"""

UTF8_GROWTH = 3  # bytes that one of Windows-1252 becomes, at most
FIRST_NOT_ALWAYS_NFC = 0xCC  # all that begins with a lower byte in UTF-8, up to U+02FF, is NFC beside anything
GREEK_QUESTION_MARK = "\u037e"  # its NFC is a semicolon, which must not become a delimiter


def read_block(path: Path, block: Block, survey: Survey, window_bytes: int = WINDOW_BYTES) -> Iterator[pa.RecordBatch]:
    """The block's rows in ARROW_SCHEMA, in batches of about `window_bytes` of text; only these are held in memory."""
    with path.open("rb") as file:
        file.seek(block.offset)
        left = block.length

        def read(size: int) -> bytes:
            nonlocal left
            chunk = file.read(min(size, left))
            left -= len(chunk)
            return chunk

        yield from _parse(read, block, survey, window_bytes)


def _parse(read: Reader, block: Block, survey: Survey, window_bytes: int) -> Iterator[pa.RecordBatch]:
    if survey.encoding == CP1252:
        read = _as_utf8(read)
    longest = UTF8_GROWTH * MAX_RECORD_BYTES  # the survey has held the records to the limit, as they were encoded
    for window in windows(read, survey.delimiter, block.first_line, window_bytes, longest):
        solid = ~window.blank(UTF8)
        if solid.any():
            yield _batch(window, solid, survey)


def _as_utf8(read: Reader) -> Reader:
    def decoded(size: int) -> bytes:
        return read(size).decode(CP1252).encode()  # a byte a character, so any chunk can be decoded by itself

    return decoded


def _batch(window: Window, solid: np.ndarray, survey: Survey) -> pa.RecordBatch:
    wrong_count, loose_text = _problems(window, survey)
    well_formed = solid & ~wrong_count & ~loose_text
    columns = _fields(_select(window, well_formed), int(well_formed.sum()), survey)
    if not well_formed[solid].all():
        good = well_formed[solid]
        places = pa.array(np.cumsum(good) - 1, mask=~good)
        columns = [column.take(places) for column in columns]
    return pa.record_batch(
        [
            pa.array(window.lines[:-1][solid]),
            _texts(window, solid),
            _reasons(wrong_count[solid], loose_text[solid]),
            *columns,
        ],
        schema=ARROW_SCHEMA,
    )


def _problems(window: Window, survey: Survey) -> tuple[np.ndarray, np.ndarray]:
    """Per record: has it another number of fields than the header? Text after a closing quote?"""
    delimiters = window.outside(ord(survey.delimiter))
    wrong_count = np.add.reduceat(delimiters, window.bounds[:-1], dtype=np.int32) + 1 != len(survey.header)
    loose_text = np.zeros(len(window), bool)
    loose_text[np.searchsorted(window.bounds, window.quotes.loose, side="right") - 1] = True
    return wrong_count, loose_text


def _select(window: Window, chosen: np.ndarray) -> bytes:
    if chosen.all():
        return window.data
    return window.bytes[np.repeat(chosen, np.diff(window.bounds))].tobytes()


def _fields(data: bytes, rows: int, survey: Survey) -> list[pa.Array]:
    """The 13 columns of well-formed records, and `origem`."""
    if not rows:
        return [pa.nulls(0, pa.string()) for _ in (*INPUT_NAMES, ORIGEM)]
    places = survey.positions if survey.origin is None else (*survey.positions, survey.origin)
    columns = [str(place) for place in range(len(survey.header))]
    # An empty line in front, which Arrow skips, keeps it from taking a U+FEFF at the start for a BOM; and with a line
    # end behind, no line break within quotes can be the block's last one, where Arrow would cut.
    data = b"".join((b"\n", _normalised(data), b"\n"))
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
    arrays = [column.combine_chunks() for column in table.columns]
    if GREEK_QUESTION_MARK.encode() in data:
        arrays = [pc.replace_substring(array, GREEK_QUESTION_MARK, ";") for array in arrays]
    return arrays if survey.origin is not None else [*arrays, pa.nulls(rows, pa.string())]


def _normalised(data: bytes) -> bytes:
    """The UTF-8 text in NFC, all but GREEK_QUESTION_MARK.

    Fields can be normalised together: no other character turns into a delimiter, quote or line end, and none of these
    composes with what follows it.
    """
    if np.frombuffer(data, np.uint8).max() < FIRST_NOT_ALWAYS_NFC:
        return data
    parts = data.decode().split(GREEK_QUESTION_MARK)
    return GREEK_QUESTION_MARK.join(unicodedata.normalize("NFC", part) for part in parts).encode()


def _texts(window: Window, chosen: np.ndarray) -> pa.Array:
    offsets = pa.py_buffer(window.bounds.astype(np.int32))
    lines = pa.StringArray.from_buffers(len(window), offsets, pa.py_buffer(window.data))
    if not chosen.all():
        lines = lines.filter(pa.array(chosen))
    return pc.ascii_rtrim(lines, characters="\r\n")  # takes the line end only: a CR alone before it is never accepted


def _reasons(wrong_count: np.ndarray, loose_text: np.ndarray) -> pa.Array:
    given = np.stack([wrong_count, loose_text], axis=1)
    codes = np.array([Reason.NUMERO_DE_CAMPOS.value, Reason.TEXTO_APOS_ASPAS.value], object)
    offsets = np.concatenate(([0], np.cumsum(given.sum(axis=1))))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(codes[np.nonzero(given)[1]], pa.string()))
