"""COPY as in Redshift: it loads the files of a manifest on S3, by column position, with strict types."""

import io
import json
from urllib.parse import urlsplit

import boto3
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from botocore.exceptions import ClientError

from helpers.redshift_rules import INTERNAL, Refused


def rows_as_csv(manifest, columns):
    """Return the rows of all files as CSV; `columns` are the table's as (name, type).

    Raises: Refused for what Redshift refuses, such as missing files or wrong types.
    """
    try:
        entries = json.loads(_read(manifest))["entries"]
    except ClientError:
        raise Refused(
            INTERNAL, f"S3ServiceException:The specified key does not exist.,Status 404,Key {manifest}"
        ) from None
    files = [body for body in map(_body, entries) if body is not None]
    if not files:
        raise Refused(INTERNAL, f"The specified S3 manifest {manifest} names no file that is there")
    return b"".join(_csv(body, columns) for body in files)


def _read(url):
    parts = urlsplit(url)
    return boto3.client("s3").get_object(Bucket=parts.netloc, Key=parts.path[1:])["Body"].read()


def _body(entry):
    length = entry.get("meta", {}).get("content_length")
    if length is None:
        raise Refused(INTERNAL, f"File {entry['url']} in the manifest has no meta.content_length, required for PARQUET")
    try:
        body = _read(entry["url"])
    except ClientError:
        if entry.get("mandatory"):
            raise Refused(
                INTERNAL, f"S3ServiceException:The specified key does not exist.,Key {entry['url']}"
            ) from None
        return None
    if len(body) != length:
        raise Refused(INTERNAL, f"File {entry['url']} has {len(body)} bytes, and content_length says {length}")
    return body


def _csv(body, columns):
    file = pyarrow.parquet.ParquetFile(io.BytesIO(body))
    given = [file.schema.column(number) for number in range(len(file.schema))]
    if len(given) != len(columns):
        raise Refused(
            INTERNAL,
            "Spectrum Scan Error",
            f"Unmatched number of columns between table and file. Table columns: {len(columns)}, "
            f"Data columns: {len(given)}",
        )
    for column, (name, type) in zip(given, columns, strict=True):
        if not fits(column, type):
            raise Refused(
                INTERNAL,
                "Spectrum Scan Error",
                f"File has an incompatible Parquet schema for column '{name}'. Column type: {type}, "
                f"Parquet schema: {column.physical_type} {column.logical_type}",
            )
    table = file.read()
    times = [pa.timestamp("us") if pa.types.is_timestamp(field.type) else field.type for field in table.schema]
    target = pa.schema(list(zip(table.column_names, times, strict=True)))
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(table.cast(target), sink, options)
    return sink.getvalue()


def fits(column, type):
    """Return whether a table column of this type accepts a Parquet column."""
    physical, logical = column.physical_type, json.loads(column.logical_type.to_json())
    kind = logical["Type"]
    if type.startswith("character varying"):
        return (physical, kind) == ("BYTE_ARRAY", "String")
    if type.startswith("numeric"):
        return kind == "Decimal" and f"numeric({logical['precision']},{logical['scale']})" == type
    if type == "timestamp without time zone":
        return physical == "INT96" or (kind == "Timestamp" and logical["isAdjustedToUTC"])
    plain = {"integer": "INT32", "bigint": "INT64", "boolean": "BOOLEAN"}
    return (physical, kind) in [(plain.get(type), "None"), ("INT32" if type == "date" else "", "Date")]
