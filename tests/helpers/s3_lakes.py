"""A lake in S3 with its Redshift, on the emulator and the double, worked on in the tests' own JVM."""

import json
from contextlib import nullcontext

import boto3
import psycopg

from conftest import COPY_ROLE
from helpers.inprocess import run_all_stages
from helpers.people import texts_of, values_in
from vendas import storage
from vendas.lake.ledger import list_entries, read_events
from vendas.lake.spark import jvm_of
from vendas.lake.workers import SparkWorkers
from vendas.settings import load_settings

COUNTS = ("lidas", "duplicadas", "quarentena", "silver", "gold", "dw")


def let_java_reach(spark, url):
    """Point the AWS SDK in the tests' JVM, which may have started without the emulator's variables, to it."""
    given = {"accessKeyId": "testing", "secretAccessKey": "testing", "region": "us-east-1", "endpointUrl": url}
    for name, value in given.items():
        jvm_of(spark).java.lang.System.setProperty(f"aws.{name}", value)


class CloudLake:
    """A lake in a bucket, its landing in another one, and what can be done to them."""

    def __init__(self, name, double, patch):
        storage.client.cache_clear()
        self.s3, self.double, self.buckets = boto3.client("s3"), double, (name, f"{name}-landing")
        for bucket in self.buckets:
            self.s3.create_bucket(Bucket=bucket)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        database = name.replace("-", "_")
        boto3.client("glue").create_database(DatabaseInput={"Name": database, "LocationUri": f"s3://{name}"})
        held = {"host": "127.0.0.1", "port": double.port, "dbname": "vendas", "username": "vendas"}
        held |= {"password": double.endpoint.password, "sslrootcert": double.endpoint.root_certificate}
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name=f"{name}/dw", SecretString=json.dumps(held))
        secrets.create_secret(Name=f"{name}/chave", SecretString="0123456789abcdef" * 4)
        given = {
            "lake": f"s3://{name}",
            "landing": f"s3://{name}-landing",
            "glue_database": database,
            "redshift_secret": f"{name}/dw",
            "redshift_copy_role": COPY_ROLE,
            "privacy_secret": f"{name}/chave",
        }
        for setting, value in given.items():
            patch.setenv(f"VENDAS_{setting.upper()}", value)
        self.settings = load_settings()

    def here(self, settings):
        return nullcontext(SparkWorkers(settings))

    def drop(self, name, data):
        self.s3.put_object(Bucket=self.buckets[1], Key=name, Body=data)

    def run(self, **of_bronze):
        run_all_stages(self.settings.lake, "r", **of_bronze)

    def counts(self):
        entries = list_entries(read_events(self.settings.lake))
        return {entry["arquivo"]: [entry[name] for name in COUNTS] for entry in entries}

    def query(self, query):
        with psycopg.connect(self.double.backend.url) as connection:
            return connection.execute(query).fetchall()

    def keys(self, prefix=""):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.buckets[0], Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def left(self):
        """Return each version of an object, and each table of the warehouse, with one of the values, and which."""
        left = {}
        for bucket in self.buckets:
            for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for found in page.get("Versions", []):
                    which = {"Bucket": bucket, "Key": found["Key"], "VersionId": found["VersionId"]}
                    data = self.s3.get_object(**which)["Body"].read()
                    if values := values_in(texts_of(found["Key"], data)):
                        left[f"{found['Key']} {'latest' if found['IsLatest'] else 'old'}"] = values
        for (table,) in self.query("select tablename from pg_tables where schemaname = 'public'"):
            if values := values_in([repr(self.query(f"select * from {table}")).lower().encode()]):
                left[table] = values
        return left
