"""Arrow arrays of texts, looked at in part: only where it is asked, by their bytes, or each text once."""

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Rule = Callable[[pa.Array], pa.Array]


def where(mask: pa.BooleanArray, rule: Rule, text: pa.StringArray, otherwise: pa.Array) -> pa.Array:
    """What the rule makes of the text where the mask is true, elsewhere `otherwise`.

    The rule sees only the texts it is asked about: cheap where these are few.
    """
    return pc.replace_with_mask(otherwise, mask, rule(text.filter(mask))) if pc.any(mask).as_py() else otherwise


def null_elsewhere(mask: pa.BooleanArray, text: pa.StringArray) -> pa.StringArray:
    """The text where the mask is true, null elsewhere."""
    # An array of nulls, for beside a null scalar if_else of Arrow 17 spoils a text that is a slice of more.
    return pc.if_else(mask, text, pa.nulls(len(text), text.type))


def bytes_of(text: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the UTF-8 bytes of all texts, one behind the other, and where each begins (and the last one ends)."""
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    data = text.buffers()[2]
    held = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data else np.empty(0, np.uint8)
    return held, offsets - offsets[0]


def holding(offsets: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return per stretch of some bytes, which begins and ends at these offsets, whether one of the places is in it."""
    held = np.zeros(len(offsets) - 1, bool)
    held[np.searchsorted(offsets, places, side="right") - 1] = True
    return held


def byte_table(chosen: Iterable[int]) -> np.ndarray:
    """Return per value of a byte whether it is among those chosen."""
    table = np.zeros(256, bool)
    table[list(chosen)] = True
    return table


def by_distinct(rule: Rule, text: pa.StringArray) -> pa.Array:
    """The rule's values, each text looked at once: for columns where few of them differ."""
    encoded = text.dictionary_encode(null_encoding="encode")
    return rule(encoded.dictionary).take(encoded.indices)
