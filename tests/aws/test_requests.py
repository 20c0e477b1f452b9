"""Requests to S3 of a small increment: as many into a lake with a long history as into an empty one."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import boto3
import pytest

from conftest import COPY_ROLE
from permissions import Recorder
from vendas import storage
from vendas.ledger import read_events
from vendas.storage import S3Lake

HERE = Path(__file__).parent
FILES = 100_000
CSV = HERE.parent / "fixtures" / "registros_website.csv"


@pytest.fixture(scope="module")
def recorder(aws, emulator):
    recorder = Recorder(emulator._server.app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator._server, "app", recorder)
        storage.client.cache_clear()
        yield recorder
    storage.client.cache_clear()


@pytest.fixture
def lake(aws, empty):
    held = {"host": "127.0.0.1", "port": empty.port, "dbname": "vendas", "username": "vendas"}
    held |= {"password": empty.endpoint.password, "sslrootcert": empty.endpoint.root_certificate}
    boto3.client("secretsmanager").create_secret(Name="vendas/requests", SecretString=json.dumps(held))
    boto3.client("s3").create_bucket(Bucket="longa-historia")
    boto3.client("glue").create_database(DatabaseInput={"Name": "historia"})
    return S3Lake("longa-historia", database="historia")


def increment(lake, recorder, run_id, data):
    """A file sent and taken up by all stages; the requests to S3 of these, by action."""
    boto3.client("s3").put_object(Bucket=lake.bucket, Key=f"landing/registros_{run_id}.csv", Body=data)
    actor = f"{run_id}Role"
    settings = {
        "AWS_ACCESS_KEY_ID": actor,
        "VENDAS_GLUE_DATABASE": lake.database,
        "VENDAS_REDSHIFT_SECRET": "vendas/requests",
        "VENDAS_REDSHIFT_COPY_ROLE": COPY_ROLE,
        "PYTHONPATH": os.pathsep.join(map(str, [HERE, HERE.parent])),
    }
    done = subprocess.run(
        [sys.executable, HERE / "s3_stages.py", str(lake), run_id],
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    asked = Counter()
    for call, times in recorder.calls.items():
        asked[call.action] += times if call.actor == actor and call.action.startswith("s3:") else 0
    return asked


def test_x(lake, recorder):
    first = increment(lake, recorder, "primeiro", CSV.read_bytes())
    print("first", first.total(), first)
    second = increment(lake, recorder, "segundo", CSV.read_bytes() + b"\n")
    print("second", second.total(), second)
    third = increment(lake, recorder, "terceiro", CSV.read_bytes() + b"\n\n")
    print("third", third.total(), third)
    print(len(read_events(lake)))
