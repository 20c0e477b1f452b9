"""Stacked bars as SVG, without matplotlib, which would cost each notebook half a second.

Readable in black and white, with the numbers beside the bars; also available as text for viewers without pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from vendas.formatting import show_controls
from vendas.reports.charts import STYLES, shorten_name

_HATCHES = ("", "M0,6 L6,0", "M0,0 L6,6 M0,6 L6,0")  # as STYLES has them for matplotlib
_NAMES, _BARS, _COUNTS, _ROW = 240, 320, 200, 26  # pixels
_NAME_LENGTH = 34


@dataclass(frozen=True)
class Bars:
    """Bars of at most three named parts; each bar has a name, the lengths of its parts, and a text beside it."""

    title: str
    parts: Sequence[str]
    bars: Sequence[tuple[str, Sequence[int], str]]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": str(self)}

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"{name}: {said}" for name, _, said in self.bars)])

    def svg(self) -> str:
        """Return the figure as an SVG element."""
        width, height = _NAMES + _BARS + _COUNTS, 30 + _ROW * (len(self.bars) + (len(self.parts) > 1))
        longest = max((sum(lengths) for _, lengths, _ in self.bars), default=0) or 1
        drawn = [self._text(0, 16, self.title, "font-weight:bold"), *filter(None, map(_hatch, range(len(self.parts))))]
        for place, (name, lengths, said) in enumerate(self.bars):
            top = 30 + place * _ROW
            drawn.append(self._text(_NAMES - 8, top + 15, shorten_name(name, _NAME_LENGTH), "text-anchor:end"))
            drawn += _bar(top, [_BARS * length / longest for length in lengths])
            drawn.append(self._text(_NAMES + _BARS * sum(lengths) / longest + 6, top + 15, said))
        drawn += self._legend(height - 8)
        shown = "\n".join(drawn)
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        style = "max-width:100%;height:auto;background:white;font:13px sans-serif"
        begin = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(self.title)}"'
        return show_controls(f'{begin} style="{style}">\n{shown}\n</svg>')  # XML has no place for control characters

    def _legend(self, bottom: int) -> list[str]:
        if len(self.parts) < 2:
            return []
        boxes = [(_NAMES + place * 120, place) for place in range(len(self.parts))]
        return [
            part
            for x, place in boxes
            for part in (*_box(x, bottom - 11, 22, 12, place), self._text(x + 28, bottom, self.parts[place]))
        ]

    @staticmethod
    def _text(x: float, y: float, words: str, style: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(words)}</text>'


def _bar(top: int, lengths: Sequence[float]) -> list[str]:
    drawn, begin = [], float(_NAMES)
    for place, length in enumerate(lengths):
        if length:
            drawn += _box(begin, top, length, _ROW - 7, place)
        begin += length
    return drawn


def _box(x: float, y: float, width: float, height: float, place: int) -> list[str]:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" stroke="black" stroke-width="0.6"'
    plain = f'<rect {size} fill="{STYLES[place][0]}"/>'
    return [plain, f'<rect {size} fill="url(#hachura{place})"/>'] if _HATCHES[place] else [plain]


def _hatch(place: int) -> str:
    lines, (_, _, colour) = _HATCHES[place], STYLES[place]
    if not lines:
        return ""
    return (
        f'<pattern id="hachura{place}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="{lines}" stroke="{colour}" fill="none"/></pattern>'
    )
