"""The input of the benchmarks: `vendas sample --clean`, with a few rows spoiled in ways that the peers know, too.

Of the sample's rows 5 % repeat another sale, three fifths of them one of the same file; all files hold the years from
2019 to 2024. Here one line in 199 is spoiled, so that 0.5 % of the rows go to quarantine, for six reasons in turn.
"""

import csv
import io
import os
from pathlib import Path

from vendas.sample.generator import COLUMNS, write_sample

SMALL = 1000  # rows of a file as a shop sends it
SPOILED_EVERY = 199
NAMES = [column.name for column in COLUMNS]
TIMESTAMP, VALUE, DISCOUNT = (
    NAMES.index(name) for name in ("Timestamp do Registro", "Valor da Compra", "Desconto Oferecido")
)
FAULTS = (
    {TIMESTAMP: "2024-03-31"},
    {VALUE: "1.234"},
    {VALUE: "-50,00"},
    {DISCOUNT: "150%"},
    {TIMESTAMP: "", VALUE: "a combinar"},
    {len(NAMES) - 1: "UM,CAMPO A MAIS"},
)


def write_rows(rows: int, landing: Path, seed: int = 42, files: int | None = None) -> int:
    """Writes files of so many rows in all into `landing`; their bytes. The same arguments give the same files."""
    paths = write_sample(rows, landing, seed, files)
    for path in paths:
        _spoil(path)
    return sum(path.stat().st_size for path in paths)


def _spoil(path: Path) -> None:
    modified = path.stat().st_mtime
    spoiled = path.with_suffix(".part")
    with path.open(encoding="utf-8") as lines, spoiled.open("w", encoding="utf-8") as output:
        for number, line in enumerate(lines):
            turn, rest = divmod(number, SPOILED_EVERY)
            output.write(_with_fault(line, FAULTS[turn % len(FAULTS)]) if number and not rest else line)
    spoiled.replace(path)
    os.utime(path, times=(modified, modified))


def _with_fault(line: str, fault: dict[int, str]) -> str:
    (fields,) = csv.reader([line])
    for place, text in fault.items():
        fields[place] = text
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields[:-1])
    return f"{text.getvalue().rstrip()},{fields[-1]}\n"  # the last field as it is: that of one fault has a comma
