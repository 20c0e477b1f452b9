"""Requests to S3 for a small increment: as many in a lake with a long history as in an empty one."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from conftest import COPY_ROLE
from helpers.permissions import Recorder
from helpers.s3_stages import old_name
from vendas import storage
from vendas.lake.ledger import list_entries, read_events
from vendas.storage import S3Lake

HERE = Path(__file__).parent
FILES, AT_MOST = 100_000, 1.2
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
def lake(empty, bucket):
    """Return a lake whose tables exist and which has no files yet."""
    held = {"host": "127.0.0.1", "port": empty.port, "dbname": "vendas", "username": "vendas"}
    held |= {"password": empty.endpoint.password, "sslrootcert": empty.endpoint.root_certificate}
    boto3.client("secretsmanager").create_secret(Name="vendas/historia", SecretString=json.dumps(held))
    boto3.client("glue").create_database(DatabaseInput={"Name": "historia"})
    made = S3Lake(bucket, database="historia")
    stages(made, "vazio", "vazio")
    yield made
    del s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket]  # so that the emulator does not keep it for other tests


def stages(lake, actor, *arguments):
    """Run `s3_stages.py` as an actor of this name."""
    settings = {
        "AWS_ACCESS_KEY_ID": f"{actor}Role",
        "VENDAS_GLUE_DATABASE": lake.database,
        "VENDAS_REDSHIFT_SECRET": "vendas/historia",
        "VENDAS_REDSHIFT_COPY_ROLE": COPY_ROLE,
        "PYTHONPATH": str(HERE.parent),
    }
    command = [sys.executable, HERE.parent / "helpers" / "s3_stages.py", str(lake), *arguments]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def increment(lake, recorder, run_id, data):
    """Return the requests to S3 of a run of all stages with one new file."""
    boto3.client("s3").put_object(Bucket=lake.bucket, Key=f"landing/registros_{run_id}.csv", Body=data)
    stages(lake, run_id, run_id)
    calls = recorder.calls.items()
    return sum(times for call, times in calls if call.actor == f"{run_id}Role" and call.action.startswith("s3:"))


def give_history(lake):
    """Put FILES files into bronze, and their events into the ledger in the form that upkeep leaves."""
    boto3.client("s3").put_object(Bucket=lake.bucket, Key=f"bronze/{old_name(0)}", Body=CSV)
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[lake.bucket].keys
    for number in range(1, FILES):
        key = copy.copy(keys[f"bronze/{old_name(0)}"])
        key.name = f"bronze/{old_name(number)}"
        keys[key.name] = key
    stages(lake, "historia", "--history", str(FILES))


def test_an_increment_costs_no_more_requests_in_a_lake_of_a_hundred_thousand_files(lake, recorder):
    into_an_empty_lake = increment(lake, recorder, "primeiro", CSV)
    give_history(lake)
    into_a_large_lake = increment(lake, recorder, "segundo", CSV.replace(b"2023", b"2024"))
    assert into_a_large_lake <= AT_MOST * into_an_empty_lake, (into_an_empty_lake, into_a_large_lake)
    found = {entry["arquivo_recebido"]: entry["situacao"] for entry in list_entries(read_events(lake))}
    assert len(found) == 102 and found["registros_segundo.csv"] == "processado"
