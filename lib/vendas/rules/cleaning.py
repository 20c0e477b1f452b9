"""Clean the texts of columns: all by `text.clean`, then each by its own rule, if it has one."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import Rule, by_distinct, byte_table, bytes_of, holding, where
from vendas.text import WHITE_SPACE, clean

TEXT_RULES: dict[str, Rule] = {}
"""For a text column: the rule that maps its clean texts to those that silver has; an empty one becomes the default."""

_ADDRESS = r"^[^<>]*<[ ]*([^<> ]+)[ ]*>\z"

# Whether cleaning may change a character, by its first byte in UTF-8. White space, invisible characters and all that
# NFC changes begin with C2 or with CC and above. C3 to CB begin Latin letters (U+00C0 to U+02FF), which are in NFC
# whatever is next to them.
_MAY_CHANGE = byte_table([*(ord(blank) for blank in WHITE_SPACE if blank < " "), 0xC2, *range(0xCC, 0x100)])


def clean_columns(records: pa.RecordBatch) -> dict[str, pa.StringArray]:
    """Return the clean text of each declared column; an empty one becomes the column's default, if it has one."""
    clean = {name: clean_text(records[name]) for name in schema.INPUT_NAMES}
    clean |= {schema.EMAIL.name: address(clean[schema.EMAIL.name])}
    clean |= {name: rule(clean[name]) for name, rule in TEXT_RULES.items()}
    defaults = {column.name: column.default for column in schema.INPUT_COLUMNS if column.default is not None}
    return clean | {name: text_or_default(clean[name], default) for name, default in defaults.items()}


def clean_text(text: pa.StringArray) -> pa.StringArray:
    """Return the texts cleaned; a null becomes an empty text. Only those that may need it, which are few, are."""
    text = pc.fill_null(text, "") if text.null_count else text
    return where(_perhaps_unclean(text), _clean_each, text, text)


def address(cleaned: pa.StringArray) -> pa.StringArray:
    """Return the address of a clean `Name <address>`; any other text is returned unchanged."""
    named = pc.ends_with(cleaned, ">")
    return where(named, lambda text: pc.replace_substring_regex(text, _ADDRESS, r"\1"), cleaned, cleaned)


def text_or_default(cleaned: pa.StringArray, default: str) -> pa.StringArray:
    """Return the clean texts; an empty one becomes the default."""
    missing = pc.equal(cleaned, "")
    return pc.if_else(missing, default, cleaned) if pc.any(missing).as_py() else cleaned


def _clean_each(text: pa.StringArray) -> pa.StringArray:
    return by_distinct(lambda texts: pa.array(map(clean, texts.to_pylist()), pa.string()), text)


def _perhaps_unclean(text: pa.StringArray) -> pa.BooleanArray:
    """Return which texts have anything that cleaning may change, from one pass over all bytes."""
    data, offsets = bytes_of(text)
    if not len(data):
        return pa.array(np.zeros(len(text), bool))
    letters, blanks = np.flatnonzero(data >= 0xC2), np.flatnonzero(data == ord(" "))
    kinds = [
        letters[_MAY_CHANGE[data[letters]]],
        blanks[1:][np.diff(blanks) == 1],  # two blanks in one text, or across the end of a text
    ]
    if data.min() < ord(" "):  # rare, and faster to test than to locate
        controls = np.flatnonzero(data < ord(" "))
        kinds.append(controls[_MAY_CHANGE[data[controls]]])
    begins, ends = offsets[:-1], offsets[1:]
    first, last = data[np.minimum(begins, len(data) - 1)], data[ends - 1]  # for an empty text these are another text's
    at_an_end = (first == ord(" ")) | (last == ord(" ")) | (first == ord("'")) | (first == ord("="))
    return pa.array(holding(offsets, np.concatenate(kinds)) | (at_an_end & (begins < ends)))
