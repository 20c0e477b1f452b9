"""A chain of shops as an input: each shop sends a file for each hour of opening, some late, twice or corrected.

The sales are those of `vendas sample`, at a moment of their hour. Of a thousand files ten come a day late, five come a
second time an hour later, and of five another version comes a day later, with a sale that was missing in the first.
"""

import csv
import io
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.data import NAMES, TIMESTAMP
from vendas.sample.generator import Dice, write_sample

SHOPS, HOURS, ROWS = 300, 12, 20  # of the chain, of a day, of a file
LATE, TWICE, CORRECTED = 10, 5, 5  # of a thousand files
FILES_AN_HOUR = SHOPS * (1000 + TWICE + CORRECTED) / 1000
OPENING = datetime(2025, 1, 2, 9)
_DICE = Dice(7)


def drop_hours(hours: range, landing: Path) -> int:
    """Write the files that come in these hours, counted from the chain's first, to `landing`; return how many."""
    landing.mkdir(parents=True, exist_ok=True)
    files = [(hour, *file) for hour in hours for file in _arrivals(hour)]
    for number, (hour, name, text) in enumerate(files):
        path = landing / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, times=((_begin(hour) + timedelta(hours=1)).timestamp() + number / len(files),) * 2)
    return len(files)


def _arrivals(hour: int) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file that comes in an hour."""
    late, corrected = _shops("late", LATE, hour), _shops("corrected", CORRECTED, hour)
    for shop, rows in enumerate(_rows(hour)):
        if shop not in late:
            yield _name(hour, shop), _text(rows[:-1] if shop in corrected else rows)
    again = [
        (hour - 1, "twice", TWICE, "_1"),
        (hour - HOURS, "late", LATE, ""),
        (hour - HOURS, "corrected", CORRECTED, "_2"),
    ]
    for sent, what, per_mille, mark in again:
        if sent >= 0:
            yield from ((_name(sent, shop, mark), _text(_rows(sent)[shop])) for shop in _shops(what, per_mille, sent))


def _shops(what: str, per_mille: int, hour: int) -> list[int]:
    """Return the shops whose file of an hour is late, comes twice, or is corrected."""
    return np.flatnonzero(_DICE.share(what, hour * SHOPS + np.arange(SHOPS), per_mille)).tolist()


@lru_cache(maxsize=HOURS + 1)
def _rows(hour: int) -> list[list[list[str]]]:
    """Return the rows of an hour, by shop."""
    with tempfile.TemporaryDirectory() as folder:
        (path,) = write_sample(SHOPS * ROWS, Path(folder), seed=hour, files=1)
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))[1:]
    for row in rows:
        row[TIMESTAMP] = f"{_begin(hour):%Y-%m-%d %H}{row[TIMESTAMP][13:]}"
    return [rows[first : first + ROWS] for first in range(0, len(rows), ROWS)]


def _begin(hour: int) -> datetime:
    day, of_day = divmod(hour, HOURS)
    return OPENING + timedelta(days=day, hours=of_day)


def _name(hour: int, shop: int, mark: str = "") -> str:
    return f"registros_loja_{shop:03d}_{_begin(hour):%Y%m%d%H}{mark}.csv"


def _text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([NAMES, *rows])
    return text.getvalue()
