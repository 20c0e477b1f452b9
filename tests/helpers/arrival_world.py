"""A landing bucket, a lake bucket and the Lambda function between them, on moto, for tests that interfere with them.

This adds what moto lacks: the condition on a copy's source, and the limit on concurrent runs of a workflow. Events have
the form of S3's documentation, with encoded keys; moto's own events lack the version.
"""

import importlib
import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from unittest import mock
from urllib.parse import quote_plus, unquote

import boto3
from botocore.client import BaseClient
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BaseBackend
from moto.glue.models import glue_backends
from moto.s3.models import FakeKey, s3_backends

from vendas.landing import arrivals, s3_claims, s3_moves
from vendas.landing.arrivals import Arrival, BronzeFile
from vendas.landing.s3_claims import Landed
from vendas.storage import S3Path

LANDING, LAKE, WORKFLOW = S3Path("landing-bucket", ""), "lake-bucket", "vendas"
BRONZE = S3Path(LAKE, "bronze")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "sa-east-1",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",  # so that the emulator of other tests is not used
    "LANDING_BUCKET": LANDING.bucket,
    "LAKE_BUCKET": LAKE,
    "WORKFLOW_NAME": WORKFLOW,
    "POWERTOOLS_SERVICE_NAME": "chegada",
    "POWERTOOLS_METRICS_NAMESPACE": "Vendas",
}
CONTEXT = SimpleNamespace(
    function_name="chegada",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:sa-east-1:123456789012:function:chegada",
    aws_request_id="request",
)
BEGIN = datetime(2024, 3, 31, 14, 5, 9, 123000)

Meddler = Callable[[str, dict], object]  # gets a call and its request; a failure that it returns becomes the response


@dataclass(frozen=True)
class Upload:
    """An object as it was uploaded to landing."""

    key: str
    body: bytes
    time: datetime
    etag: str
    version: str | None

    @property
    def bronze_name(self) -> str:
        return Arrival(self.key, self.time, self.etag).bronze_name

    def event(self, **other: object) -> dict:
        """Return the record that S3 sends for it, with the object's fields overridden by `other`."""
        stored = {"key": quote_plus(self.key), "size": len(self.body), "eTag": self.etag, "sequencer": "0A1B2C3D4E5F"}
        stored |= {"versionId": self.version} if self.version else {}
        return {
            "eventVersion": "2.5",
            "eventSource": "aws:s3",
            "awsRegion": "sa-east-1",
            "eventTime": f"{self.time:%Y-%m-%dT%H:%M:%S}.{self.time.microsecond // 1000:03d}Z",
            "eventName": "ObjectCreated:Put",
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": LANDING.bucket}, "object": stored | other},
        }


def failure(code: str, status: int) -> tuple:
    """Return an error response of AWS, for a meddler to return."""
    answer = {"Error": {"Code": code, "Message": "meddled"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return SimpleNamespace(status_code=status), answer


class World:
    """The buckets, the uploads, and the ways by which uploads reach bronze."""

    def __init__(self, versioned: bool):
        self.versioned, self.now, self.uploads = versioned, BEGIN, []
        self.before: list[Meddler] = []
        self.after: list[Meddler] = []
        self.run_is_under_way = False
        self.ledger: set[str] = set()  # the bronze files that a run has recorded
        self.log = io.StringIO()  # the log of the function
        self._numbers = itertools.count()
        self.clients = {name: _client(name) for name in ("s3", "glue")}
        self.user = _client("s3", "user")  # whose calls no meddler sees
        place = {"LocationConstraint": "sa-east-1"}
        for bucket in (LANDING.bucket, LAKE):
            self.user.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        if versioned:
            self.user.put_bucket_versioning(Bucket=LANDING.bucket, VersioningConfiguration={"Status": "Enabled"})
        # As after a first run, so that later runs find new files by their claims.
        self.user.put_object(Bucket=LAKE, Key=f"bronze/_claims/{s3_claims.LOOKED}")
        self.clients["glue"].create_workflow(Name=WORKFLOW)

    @contextmanager
    def meddling(self) -> Iterator[None]:
        """Pass the function's calls in the block to the meddlers in `before` and `after`."""
        told = {"before-call": self._before_call, "after-call": self._after_call}
        events = [client.meta.events for client in self.clients.values()]
        for event, name in itertools.product(events, told):
            event.register(name, told[name])
        try:
            yield
        finally:
            for event, name in itertools.product(events, told):
                event.unregister(name, told[name])

    def upload(self, key: str, body: bytes = b"a,b\n") -> Upload:
        """Put an object into landing, 1.001 seconds after the previous one."""
        self.now += timedelta(milliseconds=1001)
        put = self.user.put_object(Bucket=LANDING.bucket, Key=key, Body=body)
        upload = Upload(key, body, self.now, put["ETag"].strip('"'), put.get("VersionId"))
        self.uploads.append(upload)
        return upload

    def deliver(self, *bodies: str | list[dict]) -> list[int]:
        """Call the function with a batch, one message per body or list of records; return the failed ones' indices."""
        texts = [body if isinstance(body, str) else json.dumps({"Records": body}) for body in bodies]
        numbers = {f"message-{next(self._numbers)}": place for place, _ in enumerate(texts)}
        answer = self.handle({"Records": [_message(name, text) for name, text in zip(numbers, texts, strict=True)]})
        return [numbers[item["itemIdentifier"]] for item in answer["batchItemFailures"]]

    def handle(self, event: dict) -> dict:
        return self.handler.handle(event, CONTEXT)

    def sweep(self) -> dict:
        """Call the function as the schedule does."""
        return self.handle({"sweep": True})

    def run(self) -> list[str]:
        """Do what a run's first notebook does; return the bronze files that it recorded."""
        arrivals.sweep(LANDING, BRONZE)
        found = arrivals.find_new_files(BRONZE)
        new = sorted({file.name for file in found.files} - self.ledger)
        self.ledger.update(new)
        found.done()
        return new

    def in_landing(self) -> list[tuple[str, bytes]]:
        """List the key and content of each version in landing."""
        return [(key.name, key.value) for key in _stored(LANDING.bucket)]

    def in_bronze(self) -> dict[str, bytes]:
        """Map each bronze file to its content."""
        keys = (key for key in _stored(LAKE) if "/" not in key.name.removeprefix("bronze/"))
        return {key.name.removeprefix("bronze/"): key.value for key in keys}

    def arrived(self) -> Counter:
        """Count each (received name, content) in bronze."""
        return Counter((BronzeFile.parse(name).received_as, body) for name, body in self.in_bronze().items())

    def uploaded(self) -> Counter:
        """Count each (name, content) that was uploaded; names have their extension in lower case."""
        return Counter((upload.key[:-4] + ".csv", upload.body) for upload in self.uploads)

    def lost(self) -> Counter:
        """Count the uploads that are missing. Only for a versioned bucket, in which no upload replaces another."""
        waiting = Counter((key[:-4] + ".csv", body) for key, body in self.in_landing())
        return self.uploaded() - waiting - self.arrived()

    def claimed(self) -> set[str]:
        """Return the bronze names in the claims."""
        notes = (key for key in _stored(LAKE) if key.name.startswith("bronze/_claims/") and key.value)
        return {Landed.from_json(note.value).arrival.bronze_name for note in notes}

    def forgotten(self) -> set[str]:
        """Return the bronze files that no run has recorded and no claim names."""
        return set(self.in_bronze()) - self.ledger - self.claimed()

    def workflow_runs(self) -> list[dict]:
        return self.clients["glue"].get_workflow_runs(Name=WORKFLOW)["Runs"]

    def _before_call(self, model, params, **_: object) -> object:
        answers = (meddler(model.name, params) for meddler in [*self.before, self._s3_conditions, self._glue_limit])
        return next((answer for answer in answers if answer is not None), None)

    def _after_call(self, model, parsed, **_: object) -> None:
        for meddler in list(self.after):
            meddler(model.name, parsed)

    def _s3_conditions(self, call: str, request: dict) -> object:
        if call not in ("CopyObject", "UploadPartCopy"):
            return None
        source, _, version = request["headers"]["x-amz-copy-source"].partition("?versionId=")
        bucket, _, key = unquote(source).partition("/")
        found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_object(bucket, key, version_id=version or None)
        expected = request["headers"].get("x-amz-copy-source-if-match", found and found.etag)
        return failure("PreconditionFailed", 412) if found and found.etag != expected else None

    def _glue_limit(self, call: str, _: dict) -> object:
        exceeded = call == "StartWorkflowRun" and self.run_is_under_way
        return failure("ConcurrentRunsExceededException", 400) if exceeded else None


@contextmanager
def world(versioned: bool = True) -> Iterator[World]:
    """Provide a new world for the block."""
    with mock.patch.dict(os.environ, ENVIRONMENT), mock_aws():
        for backends in (s3_backends, glue_backends):  # moto does it only where the block is in no other mock_aws
            backends[DEFAULT_ACCOUNT_ID].reset()
        made = World(versioned)
        made.handler = importlib.import_module("handler")
        with (
            made.meddling(),
            mock.patch.object(BaseBackend, "urls", property(lambda backend: _urls(type(backend)))),
            mock.patch.object(made.handler.logger.registered_handler, "stream", made.log),
            mock.patch("moto.s3.models.utcnow", lambda: made.now),
            mock.patch.object(made.handler, "client", made.clients.get),
            mock.patch.object(
                s3_claims, "BRONZE_LISTED_EVERY", timedelta.max
            ),  # because the world's clock is not the machine's
            mock.patch.object(s3_moves, "_client", lambda: made.clients["s3"]),
        ):
            yield made


_made_urls = BaseBackend.urls.fget


@cache
def _urls(backend: type[BaseBackend]) -> dict:
    """Return the URLs of a service, which moto makes anew for each request: a tenth of the request's time."""
    return _made_urls(backend.__new__(backend))


@cache
def _client(service: str, _: str = "function") -> BaseClient:
    return boto3.client(service)  # cached, because it takes longer than most tests


def _stored(bucket: str) -> list[FakeKey]:
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    return [version for name in list(keys) for version in keys.getlist(name) if isinstance(version, FakeKey)]


def _message(name: str, body: str) -> dict:
    return {
        "messageId": name,
        "receiptHandle": f"handle of {name}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:sa-east-1:123456789012:chegada",
        "awsRegion": "sa-east-1",
    }
