"""What a CSV file is: its encoding, delimiter and header, how many rows it has, and where it can be cut."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vendas.encoding import CP1252, UTF8, detect_encoding, line_at
from vendas.errors import FileRejected
from vendas.grammar import WINDOW_BYTES, Window, reject, windows
from vendas.header import Header, find_header, name_key
from vendas.schema import ORIGIN_NAME

BOM = codecs.BOM_UTF8
BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Block:
    """Whole records: `length` bytes from `offset` on, the first of them on physical line `first_line`."""

    offset: int
    length: int
    first_line: int


@dataclass(frozen=True)
class Survey:
    """All that is known of a good file before its rows are parsed."""

    encoding: str  # "utf-8" or "cp1252"
    bom: bool
    delimiter: str
    header: tuple[str, ...]  # every column's name, cleaned, in the file's order
    positions: tuple[int, ...]  # where in the header each of the contract's columns is, in the contract's order
    extra: tuple[str, ...]  # the names the contract does not know
    blocks: tuple[Block, ...]  # all rows, in order; none if there are no rows
    rows: int  # records, without header and blank lines

    @property
    def origin(self) -> int | None:
        """Where in the header a file of mended rows tells which quarantined row each was; the last such column counts.

        A row that was refused a second time carries the column of its first export too.
        """
        places = [place for place, name in enumerate(self.header) if name_key(name) == name_key(ORIGIN_NAME)]
        return places[-1] if places else None


def survey(path: Path, block_bytes: int = BLOCK_BYTES, window_bytes: int = WINDOW_BYTES) -> Survey:
    """Read all of the file twice: for its encoding, without which blanks have no meaning, and for its records.

    Blocks are cut at the first record end at or after `block_bytes`. Memory is bounded by the longest record allowed
    and `window_bytes`, on which nothing else depends. Raises FileRejected with the reason.
    """
    with path.open("rb") as file:
        encoding, not_utf8 = detect_encoding(file, window_bytes)
        file.seek(0)
        bom = file.read(len(BOM)) == BOM
        header = _header(file, len(BOM) if bom else 0, encoding, not_utf8)
        file.seek(header.end)
        records = windows(file.read, header.delimiter, header.next_line, window_bytes)
        blocks = list(_cut_blocks(records, header.end, encoding, block_bytes))
    return Survey(
        encoding=encoding,
        bom=bom,
        delimiter=header.delimiter,
        header=header.names,
        positions=header.positions,
        extra=header.extra,
        blocks=tuple(block for block, rows in blocks if rows),
        rows=sum(rows for _, rows in blocks),
    )


def _header(file: BinaryIO, start: int, encoding: str, not_utf8: int | None) -> Header:
    """The header; where only the rows keep the file from being UTF-8, the error says so."""
    try:
        return find_header(file, start, encoding)
    except FileRejected:
        if encoding != CP1252:
            raise
        try:
            header = find_header(file, start, UTF8)
        except FileRejected:
            header = None
        if header is None:
            raise
    raise reject(
        f"O arquivo mistura codificações: o cabeçalho (linha {header.line}) está em UTF-8, mas a linha "
        f"{line_at(file, not_utf8)} tem bytes que não são UTF-8",
        "Salve-o inteiro como CSV UTF-8",
    )


def _cut_blocks(records: Iterator[Window], begin: int, encoding: str, size: int) -> Iterator[tuple[Block, int]]:
    """Blocks, each with its number of rows; `begin` is the offset in the file of the first window."""
    base, end, line, rows = begin, begin, 0, 0
    for window in records:
        solid, ends = ~window.blank(encoding), base + window.offset + window.bounds[1:]
        line, done = line or int(window.lines[0]), 0
        while (last := int(np.searchsorted(ends, begin + size))) < len(window):
            end = int(ends[last])
            yield Block(begin, end - begin, line), rows + int(solid[done : last + 1].sum())
            begin, line, rows, done = end, int(window.lines[last + 1]), 0, last + 1
        rows, end = rows + int(solid[done:].sum()), int(ends[-1])
    if end > begin:
        yield Block(begin, end - begin, line), rows
