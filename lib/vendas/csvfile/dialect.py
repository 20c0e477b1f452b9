"""Survey a CSV file: its encoding, delimiter and header, its number of rows, and where it can be cut."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from vendas.csvfile.column_names import origin_of, positions_in
from vendas.csvfile.encoding import detect_encoding
from vendas.csvfile.grammar import QUOTE, Window, bytes_between, reject, windows
from vendas.csvfile.header import Header, find_header
from vendas.csvfile.row_finder import RowFinder
from vendas.storage import Location
from vendas.tuning import CSV_BLOCK_BYTES, CSV_WINDOW_BYTES

LISTED_LINES = 20  # maximum lines of repeated headers in a survey

_FIRST_LOOK_BYTES = 64 << 10


@dataclass(frozen=True)
class Block:
    """Whole records: `length` bytes from `offset`, beginning on physical line `first_line`."""

    offset: int
    length: int
    first_line: int


@dataclass(frozen=True)
class Survey:
    """All that is known of an accepted file before its rows are parsed."""

    encoding: str  # "utf-8" or "cp1252"
    bom: bool
    delimiter: str
    header: tuple[str, ...]  # every column's clean name, in the file's order
    extra: tuple[str, ...]  # the names of columns that are not read
    blocks: tuple[Block, ...]  # of all rows, in order; empty without rows
    rows: int  # records without headers and blank lines
    repeated: int = 0  # repeated headers further down, which are skipped
    repeated_lines: tuple[int, ...] = ()  # lines of repeated headers, the first LISTED_LINES

    @property
    def finder(self) -> RowFinder:
        """The finder of this file's rows."""
        return RowFinder(self.encoding, self.delimiter)

    @property
    def positions(self) -> tuple[int | None, ...]:
        """The place of each column in the header, of those that are declared now; None for one that is absent."""
        return positions_in(self.header)

    @property
    def origin(self) -> int | None:
        """The place of the column that links a mended row to its quarantined one."""
        return origin_of(self.header)


def survey(path: Location, block_bytes: int = CSV_BLOCK_BYTES, window_bytes: int = CSV_WINDOW_BYTES) -> Survey:
    """Survey a file; read it all twice: for its encoding, which decides what is a blank, and for its records.

    Blocks are cut at the first record end at or after `block_bytes`. Memory is bounded by the longest record allowed
    and `window_bytes`, on which nothing else depends.
    Raises: FileRejected with the reason.
    """
    with path.open("rb") as file:
        text = detect_encoding(file, window_bytes)
        header = find_header(file, text)

        def records(size: int) -> Iterator[Window]:
            return windows(bytes_between(file, header.end, text.end), header.delimiter, header.next_line, size)

        finder = RowFinder(text.encoding, header.delimiter)
        names, named = _names_of_fields(header, finder, partial(records, _FIRST_LOOK_BYTES))
        found = _Found(header, finder)
        blocks = list(_cut_blocks(records(window_bytes), header.end, found.rows_in, block_bytes))
    return Survey(
        encoding=text.encoding,
        bom=text.bom,
        delimiter=header.delimiter,
        header=names,
        extra=replace(header, names=names[:named]).extra,
        blocks=tuple(block for block, rows in blocks if rows),
        rows=sum(rows for _, rows in blocks),
        repeated=len(found.repeated),
        repeated_lines=tuple(found.repeated[:LISTED_LINES]),
    )


def _names_of_fields(
    header: Header, finder: RowFinder, records: Callable[[], Iterator[Window]]
) -> tuple[tuple[str, ...], int]:
    """Return the columns that rows have fields for, and how many of them are more than a delimiter at the end.

    An extra empty field ends every row, or only the header, or both. Most files are recognized as normal by their first
    row; only files that may have the extra field are read to the end.
    """
    names, width = header.names, len(header.names)
    if _all_end_empty(records(), finder, width + 1):
        return (*names, ""), width
    if names[-1] != "":
        return names, width
    rows = as_header = without = 0
    for window in records():
        is_row, fields = finder.rows(window), window.fields(finder.delimiter)
        rows += np.count_nonzero(is_row)
        as_header += np.count_nonzero(is_row & (fields == width) & _ends_empty(window, finder.delimiter))
        without += np.count_nonzero(is_row & (fields == width - 1))
    if without and not as_header:
        return names[:-1], width - 1
    return names, width - 1 if as_header == rows else width


def _all_end_empty(records: Iterator[Window], finder: RowFinder, fields: int) -> bool:
    """Return whether there are rows and each has this many fields, an empty last one; stop at one that does not."""
    any_rows = False
    for window in records:
        rows = finder.rows(window)
        if not (window.fields(finder.delimiter) == fields)[rows].all():
            return False
        if not _ends_empty(window, finder.delimiter)[rows].all():
            return False
        any_rows |= bool(rows.any())
    return any_rows


def _ends_empty(window: Window, delimiter: str) -> np.ndarray:
    """Return which records have an empty last field; valid only for records of at least two fields."""
    last, second_last, third_last = (window.bytes[np.maximum(window.ends - back, 0)] for back in (1, 2, 3))
    quoted = (last == QUOTE) & (second_last == QUOTE) & (third_last == ord(delimiter))
    return (last == ord(delimiter)) | quoted


@dataclass
class _Found:
    """Finds the rows of each window, and collects the lines of repeated headers."""

    header: Header
    finder: RowFinder
    repeated: list[int] = field(default_factory=list)

    def rows_in(self, window: Window) -> np.ndarray:
        """Return which records are rows. Raises: FileRejected if a repeated header has another column order."""
        rows = ~self.finder.blank(window)
        for number, positions in self.finder.headers(window).items():
            line = int(window.lines[number])
            if positions != self.header.positions:
                raise reject(
                    f"Na linha {line} o cabeçalho aparece outra vez, com as colunas em outra ordem que na linha "
                    f"{self.header.line}",
                    "Envie cada parte como um arquivo, ou ponha as colunas na mesma ordem",
                )
            self.repeated.append(line)
            rows[number] = False
        return rows


def _cut_blocks(
    records: Iterator[Window], begin: int, rows_in: Callable[[Window], np.ndarray], size: int
) -> Iterator[tuple[Block, int]]:
    """Yield blocks, each with its number of rows; `begin` is the file offset of the first window."""
    base, end, line, rows = begin, begin, 0, 0
    for window in records:
        solid, ends = rows_in(window), base + window.offset + window.bounds[1:]
        line, done = line or int(window.lines[0]), 0
        while (last := int(np.searchsorted(ends, begin + size))) < len(window):
            end = int(ends[last])
            yield Block(begin, end - begin, line), rows + int(solid[done : last + 1].sum())
            begin, line, rows, done = end, int(window.lines[last + 1]), 0, last + 1
        rows, end = rows + int(solid[done:].sum()), int(ends[-1])
    if end > begin:
        yield Block(begin, end - begin, line), rows
