"""Bronze files surveyed, and read as rows: each worker of Spark reads byte ranges of them on its own."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from vendas import records
from vendas.arrivals import Arrival, BronzeFile
from vendas.dialect import BLOCK_BYTES, Block, Survey, survey
from vendas.errors import FileRejected
from vendas.header import listed
from vendas.ledger import REJECTED, Event

ROWS_SCHEMA = f"arquivo string, posicao bigint, {records.SPARK_DDL}"
_LINE_BITS = 40  # posicao: the file's place in bronze order above these bits, the line below: one number sorts rows


def survey_files(folder: Path, files: Iterable[BronzeFile], arrived: Iterable[Arrival], run_id: str) -> list[Event]:
    """Bronze's event of each file: how to read it and how many rows it has, or why it is rejected."""
    received = {arrival.bronze_name: arrival.name for arrival in arrived}
    return [_survey(folder, file, received.get(file.name, file.received_as), run_id) for file in files]


def _survey(folder: Path, file: BronzeFile, received: str, run_id: str) -> Event:
    try:
        found = survey(folder / file.name)
    except FileRejected as reason:
        return Event(file.name, received, "bronze", run_id, situacao=REJECTED, motivo=str(reason))
    return Event(
        file.name,
        received,
        "bronze",
        run_id,
        motivo=f"Colunas ignoradas: {listed(found.extra)}" if found.extra else None,
        lidas=found.rows,
        gravadas=found.rows,
        dialeto=json.dumps(asdict(found), ensure_ascii=False),
    )


@dataclass(frozen=True)
class SurveyedFile:
    """A bronze file's path and how to read it."""

    path: Path
    survey: Survey

    @classmethod
    def of(cls, folder: Path, event: Event) -> Self:
        """The file that bronze's event tells of."""
        known = json.loads(event.dialeto)
        blocks = tuple(Block(**block) for block in known.pop("blocks"))
        lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        return cls(folder / event.arquivo, Survey(**known | lists, blocks=blocks))


def read_bronze(spark: SparkSession, files: list[SurveyedFile]) -> DataFrame:
    """All records of these files (given in bronze order), untyped, one row a record, with `ROWS_SCHEMA`.

    `posicao` orders rows by bronze order, then line. Malformed records have `problemas` and null fields.
    """
    ranges = [(place, file, block) for place, file in enumerate(files) for block in file.survey.blocks]
    if not ranges:
        return spark.createDataFrame([], ROWS_SCHEMA)  # a second quicker than asking Python workers for nothing
    total = sum(block.length for _, _, block in ranges)
    tasks = min(len(ranges), max(spark.sparkContext.defaultParallelism, total // BLOCK_BYTES))

    def read_ranges(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                yield from _read_range(*ranges[number])

    return spark.range(0, len(ranges), 1, tasks).mapInArrow(read_ranges, ROWS_SCHEMA)


def arquivo_at(posicao: Column, arquivos: list[str]) -> Column:
    """The bronze name from `posicao`; `arquivos` are the names in bronze order."""
    return F.element_at(F.lit(arquivos), F.shiftright(posicao, _LINE_BITS).cast("int") + 1)


def _read_range(place: int, file: SurveyedFile, block: Block) -> Iterator[pa.RecordBatch]:
    for batch in records.read_block(file.path, block, file.survey):
        arquivo = pa.repeat(pa.scalar(file.path.name), len(batch))
        posicao = pc.add(batch.column(records.LINHA), place << _LINE_BITS)
        yield pa.RecordBatch.from_arrays(
            [arquivo, posicao, *batch.columns], names=["arquivo", "posicao", *batch.schema.names]
        )
