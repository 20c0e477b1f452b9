"""Where records begin and end in CSV bytes: the only module that interprets quotes (RFC 4180).

A field is quoted only if its first byte is the quote; inside, `""` is a quote and anything else is kept. A quote in an
unquoted field, or after a closing quote, is a plain character. LF, CRLF or CR CR LF outside quotes ends a record.

All functions work on whole arrays of bytes. Delimiter, quote, CR and LF are ASCII, so these bytes mean the same in
UTF-8 and in Windows-1252.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import BinaryIO

import numpy as np

from vendas.arrays import holding
from vendas.errors import FileRejected
from vendas.formatting import format_number
from vendas.tuning import CSV_SCAN_BYTES, CSV_WINDOW_BYTES

QUOTE, LF, CR = b'"\n\r'
MAX_RECORD_BYTES = 64 << 20

Reader = Callable[[int], bytes]  # returns the next bytes, at most the given number


def reject(problem: str, remedy: str) -> FileRejected:
    """Return the error for a file that is rejected; the problem and how to fix it are sentences without full stop."""
    return FileRejected(f"{problem}. {remedy} e envie o arquivo de novo; nada dele foi carregado.")


@dataclass(frozen=True)
class Quotes:
    """The effect of the quotes in some bytes."""

    inside: np.ndarray | None  # per byte: is it between quotes? Undefined for the quotes. None: there are no quotes
    loose: np.ndarray  # positions right after a closing quote at which text follows, not a delimiter or line end
    open: bool  # whether the bytes end between quotes


@dataclass(frozen=True)
class Window:
    """Consecutive whole records: record i is `data[bounds[i]:bounds[i + 1]]`, line end included."""

    data: bytes
    bytes: np.ndarray  # data as uint8
    bounds: np.ndarray  # one more than there are records
    lines: np.ndarray  # per record: the physical line it begins on; at the end, the line after the last record
    quotes: Quotes
    lone_returns: np.ndarray  # positions of CRs outside quotes that are not part of a line end
    offset: int  # position of data[0] in all bytes read

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def outside(self, byte: int) -> np.ndarray:
        """Return per byte whether it is this one, outside quotes."""
        return _outside(self.bytes, byte, self.quotes)

    def inside(self, byte: int) -> np.ndarray:
        """Return per byte whether it is this one, within quotes."""
        return (self.bytes == byte) & ~self.outside(byte)

    @cached_property
    def ends(self) -> np.ndarray:
        """The position in `data` where each record ends, before its line end."""
        ends = self.bounds[1:].copy()
        more = self.bytes[ends - 1] == LF
        ends -= more
        for _ in range(2):  # CRLF or CR CR LF
            more &= (ends > self.bounds[:-1]) & (self.bytes[ends - 1] == CR)
            ends -= more
        return ends

    def record(self, number: int) -> bytes:
        """Return one record without its line end."""
        return self.data[self.bounds[number] : self.ends[number]]

    def fields(self, delimiter: str) -> np.ndarray:
        """Return the number of fields per record."""
        return np.add.reduceat(self.outside(ord(delimiter)), self.bounds[:-1], dtype=np.int32) + 1

    def holding(self, positions: np.ndarray) -> np.ndarray:
        """Return per record whether it contains one of these positions in `data`."""
        return holding(self.bounds, positions)


def bytes_between(file: BinaryIO, begin: int, end: int) -> Reader:
    """Return a reader of the file's bytes from `begin` to before `end`."""
    file.seek(begin)
    left = end - begin

    def read(size: int) -> bytes:
        nonlocal left
        chunk = file.read(min(size, left))
        left -= len(chunk)
        return chunk

    return read


def windows(
    read: Reader,
    delimiter: str,
    line: int = 1,
    size: int = CSV_WINDOW_BYTES,
    longest: int = MAX_RECORD_BYTES,
) -> Iterator[Window]:
    """Cut the bytes that `read(n)` returns, until it returns none, into windows of whole records of about `size` bytes.

    The first byte begins a record, on physical line `line`. At most `longest` + `size` bytes are in memory.
    Raises: FileRejected for a quote that is never closed, and for a record of more than `longest` bytes.
    """
    rest, offset = b"", 0
    while True:
        # At least double what is held, up to the limit, so that a long record is not scanned over and over.
        fresh = read(max(size, min(len(rest), longest + 1 - len(rest))))
        data = rest + fresh
        window = _cut(data, delimiter, line, offset, last=not fresh)
        _check_lengths(window, len(data) - len(window.data), longest)
        if len(window):
            yield window
        if not fresh:
            return
        line, offset, rest = int(window.lines[-1]), offset + len(window.data), data[len(window.data) :]


def _cut(data: bytes, delimiter: str, line: int, offset: int, last: bool) -> Window:
    """Return the whole records at the start of `data`; all of `data` if it is the last."""
    view, quotes = np.frombuffer(data, np.uint8), scan(data, delimiter)
    bounds = np.concatenate(([0], np.flatnonzero(_outside(view, LF, quotes)) + 1))
    if last and bounds[-1] < len(data):  # the last record may lack its line end
        bounds = np.append(bounds, len(data))
    end = int(bounds[-1])
    if quotes.inside is None:
        lines = np.arange(line, line + len(bounds))
    else:
        lines = line + np.searchsorted(np.flatnonzero(view[:end] == LF), bounds)
    if last and quotes.open:
        raise reject(
            f"As aspas abertas no registro que começa na linha {lines[-2]} nunca são fechadas",
            'Corrija as aspas (feche-as, ou dobre as que fazem parte do texto: "")',
        )
    quotes = replace(quotes, loose=quotes.loose[quotes.loose < end])
    view = view[:end]
    return Window(data[:end], view, bounds, lines, quotes, _lone_returns(view, quotes), offset)


def _lone_returns(view: np.ndarray, quotes: Quotes) -> np.ndarray:
    """Return the positions of CRs outside quotes that are not part of CRLF or CR CR LF; `view` has whole records."""
    returns = np.flatnonzero(view == CR)
    if not len(returns):
        return returns
    alone = ~_line_ends_at(view, returns)
    if quotes.inside is not None:
        alone &= ~quotes.inside[returns]
    return returns[alone]


def _check_lengths(window: Window, unfinished: int, longest: int) -> None:
    too_long = np.append(np.diff(window.bounds), unfinished) > longest
    if not too_long.any():
        return
    line = window.lines[np.argmax(too_long)]
    raise reject(
        f"O registro que começa na linha {line} passa de {format_number(longest)} bytes: ou as aspas abertas nele "
        "nunca são fechadas, ou faltam as quebras de linha (LF ou CRLF) entre os registros",
        "Corrija as aspas ou as quebras de linha",
    )


def scan(data: bytes, delimiter: str) -> Quotes:
    """Return the effect of the quotes in `data`, which begins a record.

    Adjacent quotes form a run. A run of even length does not change the state (inside or outside quotes): its quotes
    are pairs within quotes, an empty field, or plain characters. A run of odd length that begins a field toggles the
    state; any other odd run sets it to outside. So the state after each run is the parity of the toggles since the last
    run that set it to outside.
    """
    if b'"' not in data:
        return Quotes(None, np.empty(0, np.int64), False)
    view = np.frombuffer(data, np.uint8)
    inside, loose, state, begin = np.empty(len(view), bool), [], False, 0
    while begin < len(view):
        end = _piece_end(data, begin)
        state = _scan_piece(view, begin, end, ord(delimiter), state, inside, loose)
        begin = end
    return Quotes(inside, np.concatenate(loose), state)


def _piece_end(data: bytes, begin: int) -> int:
    """Return where the piece that begins at `begin` ends: after CSV_SCAN_BYTES, but not within a run of quotes."""
    end = min(begin + CSV_SCAN_BYTES, len(data))
    if data[end - 1] == QUOTE and data[end : end + 1] == b'"':
        end = len(data) - len(data[end:].lstrip(b'"'))
    return end


def _scan_piece(
    view: np.ndarray, begin: int, end: int, delimiter: int, state: bool, inside: np.ndarray, loose: list[np.ndarray]
) -> bool:
    """Fill `inside[begin:end]` and append to `loose`; return whether `end` is between quotes."""
    is_quote = view[begin:end] == QUOTE
    if not is_quote.any():
        inside[begin:end] = state
        return state
    edges = begin + np.flatnonzero(np.diff(is_quote, prepend=False, append=False))
    first, after = edges[::2], edges[1::2]
    previous = view[first - 1]
    following = view[np.minimum(after, len(view) - 1)]
    begins_field = (previous == delimiter) | (previous == LF) | (first == 0)
    odd = (after - first) % 2 == 1

    turns = state + np.cumsum(odd & begins_field)
    turns_before_reset = np.maximum.accumulate(np.where(odd & ~begins_field, turns, 0))
    states = np.concatenate(([state], (turns - turns_before_reset) % 2 == 1))
    inside[begin:end] = np.repeat(states, np.diff(after, prepend=begin, append=end))

    closes = np.where(states[:-1], odd, begins_field & ~odd)
    ends_field = (following == delimiter) | (after == len(view)) | _line_ends_at(view, after)
    loose.append(after[closes & ~ends_field])
    return bool(states[-1])


def _line_ends_at(view: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return per position whether LF, CRLF or CR CR LF begins there; positions may lie after the end of `view`."""
    one, two, three = (view[np.minimum(places + step, len(view) - 1)] for step in range(3))
    return (one == LF) | ((one == CR) & ((two == LF) | ((two == CR) & (three == LF))))


def _outside(view: np.ndarray, byte: int, quotes: Quotes) -> np.ndarray:
    found = view == byte
    return found if quotes.inside is None else found & ~quotes.inside[: len(view)]


def split(record: bytes, delimiter: str) -> list[bytes]:
    """Split one record without line end into its raw fields, quotes included."""
    view = np.frombuffer(record, np.uint8)
    separators = np.flatnonzero(_outside(view, ord(delimiter), scan(record, delimiter))).tolist()
    return [record[a:b] for a, b in zip([0, *(place + 1 for place in separators)], [*separators, None], strict=True)]
