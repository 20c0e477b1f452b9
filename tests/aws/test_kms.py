"""Buckets encrypted with a KMS key of the user: only roles that read or write the buckets may use the key."""

import pytest

from helpers.stack import Stack
from test_template import GIVEN, WAREHOUSE

KEY, OTHER = (f"arn:aws:kms:us-east-1:123456789012:key/{name}" for name in ("0a1b2c3d", "9f8e7d6c"))
BY_S3 = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
BUCKETS = {
    "DataKeyArn": ("arn:aws:s3:::loja-landingbucket", "arn:aws:s3:::loja-lakebucket"),
    "ArtifactsKeyArn": ("arn:aws:s3:::artifacts",),
}
NEEDS = {"s3:GetObject": "kms:Decrypt", "s3:PutObject": "kms:GenerateDataKey"}


def users(stack, action, key=KEY, context=BY_S3):
    return {role for role in stack.resources("AWS::IAM::Role") if stack.allows(stack.arn(role), action, key, context)}


def doers(stack, action, buckets):
    """Return the roles whose policies allow this action on an object of these buckets."""
    return {
        role
        for role in stack.resources("AWS::IAM::Role")
        for statement in stack.policies[stack.arn(role)]
        if action in statement["Action"]
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
        if resource.startswith(tuple(f"{bucket}/" for bucket in buckets))
    }


@pytest.mark.parametrize("given", [{}, WAREHOUSE], ids=["own warehouse", "given warehouse"])
@pytest.mark.parametrize("bucket_of", BUCKETS)
@pytest.mark.parametrize("action", NEEDS)
def test_who_uses_a_bucket_may_use_its_key_so(given, bucket_of, action):
    stack = Stack(**GIVEN, **given, **{bucket_of: KEY})
    assert users(stack, NEEDS[action]) == doers(stack, action, BUCKETS[bucket_of])


def test_literally_who_may_use_the_keys():
    stack = Stack(**GIVEN, DataKeyArn=KEY, ArtifactsKeyArn=OTHER)
    jobs = {"BronzeRole", "SilverRole", "GoldRole", "WarehouseRole", "PreflightRole", "UpkeepRole", "ErasureRole"}
    assert users(stack, "kms:Decrypt") == jobs | {"ArrivalRole", "SessionRole", "CopyRole"}
    assert users(stack, "kms:GenerateDataKey") == jobs | {"ArrivalRole"}
    assert users(stack, "kms:Decrypt", OTHER) == jobs | {"SessionRole"}
    assert users(stack, "kms:GenerateDataKey", OTHER) == set()


@pytest.mark.parametrize("action", NEEDS.values())
def test_a_key_is_used_through_s3_alone(action):
    stack = Stack(**GIVEN, DataKeyArn=KEY, ArtifactsKeyArn=KEY)
    other = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    assert (users(stack, action, context={}), users(stack, action, context=other)) == (set(), set())


@pytest.mark.parametrize("given", [{}, {"WarehouseClusterId": "dw"}], ids=["no refresh", "refresh"])
def test_who_reads_the_secret_may_use_its_key_so(given):
    stack = Stack(**GIVEN, **WAREHOUSE, **given, WarehouseSecretKeyArn=KEY)
    roles = stack.resources("AWS::IAM::Role")
    secret = WAREHOUSE["WarehouseSecretArn"]
    readers = {role for role in roles if stack.allows(stack.arn(role), "secretsmanager:GetSecretValue", secret, {})}
    by_secrets_manager = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    assert users(stack, "kms:Decrypt", context=by_secrets_manager) == readers
    assert readers == {"WarehouseRole", "SessionRole", "PreflightRole", "ErasureRole"} | (
        {"RefreshRole"} if given else set()
    )
    assert users(stack, "kms:Decrypt") == users(stack, "kms:GenerateDataKey", context=by_secrets_manager) == set()


def test_without_a_key_nobody_may_use_one():
    assert "kms:" not in str(Stack(**GIVEN).policies)


@pytest.mark.parametrize("bucket", ["LandingBucket", "LakeBucket"])
@pytest.mark.parametrize(
    ("given", "encrypted"),
    [
        ({}, {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
        (
            {"DataKeyArn": KEY},
            {
                "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
                "BucketKeyEnabled": True,
            },
        ),
    ],
    ids=["S3's keys", "a key of the user's"],
)
def test_buckets_are_encrypted_with_the_key_that_is_given(bucket, given, encrypted):
    (rule,) = Stack(**GIVEN, **given).properties(bucket)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == encrypted
