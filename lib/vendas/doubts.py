"""Why a person should look at a row that intake would take: stable codes, sentences, and what makes a row doubtful."""

from datetime import datetime
from decimal import Decimal
from hashlib import md5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import only
from vendas.judge import is_refused
from vendas.reasons import Code, Reason


class Doubt(Code):
    """Why to look at a row that would be taken; the sentence says what to look at."""

    LINHA_REPETIDA = (
        "linha_repetida",
        "A linha é igual a outra anterior do mesmo arquivo e será contada como duplicada; "
        "se são duas vendas, algo deve distingui-las, como a hora.",
    )
    TEXTO_MAL_DECODIFICADO = (
        "texto_mal_decodificado",
        "Há texto que parece mal decodificado (como Ã§ em lugar de ç); exporte o arquivo outra vez, em UTF-8.",
    )
    TIMESTAMP_NO_FUTURO = (
        "timestamp_no_futuro",
        "A data e hora da venda está no futuro; confira a data, e a ordem de dia e mês.",
    )
    VALOR_ZERO = (
        "valor_zero",
        "O valor da compra é zero; confira se houve mesmo uma venda.",
    )


# UTF-8 read as Windows-1252: the byte C3 or C2 became Ã or Â, the byte after it one of these. After a capital Ã, some
# of them can stand in good text too: MAÇÃ… or “MAÇÔ.
_SECOND = bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore")
_SECOND_ONLY = "".join(character for character in _SECOND if character not in "…’”–—›»")
_CONTROLS = "\u0080-\u0084\u0086-\u009f"  # C1 without U+0085, a blank
_LINE_ENDS = "\n\r\x85\u2028\u2029"
MOJIBAKE = f"\ufffd|ï¿½|ï»¿|â€|[{_CONTROLS}]|Ã[{_SECOND_ONLY}]|Â(?:[{_SECOND} {_LINE_ENDS}]|$)"
"""The expression (RE2's and Python's) for text that was decoded from another encoding than its own."""


def sentence(code: str) -> str:
    """What a code of Reason or Doubt means, in Portuguese."""
    return (Reason(code) if code in set(Reason) else Doubt(code)).sentence


def codes_of(judged: pa.RecordBatch, now: datetime) -> pa.StringArray:
    """Per row its codes between blanks: of Reason for a refused row, else of the Doubts that it raises by itself."""
    by_itself = (pc.if_else(applies, f"{doubt.value} ", "") for doubt, applies in _doubts(judged, now).items())
    doubtful = pc.binary_join_element_wise(*by_itself, "")
    motivos = judged[schema.MOTIVOS]
    return pc.if_else(is_refused(motivos), pc.binary_join(motivos, " "), doubtful)


def _doubts(judged: pa.RecordBatch, now: datetime) -> dict[Doubt, pa.BooleanArray]:
    """What makes a good row doubtful by itself."""
    text = pc.binary_join_element_wise(*(judged[name] for name in schema.names(schema.TEXT)), "\n")
    return {
        Doubt.TEXTO_MAL_DECODIFICADO: pc.match_substring_regex(text, MOJIBAKE),
        Doubt.TIMESTAMP_NO_FUTURO: pc.greater(judged[schema.TIMESTAMP.name], now),
        Doubt.VALOR_ZERO: pc.equal(judged[schema.VALOR.name], Decimal(0)),
    }


def occurring_again(moments: pa.ChunkedArray) -> pa.TimestampArray:
    """The moments that there are more than one of: only rows of these can be equal."""
    in_order = np.sort(moments.to_numpy())
    return pa.array(np.unique(in_order[1:][in_order[1:] == in_order[:-1]]))


def repeated(judged: pa.RecordBatch, seen: set[bytes]) -> pa.BooleanArray:
    """Which good rows are equal to an earlier good one; `seen` holds the earlier ones, 16 bytes each, and is added to.

    No text contains a NUL, for a file that does is rejected: so the joined columns tell rows apart.
    """
    rows = pc.binary_join_element_wise(*(judged[name].cast(pa.string()) for name in schema.INPUT_NAMES), "\0")
    sales = only(pc.invert(is_refused(judged[schema.MOTIVOS])), rows)
    again = []
    for row in sales.cast(pa.binary()).to_pylist():
        key = row and md5(row, usedforsecurity=False).digest()
        again.append(key in seen)
        seen.update([key] if key else [])
    return pa.array(again, pa.bool_())
