"""What a CSV file is: its encoding, delimiter and header, how many rows it has, and where it can be cut."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from vendas.csvfile.column_names import normalize_name
from vendas.csvfile.encoding import detect_encoding
from vendas.csvfile.grammar import QUOTE, Window, bytes_between, reject, windows
from vendas.csvfile.header import Header, find_header
from vendas.csvfile.row_finder import RowFinder
from vendas.schema import ORIGIN_NAME
from vendas.storage import Location
from vendas.tuning import CSV_BLOCK_BYTES, CSV_WINDOW_BYTES

LISTED_LINES = 20  # of repeated headers that a survey names

_FIRST_LOOK_BYTES = 64 << 10


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
    positions: tuple[int | None, ...]  # where in the header each declared column is, in order; None: it is absent
    extra: tuple[str, ...]  # the names that are not declared
    blocks: tuple[Block, ...]  # all rows, in order; none if there are no rows
    rows: int  # records, without header and blank lines
    repeated: int = 0  # how often the header stands again further down, where it is skipped
    repeated_lines: tuple[int, ...] = ()  # the first LISTED_LINES lines on which it does

    @property
    def finder(self) -> RowFinder:
        """What tells this file's rows from its other records."""
        return RowFinder(self.encoding, self.delimiter)

    @property
    def origin(self) -> int | None:
        """Where in the header a file of mended rows tells which quarantined row each was; the last such column counts.

        A row that was refused a second time carries the column of its first export too.
        """
        places = [
            place for place, name in enumerate(self.header) if normalize_name(name) == normalize_name(ORIGIN_NAME)
        ]
        return places[-1] if places else None


def survey(path: Location, block_bytes: int = CSV_BLOCK_BYTES, window_bytes: int = CSV_WINDOW_BYTES) -> Survey:
    """Read all of the file twice: for its encoding, without which blanks have no meaning, and for its records.

    Blocks are cut at the first record end at or after `block_bytes`. Memory is bounded by the longest record allowed
    and `window_bytes`, on which nothing else depends. Raises: FileRejected with the reason.
    """
    with path.open("rb") as file:
        text = detect_encoding(file, window_bytes)
        header = find_header(file, text)

        def records(size: int) -> Iterator[Window]:
            return windows(bytes_between(file, header.end, text.end), header.delimiter, header.next_line, size)

        finder = RowFinder(text.encoding, header.delimiter)
        names = _names_of_fields(header, finder, partial(records, _FIRST_LOOK_BYTES))
        found = _Found(header, finder)
        blocks = list(_cut_blocks(records(window_bytes), header.end, found.rows_in, block_bytes))
    return Survey(
        encoding=text.encoding,
        bom=text.bom,
        delimiter=header.delimiter,
        header=names,
        positions=header.positions,
        extra=replace(header, names=names[: len(header.names)]).extra,
        blocks=tuple(block for block, rows in blocks if rows),
        rows=sum(rows for _, rows in blocks),
        repeated=len(found.repeated),
        repeated_lines=tuple(found.repeated[:LISTED_LINES]),
    )


def _names_of_fields(header: Header, finder: RowFinder, records: Callable[[], Iterator[Window]]) -> tuple[str, ...]:
    """Return the names that rows have fields for, where an empty field too many ends every row, or only the header.

    A file where this is not so is told by its first row, so only one where it may be is read to its end for it.
    """
    width = len(header.names)
    if _every_row(records(), finder, width + 1, _ends_empty):
        return (*header.names, "")
    if header.names[-1] == "" and _every_row(records(), finder, width - 1):
        return header.names[:-1]
    return header.names


def _every_row(
    records: Iterator[Window], finder: RowFinder, fields: int, has: Callable[[Window, str], np.ndarray] | None = None
) -> bool:
    """Return whether there are rows, and all have so many fields and `has`; read no further than the first without."""
    any_rows = False
    for window in records:
        rows = finder.rows(window)
        if not (window.fields(finder.delimiter) == fields)[rows].all():
            return False
        if has and not has(window, finder.delimiter)[rows].all():
            return False
        any_rows |= bool(rows.any())
    return any_rows


def _ends_empty(window: Window, delimiter: str) -> np.ndarray:
    """Return per record whether its last field is empty; only records of at least two fields are told right."""
    last, second_last, third_last = (window.bytes[np.maximum(window.ends - back, 0)] for back in (1, 2, 3))
    quoted = (last == QUOTE) & (second_last == QUOTE) & (third_last == ord(delimiter))
    return (last == ord(delimiter)) | quoted


@dataclass
class _Found:
    """Counts rows window by window, and keeps the lines on which the header stands again."""

    header: Header
    finder: RowFinder
    repeated: list[int] = field(default_factory=list)

    def rows_in(self, window: Window) -> np.ndarray:
        """Return per record whether it is a row. Raises: FileRejected for the header in another order."""
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
    """Blocks, each with its number of rows; `begin` is the offset in the file of the first window."""
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
