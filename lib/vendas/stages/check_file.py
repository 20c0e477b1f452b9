"""What intake would make of a CSV file, told before the file is sent. Reads only; nothing is moved or written.

It asks the same code that intake runs (`survey`, `read_block`, `validate`), so it cannot be of another opinion. On
top of that it gives hints: what else a person should look at first. It needs no Spark.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile import dialect
from vendas.csvfile.grammar import windows
from vendas.csvfile.header import DELIMITERS
from vendas.csvfile.records import read_block
from vendas.errors import ConservationError, FileRejected, VendasError
from vendas.lake.ledger import REJECTED, Event
from vendas.landing.arrivals import is_sales_file
from vendas.landing.bronze_names import in_either_form
from vendas.reasons import Reason
from vendas.rules.quality_warnings import Hint, QualityWarning, codes_of, find_repeated_moments, is_repeated
from vendas.rules.validate import NO_EVIDENCE, VALIDATED_SCHEMA, Evidence, find_evidence, validate
from vendas.stages.survey import SurveyedFile
from vendas.storage import Location
from vendas.tuning import SAMPLE_BYTES, SAMPLE_FILES, SAMPLE_ROWS

ACCEPTED = "aceito"


@dataclass(frozen=True)
class Example:
    """A row to look at: its physical line, its exact text, and its codes: of Reason, or of QualityWarning and Hint."""

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
    colunas: dict[str, str] = field(default_factory=dict)  # the declared name: the file's
    colunas_ignoradas: tuple[str, ...] = ()
    lidas: int = 0
    boas: int = 0
    duvidosas: int = 0
    recusadas: int = 0
    motivos: dict[str, int] = field(default_factory=dict)  # code of Reason: rows
    duvidas: dict[str, int] = field(default_factory=dict)  # code of QualityWarning: rows
    avisos: dict[str, int] = field(default_factory=dict)  # code of Hint: rows, which are good all the same
    exemplos: tuple[Example, ...] = ()  # the first row found of each code, by line

    @property
    def all_codes(self) -> dict[str, int]:
        """Rows of every code."""
        return self.motivos | self.duvidas | self.avisos

    @property
    def rejected(self) -> bool:
        """Whether intake would take no row of the file."""
        return self.situacao == REJECTED


@dataclass
class _Tally:
    """What was found in a file, batch by batch: rows by all their codes (between blanks), the first row of a code."""

    rows: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, Example] = field(default_factory=dict)

    def add(self, records: pa.RecordBatch, codes: pa.StringArray) -> None:
        """Counts these rows; they stand behind all that have the same codes and were added before."""
        table = pa.table({"codes": codes, "place": np.arange(len(codes))}).group_by("codes", use_threads=False)
        found = table.aggregate([("place", "min"), ("place", "count")]).sort_by("place_min").to_pylist()
        for kind in found:
            joined, place = kind["codes"], kind["place_min"]
            self.rows[joined] += kind["place_count"]
            if new := set(joined.split()) - self.firsts.keys():
                linha, texto = (records[name][place].as_py() for name in (schema.LINHA, schema.TEXTO))
                self.firsts.update(dict.fromkeys(new, Example(linha, texto, tuple(joined.split()))))

    def add_repeated(self, records: pa.RecordBatch, codes: pa.StringArray) -> None:
        """Rows that were added with these codes turn out to be equal to earlier ones."""
        self.rows.subtract(codes.to_pylist())
        self.add(records, pc.binary_join_element_wise(Hint.LINHA_REPETIDA.value, codes, " "))

    def by_code(self, codes: type[StrEnum]) -> dict[str, int]:
        """Rows of each of these codes that occurs, in the codes' order."""
        counts = {c.value: sum(n for joined, n in self.rows.items() if c in joined.split()) for c in codes}
        return {code: rows for code, rows in counts.items() if rows}

    def with_any(self, codes: type[StrEnum]) -> int:
        """Rows that have at least one of these codes."""
        return sum(rows for joined, rows in self.rows.items() if set(joined.split()) & set(codes))


def check_files(paths: Iterable[Path], now: datetime) -> list[Diagnosis]:
    """A diagnosis of each file, all of it read; `now` is wall-clock time without a zone.

    Memory is bounded but for 8 bytes a row, and some more a row whose time another row has. Raises VendasError for a
    file that is missing or unreadable.
    """
    return [_diagnose(str(path), _survey(path), now) for path in paths]


def check_sample(bronze: Location, events: Iterable[Event], now: datetime) -> list[Diagnosis]:
    """The same of files that bronze has surveyed, from the first SAMPLE_ROWS rows of the first SAMPLE_FILES files."""
    return [
        _diagnose(
            event.arquivo_recebido,
            (event.motivo or "") if event.situacao == REJECTED else _head(SurveyedFile.of(bronze, event)),
            now,
        )
        for event in list(events)[:SAMPLE_FILES]
    ]


def as_json(diagnoses: Iterable[Diagnosis]) -> dict:
    """The document that `vendas check --json` prints."""
    return {"files": [asdict(found) for found in diagnoses]}


def _survey(path: Path) -> SurveyedFile | str:
    """How to read the file, or why it is rejected."""
    path = in_either_form(path)
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
    """The file as if it ended after its first SAMPLE_ROWS records, or after about SAMPLE_BYTES."""
    survey = file.survey
    if not survey.blocks:
        return file
    first = survey.blocks[0]
    length = records = rows = 0
    with file.path.open("rb") as opened:
        opened.seek(first.offset)
        for window in windows(opened.read, survey.delimiter, first.first_line, SAMPLE_BYTES):
            taken = min(len(window), SAMPLE_ROWS - records)
            length = window.offset + int(window.bounds[taken])
            records += taken
            rows += int(survey.finder.rows(window)[:taken].sum())
            if records == SAMPLE_ROWS or length >= SAMPLE_BYTES:
                break
    block = replace(first, length=length)
    return replace(file, survey=replace(survey, blocks=(block,) if rows else (), rows=rows))


def _diagnose(name: str, file: SurveyedFile | str, now: datetime) -> Diagnosis:
    """The diagnosis of a file that was surveyed, or has the reason of its rejection."""
    if isinstance(file, SurveyedFile):
        return _accepted(name, file, _look_at(file, now))
    return Diagnosis(name, is_sales_file(Path(name).name), REJECTED, motivo=file)


def _look_at(file: SurveyedFile, now: datetime) -> _Tally:
    """All rows of the file; once more if some tell how others are to be understood, or may be equal to others."""
    tally, evidence, moments = _validate_all(file, now, NO_EVIDENCE)
    if evidence != NO_EVIDENCE:
        tally, evidence, moments = _validate_all(file, now, evidence)
    again, seen = find_repeated_moments(moments), set()
    for records in _records(file) if len(again) else ():
        validated = validate(records, evidence)
        shared = pc.fill_null(pc.is_in(validated[schema.TIMESTAMP.name], again), False)
        records, validated = records.filter(shared), validated.filter(shared)
        equal = is_repeated(validated, seen)
        tally.add_repeated(records.filter(equal), codes_of(records, validated, now).filter(equal))
    return tally


def _validate_all(file: SurveyedFile, now: datetime, evidence: Evidence) -> tuple[_Tally, Evidence, pa.ChunkedArray]:
    """The tally of all rows, validated by this evidence; what they tell themselves; and the moments of those typed."""
    tally, told, moments = _Tally(), evidence, []
    for records in _records(file):
        validated = validate(records, evidence)
        tally.add(records, codes_of(records, validated, now))
        told |= find_evidence(records, validated)
        moments.append(validated[schema.TIMESTAMP.name].drop_null())
    return tally, told, pa.chunked_array(moments, VALIDATED_SCHEMA.field(schema.TIMESTAMP.name).type)


def _records(file: SurveyedFile) -> Iterator[pa.RecordBatch]:
    for block in file.survey.blocks:
        yield from read_block(file.path, block, file.survey)


def _accepted(name: str, file: SurveyedFile, tally: _Tally) -> Diagnosis:
    survey, read = file.survey, tally.rows.total()
    if read != survey.rows:
        raise ConservationError(f"{name}: {survey.rows} rows counted, but {read} validated. Did it change? Try again.")
    refused, doubtful = tally.with_any(Reason), tally.with_any(QualityWarning)
    return Diagnosis(
        arquivo=name,
        nome_aceito=is_sales_file(Path(name).name),
        codificacao=survey.encoding,
        bom=survey.bom,
        delimitador=DELIMITERS[survey.delimiter],
        colunas={
            name: survey.header[place]
            for name, place in zip(schema.INPUT_NAMES, survey.positions, strict=True)
            if place is not None
        },
        colunas_ignoradas=survey.extra,
        lidas=read,
        boas=read - refused - doubtful,
        duvidosas=doubtful,
        recusadas=refused,
        motivos=tally.by_code(Reason),
        duvidas=tally.by_code(QualityWarning),
        avisos=tally.by_code(Hint),
        exemplos=tuple(sorted(set(tally.firsts.values()), key=lambda example: example.linha)),
    )
