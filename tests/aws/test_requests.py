"""Requests to S3 for a small increment: as many in a lake with a long history as in an empty one."""

import copy
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from helpers.permissions import Recorder
from helpers.s3_lakes import CloudLake, let_java_reach
from vendas import schema, storage
from vendas.lake.events import STAGES
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.tables import Lake
from vendas.lake.workers import ThisProcess

HERE = Path(__file__).parent
FILES, AT_MOST = 100_000, 1.2
BEGIN = datetime(2020, 1, 1)
DIALECT = '{"encoding": "utf-8", "delimiter": ",", "blocks": [{"offset": 190, "length": 1234, "line": 2}], "rows": 0}'
CSV = (HERE.parent / "fixtures" / "registros_website.csv").read_bytes()


@pytest.fixture(scope="module")
def recorder(aws, emulator):
    recorder = Recorder(emulator._server.app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator._server, "app", recorder)
        storage.client.cache_clear()
        yield recorder
    storage.client.cache_clear()


@pytest.fixture
def lake(s3_spark, aws, empty):
    """Return a lake whose tables exist and which has no files yet."""
    let_java_reach(s3_spark, aws)
    with pytest.MonkeyPatch.context() as patch:
        made = CloudLake("historia", empty, patch)
        made.run()
        yield made
    for bucket in made.buckets:  # so that the emulator does not keep them for other tests
        del s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket]


def increment(lake, recorder, run_id, data):
    """Return the requests to S3 of a run of all stages with one new file, in a process of its own."""
    lake.drop(f"registros_{run_id}.csv", data)
    command = [sys.executable, HERE.parent / "helpers" / "s3_stages.py", str(lake.settings.lake), run_id]
    own = {"AWS_ACCESS_KEY_ID": f"{run_id}Role", "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls = recorder.calls.items()
    return sum(times for call, times in calls if call.actor == f"{run_id}Role" and call.action.startswith("s3:"))


def old_name(number):
    """Return the bronze name of an old file."""
    return f"registros_loja_{number % 100}_{BEGIN + timedelta(minutes=number):%Y%m%dT%H%M}00000Z_{number:08x}.csv"


def history(files):
    """Return the ledger's rows for this number of old files, done by all stages and without sales."""
    rows = pa.table(
        {
            "arquivo": [old_name(number) for number in range(files) for _ in STAGES],
            "arquivo_recebido": [f"registros_loja_{number % 100}.csv" for number in range(files) for _ in STAGES],
            "etapa": list(STAGES) * files,
            "run_id": [f"{BEGIN + timedelta(minutes=number):%Y%m%dT%H}" for number in range(files) for _ in STAGES],
            "situacao": ["processado"] * files * len(STAGES),
            "contrato": [schema.SALES.version] * files * len(STAGES),
            "dialeto": [DIALECT if stage == "bronze" else None for _ in range(files) for stage in STAGES],
            "registrado_em": [
                BEGIN + timedelta(minutes=number, seconds=place) for number in range(files) for place in range(4)
            ],
        }
    )
    counts = dict.fromkeys(["lidas", "duplicadas", "quarentena", "gravadas"], pa.array([0] * len(rows)))
    for name, column in counts.items():
        rows = rows.append_column(name, column)
    empty = schema.arrow_schema(schema.LEDGER_COLUMNS).empty_table()
    return pa.concat_tables([empty, rows], promote_options="permissive").cast(empty.schema)


def give_history(lake):
    """Put FILES files into bronze, and their events into the ledger in the form that upkeep leaves."""
    bucket = lake.buckets[0]
    lake.s3.put_object(Bucket=bucket, Key=f"bronze/{old_name(0)}", Body=CSV)
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    for number in range(1, FILES):
        key = copy.copy(keys[f"bronze/{old_name(0)}"])
        key.name = f"bronze/{old_name(number)}"
        keys[key.name] = key
    Lake(lake.settings.lake, ThisProcess()).record(history(FILES))


def test_an_increment_costs_no_more_requests_in_a_lake_of_a_hundred_thousand_files(lake, recorder):
    into_an_empty_lake = increment(lake, recorder, "primeiro", CSV)
    give_history(lake)
    into_a_large_lake = increment(lake, recorder, "segundo", CSV.replace(b"2023", b"2024"))
    assert into_a_large_lake <= AT_MOST * into_an_empty_lake, (into_an_empty_lake, into_a_large_lake)
    found = {entry["arquivo_recebido"]: entry["situacao"] for entry in list_entries(read_events(lake.settings.lake))}
    assert len(found) == 102 and found["registros_segundo.csv"] == "processado"
