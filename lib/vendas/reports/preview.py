"""Previews in a stage's notebook: the files that it processed, some of their rows, and a table to show them in.

All of it is read from what the stage has just written. Showing comes last in a notebook and never fails it: the data is
published by then, and a row that cannot be shown must not stop the next stage.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from html import escape
from itertools import zip_longest
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.formatting import format_number
from vendas.lake.data_files import DataFile, HeldFile, one_of
from vendas.lake.events import REJECTED, UNDONE, Event
from vendas.lake.ledger import last_done
from vendas.lake.table_reader import columns_of
from vendas.lake.tables import GOLD_TABLE, PLACES, QUARANTINE_TABLE, SILVER_TABLE, Lake
from vendas.reports.masking import mask_row
from vendas.storage import location
from vendas.tuning import PREVIEW_CHARACTERS, PREVIEW_DATA_FILES, PREVIEW_FILES, PREVIEW_ROWS, PREVIEW_SALES

T = TypeVar("T")
Written = Sequence[DataFile | HeldFile]

NOTHING, NO_SALES = "Ainda não há arquivos.", "Nenhuma venda nestes arquivos."
_LONG = 60  # characters up to which a text is not wrapped
_WRAPPED = ";white-space:normal;min-width:24em;overflow-wrap:anywhere"
_CODE = re.compile("`([^`]+)`")  # as Markdown has it; a notebook shows notes as HTML
PLACE_COLUMNS = {table: PLACES[table] for table in (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE)}
"""The columns with file and line of the tables that are shown."""


class Preview(pd.DataFrame):
    """A small data frame that a notebook shows whole, with a note below it; operations on it return plain frames."""

    _metadata = ["note"]
    note: str = ""

    @classmethod
    def of(cls, rows: Iterable[dict], note: str = "") -> "Preview":
        """Return a preview of rows, given by column; each text is put on one line, and shortened if it is long."""
        made = cls([{name: _one_line(value) for name, value in row.items()} for row in rows], dtype=object)
        made.note = note
        return made

    def _repr_html_(self) -> str:
        note = _CODE.sub(r"<code>\1</code>", f"<p>{escape(self.note)}</p>") if self.note else ""
        if self.empty:
            return note
        names, *rows = self._texts()
        sides = ["left" if any(isinstance(value, str) for value in self[name]) else "right" for name in names]
        head = "".join(_cell("th", side, name) for side, name in zip(sides, names, strict=True))
        body = "\n".join(f"<tr>{''.join(map(_cell, ['td'] * len(row), sides, row))}</tr>" for row in rows)
        return f'<table class="dataframe">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>{note}'

    def __repr__(self) -> str:
        rows = [] if self.empty else self._texts()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [" | ".join(t.ljust(width) for t, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, self.note] if self.note else lines)

    def _texts(self) -> list[list[str]]:
        """Return the column names, then the rows."""
        rows = [["" if pd.isna(value) else str(value) for value in row] for row in self.itertuples(index=False)]
        return [[str(name) for name in self], *rows]


def _cell(tag: str, side: str, text: str) -> str:
    """Return a table cell; a long text is wrapped, because a page would put it on one line."""
    style = f"text-align:{side}{_WRAPPED if len(text) > _LONG else ''}"
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def _one_line(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "⏎").replace("\t", "⇥")
    return text if len(text) <= PREVIEW_CHARACTERS else f"{text[: PREVIEW_CHARACTERS - 1]}…"


@dataclass(frozen=True)
class Unreadable:
    """A result in place of rows that could not be read, with the reason."""

    why: str


def reading(read: Callable[..., T]) -> Callable[..., T | Unreadable]:
    """Decorate a function that reads rows, so that it returns why it could not instead of raising."""

    @wraps(read)
    def guarded(*given: object, **named: object) -> T | Unreadable:
        if unread := [rows for rows in given if isinstance(rows, Unreadable)]:
            return unread[0]
        try:
            return read(*given, **named)
        except Exception as error:  # a removed file, the network, the warehouse: the stage is done anyway
            return Unreadable(_explain(error))

    return guarded


def showing(show: Callable[..., T]) -> Callable[..., T | Preview]:
    """Decorate a function that shows rows, so that it shows why it, or the reading, failed instead of raising."""

    @wraps(show)
    def guarded(*given: object, **named: object) -> T | Preview:
        if unread := [rows for rows in given if isinstance(rows, Unreadable)]:
            return Preview.of([], note=unread[0].why)
        try:
            return show(*given, **named)
        except Exception as error:  # an unforeseen text
            return Preview.of([], note=_explain(error))

    return guarded


def _explain(error: Exception) -> str:
    return f"Não foi possível mostrar ({type(error).__name__}: {error}); a etapa está feita, os dados estão gravados."


class ShownEvents(list[Event]):
    """The events of the files that are shown, and the number of files they are chosen from."""

    def __init__(self, events: Iterable[Event] = (), there: int | None = None):
        super().__init__(events)
        self.there = len(self) if there is None else there

    @property
    def note(self) -> str:
        """The note below a table by file; empty if it shows all files."""
        return note_cut(len(self), self.there, "arquivos") if self else NOTHING


def events_to_show(known: Iterable[Event], stage: str, events: Iterable[Event]) -> ShownEvents:
    """Return the events of the files that a stage processed in this run, or else in the last run that processed any.

    `known` are all events before this run, `events` the stage's own of this run. Undone files are not shown. At most
    PREVIEW_FILES are returned, in the given order: rejected files, and those with most refused and duplicate rows, are
    preferred.
    """
    events = list(events)
    undone = [event.arquivo for event in events if event.situacao == UNDONE]
    chosen = [event for event in events if event.situacao != UNDONE] or last_done(known, stage, undone)
    first = sorted(chosen, key=lambda event: (event.situacao != REJECTED, -event.quarentena - event.duplicadas))
    places = {event.arquivo for event in first[:PREVIEW_FILES]}
    return ShownEvents([event for event in chosen if event.arquivo in places], len(chosen))


@reading
def read_rows(tables: Lake, table: str, events: Sequence[Event], written: Written = ()) -> pa.Table:
    """Return rows that a table has of the events' files, in the events' order, then by line: all rows if they are few.

    `written` are the data files just written for them; if empty, the table is asked for its data files.
    """
    names, rows = [event.arquivo for event in events], [schema.arrow_schema(schema.TABLES[table]).empty_table()]
    if not count_of(table, events):
        return rows[0]
    files, size = as_held_files(tables, table, events, written)[:PREVIEW_DATA_FILES], 1
    with ThreadPoolExecutor() as threads:  # each file takes some requests to S3; each step reads twice as many
        while files and sum(map(len, rows)) < PREVIEW_SALES:
            rows += threads.map(lambda file: _first_rows(file, PLACE_COLUMNS[table][0], names), files[:size])
            files, size = files[size:], 2 * size
    found = pa.concat_tables([part.cast(rows[0].schema) for part in rows]).slice(0, PREVIEW_SALES)
    return sort_by_place(found, PLACE_COLUMNS[table], names)


def count_of(table: str, events: Iterable[Event]) -> int:
    """Return how many rows a table has of the events' files, according to the ledger."""
    return sum(event.quarentena if table == QUARANTINE_TABLE else event.gravadas for event in events)


def as_held_files(tables: Lake, table: str, events: Iterable[Event], written: Written) -> list[HeldFile]:
    """Return the data files just written, to be read; if there are none, those that can hold rows of these files."""
    if not written:
        return tables.files_of(table, [event.arquivo for event in events])
    columns = columns_of(tables.place, table)
    return [
        file if isinstance(file, HeldFile) else HeldFile(location(file.path), columns, file.ano) for file in written
    ]


def sort_by_place(rows: pa.Table, columns: tuple[str, str], names: Sequence[str]) -> pa.Table:
    """Return rows in the order of these bronze files, then by line; `columns` are those of a row's file and line."""
    file, line = columns
    ordered = rows.append_column("_ordem", pc.index_in(rows[file], pa.array(names, pa.string())))
    return ordered.sort_by([("_ordem", "ascending"), (line, "ascending")]).drop_columns("_ordem")


def _first_rows(file: HeldFile, column: str, names: list[str]) -> pa.Table:
    """Return the rows of these bronze files in the first row group that has any of them."""
    found = file.rows_where({column: one_of(pa.array(names, pa.string()))})
    return next(found, file.columns.empty_table())


def note_sample(rows: pa.Table, table: str, events: Iterable[Event]) -> str:
    """Return a sentence if these are not all rows that a table has of the events' files; else an empty text."""
    return note_cut(len(rows), count_of(table, events), "vendas, uma amostra")


def note_cut(shown: int, there: int, what: str) -> str:
    """Return a sentence with the part of something that is shown; empty if it is all."""
    return f"{format_number(shown)} de {format_number(there)} {what}." if shown < there else ""


@showing
def show_rows(rows: pa.Table, table: str, events: Sequence[Event]) -> Preview:
    """Show a table's first rows of each file; e-mails and telephones masked."""
    shown = [mask_row(row) for row in first_of_each(rows, PLACE_COLUMNS[table][0], PREVIEW_ROWS // 2).to_pylist()]
    return Preview.of(
        shown, note=note_cut(len(shown), count_of(table, events), "linhas destes arquivos") if shown else NO_SALES
    )


def first_of_each(rows: pa.Table, column: str, limit: int) -> pa.Table:
    """Return the first rows for each value of a column, about equally many for each, in the rows' order."""
    values = pc.unique(rows[column]).to_pylist()[:limit]
    places = [pc.indices_nonzero(pc.equal(rows[column], value))[:limit].to_pylist() for value in values]
    in_turns = [place for turn in zip_longest(*places) for place in turn if place is not None]
    return rows.take(pa.array(sorted(in_turns[:limit]), pa.int64()))


def examples(rows: pa.Table, kinds: pa.ChunkedArray) -> list[tuple[Any, int, dict]]:
    """Return each kind with the number of its rows and the first of them; most rows first, then in the rows' order."""
    places = pa.table({"kind": kinds, "place": pa.array(range(len(rows)), pa.int64())})
    found = places.group_by("kind", use_threads=False).aggregate([("place", "count"), ("place", "min")])
    ordered = found.sort_by([("place_count", "descending"), ("place_min", "ascending")]).to_pylist()
    firsts = rows.take(pa.array([kind["place_min"] for kind in ordered], pa.int64())).to_pylist()
    return [(kind["kind"], kind["place_count"], first) for kind, first in zip(ordered, firsts, strict=True)]
