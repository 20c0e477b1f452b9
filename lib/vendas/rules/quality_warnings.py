"""Why a person should look at a row that is taken: stable codes, sentences, and the rules behind them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial, reduce
from hashlib import md5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.arrays import Rule, byte_table, bytes_of, holding, null_elsewhere, where
from vendas.reasons import Code, Reason
from vendas.rules.anonymized import is_token
from vendas.rules.duplicates import EQUAL_IN
from vendas.rules.patterns import SCIENTIFIC
from vendas.rules.validate import is_refused


class QualityWarning(Code):
    """What looks damaged in a taken row; the sentence says what to check. The ledger counts such rows as doubtful."""

    TEXTO_MAL_DECODIFICADO = (
        "texto_mal_decodificado",
        "Há texto que parece mal decodificado (como Ã§ em lugar de ç); exporte o arquivo outra vez, em UTF-8.",
    )
    TELEFONE_CIENTIFICO = (
        "telefone_cientifico",
        "O telefone está em notação científica (1,19988E+10) e perdeu dígitos; formate a coluna como texto.",
    )
    TELEFONE_DECIMAL = (
        "telefone_decimal",
        "O telefone termina em .0, como um número; exporte a coluna como texto.",
    )
    CAMPO_ESTREITO = (
        "campo_estreito",
        "Há um campo só de ######, que a planilha mostra quando a coluna é estreita; alargue-a e exporte outra vez.",
    )
    PALAVRA_SEM_VALOR = (
        "palavra_sem_valor",
        "Há uma palavra no lugar de um valor que falta (como NULL, #N/D ou (vazio)); deixe o campo vazio.",
    )
    EMAIL_SUSPEITO = (
        "email_suspeito",
        "O e-mail não tem exatamente um @; confira o endereço.",
    )


class Hint(Code):
    """What else to check before a file is sent; such rows are good."""

    LINHA_REPETIDA = (
        "linha_repetida",
        "A linha é igual a outra anterior do mesmo arquivo e será contada como duplicada; "
        "se são duas vendas, algo deve distingui-las, como a hora.",
    )
    TIMESTAMP_NO_FUTURO = (
        "timestamp_no_futuro",
        "A data e hora da venda está no futuro; confira a data, e a ordem de dia e mês.",
    )
    VALOR_ZERO = (
        "valor_zero",
        "O valor da compra é zero; confira se houve mesmo uma venda.",
    )


# What programs write for a missing value, as the whole field, in upper or lower case.
WORDS_WITHOUT_VALUE = (
    "null", "(null)", "<null>", "nulo", "(nulo)", "nil", "none", "(none)", "nan", "-nan", "nat", "<na>", "na", "n/a",
    "#n/a", "#n/d", "n/d", "#null!", "#nulo!", "#ref!", "#valor!", "#value!", "#div/0!", "#nome?", "#name?", "#núm!",
    "#num!", "#erro!", "#error!", "#calc!", "#spill!", "#despejar!", "#campo!", "#field!", "#getting_data",
    "#obtendo_dados", "undefined", "(vazio)", "(empty)", "(blank)", "(em branco)", "[object object]", "\\n",
)  # fmt: skip

_LINE_ENDS = "\n\r\x85\u2028\u2029"


def _second(*code_pages: str) -> str:
    """Return what the second byte of a two-byte UTF-8 letter becomes in these code pages."""
    return "".join(bytes(range(0x80, 0xC0)).decode(page, errors="ignore") for page in code_pages)


# UTF-8 decoded as another code page: the byte C3 or C2, with which nearly all accented letters begin, became Ã or Â in
# Windows-1252, ├ or ┬ in DOS's, √ or ¬ in MacRoman; the next byte became one of that code page's characters. After a
# capital Ã some of Windows-1252's characters also occur in good text: MAÇÃ…, “MAÇÔ, or MAÇÃ before an NBSP.
_IN_1252 = _second("cp1252")
_IN_1252_ONLY = "".join(character for character in _IN_1252 if character not in "\xa0…’”–—›»")
MOJIBAKE = "|".join(
    (
        "\ufffd|ï¿½|ï»¿|â€|ðŸ|[\u0080-\u0084\u0086-\u009f]",  # C1 controls without U+0085, which is white space
        f"Ã[{_IN_1252_ONLY}]|(?:^|[^A-ZÀ-Þ])Ã\xa0|Â(?:[{_IN_1252} {_LINE_ENDS}]|$)",
        f"[├┬][{_second('cp850', 'cp437')}]|[√¬][{_second('mac_roman')}]",
    )
)
"""The expression (for RE2 and Python) for text that was decoded in the wrong encoding.

It is for texts before cleaning, which changes some second characters: í became Ã and a soft hyphen, à Ã and an NBSP.
"""

_DECIMAL = r"[0-9][.,]0\z"
_NARROW = r"^#{2,}\z"


_BEGIN_WORDS = byte_table("".join(word[0] + word[0].upper() for word in WORDS_WITHOUT_VALUE).encode())
_SEPARATORS = byte_table(b".,")
# Second bytes, after C3 and E2, of MOJIBAKE's first characters; Â, which may be the last one, is tested separately.
_LEADS_OF_MOJIBAKE, _SYMBOLS_OF_MOJIBAKE = byte_table("Ãâïð".encode()[1::2]), byte_table("├┬√".encode()[1::3])
_LONGEST_WORD = max(len(word.encode()) for word in WORDS_WITHOUT_VALUE)


def explain_code(code: str) -> str:
    """Return what a code of Reason, QualityWarning or Hint means, in Portuguese."""
    return next(kind(code).sentence for kind in (Reason, QualityWarning, Hint) if code in set(kind))


def has_quality_warning(records: pa.RecordBatch, validated: pa.RecordBatch) -> pa.BooleanArray:
    """Return which rows are taken but look damaged; `validated` are the same rows as `records`, validated."""
    warnings = _warnings(records, validated).values()
    found = np.logical_or.reduce([applies.to_numpy(zero_copy_only=False) for applies in warnings])
    return pc.and_not(pa.array(found), is_refused(validated[schema.MOTIVOS]))


def codes_of(records: pa.RecordBatch, validated: pa.RecordBatch, now: datetime) -> pa.StringArray:
    """Return each row's codes separated by blanks: of Reason if it is refused, else of QualityWarning and Hint."""
    raised = _warnings(records, validated) | _hints(validated, now)
    by_itself = (pc.if_else(applies, f"{code.value} ", "") for code, applies in raised.items())
    doubtful = pc.binary_join_element_wise(*by_itself, "")
    motivos = validated[schema.MOTIVOS]
    return pc.if_else(is_refused(motivos), pc.binary_join(motivos, " "), doubtful)


def _warnings(records: pa.RecordBatch, validated: pa.RecordBatch) -> dict[QualityWarning, pa.BooleanArray]:
    """Return which rows each warning applies to; a cheap test of the bytes leaves few texts for the expressions."""
    uncleaned, texts = ([rows[name] for name in schema.names(schema.TEXT_COLUMNS)] for rows in (records, validated))
    telefone, email = validated[schema.TELEFONE.name], validated[schema.EMAIL.name]
    is_address = pc.or_(pc.equal(pc.count_substring(email, "@"), 1), is_token(email))
    return {
        QualityWarning.TEXTO_MAL_DECODIFICADO: _any(
            _seen(text, _may_be_mojibake, _matches(MOJIBAKE)) for text in uncleaned
        ),
        QualityWarning.TELEFONE_CIENTIFICO: _seen(telefone, _has_e, _matches(rf"^{SCIENTIFIC}\z")),
        QualityWarning.TELEFONE_DECIMAL: _seen(telefone, _ends_in_0, _matches(_DECIMAL)),
        QualityWarning.CAMPO_ESTREITO: _any(_seen(text, _has_number_sign, _matches(_NARROW)) for text in texts),
        QualityWarning.PALAVRA_SEM_VALOR: _any(
            _seen(text, _begins_like_a_word, _is_word_without_value) for text in texts
        ),
        QualityWarning.EMAIL_SUSPEITO: pc.and_not(pc.not_equal(email, schema.MISSING), is_address),
    }


def _hints(validated: pa.RecordBatch, now: datetime) -> dict[Hint, pa.BooleanArray]:
    """Return which rows each hint applies to, except the hint about repeated rows."""
    return {
        Hint.TIMESTAMP_NO_FUTURO: pc.fill_null(pc.greater(validated[schema.TIMESTAMP.name], now), False),
        Hint.VALOR_ZERO: pc.fill_null(pc.equal(validated[schema.VALOR.name], Decimal(0)), False),
    }


Look = Callable[[np.ndarray, np.ndarray], np.ndarray]  # from bytes and offsets: which texts the rule may apply to


def _seen(text: pa.StringArray, look: Look, rule: Rule) -> pa.BooleanArray:
    """Return where the rule applies; it is applied only to texts that `look` selects by their bytes."""
    data, offsets = bytes_of(text)
    nothing = np.zeros(len(text), bool)
    perhaps = look(data, offsets) if len(data) else nothing
    return where(pa.array(perhaps), rule, text, pa.array(nothing))


def _any(found: Iterable[pa.BooleanArray]) -> pa.BooleanArray:
    return reduce(pc.or_, found)


def _matches(pattern: str) -> Rule:
    return partial(pc.match_substring_regex, pattern=pattern)


def _is_word_without_value(text: pa.StringArray) -> pa.BooleanArray:
    return pc.is_in(pc.utf8_lower(text), pa.array(WORDS_WITHOUT_VALUE))


def _may_be_mojibake(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    places = np.flatnonzero(data >= 0xC2)
    first, second, third = (data[np.minimum(places + step, len(data) - 1)] for step in range(3))
    lead = (second == 0x82) | (_LEADS_OF_MOJIBAKE[second] & (third >= 0xC2))
    told = (first == 0xEF) | ((first == 0xC2) & ((second < 0xA0) | (second == 0xAC))) | ((first == 0xC3) & lead)
    told |= (first == 0xE2) & _SYMBOLS_OF_MOJIBAKE[second]
    return holding(offsets, places[told])


def _has_e(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return holding(offsets, np.flatnonzero((data | 0x20) == ord("e")))


def _ends_in_0(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    begins, ends = offsets[:-1], offsets[1:]
    return (ends - begins > 2) & (data[ends - 1] == ord("0")) & _SEPARATORS[data[ends - 2]]


def _has_number_sign(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return holding(offsets, np.flatnonzero(data == ord("#")))


def _begins_like_a_word(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    lengths, first = np.diff(offsets), data[np.minimum(offsets[:-1], len(data) - 1)]
    return (lengths > 0) & (lengths <= _LONGEST_WORD) & _BEGIN_WORDS[first]


def find_repeated_moments(moments: pa.ChunkedArray) -> pa.TimestampArray:
    """Return the timestamps that occur more than once: only rows with one of these can be equal."""
    in_order = np.sort(moments.to_numpy())
    return pa.array(np.unique(in_order[1:][in_order[1:] == in_order[:-1]]))


def is_repeated(validated: pa.RecordBatch, seen: set[bytes]) -> pa.BooleanArray:
    """Return which good rows equal an earlier good one; `seen` holds 16 bytes for each earlier row and is extended.

    No text contains a NUL, because a file with one is rejected, so joining columns by NUL keeps different rows
    different.
    """
    rows = pc.binary_join_element_wise(*(validated[name].cast(pa.string()) for name in EQUAL_IN), "\0")
    sales = null_elsewhere(pc.invert(is_refused(validated[schema.MOTIVOS])), rows)
    again = []
    for row in sales.cast(pa.binary()).to_pylist():
        key = row and md5(row, usedforsecurity=False).digest()
        again.append(key in seen)
        seen.update([key] if key else [])
    return pa.array(again, pa.bool_())
