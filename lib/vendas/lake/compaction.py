"""Compaction: a table's small data files become few, with the same rows.

Workers read and write the rows, each those of one new file at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from vendas.lake.data_files import DataFile, HeldFile, Target
from vendas.lake.table_reader import added_when, entries_of, planned, scan_tasks, year_of
from vendas.lake.tables import PLACES, TIMESTAMPS, stored_target
from vendas.lake.workers import Workers
from vendas.storage import Location
from vendas.tuning import COMPACTED_FROM_FILES, COMPACTED_ROWS, COMPACTION_MOMENTS

if TYPE_CHECKING:
    from pyiceberg.table import Table


@dataclass(frozen=True)
class _NewFile:
    """What becomes one data file: all rows of these files, or those from `first` to before `end` (µs since 1970)."""

    ano: int | None
    files: Sequence[HeldFile]
    first: int | None = None
    end: int | None = None


def compact(opened: "Table", table: str, workers: Workers) -> None:
    """Write the rows of a table's small files to fewer ones in one commit; none if no partition has several of them.

    Silver and gold are cut into ranges of time, and sorted by it; sales of equal time, by file and line, if a table of
    an older version has them.
    Raises: ConcurrentChange if the table has changed since it was opened; ConservationError if rows are missing.
    """
    there = planned(opened, table)
    small = _small_files(held for held, _ in there)
    target = stored_target(opened, table)
    order = _order(table, target.columns.names)
    new = _by_time(small, order[0], workers) if order else _by_age(small, added_when(opened))
    if not new:
        return
    from vendas.lake.commits import replace_files

    written = workers.map(partial(_write, order=order, target=target), new)
    gone = {held.path for one in new for held in one.files}
    replace_files(opened, written, [file for held, file in there if held.path in gone], merged_from=2, rewrite=True)


def apply_deletes(opened: "Table", table: str) -> None:
    """Write the data files from which other programs deleted rows anew, without these rows, in one commit.

    Raises: VendasError if rows were deleted in a way that cannot be read.
    """
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan
    from pyiceberg.manifest import DataFileContent

    from vendas.lake.commits import replace_files

    deletes = [entry.data_file for entry in entries_of(opened) if entry.data_file.content != DataFileContent.DATA]
    if not deletes:
        return
    target, written = stored_target(opened, table), []
    touched = [task for task in scan_tasks(opened, table) if task.delete_files]
    scan = ArrowScan(opened.metadata, opened.io, opened.schema(), AlwaysTrue())
    for task in touched:
        rows = scan.to_table([task])
        if len(rows):
            written.append(target.write(rows.cast(target.columns), year_of(opened, task.file)))
    replace_files(opened, written, [task.file for task in touched], applied=deletes)


def _order(table: str, columns: Sequence[str]) -> list[str]:
    """Return the columns that a table's files are sorted by, the time first; none if it has no such."""
    moment = TIMESTAMPS.get(table)
    if moment is None or moment not in columns:
        return []
    return [moment, *(name for name in PLACES[table] if name in columns)]


def _is_small(rows: float) -> bool:
    return rows < COMPACTED_ROWS * 3 / 4


def _rows(held: HeldFile) -> int:
    assert held.count is not None  # the table's metadata has it
    return held.count


def _small_files(files: Iterable[HeldFile]) -> dict[int | None, list[HeldFile]]:
    """Return by partition its small files, if there are several."""
    small: dict[int | None, list[HeldFile]] = {}
    for held in files:
        if _is_small(_rows(held)):
            small.setdefault(held.ano, []).append(held)
    return {ano: of_year for ano, of_year in small.items() if len(of_year) >= COMPACTED_FROM_FILES}


def _by_age(small: Mapping[int | None, list[HeldFile]], added: Mapping[Location, int]) -> list[_NewFile]:
    """Return new files of the rows of files that were added one after the other."""
    new = []
    for ano, of_year in small.items():
        files: list[HeldFile] = []
        for held in sorted(of_year, key=lambda held: (added[held.path], str(held.path))):
            files.append(held)
            if not _is_small(sum(map(_rows, files))):
                new.append(_NewFile(ano, files))
                files = []
        new.append(_NewFile(ano, files))
    return [one for one in new if len(one.files) >= COMPACTED_FROM_FILES]


def _by_time(small: Mapping[int | None, list[HeldFile]], moment: str, workers: Workers) -> list[_NewFile]:
    """Return new files of about COMPACTED_ROWS rows each, one range of time after the other."""
    new = []
    for ano, files in small.items():
        rows = sum(map(_rows, files))
        cuts = []
        if round(rows / COMPACTED_ROWS) > 1:
            every = max(1, rows // COMPACTION_MOMENTS)
            sampled = workers.map(partial(_moments, column=moment, every=every), files)
            cuts = _cuts(np.sort(np.concatenate(sampled)), rows)
        for first, end in pairwise([None, *cuts, None]):
            new.append(_NewFile(ano, [held for held in files if held.meets(first, end)], first, end))
    return new


def _moments(held: HeldFile, column: str, every: int) -> np.ndarray:
    """Return each `every`-th of a file's moments, in order of time (µs since 1970)."""
    alone = replace(held, columns=pa.schema([held.columns.field(column)]))
    return np.sort(alone.rows()[column].cast(pa.int64()).drop_null().to_numpy())[every - 1 :: every]


def _cuts(moments: np.ndarray, rows: int) -> list[int]:
    """Return at which times to cut so many rows, of which `moments` is a sorted sample, into files of about equal size.

    No file is small, else it would be compacted again.
    """
    parts, each, done = round(rows / COMPACTED_ROWS), rows / len(moments), 0
    cuts = []
    for part in range(1, parts):
        cut = moments[len(moments) * part // parts]
        place = np.searchsorted(moments, cut)
        if not _is_small((place - done) * each) and not _is_small((len(moments) - place) * each):
            cuts.append(int(cut))
            done = place
    return cuts


def _write(new: _NewFile, order: Sequence[str], target: Target) -> DataFile:
    rows = pa.concat_tables([target.columns.empty_table(), *_read(new, order, target.columns)])
    return target.write(rows.sort_by([(name, "ascending") for name in order]) if order else rows, new.ano)


def _read(new: _NewFile, order: Sequence[str], columns: pa.Schema) -> Iterator[pa.Table]:
    for held in new.files:
        file = replace(held, columns=columns)
        if new.first is new.end is None:
            yield file.rows()
        else:
            yield from file.rows_between(order[0], new.first, new.end)
