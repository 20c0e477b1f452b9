"""Check what intake would do with a CSV file before it is sent. Reads only; nothing is moved or written.

It calls the code that intake runs (`survey`, `read_block`, `validate`), so the two cannot disagree. It also gives
hints: what else a person should check first. It needs no Spark.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile import dialect
from vendas.csvfile.header import DELIMITERS
from vendas.csvfile.records import read_block
from vendas.errors import ConservationError, FileRejected, VendasError
from vendas.lake.events import REJECTED, Event
from vendas.landing.arrivals import is_sales_file
from vendas.landing.bronze_names import in_either_form
from vendas.reasons import Reason
from vendas.rules.quality_warnings import Hint, QualityWarning, codes_of, find_repeated_moments, is_repeated
from vendas.rules.validate import NO_EVIDENCE, VALIDATED_SCHEMA, Evidence, find_evidence, validate
from vendas.stages.survey import SurveyedFile
from vendas.storage import Location
from vendas.tuning import FORECAST_FILES, FORECAST_ROWS

ACCEPTED = "aceito"


@dataclass(frozen=True)
class Example:
    """An example row: its physical line, its exact text, and its codes: of Reason, or of QualityWarning and Hint."""

    linha: int
    texto: str
    motivos: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What intake would do with a file. Counts are rows; `lidas` = `boas` + `duvidosas` + `recusadas`."""

    arquivo: str  # as it was given
    nome_aceito: bool  # whether intake takes a file of this name
    situacao: str = ACCEPTED
    motivo: str | None = None  # of a rejection
    codificacao: str | None = None
    bom: bool | None = None
    delimitador: str | None = None  # its Portuguese name
    colunas: dict[str, str] = field(default_factory=dict)  # declared name: name in the file
    colunas_ignoradas: tuple[str, ...] = ()
    lidas: int = 0
    boas: int = 0
    duvidosas: int = 0
    recusadas: int = 0
    motivos: dict[str, int] = field(default_factory=dict)  # code of Reason: rows
    duvidas: dict[str, int] = field(default_factory=dict)  # code of QualityWarning: rows
    avisos: dict[str, int] = field(default_factory=dict)  # code of Hint: rows, which count as good
    exemplos: tuple[Example, ...] = ()  # the first row found of each code, by line

    @property
    def rejected(self) -> bool:
        """Whether intake would take no row of the file."""
        return self.situacao == REJECTED


@dataclass
class _Tally:
    """The findings in a file, added batch by batch: rows by their codes (joined by blanks), each code's first row."""

    rows: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, Example] = field(default_factory=dict)

    def add(self, records: pa.RecordBatch, codes: pa.StringArray) -> None:
        """Count these rows. Call in file order, so that the first row of each code is kept."""
        table = pa.table({"codes": codes, "place": np.arange(len(codes))}).group_by("codes", use_threads=False)
        found = table.aggregate([("place", "min"), ("place", "count")]).sort_by("place_min").to_pylist()
        for kind in found:
            joined, place = kind["codes"], kind["place_min"]
            self.rows[joined] += kind["place_count"]
            if new := set(joined.split()) - self.firsts.keys():
                linha, texto = (records[name][place].as_py() for name in (schema.LINHA, schema.TEXTO))
                self.firsts.update(dict.fromkeys(new, Example(linha, texto, tuple(joined.split()))))

    def add_repeated(self, records: pa.RecordBatch, codes: pa.StringArray) -> None:
        """Mark rows that were added with these codes as equal to earlier ones."""
        self.rows.subtract(codes.to_pylist())
        self.add(records, pc.binary_join_element_wise(Hint.LINHA_REPETIDA.value, codes, " "))

    def by_code(self, codes: type[StrEnum]) -> dict[str, int]:
        """Return the number of rows of each of these codes that occurs, in the codes' order."""
        counts = {c.value: sum(n for joined, n in self.rows.items() if c in joined.split()) for c in codes}
        return {code: rows for code, rows in counts.items() if rows}

    def with_any(self, codes: type[StrEnum]) -> int:
        """Return the number of rows with at least one of these codes."""
        return sum(rows for joined, rows in self.rows.items() if set(joined.split()) & set(codes))


def check_files(paths: Iterable[Path], now: datetime) -> list[Diagnosis]:
    """Return a diagnosis of each file, which is read completely; `now` is wall-clock time without a zone.

    Memory is bounded, except for 8 bytes per row, and some more per row that shares its timestamp with another.
    Raises: VendasError if a file is missing or unreadable.
    """
    return [_diagnose(str(path), _survey(path), now) for path in paths]


def check_sample(bronze: Location, events: Iterable[Event], now: datetime) -> list[Diagnosis]:
    """Return diagnoses of the first FORECAST_FILES surveyed bronze files, from the first FORECAST_ROWS rows of each."""
    return [
        _diagnose(
            event.arquivo_recebido,
            (event.motivo or "") if event.situacao == REJECTED else SurveyedFile.of(bronze, event).head(FORECAST_ROWS),
            now,
        )
        for event in list(events)[:FORECAST_FILES]
    ]


def as_json(diagnoses: Iterable[Diagnosis]) -> dict:
    """Return the document that `vendas check --json` prints."""
    return {"files": [asdict(found) for found in diagnoses]}


def _survey(path: Path) -> SurveyedFile | str:
    """Return how to read the file, or why it is rejected. Raises: VendasError if it is missing or unreadable."""
    path = in_either_form(path)
    if path.is_dir():
        raise VendasError(f"{path} is a folder. Give the files in it: {path}/*.csv")
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


def _diagnose(name: str, file: SurveyedFile | str, now: datetime) -> Diagnosis:
    """Return the diagnosis of a surveyed file, or of a file with the reason of its rejection."""
    if isinstance(file, SurveyedFile):
        return _accepted(name, file, _look_at(file, now))
    return Diagnosis(name, is_sales_file(Path(name).name), REJECTED, motivo=file)


def _look_at(file: SurveyedFile, now: datetime) -> _Tally:
    """Return the findings of all rows; validate again if some rows are evidence for others, and look for equal rows."""
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
    """Validate all rows with this evidence; return their tally, the evidence extended by theirs, and timestamps."""
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
