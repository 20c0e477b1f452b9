"""What intake would make of a CSV file, told before the file is sent. Reads only; nothing is moved or written.

It asks the same code that intake runs (`survey`, `read_bronze`, `judge`), so it cannot be of another opinion. On top of
that it doubts: rows that intake would take, but that a person should look at first.
"""

import gc
import os
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from vendas import dialect, schema
from vendas.arrivals import is_sales_file
from vendas.bronze import SurveyedFile, arquivo_at, read_bronze
from vendas.doubts import Doubt, kinds_of_rows
from vendas.errors import ConservationError, FileRejected, VendasError
from vendas.grammar import windows
from vendas.header import DELIMITERS
from vendas.ledger import REJECTED, Event
from vendas.reasons import Reason
from vendas.records import LINHA, TEXTO, read_block
from vendas.settings import Settings
from vendas.silver import judge
from vendas.spark import gateway_environment, session

ACCEPTED = "aceito"
SAMPLE_FILES, SAMPLE_ROWS = 20, 1000
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Example:
    """A row to look at: its physical line, its exact text, and all codes of Reason, or of Doubt, that apply."""

    linha: int
    texto: str
    motivos: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What intake would make of a file. Counts are rows; `lidas` = `boas` + `duvidosas` + `recusadas`."""

    arquivo: str  # as it was given
    nome_aceito: bool  # a file of another name is left where it is
    situacao: str = ACCEPTED
    motivo: str | None = None  # of a rejection
    codificacao: str | None = None
    bom: bool | None = None
    delimitador: str | None = None  # its Portuguese name
    colunas: dict[str, str] = field(default_factory=dict)  # the contract's name: the file's
    colunas_ignoradas: tuple[str, ...] = ()
    lidas: int = 0
    boas: int = 0
    duvidosas: int = 0
    recusadas: int = 0
    motivos: dict[str, int] = field(default_factory=dict)  # code of Reason: rows
    duvidas: dict[str, int] = field(default_factory=dict)  # code of Doubt: rows
    exemplos: tuple[Example, ...] = ()  # the first row found of each code, by line

    @property
    def rejected(self) -> bool:
        """Whether intake would take no row of the file."""
        return self.situacao == REJECTED


class _Kind(NamedTuple):
    """The rows of a file that have exactly these codes: how many, and the line of one of them."""

    codes: tuple[str, ...]
    rows: int
    line: int


def examine(paths: Iterable[Path], now: datetime, start_spark: Callable[[], SparkSession]) -> list[Diagnosis]:
    """A diagnosis of each file, all of it read; `now` is wall-clock time without a zone.

    Spark is started only if a file has rows to judge. Raises VendasError for a file that is missing or unreadable.
    """
    return _diagnose([(str(path), _survey(path)) for path in paths], now, start_spark)


def examine_sample(spark: SparkSession, bronze: Path, events: Iterable[Event], now: datetime) -> list[Diagnosis]:
    """The same of files that bronze has surveyed, from the first SAMPLE_ROWS rows of the first SAMPLE_FILES files."""
    looked = [
        (event.arquivo_recebido, event.motivo if event.situacao == REJECTED else _head(SurveyedFile.of(bronze, event)))
        for event in list(events)[:SAMPLE_FILES]
    ]
    return _diagnose(looked, now, lambda: spark)


@contextmanager
def private_session(settings: Settings) -> Iterator[SparkSession]:
    """A session of this process alone, whose JVM keeps its own words from the terminal and ends with the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        gateway_environment(settings, Path(folder) / "spark.log") as environment,
    ):
        os.environ |= environment
        spark = session(settings)
        try:
            yield spark
        finally:
            spark.stop()
            gc.collect()  # what Python still knows of Java's objects would later ask for a JVM that is gone


def sample_frame(diagnoses: Iterable[Diagnosis]) -> pd.DataFrame:
    """Diagnoses from a sample as a table to look at in a notebook; `amostra` is how many rows were looked at."""
    names = {name: name for name in ("arquivo", "situacao", "codificacao", "delimitador")}
    names |= {"lidas": "amostra"} | {name: name for name in ("boas", "duvidosas", "recusadas")}
    rows = [
        {shown: getattr(found, name) for name, shown in names.items()}
        | {"motivos": ", ".join(f"{code}: {rows}" for code, rows in (found.motivos | found.duvidas).items())}
        for found in diagnoses
    ]
    return pd.DataFrame(rows, columns=[*names.values(), "motivos"])


def as_json(diagnoses: Iterable[Diagnosis]) -> dict:
    """The document that `vendas doctor --json` prints."""
    return {"files": [asdict(found) for found in diagnoses]}


def _survey(path: Path) -> SurveyedFile | str:
    """How to read the file, or why it is rejected."""
    if not path.is_file():
        raise VendasError(f"{path} is not there, or is no file. Give the paths of CSV files.")
    try:
        return SurveyedFile(path, dialect.survey(path))
    except FileRejected as reason:
        return str(reason)
    except OSError as error:
        raise VendasError(
            f"{path} cannot be read: {error.strerror}. Mend its permissions, or give a copy of it."
        ) from error


def _head(file: SurveyedFile) -> SurveyedFile:
    """The file as if it ended after its first SAMPLE_ROWS records, or after about _SAMPLE_BYTES."""
    survey = file.survey
    if not survey.blocks:
        return file
    first = survey.blocks[0]
    length = records = rows = 0
    with file.path.open("rb") as opened:
        opened.seek(first.offset)
        for window in windows(opened.read, survey.delimiter, first.first_line, _SAMPLE_BYTES):
            taken = min(len(window), SAMPLE_ROWS - records)
            length = window.offset + int(window.bounds[taken])
            records += taken
            rows += int((~window.blank(survey.encoding))[:taken].sum())
            if records == SAMPLE_ROWS or length >= _SAMPLE_BYTES:
                break
    block = replace(first, length=length)
    return replace(file, survey=replace(survey, blocks=(block,) if rows else (), rows=rows))


def _diagnose(
    looked: list[tuple[str, SurveyedFile | str]], now: datetime, start_spark: Callable[[], SparkSession]
) -> list[Diagnosis]:
    """Diagnoses of files by name, each surveyed or with the reason of its rejection; one pass of Spark over all."""
    with_rows = [file for _, file in looked if isinstance(file, SurveyedFile) and file.survey.blocks]
    kinds = iter(_kinds_of(start_spark(), with_rows, now) if with_rows else ())
    return [
        _accepted(name, file, next(kinds) if file.survey.blocks else [])
        if isinstance(file, SurveyedFile)
        else Diagnosis(name, is_sales_file(Path(name).name), REJECTED, motivo=file)
        for name, file in looked
    ]


def _kinds_of(spark: SparkSession, files: list[SurveyedFile], now: datetime) -> list[list[_Kind]]:
    """The kinds of rows in each file."""
    place = arquivo_at(F.col("posicao"), [str(number) for number in range(len(files))])  # names can be equal
    found = defaultdict(list)
    for row in kinds_of_rows(judge(read_bronze(spark, files)), place, now).collect():
        found[int(row.lugar)].append(_Kind(tuple(row.codigos), row.linhas, row.linha))
    return [found[number] for number in range(len(files))]


def _accepted(name: str, file: SurveyedFile, kinds: list[_Kind]) -> Diagnosis:
    survey, reasons = file.survey, _rows_by_code(kinds, Reason)
    read = sum(kind.rows for kind in kinds)
    if read != survey.rows:
        raise ConservationError(f"{name}: {survey.rows} rows counted, but {read} judged. Did it change? Try again.")
    refused = sum(kind.rows for kind in kinds if reasons.keys() & set(kind.codes))
    good = sum(kind.rows for kind in kinds if not kind.codes)
    return Diagnosis(
        arquivo=name,
        nome_aceito=is_sales_file(Path(name).name),
        codificacao=survey.encoding,
        bom=survey.bom,
        delimitador=DELIMITERS[survey.delimiter],
        colunas={c: survey.header[place] for c, place in zip(schema.INPUT_NAMES, survey.positions, strict=True)},
        colunas_ignoradas=survey.extra,
        lidas=read,
        boas=good,
        duvidosas=read - good - refused,
        recusadas=refused,
        motivos=reasons,
        duvidas=_rows_by_code(kinds, Doubt),
        exemplos=_examples(file, kinds),
    )


def _rows_by_code(kinds: list[_Kind], codes: type[StrEnum]) -> dict[str, int]:
    """Rows of each of these codes that occurs, in the codes' order."""
    rows = {code.value: sum(kind.rows for kind in kinds if code in kind.codes) for code in codes}
    return {code: number for code, number in rows.items() if number}


def _examples(file: SurveyedFile, kinds: list[_Kind]) -> tuple[Example, ...]:
    by_line = sorted((kind.line, kind.codes) for kind in kinds if kind.codes)
    firsts: dict[str, tuple] = {}
    for line, codes in by_line:
        for code in codes:
            firsts.setdefault(code, (line, codes))
    chosen = dict(sorted(firsts.values()))
    texts = _texts(file, list(chosen))
    return tuple(Example(line, texts[line], codes) for line, codes in chosen.items())


def _texts(file: SurveyedFile, lines: list[int]) -> dict[int, str]:
    """The exact text of the records on these lines; only the blocks that hold them are read."""
    blocks = file.survey.blocks
    starts = [block.first_line for block in blocks]
    texts = {}
    for number in sorted({bisect_right(starts, line) - 1 for line in lines}):
        for batch in read_block(file.path, blocks[number], file.survey):
            found = batch.filter(pc.is_in(batch[LINHA], pa.array(lines, pa.int64())))
            texts |= zip(found[LINHA].to_pylist(), found[TEXTO].to_pylist(), strict=True)
    return texts
