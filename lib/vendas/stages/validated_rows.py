"""The validated rows of parts of files, those of many short files at a time.

Rules work on columns, and a rule takes as long for the fifty rows of a short file as for thousands.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from vendas.csvfile.dialect import Block
from vendas.csvfile.records import read_block
from vendas.rules.duplicates import POSICAO, posicao
from vendas.rules.quality_warnings import has_quality_warning
from vendas.rules.validate import NO_EVIDENCE, Evidence, find_evidence, validate
from vendas.stages.groups import group_by_size
from vendas.stages.survey import SurveyedFile
from vendas.tuning import CSV_WINDOW_BYTES

Part = tuple[int, SurveyedFile, Block]  # a block, its file, and the file's place in bronze order


@dataclass(frozen=True)
class ValidatedRows:
    """Rows of VALIDATED_SCHEMA, with their `arquivo` and POSICAO.

    `doubtful` counts the rows that were taken but look damaged, by file; `evidence` is what rows show about others of
    their file that are not here, by the file's place.
    """

    rows: pa.Table
    doubtful: Counter[str]
    evidence: dict[int, Evidence]


class _Piece(NamedTuple):
    """Records of a file; `whole` if they are all that it has."""

    place: int
    file: SurveyedFile
    records: pa.RecordBatch
    whole: bool


def join_evidence(found: Iterable[Mapping[int, Evidence]]) -> dict[int, Evidence]:
    """Return all that was found, by place."""
    joined: dict[int, Evidence] = {}
    for told in found:
        for place, shown in told.items():
            joined[place] = joined.get(place, NO_EVIDENCE) | shown
    return joined


def validate_parts(parts: Iterable[Part], evidence: Mapping[int, Evidence]) -> Iterator[ValidatedRows]:
    """Validate the records of these parts, by the evidence that is known of their files, by place; yield batches.

    What a file shows about itself is taken into account if all of it comes in one batch.
    """
    for pieces in group_by_size(_read(parts), CSV_WINDOW_BYTES, lambda piece: piece.records.nbytes):
        records = pa.concat_batches([piece.records for piece in pieces])
        rows, told = _validate(pieces, records, evidence)
        numbers = np.repeat(np.arange(len(pieces)), [len(piece.records) for piece in pieces])
        names, places = [piece.file.path.name for piece in pieces], np.array([piece.place for piece in pieces])
        damaged = has_quality_warning(records, rows).to_numpy(zero_copy_only=False)
        doubtful = Counter[str]()
        for name, count in zip(names, np.bincount(numbers, damaged, len(pieces)), strict=True):
            doubtful[name] += int(count)
        columns = {"arquivo": pa.array(names).take(pa.array(numbers)), POSICAO: posicao(places[numbers], rows["linha"])}
        yield ValidatedRows(
            pa.table([*rows.columns, *columns.values()], names=[*rows.schema.names, *columns]), doubtful, told
        )


def _read(parts: Iterable[Part]) -> Iterator[_Piece]:
    for place, file, block in parts:
        found = read_block(file.path, block, file.survey)
        if file.survey.blocks == (block,) and block.length <= CSV_WINDOW_BYTES:
            yield _Piece(place, file, pa.concat_batches(list(found)), whole=True)
        else:
            for records in found:
                yield _Piece(place, file, records, whole=False)


def _validate(
    pieces: list[_Piece], records: pa.RecordBatch, evidence: Mapping[int, Evidence]
) -> tuple[pa.RecordBatch, dict[int, Evidence]]:
    """Validate the pieces' records; return the rows, and what they show about files of which this is not all.

    All pieces at once by the first one's evidence, then those again that have other.
    """
    first = evidence.get(pieces[0].place, NO_EVIDENCE)
    rows = validate(records, first)
    if not evidence and find_evidence(records, rows) == NO_EVIDENCE:
        return rows, {}
    begin, validated, told = 0, [], []
    for piece in pieces:
        own = rows.slice(begin, len(piece.records))
        begin += len(own)
        shown = find_evidence(piece.records, own)
        known = evidence.get(piece.place, shown if piece.whole else NO_EVIDENCE)
        validated.append(own if known == first else validate(piece.records, known))
        if not piece.whole and shown != NO_EVIDENCE:
            told.append({piece.place: shown})
    return pa.concat_batches(validated), join_evidence(told)
