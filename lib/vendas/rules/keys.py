"""Keys of the star, computed from values alone, so that any lake, engine or rebuild computes the same. Pure.

In SQL, a member's key is `('x' || substr(md5(a || chr(10) || b), 1, 16))::bit(64)::bigint` of its attributes as texts.
"""

from collections.abc import Iterator
from hashlib import md5
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas.arrays import by_distinct, bytes_of

KEY_BYTES = 8
_BETWEEN = "\n"  # no clean text contains it, so different members have different joined texts


def member_key(*attributes: pa.Array) -> pa.Int64Array:
    """Return the key of each row's member: the first 64 bits of the MD5 of its attributes, as a signed integer.

    The attributes are joined by line feeds and encoded in UTF-8; a decimal has all its places (`0.1100`).
    """
    texts = (column.cast(pa.string()) for column in attributes)
    return by_distinct(_hash, pc.binary_join_element_wise(*texts, _BETWEEN))


def sale_id(arquivo: pa.StringArray, linha: pa.Int64Array) -> pa.StringArray:
    """Return the identifier of each sale: 16 hex digits of the MD5 of its file's name, a hyphen, and its line.

    Sales of one file have neighbouring identifiers, which makes inserting them into an index fast.
    """
    return pc.binary_join_element_wise(by_distinct(_digits, arquivo), linha.cast(pa.string()), "-")


def day_key(timestamp: pa.TimestampArray) -> pa.Int32Array:
    """Return each timestamp's day as the integer yyyymmdd."""
    parts = ((pc.year, 10_000), (pc.month, 100), (pc.day, 1))
    first, *others = (pc.multiply(part(timestamp), pa.scalar(weight, pa.int64())) for part, weight in parts)
    for other in others:
        first = pc.add(first, other)
    return first.cast(pa.int32())


def _hash(texts: pa.StringArray) -> pa.Int64Array:
    halves = np.frombuffer(b"".join(_digests(texts)), ">i8")  # a digest is two of them, of KEY_BYTES each
    return pa.array(halves[::2].astype(np.int64))


def _digits(texts: pa.StringArray) -> pa.StringArray:
    return pa.array([digest[:KEY_BYTES].hex() for digest in _digests(texts)], pa.string())


def _digests(texts: pa.StringArray) -> Iterator[bytes]:
    held, offsets = bytes_of(texts)
    data = held.tobytes()  # sliced, which takes a third of the time of Arrow's to_pylist
    return (md5(data[first:end], usedforsecurity=False).digest() for first, end in pairwise(offsets.tolist()))
