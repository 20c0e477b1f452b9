"""What all figures share, stacked bars above all: readable in black and white.

Matplotlib takes half a second to import, so it is imported only where something is drawn. Its pyplot is not used,
because it keeps figures in memory.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = (("#2f6690", "", "black"), ("#f2b134", "////", "#8a5a00"), ("#a63d40", "xxxx", "black"))  # hatch, its colour


def stack_bars(
    axes: Axes,
    parts: Mapping[Hashable, Iterable[float]],
    thickness: float = 0.7,
    upright: bool = False,
    detailed: bool = True,
) -> list[float]:
    """Draw a stacked bar at each place from at most three named parts; return the ends of the bars.

    `parts` has the lengths of each part, one per bar. Edges and hatches are drawn only if `detailed`.
    """
    draw, begin, across = (axes.bar, "bottom", "width") if upright else (axes.barh, "left", "height")
    bars = {name: list(lengths) for name, lengths in parts.items()}
    ends = [0.0] * len(next(iter(bars.values())))
    for (colour, hatch, hatchcolor), (name, lengths) in zip(STYLES, bars.items(), strict=False):
        of_way: dict[str, Any] = {begin: ends, across: thickness}
        draw(
            range(len(ends)), lengths, **of_way, label=name, color=colour, hatch=hatch if detailed else "",
            hatchcolor=hatchcolor, edgecolor="black", linewidth=0.6 if detailed else 0, clip_on=False,
        )  # fmt: skip
        ends = [end + length for end, length in zip(ends, lengths, strict=True)]
    return ends


def name_bars(axes: Axes, names: Sequence[str]) -> None:
    """Label horizontal bars with their names, the first at the top."""
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)


def save(figure: Figure, file_format: str, **options: Any) -> bytes:
    """Return the figure as the bytes of a file, with a legend if there are several parts."""
    handles, _ = figure.axes[0].get_legend_handles_labels()
    if len(handles) > 1:
        legend = figure.legend(loc="outside lower center", ncols=len(handles), frameon=False, handlelength=3)
        for text in legend.get_texts():
            text.set_parse_math(False)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the font may lack characters of a name
        figure.savefig(file, format=file_format, **options)
    return file.getvalue()


def shorten_name(name: str, length: int) -> str:
    """Shorten a name to the width of `length` small letters by leaving out its middle.

    Its end stays, because it distinguishes files of one source.
    """
    if sum(map(_width, name)) <= length:
        return name
    end = length // 2
    return f"{_first(name, length - end - 1)}…{_first(name[::-1], end)[::-1]}"


def _first(name: str, length: int) -> str:
    """Return as many of a name's first letters as are `length` small letters wide."""
    ends = accumulate(map(_width, name))
    return name[: sum(end <= length for end in ends)]


def _width(letter: str) -> float:
    """Return about how many small letters a letter is as wide as, in fonts without serifs."""
    if unicodedata.east_asian_width(letter) in "WF" or unicodedata.category(letter) == "So":
        return 2
    return 1.6 if letter in "MWmw@%" else 1.2 if letter.isupper() else 1
