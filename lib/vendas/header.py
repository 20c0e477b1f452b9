"""The header of a CSV file: under which delimiter it holds the contract's columns, and where each of them is."""

import re
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from vendas.errors import FileRejected
from vendas.grammar import Window, reject, windows
from vendas.schema import INPUT_NAMES
from vendas.text import WHITE_SPACE

DELIMITERS = {",": "vírgula", ";": "ponto e vírgula", "\t": "tabulação", "|": "barra vertical"}
MAX_COLUMNS = 10_000
MAX_HEADER_BYTES = 4 << 20
HEADER_WINDOW_BYTES = 64 << 10

_BLANKS = re.compile(f"[{WHITE_SPACE}]+")
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(.*)', re.DOTALL)


@dataclass(frozen=True)
class Header:
    """The first record that is not blank, as read under one delimiter."""

    delimiter: str
    names: tuple[str, ...]  # cleaned: blanks at the ends dropped, others single, no BOM, NFC
    places: tuple[tuple[int, ...], ...]  # where each of the contract's columns is; one place each, if all is well
    line: int
    end: int  # offset in the file of what follows the header
    next_line: int  # its physical line

    @property
    def positions(self) -> tuple[int, ...]:
        """Where each of the contract's columns is, in the contract's order."""
        return tuple(place for (place,) in self.places)

    @property
    def extra(self) -> tuple[str, ...]:
        """The names of the columns the contract does not know."""
        known = set(self.positions)
        return tuple(name for place, name in enumerate(self.names) if place not in known)


def find_header(file: BinaryIO, start: int, encoding: str) -> Header:
    """The header under the delimiter that gives each of the 13 columns once.

    `start` is the offset of the first byte behind a BOM. Raises FileRejected if there is no such delimiter, saying
    what is wrong under the one that comes closest.
    """
    closest, problem = None, None
    for delimiter in DELIMITERS:
        try:
            header = _read_header(file, start, encoding, delimiter)
        except FileRejected as error:
            problem = problem or error
            continue
        if all(len(places) == 1 for places in header.places):
            return header
        if closest is None or _matches(header) > _matches(closest):
            closest = header
    if closest is None or (problem and not _matches(closest)):
        raise problem
    raise _mismatch(closest)


def _read_header(file: BinaryIO, start: int, encoding: str, delimiter: str) -> Header:
    file.seek(start)
    for window in windows(file.read, delimiter, size=HEADER_WINDOW_BYTES, longest=MAX_HEADER_BYTES):
        solid = np.flatnonzero(~window.blank(encoding))
        if len(solid):
            record = int(solid[0])
            names = _names(window, record, encoding, delimiter)
            line, next_line = window.lines[record : record + 2].tolist()
            end = start + window.offset + int(window.bounds[record + 1])
            return Header(delimiter, names, _places(names), line, end, next_line)
    raise reject("O arquivo não tem cabeçalho: só há linhas em branco", "Ponha na primeira linha os nomes das colunas")


def _names(window: Window, record: int, encoding: str, delimiter: str) -> tuple[str, ...]:
    begin, end = window.bounds[record : record + 2].tolist()
    separators = begin + np.flatnonzero(window.outside(ord(delimiter))[begin:end])
    if len(separators) >= MAX_COLUMNS:
        raise reject(
            f"O cabeçalho (linha {window.lines[record]}) tem {len(separators) + 1} colunas; "
            f"são aceitas no máximo {MAX_COLUMNS}",
            "Corrija o cabeçalho (ou faltam nele as quebras de linha)",
        )
    starts, stops = [begin, *(separators + 1).tolist()], [*separators.tolist(), end]
    fields = (window.data[a:b].decode(encoding, errors="replace") for a, b in zip(starts, stops, strict=True))
    return tuple(_clean(_unquote(field)) for field in fields)


def _places(names: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    places = {name_key(name): [] for name in INPUT_NAMES}
    for place, name in enumerate(names):
        places.get(name_key(name), []).append(place)
    return tuple(map(tuple, places.values()))


def _unquote(field: str) -> str:
    quoted = _QUOTED.match(field)
    return quoted[1].replace('""', '"') + quoted[2] if quoted else field


def _clean(name: str) -> str:
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", name.replace("\ufeff", "")).strip(" "))


def name_key(name: str) -> str:
    """What two spellings of a name share: no case, no accents."""
    letters = unicodedata.normalize("NFD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _matches(header: Header) -> int:
    return sum(map(bool, header.places))


def _mismatch(header: Header) -> FileRejected:
    came = listed(header.names)
    if not _matches(header):
        return reject(
            f"Não foi possível detectar o delimitador: o cabeçalho (linha {header.line}) não traz nenhuma das "
            f"{len(INPUT_NAMES)} colunas separadas por {', '.join(DELIMITERS.values())}; veio: {came}",
            "Corrija o cabeçalho",
        )
    counts = {name: len(places) for name, places in zip(INPUT_NAMES, header.places, strict=True)}
    missing = [name for name, count in counts.items() if count == 0]
    repeated = [name for name, count in counts.items() if count > 1]
    problems = [f"falta: {listed(missing)}"] * bool(missing) + [f"repetida: {listed(repeated)}"] * bool(repeated)
    return reject(
        f"O cabeçalho (linha {header.line}) não tem cada uma das {len(INPUT_NAMES)} colunas uma vez; "
        f"{'; '.join(problems)}. "
        f"Vieram {len(header.names)} colunas, separadas por {DELIMITERS[header.delimiter]}: {came}",
        "Corrija o cabeçalho",
    )


def listed(names: list[str] | tuple[str, ...], most: int = 40, longest: int = 60) -> str:
    """Names for a message, however many and long they are."""
    shown = [f"'{name[:longest]}…'" if len(name) > longest else f"'{name}'" for name in names[:most]]
    return ", ".join(shown) + (f" e mais {len(names) - most}" if len(names) > most else "")
