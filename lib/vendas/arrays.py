"""Rules on parts of Arrow text arrays: on masked values only, on their bytes, or once per distinct text."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Rule = Callable[[pa.Array], pa.Array]


def where(mask: pa.BooleanArray, rule: Rule, text: pa.StringArray, otherwise: pa.Array) -> pa.Array:
    """Return the rule's values where the mask is true, elsewhere `otherwise`.

    The rule is applied only to the masked texts, which is cheap if they are few.
    """
    return pc.replace_with_mask(otherwise, mask, rule(text.filter(mask))) if pc.any(mask).as_py() else otherwise


def null_elsewhere(mask: pa.BooleanArray, text: pa.StringArray) -> pa.StringArray:
    """Return the text where the mask is true, null elsewhere."""
    # An array of nulls, because with a null scalar if_else of Arrow 17 corrupts a text that is a slice.
    return pc.if_else(mask, text, pa.nulls(len(text), text.type))


def bytes_of(text: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the concatenated UTF-8 bytes of all texts, and the offset where each begins, and the last one ends."""
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    data = text.buffers()[2]
    held = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data else np.empty(0, np.uint8)
    return held, offsets - offsets[0]


def holding(offsets: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return per range between consecutive offsets whether it contains one of the places."""
    held = np.zeros(len(offsets) - 1, bool)
    held[np.searchsorted(offsets, places, side="right") - 1] = True
    return held


def byte_table(chosen: Iterable[int]) -> np.ndarray:
    """Return an array of 256 flags that is true for the chosen byte values."""
    table = np.zeros(256, bool)
    table[list(chosen)] = True
    return table


def by_distinct(rule: Rule, text: pa.StringArray) -> pa.Array:
    """Return the rule's values, computed once per distinct text: for columns with few distinct texts."""
    encoded = text.dictionary_encode(null_encoding="encode")
    return rule(encoded.dictionary).take(encoded.indices)
