"""The functions of the library on S3: lists of landing and bronze, the verified copy, and its errors."""

from pathlib import Path

import pytest
from moto.s3.models import s3_backends

from helpers.arrival_world import BRONZE, LANDING, failure, world
from vendas.errors import ArrivalError
from vendas.landing import s3_moves
from vendas.landing.arrivals import BronzeFile, list_bronze_files, list_waiting_files, sweep
from vendas.landing.bronze_names import bytes_too_long_on_s3
from vendas.landing.s3_moves import Landed
from vendas.landing.s3_objects import is_same
from vendas.storage import S3Path

MIB = 1024**2
LAKES_OWN = S3Path("lake-bucket", "landing")  # the landing of a lake without a landing bucket


@pytest.fixture
def aws():
    with world() as made:
        yield made


@pytest.fixture
def without_versions():
    with world(versioned=False) as made:
        yield made


def test_waiting_files_are_the_sales_files_in_landing_itself_by_name(aws):
    for key in ("registros_b.csv", "registros_a.csv", "registros_a.csv", "outros.csv", "pasta/registros.csv"):
        aws.upload(key)
    assert list_waiting_files(LANDING) == [LANDING / "registros_a.csv", LANDING / "registros_b.csv"]


def test_bronze_files_come_in_bronze_order_and_nothing_else_does(aws):
    uploads = [aws.upload(f"registros_{name}.csv") for name in "ba"]
    aws.deliver([upload.event() for upload in reversed(uploads)])
    aws.user.put_object(Bucket="lake-bucket", Key="bronze/notas.txt")
    assert list_bronze_files(BRONZE) == [BronzeFile.parse(upload.bronze_name) for upload in uploads]


def test_a_sweep_returns_what_arrived_in_bronze_order(aws):
    for name in "ba":
        aws.upload(f"registros_{name}.csv")
    assert [arrival.name for arrival in sweep(LANDING, BRONZE)] == ["registros_b.csv", "registros_a.csv"]
    assert sweep(LANDING, BRONZE) == []


def test_a_landing_may_be_a_folder_of_the_lake(aws):
    for key in ("landing/registros.csv", "landing/pasta/registros.csv", "registros.csv"):
        aws.user.put_object(Bucket="lake-bucket", Key=key, Body=b"a,b\n")
    assert list_waiting_files(LAKES_OWN) == [LAKES_OWN / "registros.csv"]
    assert [arrival.name for arrival in sweep(LAKES_OWN, BRONZE)] == ["registros.csv"]
    assert [file.received_as for file in list_bronze_files(BRONZE)] == ["registros.csv"]


def test_a_file_sent_again_is_two_bronze_files(aws):
    for _ in range(2):
        aws.upload("registros.csv")
    assert len(sweep(LANDING, BRONZE)) == 2 and len(list_bronze_files(BRONZE)) == 2


def test_files_that_cannot_be_moved_are_named_once_all_others_are_moved(aws):
    for name in ("ruim_1", "boa", "ruim_2"):
        aws.upload(f"registros_{name}.csv")
    aws.before.append(
        lambda call, request: (
            failure("AccessDenied", 403) if call == "CopyObject" and "ruim" in request["url_path"] else None
        )
    )
    with pytest.raises(ArrivalError, match=r"(?s)ruim_1\.csv could not be moved.*AccessDenied.*ruim_2\.csv could not"):
        sweep(LANDING, BRONZE)
    assert list(aws.arrived()) == [("registros_boa.csv", b"a,b\n")]


LONGEST = f"registros_{'x' * (971 - 14)}.csv"  # its bronze name has 1,000 bytes
TOO_LONG = f"registros_{'x' * (972 - 14)}.csv"


def test_a_name_too_long_for_bronze_stays_is_named_and_stops_no_other_object(aws, caplog):
    for key in (TOO_LONG, LONGEST, "registros_b.csv"):
        aws.upload(key)
    assert sorted(arrival.name for arrival in sweep(LANDING, BRONZE)) == ["registros_b.csv", LONGEST]
    assert max(len(file.name) for file in list_bronze_files(BRONZE)) == 1000
    assert caplog.messages == [
        f"{LANDING / TOO_LONG} stays in landing: its name is 1 bytes too long for bronze; send it under a shorter one"
    ]
    assert list_waiting_files(LANDING) == [LANDING / TOO_LONG] and sweep(LANDING, BRONZE) == []


@pytest.mark.parametrize(("name_bytes", "excess"), [(894, 0), (895, 1)])
def test_a_key_has_1024_bytes_at_most(name_bytes, excess):
    folder = "p" * 93 + "/bronze/"  # 101 bytes; a bronze name adds 29 bytes
    assert bytes_too_long_on_s3(f"registros_{'x' * (name_bytes - 14)}.csv", folder) == excess


def test_an_event_of_a_name_too_long_fails_no_message_and_starts_no_run(aws):
    assert aws.deliver([aws.upload(TOO_LONG).event()]) == []
    assert aws.workflow_runs() == []


def test_another_csv_in_landing_is_named_and_nothing_else_is(aws, caplog):
    for key in ("vendas.csv", "notas.txt", "pasta/vendas.csv", "registros.csv.part", "registros.csv"):
        aws.upload(key)
    assert len(sweep(LANDING, BRONZE)) == 1
    assert [message.split(" stays")[0] for message in caplog.messages] == [str(LANDING / "vendas.csv")]


@pytest.mark.parametrize("verb", [list_bronze_files, list_waiting_files, lambda place: sweep(place, BRONZE)])
def test_a_bucket_that_is_not_there_is_an_error_that_names_it(aws, verb):
    with pytest.raises(ArrivalError, match=r"s3://missing/.* could not be .*(?s:.*)NoSuchBucket"):
        verb(S3Path("missing", "bronze"))


@pytest.mark.parametrize("places", [(LANDING, Path("bronze")), (Path("landing"), BRONZE)])
def test_a_folder_and_a_bucket_do_not_go_together(places):
    with pytest.raises(ArrivalError, match="one a folder, one on S3"):
        sweep(*places)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_copy_is_one_of_just_this_object(versioned):
    with world(versioned) as aws:
        upload, asked = aws.upload("registros.csv"), []

        def note(call, request):
            asked.extend([request["headers"]] if call == "CopyObject" else [])

        aws.before.append(note)
        aws.deliver([upload.event()])
        (headers,) = asked
        source = "landing-bucket/registros.csv" + (f"?versionId={upload.version}" if versioned else "")
        assert headers["x-amz-copy-source"] == source
        assert headers["x-amz-copy-source-if-match"] == f'"{upload.etag}"'


def test_an_object_above_the_limit_is_copied_in_parts_of_just_this_object(aws):
    content = bytes(range(256)) * (11 * MIB // 256)
    upload = aws.upload("registros grande+1.csv", content)
    aws.upload(upload.key, b"later\n")
    parts = []

    def note(call, request):
        if call == "UploadPartCopy":
            headers = request["headers"]
            parts.append((headers["x-amz-copy-source"].partition("?")[2], headers["x-amz-copy-source-if-match"]))

    aws.before.append(note)
    landed = Landed(LANDING / upload.key, upload.time, upload.etag, upload.version)
    arrival = s3_moves.move_to_bronze(aws.clients["s3"], landed, BRONZE, copied_at_once=5 * MIB)
    assert parts == 3 * [(f"versionId={upload.version}", f'"{upload.etag}"')]
    assert aws.in_bronze() == {arrival.bronze_name: content} and aws.in_landing() == [(upload.key, b"later\n")]


def test_s3_copies_up_to_5_gib_at_once():
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
    assert s3_moves.COPIED_AT_ONCE == 5_368_709_120


def test_an_object_replaced_between_two_parts_is_not_pieced_together(without_versions):
    aws = without_versions
    first = aws.upload("registros.csv", b"1" * 11 * MIB)
    asked = []

    def replace_once(call, _):
        asked.append(call)
        if asked.count("UploadPartCopy") == 2 and len(aws.uploads) == 1:
            aws.upload("registros.csv", b"2" * 11 * MIB)

    aws.before.append(replace_once)
    landed = Landed(LANDING / first.key, first.time, first.etag)
    with pytest.raises(ArrivalError, match="did not match"):
        s3_moves.move_to_bronze(aws.clients["s3"], landed, BRONZE, copied_at_once=5 * MIB)
    assert s3_moves.move_to_bronze(aws.clients["s3"], landed, BRONZE) is None
    assert aws.in_bronze() == {} and aws.in_landing() == [("registros.csv", b"2" * 11 * MIB)]


@pytest.mark.parametrize("spoiled", [b"a,", b"x,y\n"], ids=["shorter", "as long"])
def test_a_copy_that_differs_is_deleted_and_made_again(aws, spoiled):
    upload = aws.upload("registros.csv")

    def spoil(call, _):
        if call == "CopyObject":
            s3_backends["123456789012"]["aws"].put_object("lake-bucket", f"bronze/{upload.bronze_name}", spoiled)

    aws.after.append(spoil)
    assert aws.deliver([upload.event()]) == [0]
    assert "differs from it" in aws.log.getvalue()
    assert aws.in_bronze() == {} and aws.in_landing() == [("registros.csv", upload.body)]
    aws.after.remove(spoil)
    assert aws.deliver([upload.event()]) == [] and aws.in_bronze() == {upload.bronze_name: upload.body}


def test_a_copy_that_differs_is_not_deleted_when_another_has_made_a_better_one(aws):
    upload = aws.upload("registros.csv")

    def spoil(call, _):
        if call == "CopyObject":
            aws.after.remove(spoil)
            aws.user.put_object(Bucket="lake-bucket", Key=f"bronze/{upload.bronze_name}", Body=b"spoiled")

    def make_a_better_one(call, request):
        if call == "DeleteObject" and "bronze" in request["url_path"]:
            aws.before.remove(make_a_better_one)
            aws.run()

    aws.after.append(spoil)
    aws.before.append(make_a_better_one)
    aws.deliver([upload.event()])
    assert aws.in_bronze() == {upload.bronze_name: upload.body} and aws.in_landing() == []


def test_a_copy_that_differs_and_that_nobody_could_delete_is_overwritten(aws):
    upload = aws.upload("registros.csv")
    aws.user.put_object(Bucket="lake-bucket", Key=f"bronze/{upload.bronze_name}", Body=b"spoiled")
    assert aws.deliver([upload.event()]) == [] and aws.in_bronze() == {upload.bronze_name: upload.body}


HEAD = {"ContentLength": 4, "ETag": '"aa"', "ChecksumCRC64NVME": "abc="}


@pytest.mark.parametrize(
    ("copy", "same"),
    [
        (None, False),
        (HEAD, True),
        (HEAD | {"ContentLength": 5}, False),
        (HEAD | {"ETag": '"bb"'}, False),
        (HEAD | {"ETag": '"bb"', "ServerSideEncryption": "AES256"}, False),
        (HEAD | {"ETag": '"bb"', "ServerSideEncryption": "aws:kms"}, True),
        (HEAD | {"ETag": '"bb-2"'}, True),
        (HEAD | {"ETag": '"bb-2"', "ChecksumCRC64NVME": "abd="}, False),
        (HEAD | {"ETag": '"bb-2"', "ChecksumCRC64NVME": "abd=-2", "ChecksumType": "COMPOSITE"}, True),
        ({"ContentLength": 4, "ETag": '"bb-2"', "ChecksumSHA256": "other kind"}, True),
    ],
)
def test_equal_is_what_s3_can_tell_to_be_equal(copy, same):
    assert is_same(HEAD | {"ChecksumType": "FULL_OBJECT"}, copy) is same
