"""The difference between what is published and what a rehearsal made, by file, column and month.

A row is the same one before and after if it comes from the same line of the same file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import partial
from operator import attrgetter, itemgetter
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.lake.data_files import HeldFile, one_of
from vendas.lake.events import Event
from vendas.lake.tables import GOLD_TABLE, PLACES, QUARANTINE_TABLE, SILVER_TABLE
from vendas.rules.duplicates import LAST_LINE, LINE_BITS
from vendas.stages.groups import group_by_size
from vendas.stages.rehearsal import RehearsalLake
from vendas.tuning import COMPARED_ROWS, EXAMPLES_KEPT

T = TypeVar("T")

_KIND = attrgetter("antes", "depois")  # of a change
_COMPARED = {
    SILVER_TABLE: schema.INPUT_NAMES,
    GOLD_TABLE: tuple(c.name for c in schema.SALES.gold_columns if c.name not in PLACES[GOLD_TABLE]),
}
_SUMMED = {
    SILVER_TABLE: (schema.TIMESTAMP.name, (schema.VALOR.name,)),
    GOLD_TABLE: ("timestamp_do_registro", schema.SALES.measures),
}
_GOLD_NAMES = {schema.VALOR.name: schema.VALOR.gold_name}  # totals have gold's names for the same sums


@dataclass(frozen=True)
class Change:
    """A value that changes: the line of its row, the published value, and the rehearsed one."""

    linha: int
    antes: str
    depois: str


@dataclass(frozen=True)
class ColumnChanges:
    """How many rows have another value in a column, and examples of them in the order of `vary`."""

    mudam: int = 0
    exemplos: tuple[Change, ...] = ()

    def __add__(self, other: "ColumnChanges") -> "ColumnChanges":
        return ColumnChanges(self.mudam + other.mudam, tuple(vary([*self.exemplos, *other.exemplos])[:EXAMPLES_KEPT]))


def vary(examples: Iterable[T]) -> list[T]:
    """Return changes so that each kind, the same value before and after, comes once before any comes twice."""
    seen, turns = Counter[object](), []
    for example in examples:
        kind = _KIND(example)
        turns.append((seen[kind], example))
        seen[kind] += 1
    return [example for _, example in sorted(turns, key=itemgetter(0))]


@dataclass(frozen=True)
class Moves:
    """How many lines come into a table, or become duplicates, and how many no longer are."""

    entram: int = 0
    saem: int = 0

    def __add__(self, other: "Moves") -> "Moves":
        return Moves(self.entram + other.entram, self.saem + other.saem)

    def __bool__(self) -> bool:
        return bool(self.entram or self.saem)


@dataclass(frozen=True)
class FileDifference:
    """What changes in a file's rows; `linhas` are the rows read from it."""

    arquivo: str
    linhas: int = 0
    colunas: Mapping[str, ColumnChanges] = field(default_factory=dict)
    silver: Moves = Moves()
    quarentena: Moves = Moves()
    duplicadas: Moves = Moves()
    motivo: str | None = None  # why intake would reject the file, which it does not now

    def __add__(self, other: "FileDifference") -> "FileDifference":
        names = [name for table in _COMPARED.values() for name in table]
        both = {name: [part.colunas[name] for part in (self, other) if name in part.colunas] for name in names}
        return FileDifference(
            self.arquivo,
            self.linhas + other.linhas,
            {name: sum(found[1:], found[0]) for name, found in both.items() if found},
            self.silver + other.silver,
            self.quarentena + other.quarentena,
            self.duplicadas + other.duplicadas,
            self.motivo or other.motivo,
        )

    def __bool__(self) -> bool:
        return bool(self.colunas or self.silver or self.quarentena or self.duplicadas or self.motivo)


@dataclass(frozen=True)
class Total:
    """The sales of a month, and the sum of each measure."""

    vendas: int = 0
    somas: Mapping[str, Decimal] = field(default_factory=dict)

    def __add__(self, other: "Total") -> "Total":
        names = {**self.somas, **other.somas}
        zero = Decimal(0)
        somas = {name: self.somas.get(name, zero) + other.somas.get(name, zero) for name in names}
        return Total(self.vendas + other.vendas, somas)


@dataclass(frozen=True)
class Difference:
    """What changes: by file, and the totals of each month (`2024-03`) that has others, before and after."""

    files: Sequence[FileDifference] = ()
    months: Mapping[str, tuple[Total, Total]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.files)

    @property
    def total(self) -> FileDifference:
        """The sum over all files."""
        return sum(self.files, FileDifference(""))

    def as_json(self) -> dict:
        """Return the document that `vendas plan --json` prints; money is a text, exact to the cent."""
        total = {name: value for name, value in _as_json(self.total).items() if name not in ("arquivo", "motivo")}
        total["colunas"] = {name: {"mudam": changes["mudam"]} for name, changes in total["colunas"].items()}
        changed = sum(map(bool, self.files))
        months = [
            {"mes": month, "antes": _total_as_json(before), "depois": _total_as_json(after)}
            for month, (before, after) in sorted(self.months.items())
        ]
        totals = {"arquivos": len(self.files), "arquivos_que_mudam": changed, **total, "meses": months}
        return {"files": list(map(_as_json, self.files)), "totais": totals}


def compare_silver(tables: RehearsalLake, silver: Sequence[Event]) -> Difference:
    """Return the difference of rehearsed sales and refused rows to the published ones.

    `silver` are the rehearsal's events. Of a file of which only the beginning is rehearsed, only that is compared.
    """
    return _compare(tables, silver, [SILVER_TABLE, QUARANTINE_TABLE], summed=SILVER_TABLE)


def compare_gold(tables: RehearsalLake, gold: Sequence[Event]) -> Difference:
    """Return the difference of rehearsed rows of gold to the published rows of the same sales."""
    return _compare(tables, [replace(event, lidas=event.gravadas) for event in gold], [GOLD_TABLE], summed=GOLD_TABLE)


def compare_all(tables: RehearsalLake, silver: Sequence[Event]) -> Difference:
    """Return the difference of all rehearsed rows, of silver, quarantine and gold, to the published ones."""
    return _compare(tables, silver, [SILVER_TABLE, QUARANTINE_TABLE, GOLD_TABLE], summed=GOLD_TABLE)


@dataclass(frozen=True)
class _Part:
    """The lines of some files that are compared at a time, and the data files with them, before and after, by table."""

    files: tuple[str, ...]
    first: int
    last: int
    read: Mapping[str, int]  # by file: the rows read from it
    last_lines: Mapping[str, int]  # by file: the last line that is compared, if not all are
    held: Mapping[str, tuple[list[HeldFile], list[HeldFile]]]

    def rows(self, table: str) -> tuple[pa.Table, pa.Table]:
        """Return the published and the rehearsed rows of these lines."""
        before, after = (self._read(table, files) for files in self.held[table])
        return before, after

    def _read(self, table: str, files: Iterable[HeldFile]) -> pa.Table:
        file, line = PLACES[table]
        lines = (pa.scalar(number, pa.int64()) for number in (self.first, self.last))
        conditions = {file: one_of(pa.array(self.files, pa.string())), line: partial(_between, *lines)}
        columns = schema.arrow_schema(schema.TABLES[table])
        found = [rows.cast(columns) for held in files for rows in held.rows_where(conditions)]
        rows = pa.concat_tables([columns.empty_table(), *found]).combine_chunks()
        if not self.last_lines:
            return rows
        lasts = pa.array([self.last_lines.get(name, LAST_LINE) for name in self.files], pa.int64())
        return rows.filter(pc.less_equal(rows[line], lasts.take(pc.index_in(rows[file], pa.array(self.files)))))


def _compare(tables: RehearsalLake, events: Sequence[Event], compared: Sequence[str], summed: str) -> Difference:
    whole = not (tables.sampled and summed == GOLD_TABLE)  # a sample of gold has any rows of a file, not its first ones
    done = tables.workers.map(
        partial(_compare_part, compared=compared, summed=summed, whole=whole), list(_parts(tables, events, compared))
    )
    files: dict[str, FileDifference] = {}
    months: dict[str, tuple[Total, Total]] = defaultdict(lambda: (Total(), Total()))
    for found in done:
        for file in found.files:
            files[file.arquivo] = files[file.arquivo] + file if file.arquivo in files else file
        for month, (before, after) in found.months.items():
            months[month] = (months[month][0] + before, months[month][1] + after)
    other = {month: totals for month, totals in months.items() if totals[0] != totals[1]}
    return Difference([files[event.arquivo] for event in events], other)


def _parts(tables: RehearsalLake, events: Sequence[Event], compared: Sequence[str]) -> Iterator[_Part]:
    for group in group_by_size(events, COMPARED_ROWS, attrgetter("lidas")):
        names = tuple(event.arquivo for event in group)
        held = {
            table: (tables.published_files_of(table, names), tables.rehearsed_files_of(table, names))
            for table in compared
        }
        read = {event.arquivo: event.lidas for event in group}
        lasts = {name: tables.last_lines[name] for name in names if name in tables.last_lines}
        firsts = range(0, max(read.values()) + 1, COMPARED_ROWS) if len(group) == 1 else [0]
        for first in firsts:  # of a large file, some lines at a time; the last part has all lines that are left
            last = LAST_LINE if first == firsts[-1] else first + COMPARED_ROWS - 1
            yield _Part(names, first, last, read if first == 0 else dict.fromkeys(names, 0), lasts, held)


def _between(first: pa.Scalar, last: pa.Scalar, lines: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.and_(pc.greater_equal(lines, first), pc.less_equal(lines, last))


def _compare_part(part: _Part, compared: Sequence[str], summed: str, whole: bool) -> Difference:
    rows = {table: part.rows(table) for table in compared}
    if not whole:
        rows = {table: _of_same_lines(part, table, *both) for table, both in rows.items()}
    columns: dict[str, dict[str, ColumnChanges]] = {name: {} for name in part.files}
    for table in compared:
        if table in _COMPARED:
            for name, found in _changed_columns(part, table, *rows[table]):
                columns[name].update(found)
    moves = _moves(part, rows) if QUARANTINE_TABLE in rows else {}
    still = Moves(), Moves(), Moves()
    files = [FileDifference(name, part.read[name], columns[name], *moves.get(name, still)) for name in part.files]
    before, after = (_totals(table, summed) for table in rows[summed])
    months = {month: (before.get(month, Total()), after.get(month, Total())) for month in before | after}
    return Difference(files, months)


def _of_same_lines(part: _Part, table: str, before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    there = np.isin(_places(part, table, before), _places(part, table, after))
    return before.filter(pa.array(there)), after


def _places(part: _Part, table: str, rows: pa.Table) -> np.ndarray:
    """Return one number for each row's file and line, in the order of the part's files."""
    file, line = PLACES[table]
    place = pc.index_in(rows[file], pa.array(part.files, pa.string())).cast(pa.int64())
    return place.to_numpy() << LINE_BITS | rows[line].to_numpy()


def _changed_columns(
    part: _Part, table: str, before: pa.Table, after: pa.Table
) -> Iterator[tuple[str, dict[str, ColumnChanges]]]:
    """Yield for each file the columns with changed values in the rows that are there before and after."""
    places = (_places(part, table, rows) for rows in (before, after))
    common, was, now = np.intersect1d(*places, assume_unique=True, return_indices=True)
    before, after = before.take(pa.array(was)), after.take(pa.array(now))
    for column in _COMPARED[table]:
        same = pc.fill_null(pc.equal(before[column], after[column]), False)
        changed = np.flatnonzero(~same.to_numpy(zero_copy_only=False))
        of_file = common[changed] >> LINE_BITS
        for number in np.unique(of_file):
            rows = changed[of_file == number]
            examples = [
                Change(int(common[row] & LAST_LINE), _as_text(before[column][row]), _as_text(after[column][row]))
                for row in _candidates(before[column], after[column], rows)
            ]
            yield part.files[number], {column: ColumnChanges(len(rows), tuple(vary(examples)[:EXAMPLES_KEPT]))}


def _candidates(before: pa.ChunkedArray, after: pa.ChunkedArray, rows: np.ndarray) -> list[int]:
    """Return the first rows, and the first ones of each kind of change: enough of both that `vary` can choose."""
    values = pa.table({"antes": before.take(rows), "depois": after.take(rows), "row": rows})
    kinds = values.group_by(["antes", "depois"], use_threads=False).aggregate([("row", "min")])
    return sorted({*rows[:EXAMPLES_KEPT].tolist(), *sorted(kinds["row_min"].to_pylist())[:EXAMPLES_KEPT]})


def _as_text(value: pa.Scalar) -> str:
    found = value.as_py()
    return "" if found is None else str(found)


def _moves(part: _Part, rows: Mapping[str, tuple[pa.Table, pa.Table]]) -> dict[str, tuple[Moves, Moves, Moves]]:
    """Return for each file which lines come into silver, into quarantine and among the duplicates, and which leave.

    A line that was read is a duplicate if it is neither in silver nor in quarantine.
    """
    sold, refused = (
        tuple(_places(part, table, side) for side in rows[table]) for table in (SILVER_TABLE, QUARANTINE_TABLE)
    )
    kept = tuple(np.union1d(*both) for both in zip(sold, refused, strict=True))
    sales, refusals = _count_moves(part, *sold), _count_moves(part, *refused)
    duplicates = _count_moves(part, *reversed(kept))  # what leaves both is one, what comes into either is none any more
    return {name: (sales[name], refusals[name], duplicates[name]) for name in part.files}


def _count_moves(part: _Part, before: np.ndarray, after: np.ndarray) -> dict[str, Moves]:
    come, leave = (
        np.bincount(places >> LINE_BITS, minlength=len(part.files))
        for places in (np.setdiff1d(after, before), np.setdiff1d(before, after))
    )
    return {name: Moves(int(come[number]), int(leave[number])) for number, name in enumerate(part.files)}


def _totals(rows: pa.Table, table: str) -> dict[str, Total]:
    moment, measures = _SUMMED[table]
    month = pc.add(pc.multiply(pc.year(rows[moment]), 100), pc.month(rows[moment]))
    sums = pa.table([month, *(rows[name] for name in measures)], names=["mes", *measures]).group_by("mes")
    found = sums.aggregate([([], "count_all"), *((name, "sum") for name in measures)]).to_pylist()
    return {
        f"{row['mes'] // 100}-{row['mes'] % 100:02d}": Total(
            row["count_all"], {_GOLD_NAMES.get(name, name): row[f"{name}_sum"] for name in measures}
        )
        for row in found
    }


def _as_json(file: FileDifference) -> dict:
    return asdict(replace(file, colunas=dict(file.colunas)))


def _total_as_json(total: Total) -> dict:
    sums = {name: f"{total.somas.get(name, Decimal(0)):.2f}" for name in schema.SALES.measures}
    return {"vendas": total.vendas, **sums}
