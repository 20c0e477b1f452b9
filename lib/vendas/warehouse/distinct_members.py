"""Tell the members of large dimensions apart over all parts of a load, so that the database gets each only once.

A customer buys many times, and the parts of a load are prepared apart from each other. So each part parks its members,
sorted by key and cut into the same ranges of keys. Then each range is read from all parts: its members, distinct and in
the order of their keys, are inserted into an index that grows at its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.declaration_types import Dimension
from vendas.storage import Location, as_folder
from vendas.warehouse.star_rows import distinct_rows

LARGE_DIMENSIONS = [dimension for dimension in schema.SALES.dimensions if dimension.large]
_KEYS = np.iinfo(np.int64)


@dataclass(frozen=True)
class ParkedMembers:
    """A file with some members of a dimension: one record batch for each range of keys."""

    path: str
    dimension: Dimension


def park_members(members: pa.Table, folder: Location, ranges: int) -> tuple[list[ParkedMembers], pa.Table]:
    """Park the pending members of large dimensions in files of a local folder; return the files, and the others."""
    parked = []
    for dimension in LARGE_DIMENSIONS:
        of_dimension = pc.is_valid(members[dimension.key])
        rows = members.filter(of_dimension).select([dimension.key, *dimension.attributes]).sort_by(dimension.key)
        members = members.filter(pc.invert(of_dimension))
        path = as_folder(folder) / uuid4().hex
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.ipc.new_file(path, rows.schema) as file:
            for batch in _by_range(rows, dimension.key, ranges):
                file.write_batch(batch)
        parked.append(ParkedMembers(str(path), dimension))
    return parked, members


def _by_range(rows: pa.Table, key: str, ranges: int) -> Iterator[pa.RecordBatch]:
    """Yield sorted rows in ranges of equal width over all keys, which are hashes and so spread evenly."""
    width = (_KEYS.max - _KEYS.min) // ranges + 1
    begins = np.array([_KEYS.min + number * width for number in range(ranges)], np.int64)
    places = [*np.searchsorted(rows[key].to_numpy(), begins), len(rows)]
    for first, end in zip(places, places[1:], strict=False):
        columns = [column.slice(first, end - first).combine_chunks() for column in rows.columns]
        yield pa.record_batch(columns, schema=rows.schema)


def distinct_members(parked: Sequence[ParkedMembers], number: int) -> dict[Dimension, pa.Table]:
    """Return the distinct members of a range of keys from all these files, by dimension, in the order of their keys.

    Members that differ and have one key are all returned.
    """
    found = {}
    for dimension in LARGE_DIMENSIONS:
        paths = [each.path for each in parked if each.dimension == dimension]
        rows = pa.Table.from_batches([pa.ipc.open_file(pa.memory_map(path)).get_batch(number) for path in paths])
        found[dimension] = distinct_rows(rows).sort_by(dimension.key)
    return found


def find_shared_key(keys: pa.ChunkedArray) -> int | None:
    """Return a key that occurs twice in sorted ones, None if each occurs once."""
    sorted_keys = keys.to_numpy()
    shared = sorted_keys[1:][sorted_keys[1:] == sorted_keys[:-1]]
    return int(shared[0]) if len(shared) else None
