"""Charts of query results: readable in black and white, with Brazilian numbers and dates, and with their data as text.

A frame's first column has the compared items (months, members); the others are drawn, under the names that the query
gave them. A value's type sets its format: a Decimal is money in reais, an integer a count, a datetime a day. A frame
without rows gives a chart that says so, one of another shape a ChartError. Money becomes float only to be drawn.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from vendas.errors import ChartError
from vendas.formatting import abbreviate, drop_zero_decimals, format_number, format_value
from vendas.reports.charts import STYLES, name_bars, save, shorten_name, stack_bars
from vendas.rules.gold import TURNOS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTHING = "Sem vendas ainda"
MEMBERS_SHOWN = 10
DIAS = ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo")

_WIDTH, _DPI = 8, 144  # inches; dots per inch for high-density screens
_NAME_LENGTH, _TITLE_LENGTH, _FIGURE_LENGTH, _FIGURES_IN_ROW = 48, 68, 16, 3
_LINES = (("#2f6690", "-", "o"), ("#e07a1f", "--", "s"), ("#3a3a3a", ":", "^"))  # colour, style, marker
_MONTHS_WITH_DETAILS = 48  # with more months there is no room for markers, edges and hatches
_MONTHS_NAMED = 9
_STEPS = (1, 2, 3, 6, 12, 24, 60, 240, 1200)  # months from one label to the next


@dataclass(frozen=True)
class Chart:
    """A chart as notebooks show and keep it: a PNG, and its data as text."""

    title: str
    text: str
    png: bytes = field(repr=False)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data = {"image/png": b64encode(self.png).decode(), "text/plain": f"{self.title}\n{self.text}"}
        return data, {"image/png": {"width": _WIDTH * 96, "alt": self.title}}


def key_figures(frame: pd.DataFrame, title: str) -> Chart:
    """Show the values of the first row in large type, side by side."""
    if frame.empty:
        return _empty(title, NOTHING)
    rows = -(-len(frame.columns) // _FIGURES_IN_ROW)
    figure, axes = _canvas(title, 0.8 * rows)
    axes.set_axis_off()
    axes.set(xlim=(0, _FIGURES_IN_ROW), ylim=(rows, 0))
    for place, (name, value) in enumerate(frame.iloc[0].items()):
        y, x = divmod(place, _FIGURES_IN_ROW)
        _centre(axes, x + 0.5, y + 0.3, shorten_name(_said(value, abbreviate), _FIGURE_LENGTH), fontsize=18)
        _centre(axes, x + 0.5, y + 0.72, str(name), color="#555555")
    return _finished(figure, title, _table(frame))


def month_lines(frame: pd.DataFrame, title: str) -> Chart:
    """Draw a line per column over every month from the first to the last; if there are two, shade the area between.

    Raises: ChartError if the first column has no dates, or there are too many others, or such without a number.
    """
    if frame.empty:
        return _empty(title, NOTHING)
    _check_months(frame)
    months = _every_month(frame)
    figure, axes = _canvas(title, 3.6)
    detailed, places = len(months) <= _MONTHS_WITH_DETAILS, range(len(months))
    drawn = [months[name].astype(float) for name in months]
    for (colour, style, marker), line in zip(_LINES, drawn, strict=False):
        axes.plot(places, line, style, color=colour, label=line.name, marker=marker if detailed else None, markersize=4)
    if len(drawn) == 2:
        axes.fill_between(places, drawn[0], drawn[1], color="#d9d9d9", linewidth=0)
    _name_peak(axes, months.iloc[:, 0])
    _name_months(axes, months)
    return _finished(figure, title, _table(frame.assign(**{frame.columns[0]: frame.iloc[:, 0].map(_month)})))


def month_bars(frame: pd.DataFrame, title: str) -> Chart:
    """Draw a bar of stacked columns for every month from the first to the last.

    Raises: ChartError if the first column has no dates, or there are too many others, or such without a number.
    """
    if frame.empty:
        return _empty(title, NOTHING)
    _check_months(frame)
    months = _every_month(frame)
    figure, axes = _canvas(title, 3.2)
    parts = {name: months[name].astype(float) for name in months}
    stack_bars(axes, parts, 0.8, upright=True, detailed=len(months) <= _MONTHS_WITH_DETAILS)
    _name_peak(axes, months.sum(axis=1))
    _name_months(axes, months)
    return _finished(figure, title, _table(frame.assign(**{frame.columns[0]: frame.iloc[:, 0].map(_month)})))


def ranked_bars(
    frame: pd.DataFrame, title: str, label: Literal["share", "total", "parts"] = "share", nothing: str = NOTHING
) -> Chart:
    """Draw a bar of stacked columns for each of the first members, in the frame's order; sum up the others in one row.

    `label` sets the text beside a bar: its total with its share of all, its total alone, or its parts.
    Raises: ChartError if there are too many columns behind the first, or such without a number.
    """
    if frame.empty:
        return _empty(title, nothing)
    _check_values(frame, frame.columns[1:])
    frame = frame.copy()
    frame.isetitem(0, ["(vazio)" if pd.isna(member) else str(member) for member in frame.iloc[:, 0]])
    shown = _first_and_others(frame)
    parts = shown.iloc[:, 1:]
    figure, axes = _canvas(title, 0.5 + 0.32 * len(shown) + 0.3 * (parts.shape[1] > 1))
    drawn = parts.astype(float).iloc[: MEMBERS_SHOWN if len(shown) < len(frame) else None]
    ends = stack_bars(axes, {name: drawn[name] for name in drawn})
    beside = [*ends, 0.0]  # the row of the others has no bar: it would dwarf the rest
    for place, words in enumerate(_labels(parts, label)):
        _note(axes, words, (beside[place], place), (5, 0), va="center")
    name_bars(axes, [_name(member) for member in shown.iloc[:, 0]])
    axes.set_xlim(0, max(*beside, 1e-9))
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return _finished(figure, title, _table(shown))


def heat_map(frame: pd.DataFrame, title: str) -> Chart:
    """Draw the third column over the first two, turno and day; a missing pair counts as 0.

    Turnos that TURNOS does not have, from an older rule, come last.
    Raises: ChartError if there are other columns, days that are not of DIAS, or two values for one place.
    """
    if frame.empty:
        return _empty(title, NOTHING)
    _check_values(frame, frame.columns[2:], most=1)
    row, column, value = frame.columns
    if unknown := sorted(set(map(str, frame[column])) - set(DIAS)):
        raise ChartError(f"The column {column!r} has {unknown[0]!r}; expected days of the week: {', '.join(DIAS)}.")
    if frame.duplicated([row, column]).any():
        raise ChartError(f"There are two values for one {row} and {column}. Group the query by both.")
    rows = [*TURNOS, *sorted(set(frame[row]) - set(TURNOS))]
    table = frame.pivot(index=row, columns=column, values=value).reindex(index=rows, columns=DIAS)
    table = table.where(table.notna(), 0)
    values, numbers = table.to_numpy(), table.astype(float).to_numpy()
    figure, axes = _canvas(title, 1 + 0.4 * len(rows))
    axes.imshow(numbers, cmap="Blues", vmin=0, vmax=max(numbers.max(), 1e-9), aspect="auto")
    for y, x in ((y, x) for y in range(len(rows)) for x in range(len(DIAS))):
        dark = numbers[y, x] > 0.65 * numbers.max()
        _centre(axes, x, y, abbreviate(values[y, x]), color="white" if dark else "black")
    axes.set_xticks(range(len(DIAS)), [name.removesuffix("-feira") for name in DIAS])
    axes.set_yticks(range(len(rows)), list(map(_name, rows)), parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return _finished(figure, title, _table(table.reset_index()))


def _check_months(frame: pd.DataFrame) -> None:
    dates = frame.iloc[:, 0]
    if not pd.api.types.is_datetime64_any_dtype(dates):
        raise ChartError(
            f"The first column, {dates.name!r}, has values of type {dates.dtype}; expected dates. "
            "Cast it in the query: cast(data as timestamp)."
        )
    _check_values(frame, frame.columns[1:])


def _check_values(frame: pd.DataFrame, drawn: pd.Index, most: int = len(STYLES)) -> None:
    if not 1 <= len(drawn) <= most:
        raise ChartError(
            f"The columns to draw, of {', '.join(map(str, frame))}, are {len(drawn)}; expected one at least, and "
            f"{most} at most. Change the query, or leave some out with drop(columns=…)."
        )
    for name in drawn:
        values = frame[name]
        if values.isna().any():
            raise ChartError(f"The column {name!r} has no value in some rows. Give one in the query: coalesce(…, 0).")
        if not all(isinstance(value, Decimal | int | float) for value in values.tolist()):
            raise ChartError(f"The column {name!r} has {values.iloc[0]!r}; expected numbers.")


def _canvas(title: str, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure of this height (inches) with its title, without pyplot, which would keep it in memory."""
    from matplotlib.figure import Figure  # here, because the import takes half a second

    figure = Figure(figsize=(_WIDTH, height + 0.4), dpi=_DPI, layout="constrained")
    shown = shorten_name(" ".join(title.split()), _TITLE_LENGTH)
    figure.suptitle(shown, x=0.01, ha="left", weight="bold", fontsize="large", parse_math=False)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finished(figure: Figure, title: str, text: str) -> Chart:
    return Chart(title, text, save(figure, "png"))


def _empty(title: str, nothing: str) -> Chart:
    figure, axes = _canvas(title, 0.6)
    axes.set_axis_off()
    _centre(axes, 0.5, 0.5, nothing, color="#555555", style="italic", fontsize="large")
    return _finished(figure, title, nothing)


def _centre(axes: Axes, x: float, y: float, words: str, **style: Any) -> None:
    axes.text(x, y, words, ha="center", va="center", parse_math=False, **style)


def _table(shown: pd.DataFrame) -> str:
    return shown.map(_said).to_string(index=False)


def _said(value: Any, write: Callable[[Any], str] = format_value) -> str:
    """Return a value as `write` formats it, a text as it is, and a dash for no value."""
    return value if isinstance(value, str) else "—" if pd.isna(value) else write(value)


def _every_month(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame indexed by month, with zeros in the months without a row."""
    by_month = frame.set_index(frame.iloc[:, 0].dt.to_period("M")).iloc[:, 1:]
    return by_month.reindex(pd.period_range(by_month.index.min(), by_month.index.max(), freq="M"), fill_value=0)


def _name_months(axes: Axes, months: pd.DataFrame) -> None:
    step = next(step for step in _STEPS if len(months) <= step * _MONTHS_NAMED)
    named = [place for place, month in enumerate(months.index) if (month.year * 12 + month.month - 1) % step == 0]
    axes.set_xticks(named, [_month(months.index[place]) for place in named])
    beside = max(0.6, len(months) / 100)  # of many months, the first would be drawn on the axis
    axes.set_xlim(-beside, len(months) - 1 + beside)
    money = isinstance(months.to_numpy().flat[0], Decimal)
    least = 0.1 if money else 1  # so that no two marks of the axis are the same
    axes.set_ylim(0, max(axes.dataLim.ymax, least) * 1.1)  # room for the label of the peak
    typed = Decimal if money else round
    axes.yaxis.set_major_formatter(lambda value, _: drop_zero_decimals(abbreviate(typed(value))))
    axes.locator_params(axis="y", integer=not money)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)


def _name_peak(axes: Axes, values: pd.Series) -> None:
    place = int(values.astype(float).to_numpy().argmax())
    value = values.iloc[place]
    words = f"{abbreviate(value)} em {_month(values.index[place])}"
    _note(axes, words, (place, float(value)), (0, 6), ha="left" if place < len(values) / 2 else "right")


def _note(axes: Axes, words: str, at: tuple[float, float], offset: tuple[int, int], **aligned: Any) -> None:
    axes.annotate(words, at, offset, textcoords="offset points", fontsize="small", parse_math=False, **aligned)


def _first_and_others(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the first members, and one row with the sums of the others; a single other member keeps its own row."""
    if len(frame) <= MEMBERS_SHOWN + 1:
        return frame
    others = frame.iloc[MEMBERS_SHOWN:]
    row = [f"outros ({format_number(len(others))})", *(others[name].sum() for name in frame.columns[1:])]
    first = frame.iloc[:MEMBERS_SHOWN].itertuples(index=False, name=None)
    return pd.DataFrame([*first, row], columns=frame.columns)


def _name(member: str) -> str:
    return shorten_name(" ".join(member.split()), _NAME_LENGTH)


def _month(moment: pd.Period | pd.Timestamp) -> str:
    return f"{moment.month:02}/{moment.year}"


def _labels(parts: pd.DataFrame, label: str) -> list[str]:
    """Return the text beside each bar."""
    if label == "parts":
        return [" + ".join(map(abbreviate, row)) for row in parts.itertuples(index=False)]
    totals = list(parts.sum(axis=1))
    whole = sum(totals)
    shares = [f" · {format_number(100 * total / whole, 1)} %" if whole and label == "share" else "" for total in totals]
    return [f"{abbreviate(total)}{share}" for total, share in zip(totals, shares, strict=True)]
