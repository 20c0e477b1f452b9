"""Figures for notebooks and reports: readable in black and white, numbers as in Brazil.

Matplotlib takes half a second to import, so it is imported only where there is something to draw. Its pyplot, which
keeps figures alive, is left alone.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from IPython.display import Image

from vendas.limits import SAMPLE_FILES, SAMPLE_ROWS
from vendas.stages.check_file import Diagnosis
from vendas.text import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAME_LENGTH = 30
_PARTS = {  # field of Diagnosis: colour, hatch
    "boas": ("#cfe3d4", ""),
    "duvidosas": ("#f2b134", "////"),
    "recusadas": ("#a63d40", "xxxx"),
}


def intake_chart(diagnoses: list[Diagnosis], files: int) -> Figure | None:
    """A bar of good, doubtful and refused rows for each sampled file; None without any.

    `files` is how many there are in all: the chart says how many of them it leaves out.
    """
    if not diagnoses:
        return None
    from matplotlib.figure import Figure

    shown = diagnoses[:SAMPLE_FILES]
    figure = Figure(figsize=(8, 1.5 + 0.3 * len(shown)), layout="constrained")
    axes = figure.subplots()
    _draw_bars(axes, shown)
    _draw_counts(axes, shown)
    axes.set_yticks(range(len(shown)), [shorten_name(found.arquivo) for found in shown], parse_math=False)
    axes.set_ylim(len(shown) - 0.5, -0.5)  # the first file on top
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.set_major_formatter(lambda rows, _: format_number(rows))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("linhas")
    axes.set_title(_title(files - len(shown)), loc="left", fontsize="medium")
    figure.legend(loc="outside lower center", ncols=len(_PARTS), frameon=False)
    return figure


def as_image(figure: Figure | None) -> Image | None:
    """The figure as a PNG, which a notebook shows and keeps; None for none."""
    if figure is None:
        return None
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100)
    return Image(png.getvalue(), format="png")


def shorten_name(name: str, length: int = _NAME_LENGTH) -> str:
    """A name of at most `length` characters, its middle left out; its end tells files of one source apart."""
    if len(name) <= length:
        return name
    end = length // 2
    return f"{name[: length - end - 1]}…{name[-end:]}"


def _draw_bars(axes: Axes, shown: list[Diagnosis]) -> None:
    begins = [0] * len(shown)
    for part, (colour, hatch) in _PARTS.items():
        rows = [getattr(found, part) for found in shown]
        axes.barh(
            range(len(shown)), rows, left=begins, height=0.7, label=part, color=colour, hatch=hatch,
            edgecolor="black", linewidth=0.6,
        )  # fmt: skip
        begins = [begin + more for begin, more in zip(begins, rows, strict=True)]
    axes.set_xlim(0, max(*begins, 1))


def _draw_counts(axes: Axes, shown: list[Diagnosis]) -> None:
    """What a bar cannot show: few rows among many, and a file without any."""
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
