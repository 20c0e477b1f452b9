"""The emulator that the other AWS tests use."""

import boto3


def test_spark_writes_to_s3_what_boto3_finds_there(s3_spark, bucket):
    s3_spark.range(3).coalesce(1).write.parquet(f"s3://{bucket}/staging/x")
    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="staging/x/part-")
    assert [item["Size"] > 0 for item in found["Contents"]] == [True]
    assert s3_spark.read.parquet(f"s3://{bucket}/staging/x").count() == 3
