"""The records of any CSV file, accepted or rejected, and their replacement, which leaves all other bytes alone."""

import codecs
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from vendas.csvfile.dialect import Survey, survey
from vendas.csvfile.encoding import EDGE_BYTES, UTF8, Encoded
from vendas.csvfile.grammar import Window, bytes_between, windows
from vendas.csvfile.header import HEADER_WINDOW_BYTES, find_header
from vendas.csvfile.records import RECORD_SCHEMA, read_block
from vendas.errors import FileRejected
from vendas.schema import LINHA, PROBLEMAS, TEXTO
from vendas.storage import Location, sync
from vendas.tuning import COPY_CHUNK_BYTES, CSV_WINDOW_BYTES

REJECTED_FILE = "arquivo_rejeitado"  # the problem of each line of a file without a survey
Edit = tuple[int, int, bytes]  # first and last offset of what to replace, and the bytes in its place
Change = Callable[[int, str], str]  # from a record's line and text to its new text

_LINE = re.compile(r"([^\r\n]*)(?:\r*\n|\r|$)")
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ONE_BYTE_EACH = "latin-1"  # decodes any bytes, and encodes them again unchanged


def survey_or_none(path: Location) -> Survey | None:
    """Return the survey of a CSV file; None if it is rejected."""
    try:
        return survey(path)
    except FileRejected:
        return None


def read_records(path: Location, known: Survey | None) -> Iterator[pa.RecordBatch]:
    """Yield a file's records in RECORD_SCHEMA; of a file without a survey, each physical line as a malformed record."""
    if known is not None:
        for block in known.blocks:
            yield from read_block(path, block, known)
    elif lines := [(number, text) for number, _, text in _lines(_read_decoded(path)[1]) if text]:
        columns = {
            LINHA: pa.array([number for number, _ in lines], pa.int64()),
            TEXTO: pa.array([_encodable(text) for _, text in lines], pa.string()),
            PROBLEMAS: pa.array([[REJECTED_FILE]] * len(lines), pa.list_(pa.string())),
        }
        empty = pa.nulls(len(lines), pa.string())
        yield pa.record_batch([columns.get(name, empty) for name in RECORD_SCHEMA.names], schema=RECORD_SCHEMA)


def read_headers(path: Location, known: Survey | None) -> Iterator[tuple[int, str]]:
    """Yield line and text of each header of an accepted file; of a rejected one none, since its lines are records."""
    if known is None:
        return
    first = [0]
    for _, window in _windows(path, known, HEADER_WINDOW_BYTES):
        for number in sorted({*first, *known.finder.headers(window)}):
            yield int(window.lines[number]), window.record(number).decode(known.encoding)
        if not known.repeated:
            return
        first = []


def replace_records(path: Path, known: Survey | None, lines: Iterable[int], change: Change) -> bool:
    """Replace the records, headers among them, that begin on these lines; return whether anything changed.

    The file is written anew beside its place, flushed, and renamed, with its modification time; line ends and all
    other bytes stay.
    """
    edits = [edit for edit in _edits(path, known, {*lines}, change) if edit]
    if edits:
        _write_edited(path, edits)
    return bool(edits)


def _edits(path: Path, known: Survey | None, lines: set[int], change: Change) -> Iterator[Edit | None]:
    if known is None:
        encoding, text = _read_decoded(path)
        for number, begin, line in _lines(text):
            if number in lines:
                before, raw = len(text[:begin].encode(encoding)), line.encode(encoding)
                yield _edit(before, raw, change(number, line).encode(encoding))
        return
    for begin, window in _windows(path, known, CSV_WINDOW_BYTES):
        for number in (n for n, line in enumerate(window.lines[:-1].tolist()) if line in lines):
            raw, line = window.record(number), int(window.lines[number])
            new = change(line, raw.decode(known.encoding)).encode(known.encoding)
            yield _edit(begin + int(window.bounds[number]), raw, new)


def _windows(path: Location, known: Survey, size: int) -> Iterator[tuple[int, Window]]:
    """Yield all records of an accepted file, from its header on, in windows, each with its offset in the file."""
    with path.open("rb") as file:
        text = Encoded(known.encoding, file.read(EDGE_BYTES), file.seek(0, os.SEEK_END))
        header = find_header(file, text)
        file.seek(0)
        *_, from_header = file.read(header.end).split(b"\n", header.line - 1)
        begin = max(text.begin, header.end - len(from_header))  # without a BOM
        for window in windows(bytes_between(file, begin, text.end), header.delimiter, header.line, size):
            yield begin + window.offset, window


def _edit(begin: int, raw: bytes, instead: bytes) -> Edit | None:
    return None if instead == raw else (begin, begin + len(raw), instead)


def _write_edited(path: Path, edits: list[Edit]) -> None:
    part = path.with_name(f"{secrets.token_hex(8)}.part")  # a sweep deletes one that a killed process left
    try:
        with path.open("rb") as source, part.open("wb") as target:
            for begin, end, instead in edits:
                _copy(source, target, begin - source.tell())
                target.write(instead)
                source.seek(end)
            shutil.copyfileobj(source, target, COPY_CHUNK_BYTES)
            target.flush()
            os.fsync(target.fileno())
        replace_file(part, path)
    finally:
        part.unlink(missing_ok=True)


def _copy(source, target, size: int) -> None:
    while size > 0:
        chunk = source.read(min(size, COPY_CHUNK_BYTES))
        target.write(chunk)
        size -= len(chunk)


def replace_file(part: Path, path: Path) -> None:
    """Put a flushed file in the place of another, with that one's mode, owner and times; flush the folder."""
    held = path.stat()
    shutil.copystat(path, part)
    if (part.stat().st_uid, part.stat().st_gid) != (held.st_uid, held.st_gid):
        os.chown(part, held.st_uid, held.st_gid)
    part.replace(path)
    sync(path.parent)


def _read_decoded(path: Location) -> tuple[str, str]:
    with path.open("rb") as file:
        return decode(file.read())


def decode(data: bytes) -> tuple[str, str]:
    """Return an encoding in which a rejected file can be read and written again unchanged, and its text."""
    named = [encoding for bom, encoding in _BOMS.items() if data.startswith(bom)]
    if not named and b"\0" in data[:2]:
        named = ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    for encoding in [*named, UTF8]:
        try:
            return encoding, data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return _ONE_BYTE_EACH, data.decode(_ONE_BYTE_EACH)


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each physical line's number, its offset in the text, and the line without its end."""
    for number, found in enumerate(_LINE.finditer(text), start=1):
        yield number, found.start(), found[1]


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()
