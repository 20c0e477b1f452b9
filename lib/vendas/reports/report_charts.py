"""Charts of a run's page, as SVG in the page's own font: narrow enough for a phone, readable in black and white."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vendas.formatting import format_duration, format_number
from vendas.lake.events import PROCESSED
from vendas.reports.charts import save, shorten_name, stack_bars
from vendas.tuning import FILES_DRAWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAME_LENGTH = 34
_FATES = ("silver", "duplicadas", "quarentena")  # fields of a ledger entry
_TIME, _ROWS = ("segundos",), ("linhas",)
_INCHES = 4.6  # at this width, text of 9 points has the size of the page's text on a phone
_STYLE = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "hatch.linewidth": 0.6}

Bar = tuple[str, str, list[float]]  # name, text, lengths of its parts


def fates_chart(files: list[dict]) -> str:
    """Draw a bar for each of the first FILES_DRAWN ledger entries, which shows the destinations of its rows."""
    return _draw([_fates(file) for file in files[:FILES_DRAWN]], _FATES)


def seconds_chart(stages: list[tuple[str, float]]) -> str:
    """Draw a bar for each stage, given as (title, seconds)."""
    return _draw([(title, format_duration(seconds), [seconds]) for title, seconds in stages], _TIME)


def changes_chart(changes: list[tuple[str, int]]) -> str:
    """Draw a bar for each column or file, given as (name, rows that change)."""
    return _draw([(name, format_number(rows), [rows]) for name, rows in changes], _ROWS)


def _fates(file: dict) -> Bar:
    rows = [file[fate] for fate in _FATES]
    said = " + ".join(map(format_number, rows)) if file["situacao"] == PROCESSED else f"✗ {file['situacao']}"
    return file["arquivo_recebido"], said, rows


def _draw(bars: list[Bar], parts: tuple[str, ...]) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_INCHES, 0.45 * len(bars) + 0.35 * (len(parts) > 1)), layout="constrained")
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_ylim(len(bars) - 0.7, -0.75)  # the first bar at the top; above each its text
        by_part = zip(*(lengths for *_, lengths in bars), strict=True)
        ends = stack_bars(axes, dict(zip(parts, by_part, strict=True)), thickness=0.4)
        axes.set_xlim(0, max(1, *ends))
        for place, (name, said, _) in enumerate(bars):
            words = {"transform": axes.get_yaxis_transform(), "va": "bottom", "parse_math": False}
            axes.text(0, place - 0.25, _label(name), ha="left", **words)
            axes.text(1, place - 0.25, said, ha="right", **words)
        return _inline(figure)


def _label(name: str) -> str:
    """Return a file's name on one line, shortened, with characters that cannot be encoded replaced."""
    return shorten_name(" ".join(name.encode("utf-8", "replace").decode().split()), _NAME_LENGTH)


def _inline(figure: Figure) -> str:
    """Return the figure as an SVG element, without XML preamble and without namespaces, which look like URLs."""
    unknown = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    text = save(figure, "svg", transparent=True, metadata=unknown).decode()
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", text[text.index("<svg") :])
