"""A lake made without Spark, for tests that only read one: rows as the stages make them, tables as PyIceberg does."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog

from vendas import schema
from vendas.lake.events import PROCESSED, STAGES, Event, Events, as_rows
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, SILVER_TABLE
from vendas.lake.workers import ThisProcess
from vendas.landing.arrivals import BronzeFile
from vendas.stages import reconciliation
from vendas.stages.plan import _rehearse
from vendas.stages.rehearsal import RehearsalLake
from vendas.stages.survey import survey_files

RUN = "r1"
BEGUN = datetime(2024, 12, 1, 6)


def bronze_name(received: str, number: int) -> str:
    """Return the bronze name of the file that came as the `number`th."""
    return f"{Path(received).stem}_{BEGUN + timedelta(minutes=number):%Y%m%dT%H%M}00000Z_{number:08x}.csv"


def make_lake(lake: Path, files: dict[str, bytes]) -> Path:
    """Make a lake that has taken these files, by received name, up to gold; return it."""
    (lake / "bronze").mkdir(parents=True)
    names = {bronze_name(received, number): data for number, (received, data) in enumerate(files.items())}
    for name, data in names.items():
        (lake / "bronze" / name).write_bytes(data)
    came = survey_files(ThisProcess(), lake / "bronze", [*map(BronzeFile.of, names)], [], RUN)
    tables = RehearsalLake(lake, ThisProcess())
    accepted = [event for event in came if event.situacao == PROCESSED]
    silver = _rehearse(tables, Events.of(_recorded([came])), accepted)
    held = {event.arquivo: event.gravadas for event in silver}
    done = [came, silver, *(reconciliation.carried_events(silver, stage, held, RUN) for stage in STAGES[2:])]
    rows = {table: [file.rows() for file in written] for table, written in tables.written.items()}
    rows[LEDGER_TABLE] = [as_rows(_recorded(done))]
    for table in schema.TABLES:
        _write_table(lake / table, table, rows.get(table, []))
    shutil.rmtree(lake / "staging", ignore_errors=True)
    return lake


def _recorded(done: list[list[Event]]) -> list[Event]:
    """Return the events of all stages, each stage recorded an hour after the one before."""
    return [
        replace(event, registrado_em=BEGUN + timedelta(hours=1 + place), iniciado_em=BEGUN)
        for place, events in enumerate(done)
        for event in events
    ]


def _write_table(folder: Path, table: str, parts: list[pa.Table]) -> None:
    columns = schema.arrow_schema(schema.TABLES[table])
    catalog = InMemoryCatalog("plain", warehouse=str(folder.parent))
    catalog.create_namespace("lago")
    made = catalog.create_table(f"lago.{table}", schema=columns, location=str(folder))
    if table in (SILVER_TABLE, GOLD_TABLE):
        with made.update_spec() as spec:
            spec.add_identity(schema.ANO.name)
    if parts:
        made.append(pa.concat_tables([part.select(columns.names).cast(columns) for part in parts]))
    newest = Path(made.metadata_location.removeprefix("file://"))
    newest.rename(newest.with_name("v1.metadata.json"))
