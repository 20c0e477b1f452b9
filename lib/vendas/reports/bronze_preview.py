"""Previews of 01_bronze: the files that arrived, their first records unchanged, and what silver will make of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from vendas import schema
from vendas.csvfile.header import DELIMITERS
from vendas.csvfile.records import RECORD_SCHEMA, read_block
from vendas.formatting import format_number
from vendas.lake.events import REJECTED, Event
from vendas.reasons import Code, Reason
from vendas.reports.masking import mask_row
from vendas.reports.preview import NOTHING, Preview, ShownEvents, first_of_each, note_cut, reading, showing
from vendas.reports.small_chart import Bars
from vendas.rules.quality_warnings import Hint, QualityWarning
from vendas.stages.check_file import Diagnosis, check_sample
from vendas.stages.survey import SurveyedFile
from vendas.storage import Location
from vendas.tuning import FORECAST_FILES, FORECAST_ROWS, PREVIEW_CSV_BYTES, PREVIEW_ROWS

RAW_SCHEMA = RECORD_SCHEMA.insert(0, pa.field("arquivo", pa.string()))
_PARTS = ("boas", "duvidosas", "recusadas")  # fields of Diagnosis


@showing
def show_files(events: ShownEvents) -> Preview:
    """Show the surveyed files: their received and bronze names, and how they are read or why they are rejected."""
    rows = [
        {
            "arquivo recebido": event.arquivo_recebido,
            "situação": event.situacao,
            "linhas": event.lidas,
            **_dialect(event),
            "observação": event.motivo or "",
            "arquivo na bronze": event.arquivo,
        }
        for event in events
    ]
    return Preview.of(rows, note=events.note)


@reading
def read_raw_records(bronze: Location, surveyed: Iterable[Event]) -> pa.Table:
    """Read the first records of each surveyed file, in RAW_SCHEMA: texts as in the file, without quotes.

    `surveyed` are bronze's events; rejected files have no records.
    """
    files = [SurveyedFile.of(bronze, event) for event in surveyed if event.situacao != REJECTED and event.dialeto]
    with ThreadPoolExecutor() as threads:  # each file is a request to S3
        tables = list(threads.map(_first_records, files))
    return pa.concat_tables([RAW_SCHEMA.empty_table(), *tables])


@showing
def show_raw_records(raw: pa.Table) -> Preview:
    """Show the first well-formed records of each file, unchanged; e-mails and telephones masked."""
    well_formed = raw.filter(pc.equal(pc.list_value_length(raw[schema.PROBLEMAS]), 0))
    shown = first_of_each(well_formed, "arquivo", PREVIEW_ROWS).select([schema.LINHA, *schema.INPUT_NAMES, "arquivo"])
    rows = [mask_row(row) for row in shown.to_pylist()]
    return Preview.of(rows, note="" if rows else NOTHING)


@reading
def take_sample(bronze: Location, surveyed: Iterable[Event]) -> list[Diagnosis]:
    """Check a sample of each of these files for what silver will make of it."""
    return check_sample(bronze, surveyed, datetime.now())


@showing
def show_forecast(diagnoses: Sequence[Diagnosis]) -> Preview:
    """Show silver's findings in the sample, by kind: rows refused, doubtful, or good but worth checking."""
    kinds: tuple[tuple[str, type[Code], str], ...] = (
        ("recusadas", Reason, "motivos"),
        ("duvidosas", QualityWarning, "duvidas"),
        ("boas, a conferir", Hint, "avisos"),
    )
    rows = [
        {"arquivo": found.arquivo, "linhas": rows, "são": kind, "por quê": codes(code).sentence}
        for kind, codes, field in kinds
        for found in diagnoses
        for code, rows in getattr(found, field).items()
    ]
    cut = note_cut(PREVIEW_ROWS, len(rows), "achados; `vendas check` mostra todos")
    return Preview.of(rows[:PREVIEW_ROWS], note=cut if rows else "Nada a notar na amostra." if diagnoses else NOTHING)


@showing
def draw_forecast(diagnoses: Sequence[Diagnosis], files: int) -> Bars | Preview:
    """Draw a bar of good, doubtful and refused rows for each sampled file; `files` is the number of all files."""
    if not diagnoses:
        return Preview.of([], note=NOTHING)
    shown = diagnoses[:FORECAST_FILES]
    bars = [(found.arquivo, tuple(getattr(found, part) for part in _PARTS), _said(found)) for found in shown]
    return Bars(_title(len(shown), files), _PARTS, bars)


def _first_records(file: SurveyedFile) -> pa.Table:
    blocks = file.survey.blocks[:1]
    batches = (batch for block in blocks for batch in read_block(file.path, block, file.survey, PREVIEW_CSV_BYTES))
    records = pa.Table.from_batches(islice(batches, 1), RECORD_SCHEMA)
    return records.add_column(0, RAW_SCHEMA.field("arquivo"), pa.repeat(pa.scalar(file.path.name), len(records)))


def _dialect(event: Event) -> Mapping[str, str]:
    found = json.loads(event.dialeto) if event.dialeto else {}
    delimiter = found.get("delimiter", "")
    return {"codificação": found.get("encoding", ""), "delimitador": DELIMITERS.get(delimiter, delimiter)}


def _said(found: Diagnosis) -> str:
    if found.rejected:
        return "✗ arquivo rejeitado"
    return " + ".join(format_number(getattr(found, part)) for part in _PARTS)


def _title(sampled: int, files: int) -> str:
    sample = f"Amostra: até {format_number(FORECAST_ROWS)} linhas de cada"
    if sampled == files:
        return f"{sample} arquivo"
    return f"{sample} um de {format_number(sampled)} dos {format_number(files)} arquivos"
