"""Drawing functions that all figures share, mainly stacked bars, and the intake chart; readable in black and white.

Matplotlib takes half a second to import, so it is imported only where something is drawn. Its pyplot is not used,
because it keeps figures in memory.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from IPython.display import Image

from vendas.stages.check_file import Diagnosis
from vendas.text import format_number
from vendas.tuning import SAMPLE_FILES, SAMPLE_ROWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAME_LENGTH = 30
_PARTS = ("boas", "duvidosas", "recusadas")  # fields of Diagnosis
# Of each part: fill colour, hatch, hatch colour.
_STYLES = (("#2f6690", "", "black"), ("#f2b134", "////", "#8a5a00"), ("#a63d40", "xxxx", "black"))


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
    for (colour, hatch, hatchcolor), (name, lengths) in zip(_STYLES, bars.items(), strict=False):
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
        figure.legend(loc="outside lower center", ncols=len(handles), frameon=False, handlelength=3)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the font may lack characters of a name
        figure.savefig(file, format=file_format, **options)
    return file.getvalue()


def intake_chart(diagnoses: list[Diagnosis], files: int) -> Figure | None:
    """Draw a bar of good, doubtful and refused rows for each sampled file; return None without sampled files.

    `files` is the number of all files, from which the chart's title says how many are left out.
    """
    if not diagnoses:
        return None
    from matplotlib.figure import Figure

    shown = diagnoses[:SAMPLE_FILES]
    figure = Figure(figsize=(8, 1.5 + 0.3 * len(shown)), layout="constrained")
    axes = figure.subplots()
    ends = stack_bars(axes, {part: [getattr(found, part) for found in shown] for part in _PARTS})
    axes.set_xlim(0, max(*ends, 1))
    _draw_counts(axes, shown)
    name_bars(axes, [shorten_name(found.arquivo) for found in shown])
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.set_major_formatter(lambda rows, _: format_number(rows))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("linhas")
    axes.set_title(_title(files - len(shown)), loc="left", fontsize="medium")
    return figure


def as_image(figure: Figure | None) -> Image | None:
    """Return the figure as a PNG for a notebook to show and keep; None for None."""
    return None if figure is None else Image(save(figure, "png", dpi=100), format="png")


def shorten_name(name: str, length: int = _NAME_LENGTH) -> str:
    """Shorten a name to `length` characters by leaving out its middle; the end distinguishes files of one source."""
    if len(name) <= length:
        return name
    end = length // 2
    return f"{name[: length - end - 1]}…{name[-end:]}"


def _draw_counts(axes: Axes, shown: list[Diagnosis]) -> None:
    """Write the counts beside each bar, since a bar does not show few rows among many, or a file without rows."""
    for place, found in enumerate(shown):
        counts = " + ".join(format_number(getattr(found, part)) for part in _PARTS)
        text, beside = ("✗ arquivo rejeitado", 0.01) if found.rejected else (counts, 1.01)
        axes.text(
            beside, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize="small",
            fontweight="bold" if found.rejected else "normal",
        )  # fmt: skip


def _title(left_out: int) -> str:
    sample = f"Amostra: no máximo as primeiras {format_number(SAMPLE_ROWS)} linhas de cada arquivo novo"
    if left_out <= 0:
        return sample
    return f"{sample}\ne só os primeiros {SAMPLE_FILES} arquivos; outros {format_number(left_out)} não foram examinados"
