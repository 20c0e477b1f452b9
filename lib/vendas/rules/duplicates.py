"""Which sales are equal, and silver's distinct ones out of validated rows: pure steps from Arrow table to Arrow table.

Sales carry `posicao` beside the input columns, which sorts by bronze order, then line. Equal sales have equal
timestamps, so sales sorted by time can be made distinct one time range after the other, whatever file they came from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.rules.anonymized import TOKEN_PREFIX
from vendas.tuning import RANGE_ROWS

MOMENT, POSICAO, VARIANT = schema.TIMESTAMP.name, "posicao", "variante"
EQUAL_IN = schema.INPUT_NAMES
"""The columns in which equal sales have the same values."""
LOOKED_FOR_BY = (MOMENT, schema.VALOR.name, schema.EMAIL.name)
"""Of these, the columns by which silver's sales that may equal others are found, in the order in which they are tested.

A value is faster to read than an e-mail, and few sales of one timestamp share it.
"""
SAMPLED_EVERY = 1000
LINE_BITS = 40  # posicao has the file's place in bronze order above these bits and the line below: one sort key
LAST_LINE = (1 << LINE_BITS) - 1
_PLACE = "lugar"


@dataclass(frozen=True)
class Stretch:
    """Sales of one year in a file sorted by time: their number, and a sample of their timestamps (µs since 1970)."""

    path: str
    ano: int
    rows: int
    moments: np.ndarray  # every SAMPLED_EVERY-th, and the last one


@dataclass(frozen=True)
class TimeRange:
    """A time range from `first` to before `end` (µs since 1970), within one year."""

    ano: int
    first: int
    end: int


def posicao(place: int | np.ndarray, linha: pa.Array) -> pa.Array:
    """Return the position of rows, from their files' places in bronze order, or the one of all, and physical lines."""
    return pa.array((place << LINE_BITS) + linha.to_numpy())


def sort_by_time(sales: pa.Table) -> pa.Table:
    """Return sales sorted by timestamp, then position."""
    return sales.sort_by([(MOMENT, "ascending"), (POSICAO, "ascending")])


def microseconds(sales: pa.Table) -> np.ndarray:
    """Return the timestamps of sales in microseconds since 1970, in wall-clock time."""
    return sales[MOMENT].cast(pa.int64()).to_numpy()


def find_stretches(path: str, sales: pa.Table) -> list[Stretch]:
    """Return the stretches of a file of sales sorted by time, one per year."""
    moments = microseconds(sales)
    years = moments.view("datetime64[us]").astype("datetime64[Y]")
    begins = [*np.flatnonzero(np.diff(years.astype(np.int64), prepend=-1)), len(years)] if len(years) else []
    return [
        Stretch(path, years[a].astype(object).year, b - a, np.append(moments[a:b:SAMPLED_EVERY], moments[b - 1]))
        for a, b in pairwise(map(int, begins))
    ]


def time_ranges(found: Sequence[Stretch], rows: int = RANGE_ROWS) -> list[TimeRange]:
    """Return time ranges of about `rows` sales each that together cover all of these stretches."""
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
    """Return the new sales, by time, only the first of equal ones; and the sales of `known` that equal one of `sales`.

    Sales are compared in EQUAL_IN, none of which is null, and in VARIANT if they have it. Only sales that
    share their timestamp with another need the comparison.
    """
    sales = sort_by_time(sales)
    moments = microseconds(sales)
    same = moments[1:] == moments[:-1]
    shared = np.append(same, False) | np.append(False, same) | np.isin(moments, microseconds(known))
    places = np.flatnonzero(shared)
    compared = pa.concat_tables(
        [
            _placed(known, -1 - np.arange(len(known))),  # negative, so that a known sale precedes all others
            _placed(sales.take(places), places),
        ]
    )
    groups = compared.group_by(compared.column_names[:-1]).aggregate([(_PLACE, "min"), (_PLACE, "max")])
    first, last = (groups[f"{_PLACE}_{end}"].to_numpy() for end in ("min", "max"))
    stays = ~shared
    stays[first[first >= 0]] = True
    return sales.filter(pa.array(stays)), known.take(-1 - first[(first < 0) & (last >= 0)])


def first_of_equal(sales: pa.Table) -> pa.Table:
    """Return sales by time, only the first of equal ones."""
    first, _ = distinct_sales(sales, sales.slice(0, 0))
    return first


def origin(sales: pa.Table, arquivos: Sequence[str]) -> tuple[pa.Array, pa.Array]:
    """Return the bronze file and the line of each sale; `arquivos` are the files in the order of their places."""
    places = pc.shift_right(sales[POSICAO], LINE_BITS).combine_chunks()
    return pa.array(arquivos, pa.string()).take(places), pc.bit_wise_and(sales[POSICAO], pa.scalar(LAST_LINE))


def with_variants(
    sales: pa.Table, arquivos: pa.Array, linhas: pa.Array, variants: Mapping[str, Mapping[int, str]]
) -> pa.Table:
    """Return sales with VARIANT: of a line with an erased person the hash of the values that stood there.

    Sales that differed only in these values are different sales, although all have the person's token now.
    """
    held = np.full(len(sales), "", object)
    # By numpy, because Arrow's indices_nonzero ends the process where no sale is held, and so no chunk.
    for place in np.flatnonzero(pc.starts_with(sales[schema.EMAIL.name], TOKEN_PREFIX)).tolist():
        held[place] = variants.get(arquivos[place].as_py(), {}).get(linhas[place].as_py(), "")
    return sales.append_column(VARIANT, pa.array(held, pa.string()))


def to_silver(sales: pa.Table, arquivos: Sequence[str], ano: int) -> pa.Table:
    """Return sales of one year in silver's columns; `arquivos` are the bronze files in the order of their places."""
    arquivo, linha = origin(sales, arquivos)
    added = {
        schema.ARQUIVO.name: arquivo,
        schema.LINHA_DO_ARQUIVO.name: linha,
        schema.ANO.name: pa.repeat(pa.scalar(ano, pa.int32()), len(sales)),
    }
    columns = {name: sales[name] for name in schema.INPUT_NAMES} | added
    return pa.table(columns, schema=schema.arrow_schema(schema.SILVER_COLUMNS))


def _placed(sales: pa.Table, places: np.ndarray) -> pa.Table:
    compared = [name for name in (*EQUAL_IN, VARIANT) if name in sales.column_names]
    return sales.select(compared).append_column(_PLACE, pa.array(places, pa.int64()))
