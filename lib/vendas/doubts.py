"""Why a person should look at a row that intake would take: stable codes, sentences, and what makes a row doubtful."""

from datetime import datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from vendas import schema
from vendas.reasons import Code, Reason
from vendas.silver import is_refused


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
MOJIBAKE = f"(?m)\ufffd|ï¿½|ï»¿|â€|[{_CONTROLS}]|Ã[{_SECOND_ONLY}]|Â([{_SECOND} ]|$)"
"""Java's expression for text that was decoded from another encoding than its own."""


def sentence(code: str) -> str:
    """What a code of Reason or Doubt means, in Portuguese."""
    return (Reason(code) if code in set(Reason) else Doubt(code)).sentence


def kinds_of_rows(judged: DataFrame, place: Column, now: datetime) -> DataFrame:
    """Rows per `lugar` (`place`) and `codigos`: how many (`linhas`), and the first `linha`; few, however long a file.

    Rows that are equal are grouped first, so that only one of them is looked at for the other doubts. Which of them
    the second is cannot be told without sorting, so a repeated row is shown by its last.
    """
    refused = is_refused()
    equal = judged.groupBy(place.alias("lugar"), "motivos", *schema.INPUT_NAMES).agg(
        F.count("*").alias("vezes"), F.min("linha").alias("primeira"), F.max("linha").alias("ultima")
    )
    by_itself = (F.when(applies, F.lit(doubt.value)) for doubt, applies in doubts(now).items())
    doubtful = F.array_compact(F.array(*by_itself))
    first = F.struct(
        F.when(refused, F.col("motivos")).otherwise(doubtful).alias("codigos"),
        F.when(refused, F.col("vezes")).otherwise(1).alias("linhas"),
        F.col("primeira").alias("linha"),
    )
    repeated = F.struct(
        F.concat(F.array(F.lit(Doubt.LINHA_REPETIDA.value)), doubtful).alias("codigos"),
        F.when(refused, 0).otherwise(F.col("vezes") - 1).alias("linhas"),
        F.col("ultima").alias("linha"),
    )
    kinds = equal.select("lugar", F.inline(F.array(first, repeated))).where("linhas > 0")
    return kinds.groupBy("lugar", "codigos").agg(F.sum("linhas").alias("linhas"), F.min("linha").alias("linha"))


def doubts(now: datetime) -> dict[Doubt, Column]:
    """What makes a good row doubtful by itself."""
    text = F.concat_ws("\n", *schema.names(schema.TEXT))
    return {
        Doubt.TEXTO_MAL_DECODIFICADO: text.rlike(MOJIBAKE),
        Doubt.TIMESTAMP_NO_FUTURO: F.col(schema.TIMESTAMP.name) > F.lit(now.isoformat(" ")).cast("timestamp_ntz"),
        Doubt.VALOR_ZERO: F.col(schema.VALOR.name) == 0,
    }
