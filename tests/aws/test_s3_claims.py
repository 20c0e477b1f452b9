"""The files that a run finds in bronze on S3: by claims, and once a day by a full listing."""

from datetime import UTC, datetime, timedelta

import pytest

from helpers.arrival_world import BRONZE, LAKE, LANDING, failure, world
from vendas.errors import ArrivalError
from vendas.landing import s3_claims
from vendas.landing.arrivals import BronzeFile, find_new_files, sweep
from vendas.storage import S3Path

BY_HAND = "registros_a_mão_20240102T030405678Z_0a1b2c3d.csv"
LOOKED = f"bronze/_claims/{s3_claims.LOOKED}"


@pytest.fixture
def aws():
    with world() as made:
        yield made


def names(found):
    return [file.name for file in found.files]


def claims(aws):
    """Return the keys of all claims."""
    listed = aws.user.list_objects_v2(Bucket=LAKE, Prefix="bronze/_claims/").get("Contents", [])
    return [found["Key"] for found in listed if found["Key"] != LOOKED]


def test_what_the_function_and_the_run_moved_is_found_by_its_claims_with_the_names_it_came_under(aws):
    by_event, by_sweep = aws.upload("REGISTROS_A.CSV"), aws.upload("registros_b.csv")
    aws.deliver([by_event.event()])
    sweep(LANDING, BRONZE)
    found = find_new_files(BRONZE)
    assert names(found) == [by_event.bronze_name, by_sweep.bronze_name.replace("125Z", "000Z")]
    assert sorted(arrival.name for arrival in found.arrivals) == ["REGISTROS_A.CSV", "registros_b.csv"]


def test_it_is_found_again_until_the_look_is_done(aws):
    upload = aws.upload("registros.csv")
    aws.sweep()
    first, again = find_new_files(BRONZE), find_new_files(BRONZE)
    assert names(first) == names(again) and len(first.files) == 1 and claims(aws)
    first.done()
    again.done()
    assert (names(find_new_files(BRONZE)), claims(aws)) == ([], [])
    assert list(aws.in_bronze().values()) == [upload.body]


def test_what_is_still_in_landing_keeps_its_claim(aws):
    upload = aws.upload("registros.csv")
    aws.before.append(lambda call, _: failure("SlowDown", 503) if call == "DeleteObject" else None)
    assert aws.deliver([upload.event()]) == [0]
    aws.before.pop()
    found = find_new_files(BRONZE)
    found.done()
    assert names(found) == [] and len(claims(aws)) == 1
    sweep(LANDING, BRONZE)
    assert names(find_new_files(BRONZE)) == [upload.bronze_name]


def test_requests_of_a_look_do_not_grow_with_bronze(aws):
    for number in range(30):
        aws.user.put_object(Bucket=LAKE, Key=f"bronze/{BY_HAND.replace('mão', str(number))}")
    asked = []
    aws.before.append(lambda call, request: asked.append((call, request["query_string"].get("prefix"))))
    find_new_files(BRONZE)
    assert asked == [("ListObjectsV2", "bronze/_claims/")]


# --- all of bronze


@pytest.fixture
def today(aws, monkeypatch):
    """Set the world's clock to the machine's, and list all of bronze once a day."""
    monkeypatch.setattr(s3_claims, "BRONZE_LISTED_EVERY", timedelta(days=1))
    aws.now = datetime.now(UTC).replace(tzinfo=None)
    return aws


def looked(aws, ago):
    """Set the age of the last full listing; None means there was none, as in a lake of an older version."""
    aws.now -= ago or timedelta()
    if ago is None:
        aws.user.delete_object(Bucket=LAKE, Key=LOOKED)
    else:
        aws.user.put_object(Bucket=LAKE, Key=LOOKED)
    aws.now += ago or timedelta()


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(hours=23), []),
        (timedelta(days=1), [BronzeFile.parse(BY_HAND)]),
        (None, []),
    ],
    ids=["an hour less than a day ago", "a day ago", "never"],
)
def test_a_file_that_no_claim_tells_of_is_found_by_a_look_at_all_of_bronze_once_a_day(today, ago, expected):
    today.user.put_object(Bucket=LAKE, Key=f"bronze/{BY_HAND}")
    today.user.put_object(Bucket=LAKE, Key="bronze/notas.txt")
    looked(today, ago)
    assert find_new_files(BRONZE).files == expected


def test_a_look_at_all_of_bronze_counts_once_it_is_done(today):
    today.user.put_object(Bucket=LAKE, Key=f"bronze/{BY_HAND}")
    looked(today, timedelta(days=1))
    find_new_files(BRONZE)
    found = find_new_files(BRONZE)
    assert names(found) == [BY_HAND] and found.arrivals == []
    found.done()
    assert names(find_new_files(BRONZE)) == []


def test_in_a_lake_of_an_older_version_the_first_run_begins_the_day_after_which_all_is_looked_at(today, monkeypatch):
    today.user.put_object(Bucket=LAKE, Key=f"bronze/{BY_HAND}")
    looked(today, None)
    find_new_files(BRONZE).done()
    assert names(find_new_files(BRONZE)) == []
    monkeypatch.setattr(s3_claims, "BRONZE_LISTED_EVERY", timedelta(0))
    assert names(find_new_files(BRONZE)) == [BY_HAND]


def test_a_claim_without_object_and_copy_asks_for_no_run_and_goes_after_a_day(today):
    def take_away(call, _):
        if call == "CopyObject":
            today.user.delete_object(Bucket=LANDING.bucket, Key=upload.key, VersionId=upload.version)

    upload = today.upload("registros.csv")
    today.before.append(take_away)
    today.deliver([upload.event()])
    today.before.pop()
    assert len(claims(today)) == 1 and today.sweep()["workflow_run"] is None
    find_new_files(BRONZE).done()
    assert len(claims(today)) == 1  # because a copy may be running
    today.now -= timedelta(days=1, minutes=1)
    (claim,) = claims(today)
    note = today.user.get_object(Bucket=LAKE, Key=claim)["Body"].read()
    today.user.put_object(Bucket=LAKE, Key=claim, Body=note)
    found = find_new_files(BRONZE)
    found.done()
    assert (names(found), claims(today)) == ([], [])


def test_a_bucket_that_is_not_there_is_an_error_that_names_it(aws):
    with pytest.raises(ArrivalError, match=r"s3://missing/bronze could not be looked at(?s:.*)NoSuchBucket"):
        find_new_files(S3Path("missing", "bronze"))


def test_a_claim_that_cannot_be_released_is_an_error(aws):
    aws.upload("registros.csv")
    aws.sweep()
    found = find_new_files(BRONZE)
    aws.before.append(lambda call, _: failure("AccessDenied", 403) if call == "DeleteObject" else None)
    with pytest.raises(ArrivalError, match="s3://lake-bucket/bronze could not be looked at(?s:.*)AccessDenied"):
        found.done()
