"""Silver: distinct sales out of validated rows. Pure steps from Arrow table to Arrow table.

Sales carry `posicao` beside the contract's 13 columns; it sorts by bronze order, then line. Equal sales have equal
moments, so sales sorted by time can be made distinct one range of time after the other, whatever file they came in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.tuning import RANGE_ROWS

MOMENT, POSICAO = schema.TIMESTAMP.name, "posicao"
SAMPLED_EVERY = 1000
_LINE_BITS = 40  # posicao: the file's place in bronze order above these bits, the line below: one number sorts rows
_PLACE = "lugar"


@dataclass(frozen=True)
class Stretch:
    """Sales of one year in a file sorted by time: how many, and every so many of their moments (µs since 1970)."""

    path: str
    ano: int
    rows: int
    moments: np.ndarray  # the first and the last moment too


@dataclass(frozen=True)
class TimeRange:
    """From `first` on, before `end` (µs since 1970); within one year."""

    ano: int
    first: int
    end: int


def posicao(place: int, linha: pa.Array) -> pa.Array:
    """The position of rows by the file's place in bronze order and their physical lines."""
    return pc.add(linha, pa.scalar(place << _LINE_BITS, pa.int64()))


def sort_by_time(sales: pa.Table) -> pa.Table:
    """Sales by moment, then position."""
    return sales.sort_by([(MOMENT, "ascending"), (POSICAO, "ascending")])


def microseconds(sales: pa.Table) -> np.ndarray:
    """The moments of sales, in microseconds since 1970 by their own clock."""
    return sales[MOMENT].cast(pa.int64()).to_numpy()


def find_stretches(path: str, sales: pa.Table) -> list[Stretch]:
    """What a file of sales that are sorted by time holds, by year."""
    moments = microseconds(sales)
    years = moments.view("datetime64[us]").astype("datetime64[Y]")
    begins = [*np.flatnonzero(np.diff(years.astype(np.int64), prepend=-1)), len(years)] if len(years) else []
    return [
        Stretch(path, years[a].astype(object).year, b - a, np.append(moments[a:b:SAMPLED_EVERY], moments[b - 1]))
        for a, b in pairwise(map(int, begins))
    ]


def time_ranges(found: Sequence[Stretch], rows: int = RANGE_ROWS) -> list[TimeRange]:
    """Ranges of time that hold about so many rows each and, together, all of these stretches."""
    ranges = []
    for ano, of_year in groupby(sorted(found, key=lambda stretch: stretch.ano), key=lambda stretch: stretch.ano):
        of_year = list(of_year)
        parts = -(-sum(stretch.rows for stretch in of_year) // rows)
        moments = np.sort(np.concatenate([stretch.moments for stretch in of_year]))
        cuts = np.unique(moments[[len(moments) * part // parts for part in range(1, parts)]])
        begin, end = (np.datetime64(f"{year}-01-01", "us").astype(int) for year in (ano, ano + 1))
        ranges += [TimeRange(ano, int(a), int(b)) for a, b in pairwise([begin, *cuts[cuts > begin], end])]
    return ranges


def distinct_sales(sales: pa.Table, known: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The sales that are new, the first of equal ones, by time; and those of `known` that equal one of `sales`.

    Sales are compared in all of the contract's columns, none of which is null. Only those that share their moment with
    another one need be.
    """
    sales = sort_by_time(sales)
    moments = microseconds(sales)
    same = moments[1:] == moments[:-1]
    shared = np.append(same, False) | np.append(False, same) | np.isin(moments, microseconds(known))
    places = np.flatnonzero(shared)
    compared = pa.concat_tables(
        [
            _placed(known, -1 - np.arange(len(known))),  # below all places, so that a known sale is the first
            _placed(sales.take(places), places),
        ]
    )
    groups = compared.group_by(list(schema.INPUT_NAMES)).aggregate([(_PLACE, "min"), (_PLACE, "max")])
    first, last = (groups[f"{_PLACE}_{end}"].to_numpy() for end in ("min", "max"))
    stays = ~shared
    stays[first[first >= 0]] = True
    return sales.filter(pa.array(stays)), known.take(-1 - first[(first < 0) & (last >= 0)])


def to_silver(sales: pa.Table, arquivos: Sequence[str], ano: int) -> pa.Table:
    """Sales of one year in silver's columns; `arquivos` are the bronze files in the order of their places."""
    places = pc.shift_right(sales[POSICAO], _LINE_BITS).combine_chunks()
    added = {
        schema.ARQUIVO.name: pa.array(arquivos, pa.string()).take(places),
        schema.LINHA_DO_ARQUIVO.name: pc.bit_wise_and(sales[POSICAO], pa.scalar((1 << _LINE_BITS) - 1)),
        schema.ANO.name: pa.repeat(pa.scalar(ano, pa.int32()), len(sales)),
    }
    columns = {name: sales[name] for name in schema.INPUT_NAMES} | added
    return pa.table(columns, schema=schema.arrow_schema(schema.SILVER_COLUMNS))


def _placed(sales: pa.Table, places: np.ndarray) -> pa.Table:
    return sales.select(list(schema.INPUT_NAMES)).append_column(_PLACE, pa.array(places, pa.int64()))
