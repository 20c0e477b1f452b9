"""A record of the calls to the emulator as IAM sees them: actor, action, resource, context.

An actor is identified by its access key, which is the logical name of its role in the template; other callers are
tests.
"""

import json
import re
from collections import Counter
from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from helpers.stack import ACCOUNT, REGION

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request")
_GLUE_TABLES = {"GetTable", "CreateTable", "UpdateTable", "DeleteTable", "GetTables", "GetTableVersions"}


class Call(NamedTuple):
    actor: str
    action: str
    resource: str
    context: tuple = ()


class Recorder:
    """A WSGI application in front of the emulator's own, which records the calls."""

    def __init__(self, application):
        self._application = application
        self.calls: Counter = Counter()

    def __call__(self, environ, start_response):
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if found and found[1].endswith("Role"):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            if environ.get("HTTP_TRANSFER_ENCODING") == "chunked":
                body = b"".join(iter(lambda: environ["wsgi.input"].read(1 << 16), b""))
            environ["wsgi.input"] = BytesIO(body)
            actor, service = found.groups()
            told = _s3 if service == "s3" else _json
            self.calls.update(Call(actor, *what) for what in told(service, environ, body))
        return self._application(environ, start_response)

    def of(self, actor):
        """List the distinct calls of this actor, sorted."""
        return sorted(call for call in self.calls if call.actor == actor)


def _s3(_, environ, body):
    bucket, _, key = unquote(environ["PATH_INFO"].encode("latin-1").decode()).lstrip("/").partition("/")
    method, asked = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    of_bucket, of_object = f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{key}"
    if not key:
        context = (("s3:prefix", asked.get("prefix", [""])[0]),)
        if method == "POST" and "delete" in asked:
            for deleted, version in re.findall(rb"<Key>(.*?)</Key>(<VersionId>)?", body):
                yield f"s3:DeleteObject{'Version' if version else ''}", f"{of_bucket}/{deleted.decode()}"
        elif "versions" in asked:
            yield "s3:ListBucketVersions", of_bucket, context
        else:
            yield "s3:ListBucket" if method in ("GET", "HEAD") else f"s3:{method}Bucket", of_bucket, context
        return
    version = "Version" if "versionId" in asked else ""
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        path, _, of_version = unquote(source).lstrip("/").partition("?versionId=")
        yield f"s3:GetObject{'Version' if of_version else ''}", f"arn:aws:s3:::{path}"
    if "tagging" in asked:
        yield f"s3:{method.capitalize()}Object{version}Tagging", of_object
    elif method == "DELETE":
        yield "s3:AbortMultipartUpload" if "uploadId" in asked else f"s3:DeleteObject{version}", of_object
    else:
        yield {"GET": f"s3:GetObject{version}", "HEAD": f"s3:GetObject{version}"}.get(method, "s3:PutObject"), of_object


def _json(service, environ, body):
    """Yield the calls of services that name the action in a header: `AWSGlue.GetTable`."""
    action = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
    asked = json.loads(body or b"{}")
    for resource in _resources(service, action, asked):
        yield f"{service}:{action}", resource


def _resources(service, action, asked):
    here = f"arn:aws:{service}:{REGION}:{ACCOUNT}"
    if service == "glue":
        database = asked.get("DatabaseName") or asked.get("Name")
        table = asked.get("Name") or asked.get("TableInput", {}).get("Name")
        if action in _GLUE_TABLES:
            return [f"{here}:catalog", f"{here}:database/{database}", f"{here}:table/{database}/{table}"]
        if "Database" in action:
            return [f"{here}:catalog", f"{here}:database/{database}"]
        if "Workflow" in action:
            return [f"{here}:workflow/{asked['Name']}"]
    if service == "secretsmanager":
        secret = asked["SecretId"]
        return [secret if secret.startswith("arn:") else f"{here}:secret:{secret}"]
    if service == "sqs":
        return [f"{here}:{asked['QueueUrl'].rpartition('/')[2]}"]
    return ["*"]
