"""AWS Lambda: moves files from the landing bucket to bronze, and starts the workflow for them.

Its event is a batch of SQS messages, each with an S3 event notification; or `{"sweep": true}`, sent by a schedule; or
`{"preflight": "_preflight/…"}`, with which a user tests a move.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.s3_event import S3EventRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from vendas.errors import ArrivalError
from vendas.landing import s3_claims, s3_moves
from vendas.landing.bronze_names import Arrival, is_sales_file
from vendas.landing.s3_claims import Landed
from vendas.landing.s3_objects import NO_VERSION, PREFLIGHT_FOLDER, head_of, hex_of, prefix
from vendas.storage import S3Path, client

LANDING = S3Path(os.environ["LANDING_BUCKET"])
BRONZE = S3Path(os.environ["LAKE_BUCKET"], "bronze")

logger, metrics = Logger(), Metrics()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch and return the failed messages to SQS, or sweep, or test a move; AWS retries what raises."""
    for name in ("FilesArrived", "FilesMoved"):
        _count(name, 0)  # so that the metric always has data
    if "Records" in event:
        return _take_up_batch(event, context)
    if event.get("sweep") is True:
        return _sweep()
    if str(event.get("preflight", "")).startswith(f"{PREFLIGHT_FOLDER}/"):
        return _try_a_move(LANDING / event["preflight"])
    raise ArrivalError(f'Not an event of this function: {event!r:.200}. Send SQS messages, or {{"sweep": true}}.')


def _take_up_batch(event: dict[str, Any], context: Any) -> dict[str, Any]:
    moved: list[Arrival] = []
    # pyrefly: ignore[bad-argument-type]  # it has the methods of logging's Logger, but only at run time
    batch = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=logger)
    with batch(event["Records"], partial(_take_up, moved), context):
        batch.process()
    logger.remove_keys(["message_id"])
    if moved:
        _start_workflow(f"files arrived: {len(moved)}")
    return dict(batch.response())


def _take_up(moved: list[Arrival], record: SQSRecord) -> None:
    """Move the files of a message, and add their arrivals to `moved`; Powertools requires the parameter name `record`.

    Raises: ExceptionGroup with an ArrivalError for each event that failed.
    """
    logger.append_keys(message_id=record.message_id)
    failed = []
    for told in _events(record):
        try:
            for landed in _landed(told):
                _count("FilesArrived")
                arrival = s3_moves.move_to_bronze(client("s3"), landed, BRONZE)
                _tell(landed.path.key, arrival)
                moved += [arrival] if arrival else []
        except ArrivalError as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("not all files of the message could be taken up", failed)


def _events(message: SQSRecord) -> list[S3EventRecord]:
    """Return the S3 events of a message; none for the message with which S3 tests a new notification.

    Raises: ArrivalError if the message is no S3 event notification.
    """
    try:
        body = message.json_body
        return [] if body.get("Event") == "s3:TestEvent" else [S3EventRecord(record) for record in body["Records"]]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ArrivalError(
            f"Expected an S3 event notification, got {message.body!r:.200}. Let nothing but S3 write to the queue."
        ) from error


def _landed(event: S3EventRecord) -> Iterator[Landed]:
    """Yield the sales file of an event; nothing for an object that stays in landing.

    Raises: ArrivalError if the event is malformed, or of another bucket.
    """
    try:
        bucket, told = event.s3.bucket.name, event.s3.get_object
        path = S3Path(bucket, unquote_plus(told.key, errors="strict"))
        version = None if told.version_id == NO_VERSION else told.version_id
        landed = Landed(path, datetime.fromisoformat(event.event_time), told["eTag"], version)
        created = event.event_name.startswith("ObjectCreated")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ArrivalError(f"Expected an event of S3, got {event.raw_event!r:.200}. What lacks is {error}.") from error
    if bucket != LANDING.bucket:
        raise ArrivalError(f"{path} is not in {LANDING}. Let only this bucket notify the queue, or set LANDING_BUCKET.")
    if created and path == LANDING / path.name and is_sales_file(path.name):
        yield landed
    else:
        logger.info("not a sales file in landing itself: left where it is", key=path.key)


def _sweep() -> dict[str, Any]:
    """Move files whose events were lost, and start a run for files that arrived while another run was active."""
    waiting = s3_moves.waiting(client("s3"), LANDING)
    moved, failed = s3_moves.move_all(client("s3"), waiting, BRONZE)
    for arrival in moved:
        _tell(arrival.name, arrival)
    owed = s3_claims.is_run_owed(client("s3"), BRONZE)
    started = _start_workflow("files that no run has looked for yet") if owed else None
    if failed:
        raise ExceptionGroup("not all files in landing could be taken up", failed)
    return {"moved": [arrival.bronze_name for arrival in moved], "workflow_run": started}


def _try_a_move(path: S3Path) -> dict[str, Any]:
    """Move a test object like a sales file, to a folder that no run reads, and then empty that folder."""
    s3, place = client("s3"), BRONZE / path.key
    head = head_of(s3, path)
    if head is None:
        raise ArrivalError(f"{path} is not there, or this function's role may not read it.")
    try:
        arrival = s3_moves.move_to_bronze(s3, Landed(path, head["LastModified"], hex_of(head["ETag"])), place)
        return {"copied": arrival and str(place / arrival.bronze_name)}
    finally:
        for made in s3.list_objects_v2(Bucket=place.bucket, Prefix=prefix(place)).get("Contents", []):
            s3.delete_object(Bucket=place.bucket, Key=made["Key"])


def _tell(key: str, arrival: Arrival | None) -> None:
    if arrival:
        _count("FilesMoved")
        logger.info("moved to bronze", key=key, bronze=arrival.bronze_name)
    else:
        logger.info("gone or replaced: nothing to do", key=key)


def _count(name: str, files: int = 1) -> None:
    metrics.add_metric(name, MetricUnit.Count, files)


def _start_workflow(trigger: str) -> str | None:
    """Start the workflow; return the run's id, or None if a run is active: a sweep starts one for missed files."""
    glue, name = client("glue"), os.environ["WORKFLOW_NAME"]
    try:
        run = glue.start_workflow_run(Name=name, RunProperties={"trigger": trigger})["RunId"]
    except glue.exceptions.ConcurrentRunsExceededException:
        logger.info("a run of the workflow is under way", workflow=name)
        return None
    logger.info("workflow started", workflow=name, workflow_run=run, trigger=trigger)
    return run
