"""The Lambda function, event by event."""

import json

import boto3
import pytest
from moto.s3.models import s3_backends

from helpers.arrival_world import LANDING, WORKFLOW, failure, world
from vendas.errors import ArrivalError
from vendas.landing.arrivals import list_waiting_files

ODD_KEYS = [
    "registros loja 1+2.csv",
    "registros_São João & filhos.csv",
    "registros_100%.csv",
    "registros_%2B%20.csv",
    "registros_'aspas'_\"duplas\".csv",
    "registros_🛒=?#;:@$,.csv",
    "REGISTROS_MAIÚSCULAS.CSV",
    "registros_quebra\nde linha.csv",
    "registros.csv",
]
FOREIGN_KEYS = [
    "outros.csv",
    "registros.txt",
    "pasta/registros.csv",
    "/registros.csv",
    "registros.csv/",
    ".registros.csv",
]
TEST_EVENT = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": LANDING.bucket})
NO_EVENTS = ["no JSON", "", "[]", "null", '"text"', "{}", '{"Records": null}', '{"Records": 1}']
NO_RECORDS = [
    {},
    {"s3": {}},
    {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": LANDING.bucket}, "object": {"key": "registros.csv"}}},
    "text",
    None,
]


@pytest.fixture
def aws():
    with world() as made:
        yield made


def metrics(capsys):
    """Return the metrics that the function printed on one line."""
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_file_moves_under_the_name_of_its_event(aws, key):
    upload = aws.upload(key, "açúcar\n".encode() * 1000)
    assert aws.deliver([upload.event()]) == []
    assert aws.in_bronze() == {upload.bronze_name: upload.body} and aws.in_landing() == []


def test_a_bronze_name_tells_the_millisecond_and_the_etag(aws):
    aws.deliver([aws.upload("registros_loja.csv", b"a,b\n").event()])
    assert list(aws.in_bronze()) == ["registros_loja_20240331T140510124Z_f69f5b72.csv"]


@pytest.mark.parametrize("key", FOREIGN_KEYS)
def test_what_is_no_sales_file_in_landing_itself_stays(aws, key):
    upload = aws.upload(key)
    assert aws.deliver([upload.event()]) == [] and aws.sweep() == {"moved": [], "workflow_run": None}
    assert aws.in_landing() == [(key, upload.body)] and aws.in_bronze() == {}


def test_the_event_of_a_deletion_moves_nothing(aws):
    upload = aws.upload("registros.csv")
    assert aws.deliver([upload.event() | {"eventName": "ObjectRemoved:Delete"}]) == []
    assert aws.in_landing() == [("registros.csv", upload.body)]


def test_all_records_of_all_messages_are_taken_up(aws):
    first, second, third = (aws.upload(f"registros_{number}.csv", b"%d" % number) for number in range(3))
    assert aws.deliver([first.event(), second.event()], TEST_EVENT, [third.event()]) == []
    assert aws.arrived() == aws.uploaded() and aws.in_landing() == []


@pytest.mark.parametrize("body", NO_EVENTS)
def test_a_message_that_is_no_event_fails_alone(aws, body):
    upload = aws.upload("registros.csv")
    assert aws.deliver(body, [upload.event()]) == [0]
    assert aws.arrived() == aws.uploaded()


@pytest.mark.parametrize("record", NO_RECORDS)
def test_a_record_that_is_no_event_fails_its_message_and_stops_no_other_record(aws, record):
    upload = aws.upload("registros.csv")
    assert aws.deliver([record, upload.event()]) == [0]
    assert aws.arrived() == aws.uploaded()
    assert "Expected an event of S3" in aws.log.getvalue()


def test_an_event_of_another_bucket_fails_and_says_so(aws):
    event = aws.upload("registros.csv").event()
    event["s3"]["bucket"]["name"] = "another-bucket"
    assert aws.deliver([event]) == [0]
    assert "s3://another-bucket/registros.csv is not in s3://landing-bucket." in aws.log.getvalue()


def test_a_key_that_is_not_encoded_utf8_fails(aws):
    assert aws.deliver([aws.upload("registros.csv").event(key="registros%FF.csv")]) == [0]


def test_an_event_of_what_is_gone_is_nothing_to_do(aws):
    event = aws.upload("registros.csv").event()
    aws.sweep()
    assert aws.deliver([event], [event]) == []
    assert aws.arrived() == aws.uploaded()


def test_a_lost_file_is_found_by_the_sweep_under_its_time_in_landing(aws):
    upload = aws.upload("registros.csv")
    assert aws.sweep()["moved"] == [upload.bronze_name.replace("124Z", "000Z")]
    assert aws.arrived() == aws.uploaded() and aws.in_landing() == []


def test_an_arrival_starts_the_workflow_and_says_why(aws):
    aws.deliver([aws.upload("registros_1.csv").event(), aws.upload("registros_2.csv").event()])
    (run,) = aws.workflow_runs()
    assert run["Name"] == WORKFLOW and run["WorkflowRunProperties"] == {"trigger": "files arrived: 2"}


def test_nothing_moved_starts_nothing(aws):
    aws.deliver(TEST_EVENT, [aws.upload("outros.csv").event()])
    aws.sweep()
    assert aws.workflow_runs() == []


def test_a_file_that_came_while_a_run_was_under_way_gets_a_run_by_the_sweep(aws):
    aws.run_is_under_way = True
    assert aws.deliver([aws.upload("registros.csv").event()]) == []
    assert aws.sweep() == {"moved": [], "workflow_run": None}
    aws.run_is_under_way = False
    assert aws.sweep()["workflow_run"] == aws.workflow_runs()[0]["WorkflowRunId"]


def test_no_run_is_owed_once_a_run_has_looked(aws):
    upload = aws.upload("registros.csv")
    aws.deliver([upload.event()])
    assert aws.run() == [upload.bronze_name]
    aws.sweep()
    assert len(aws.workflow_runs()) == 1


def test_a_workflow_that_does_not_start_is_an_error_and_the_sweep_starts_it(aws):
    refuse = lambda call, _: failure("ThrottlingException", 400) if call == "StartWorkflowRun" else None  # noqa: E731
    aws.before.append(refuse)
    event = aws.upload("registros.csv").event()
    with pytest.raises(aws.clients["glue"].exceptions.ClientError, match="ThrottlingException"):
        aws.deliver([event])
    aws.before.remove(refuse)
    assert aws.deliver([event]) == [] and aws.workflow_runs() == []
    assert aws.sweep()["workflow_run"] and aws.arrived() == aws.uploaded()


def test_a_file_that_cannot_be_moved_stops_neither_the_sweep_nor_its_run(aws):
    hopeless = aws.upload("registros_longo.csv")
    aws.upload("registros.csv")
    aws.before.append(
        lambda call, request: (
            failure("KeyTooLongError", 400) if call == "CopyObject" and "longo" in request["url_path"] else None
        )
    )
    with pytest.raises(ExceptionGroup) as raised:
        aws.sweep()
    (reason,) = raised.value.exceptions
    assert isinstance(reason, ArrivalError) and f"{hopeless.key} could not be moved" in str(reason)
    assert list(aws.arrived()) == [("registros.csv", b"a,b\n")] and len(aws.workflow_runs()) == 1
    assert aws.in_landing() == [(hopeless.key, hopeless.body)]


def test_a_file_that_cannot_be_moved_is_no_reason_for_a_run(aws):
    aws.before.append(lambda call, _: failure("KeyTooLongError", 400) if call == "CopyObject" else None)
    aws.upload("registros.csv")
    with pytest.raises(ExceptionGroup):
        aws.sweep()
    assert aws.workflow_runs() == []


@pytest.mark.parametrize("event", [{}, {"sweep": False}, {"detail": {}}])
def test_what_is_neither_messages_nor_a_sweep_is_refused(aws, event):
    with pytest.raises(ArrivalError, match="Send SQS messages, or"):
        aws.handle(event)


def test_logs_tell_message_key_and_bronze_name_and_metrics_count_files(aws, capsys):
    upload = aws.upload("registros_é.csv")
    aws.deliver(TEST_EVENT, [upload.event(), aws.upload("outros.csv").event(), upload.event()])
    (moved,) = [line for line in map(json.loads, aws.log.getvalue().splitlines()) if "bronze" in line]
    assert (moved["message_id"], moved["key"], moved["bronze"]) == ("message-1", upload.key, upload.bronze_name)
    counted = metrics(capsys)
    assert [sum(counted[name]) for name in ("FilesArrived", "FilesMoved")] == [2, 1]
    (kind,) = counted["_aws"]["CloudWatchMetrics"]
    assert (kind["Namespace"], kind["Dimensions"], counted["service"]) == ("Vendas", [["service"]], "chegada")


def test_metrics_are_there_when_nothing_moves(aws, capsys):
    aws.sweep()
    counted = metrics(capsys)
    assert (counted["FilesArrived"], counted["FilesMoved"]) == ([0], [0])


def test_a_failed_message_leaves_its_reason_in_the_log(aws):
    aws.before.append(lambda call, _: failure("AccessDenied", 403) if call == "CopyObject" else None)
    assert aws.deliver([aws.upload("registros.csv").event()]) == [0]
    (line,) = map(json.loads, aws.log.getvalue().splitlines())
    assert line["message_id"] == "message-0"
    assert "s3://landing-bucket/registros.csv could not be moved to s3://lake-bucket/bronze" in line["exception"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_notifications_of_the_emulated_s3_are_understood(aws, key):
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="arrivals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.user.put_bucket_notification_configuration(
        Bucket=LANDING.bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    aws.upload(key)
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]  # S3's test event, then the file
    assert aws.deliver(*(message["Body"] for message in messages)) == []
    assert len(messages) == 2 and aws.arrived() == aws.uploaded() and aws.in_landing() == []


def test_a_landing_of_more_than_a_page_is_swept_whole(aws):
    paged = {"ListObjectVersions": "max-keys", "ListObjectsV2": "max-keys"}

    def small_pages(call, request):
        if call in paged:
            request["query_string"][paged[call]] = 2

    aws.before.append(small_pages)
    for number in range(7):
        aws.upload(f"registros_{number}.csv", b"%d" % number)
    assert len(aws.sweep()["moved"]) == 7
    assert len(aws.run()) == 7 and aws.arrived() == aws.uploaded() and aws.in_landing() == []


def test_more_than_a_thousand_objects_are_all_seen(aws):
    for number in range(1100):
        s3_backends["123456789012"]["aws"].put_object(LANDING.bucket, f"registros_{number:04}.csv", b"")
    assert [path.name for path in list_waiting_files(LANDING)] == [
        f"registros_{number:04}.csv" for number in range(1100)
    ]
