"""A lake made in this process, for tests that only read one: by the stages' code, without notebooks and warehouse."""

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from helpers.lakes import empty_lake
from vendas.lake.commits import replace_files
from vendas.lake.events import PROCESSED, STAGES, Event, Events, as_rows
from vendas.lake.ledger import read_events
from vendas.lake.table_reader import opened_table
from vendas.lake.tables import LEDGER_TABLE, TIMESTAMPS, Lake
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
    tables = empty_lake(lake)
    for number, files in enumerate(runs, start=1):
        for table, rows in _run(lake, f"r{number}", BEGUN + timedelta(days=number), files).items():
            _add(tables, table, rows)
    shutil.rmtree(lake / "staging", ignore_errors=True)
    return lake


def _add(tables: Lake, table: str, rows: pa.Table) -> None:
    years = pc.unique(rows["ano"]).to_pylist() if table in TIMESTAMPS else [None]
    parts = [(ano, rows if ano is None else rows.filter(pc.equal(rows["ano"], ano))) for ano in years]
    target = tables.target(table)
    replace_files(opened_table(tables.place, table), [target.write(part, ano) for ano, part in parts if len(part)])


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
    return {table: pa.concat_tables(parts) for table, parts in written.items() if parts}


def _recorded(done: list[list[Event]], begun: datetime) -> list[Event]:
    """Return the events of all stages, each stage recorded an hour after the one before."""
    begun = begun.replace(tzinfo=None)
    return [
        replace(event, registrado_em=begun + timedelta(hours=1 + place), iniciado_em=begun)
        for place, events in enumerate(done)
        for event in events
    ]
