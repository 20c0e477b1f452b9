"""The token in the place of an erased person's values: `ANONIMIZADO-` and 12 hex digits. Pure."""

import pyarrow as pa
import pyarrow.compute as pc

from vendas.arrays import where

TOKEN_PREFIX, TOKEN_DIGITS = "ANONIMIZADO-", 12
TOKEN = f"{TOKEN_PREFIX}[0-9a-f]{{{TOKEN_DIGITS}}}"
"""The token's expression, for RE2 and Python."""


def is_token(text: pa.StringArray) -> pa.BooleanArray:
    """Return which texts are a token; only texts that begin like one are read whole."""
    return where(pc.starts_with(text, TOKEN_PREFIX), _matches, text, pa.repeat(False, len(text)))


def _matches(text: pa.StringArray) -> pa.BooleanArray:
    return pc.match_substring_regex(text, rf"^{TOKEN}\z")
