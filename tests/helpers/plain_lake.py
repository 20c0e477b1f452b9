"""A lake made without Spark, for tests that only read one: rows as the stages make them, tables as PyIceberg does."""

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.table import Table

from vendas import schema
from vendas.lake.events import PROCESSED, STAGES, Event, Events, as_rows
from vendas.lake.ledger import read_events
from vendas.lake.tables import GOLD_TABLE, LEDGER_TABLE, SILVER_TABLE
from vendas.lake.workers import ThisProcess
from vendas.landing.arrivals import Arrival, BronzeFile
from vendas.stages import reconciliation
from vendas.stages.plan import rehearse_files
from vendas.stages.rehearsal import RehearsalLake
from vendas.stages.survey import survey_files

BEGUN = datetime(2024, 12, 1, 6, tzinfo=UTC)


def make_lake(lake: Path, *runs: dict[str, bytes]) -> Path:
    """Make a lake and return it; each run, `r1` and so on, takes its files, by received name, through all stages.

    The ledger says that the warehouse has them, too, but there is none.
    """
    catalog = InMemoryCatalog("plain", warehouse=str(lake))
    catalog.create_namespace("lago")
    tables = {table: _create(catalog, lake / table, table) for table in schema.TABLES}
    for number, files in enumerate(runs, start=1):
        for table, rows in _run(lake, f"r{number}", BEGUN + timedelta(days=number), files).items():
            tables[table].append(rows)
            newest = Path(tables[table].metadata_location.removeprefix("file://"))
            shutil.copy(newest, newest.with_name(f"v{number}.metadata.json"))
    shutil.rmtree(lake / "staging", ignore_errors=True)
    return lake


def _create(catalog: InMemoryCatalog, folder: Path, table: str) -> Table:
    columns = schema.arrow_schema(schema.TABLES[table])
    made = catalog.create_table(f"lago.{table}", schema=columns, location=str(folder))
    if table in (SILVER_TABLE, GOLD_TABLE):
        with made.update_spec() as spec:
            spec.add_identity(schema.ANO.name)
    return made


def _run(lake: Path, run_id: str, begun: datetime, files: dict[str, bytes]) -> dict[str, pa.Table]:
    """Return the rows that a run adds to each table."""
    bronze = lake / "bronze"
    bronze.mkdir(parents=True, exist_ok=True)
    arrived = [
        Arrival(name, begun + timedelta(minutes=place), hashlib.md5(data).hexdigest())
        for place, (name, data) in enumerate(files.items())
    ]
    for arrival, data in zip(arrived, files.values(), strict=True):
        (bronze / arrival.bronze_name).write_bytes(data)
    new = [BronzeFile.of(arrival.bronze_name) for arrival in arrived]
    came = survey_files(ThisProcess(), bronze, new, arrived, run_id)
    tables, known = RehearsalLake(lake, ThisProcess()), Events.of([*read_events(lake), *_recorded([came], begun)])
    accepted = [event for event in came if event.situacao == PROCESSED]
    silver = [replace(event, run_id=run_id) for event in rehearse_files(tables, known, accepted)]
    held = {event.arquivo: event.gravadas for event in silver}
    later = [reconciliation.carried_events(silver, stage, held, run_id) for stage in STAGES[2:]]
    written = {table: [file.rows() for file in files] for table, files in tables.written.items()}
    written[LEDGER_TABLE] = [as_rows(_recorded([came, silver, *later], begun))]
    return {table: _in_order(table, written.get(table, [])) for table in schema.TABLES}


def _recorded(done: list[list[Event]], begun: datetime) -> list[Event]:
    """Return the events of all stages, each stage recorded an hour after the one before."""
    begun = begun.replace(tzinfo=None)
    return [
        replace(event, registrado_em=begun + timedelta(hours=1 + place), iniciado_em=begun)
        for place, events in enumerate(done)
        for event in events
    ]


def _in_order(table: str, parts: list[pa.Table]) -> pa.Table:
    """Return rows with the table's columns in their order."""
    columns = schema.arrow_schema(schema.TABLES[table])
    return pa.concat_tables([columns.empty_table(), *(part.select(columns.names).cast(columns) for part in parts)])
