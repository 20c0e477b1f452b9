"""The header of a CSV file: the delimiter under which it has the declared columns, and the place of each column."""

import re
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from vendas.csvfile.column_names import are_headers, join_names, name_places, origin_of, positions_of, read_names
from vendas.csvfile.encoding import Encoded
from vendas.csvfile.grammar import Window, bytes_between, reject, windows
from vendas.csvfile.row_finder import RowFinder
from vendas.errors import FileRejected
from vendas.schema import INPUT_COLUMNS

DELIMITERS = {",": "vírgula", ";": "ponto e vírgula", "\t": "tabulação", "|": "barra vertical"}
MAX_COLUMNS = 10_000
MAX_HEADER_BYTES = 4 << 20
HEADER_WINDOW_BYTES = 64 << 10

# The `sep=` line tells Excel the delimiter; if Excel saves the file again, the line ends in delimiters.
_SEP_LINE = re.compile(rb'"?sep=(?P<named>[^\r\n"]?)"?(?P<more>[^\r\n]*)\r{0,2}(?:\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """The first record that is not blank, read with one delimiter."""

    delimiter: str
    names: tuple[str, ...]  # clean
    places: tuple[tuple[int, ...], ...]  # of each declared column; one place each in a valid header
    line: int
    end: int  # file offset of the first byte after the header
    next_line: int  # its physical line

    @property
    def positions(self) -> tuple[int | None, ...]:
        """The place of each declared column, in the declaration's order; None for an optional column that is absent."""
        return positions_of(self.places)

    @property
    def extra(self) -> tuple[str, ...]:
        """The names of the columns that are not read: neither declared nor that of origins."""
        known = {*self.positions, origin_of(self.names)}
        return tuple(name for place, name in enumerate(self.names) if place not in known)


def find_header(file: BinaryIO, text: Encoded) -> Header:
    """Return the header, read with the delimiter that gives each declared column once; optional ones may be absent.

    Raises: FileRejected if no delimiter does, with the problem under the closest one, or if a first line `sep=` names
    another delimiter.
    """
    sep = _SEP_LINE.match(text.head, text.begin)
    begin, line = (sep.end(), 2) if sep else (text.begin, 1)
    headers, problems = [], []
    for delimiter in DELIMITERS:
        try:
            header = _read_header(file, begin, text.end, line, text.encoding, delimiter)
        except FileRejected as error:
            problems.append(error)
            continue
        if are_headers(header.places):
            _check_sep_line(sep, delimiter)
            return header
        headers.append(header)
    closest = max(headers, key=_matches, default=None)
    if closest is None or (problems and not _matches(closest)):
        raise problems[0]
    raise _header_below(file, begin, text.end, line, text.encoding, closest.line) or _mismatch(closest)


def _check_sep_line(sep: re.Match | None, delimiter: str) -> None:
    named = sep and sep["named"].decode("cp1252", errors="replace")
    if sep and (named != delimiter or sep["more"].decode("cp1252", errors="replace").strip(f"{delimiter} ")):
        raise reject(
            f"A primeira linha, 'sep=', indica outro delimitador ('{named}') que o do cabeçalho "
            f"({DELIMITERS[delimiter]})",
            f"Apague essa linha, ou escreva nela sep={delimiter}",
        )


def _read_header(file: BinaryIO, start: int, end: int, first_line: int, encoding: str, delimiter: str) -> Header:
    finder = RowFinder(encoding, delimiter)
    read = bytes_between(file, start, end)
    for window in windows(read, delimiter, first_line, HEADER_WINDOW_BYTES, MAX_HEADER_BYTES):
        solid = np.flatnonzero(~finder.blank(window))
        if len(solid):
            record = int(solid[0])
            line, next_line = window.lines[record : record + 2].tolist()
            _check_record(window, record, line, delimiter)
            names = read_names(window.record(record), encoding, delimiter)
            offset = start + window.offset + int(window.bounds[record + 1])
            return Header(delimiter, names, name_places(names), line, offset, next_line)
    raise reject("O arquivo não tem cabeçalho: só há linhas em branco", "Ponha na primeira linha os nomes das colunas")


def _check_record(window: Window, record: int, line: int, delimiter: str) -> None:
    if window.holding(window.lone_returns)[record]:
        raise reject(
            f"Na linha {line} há um retorno de carro (CR) sozinho, fora de aspas, já no cabeçalho; as linhas devem "
            "terminar em LF ou CRLF",
            "Corrija as quebras de linha (salve como CSV comum, não como CSV de Macintosh)",
        )
    columns = int(window.fields(delimiter)[record])
    if columns > MAX_COLUMNS:
        raise reject(
            f"O cabeçalho (linha {line}) tem {columns} colunas; são aceitas no máximo {MAX_COLUMNS}",
            "Corrija o cabeçalho (ou faltam nele as quebras de linha)",
        )


def _header_below(
    file: BinaryIO, start: int, end: int, first_line: int, encoding: str, first: int
) -> FileRejected | None:
    """Return the error for a header that is below other text, which begins on line `first`; None if there is none."""
    for delimiter in DELIMITERS:
        read = bytes_between(file, start, end)
        try:
            window = next(windows(read, delimiter, first_line, HEADER_WINDOW_BYTES, MAX_HEADER_BYTES), None)
        except FileRejected:
            continue
        if window is None:
            continue
        for record in RowFinder(encoding, delimiter).headers(window):
            line = int(window.lines[record])
            lines = f"a linha {first}" if line - 1 == first else f"as linhas {first} a {line - 1}"
            return reject(
                f"O cabeçalho está na linha {line}; antes dele há outro texto, a partir da linha {first}",
                f"Apague {lines}",
            )
    return None


def _matches(header: Header) -> int:
    return sum(map(bool, header.places))


def _mismatch(header: Header) -> FileRejected:
    came = join_names(header.names)
    if not _matches(header):
        return reject(
            f"Não foi possível detectar o delimitador: o cabeçalho (linha {header.line}) não traz nenhuma das "
            f"{len(INPUT_COLUMNS)} colunas separadas por {', '.join(DELIMITERS.values())}; veio: {came}",
            "Corrija o cabeçalho",
        )
    counts = {column: len(places) for column, places in zip(INPUT_COLUMNS, header.places, strict=True)}
    missing = [column.name for column, count in counts.items() if count == 0 and not column.optional]
    repeated = [column.name for column, count in counts.items() if count > 1]
    problems = [f"falta: {join_names(missing)}"] * bool(missing) + [f"repetida: {join_names(repeated)}"] * bool(
        repeated
    )
    return reject(
        f"O cabeçalho (linha {header.line}) não tem cada uma das {len(INPUT_COLUMNS)} colunas uma vez; "
        f"{'; '.join(problems)}. "
        f"Vieram {len(header.names)} colunas, separadas por {DELIMITERS[header.delimiter]}: {came}",
        "Corrija o cabeçalho",
    )
