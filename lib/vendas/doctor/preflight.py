"""The preflight of a stack, as a user of the AWS account starts it: one small job, and one copy by the function.

Checks that need the stack's own roles run on AWS; this module starts them, waits for them and collects the findings.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vendas.doctor.findings import Finding
from vendas.doctor.preflight_job import Probe, result_path, run_probe
from vendas.errors import ProbeFailed, SettingsError
from vendas.landing.s3_objects import PREFLIGHT_FOLDER
from vendas.storage import S3Lake, S3Path, client
from vendas.tuning import PREFLIGHT_POLL_SECONDS

ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}
LONGEST_ANSWER = 1000  # characters

_JOB = "See the job's run in the Glue console; its log is in /aws-glue/STACK/error. docs/aws.md, Preflight."
_FUNCTION = (
    "Look at the policies of the function's role and of both buckets (KMS key), at the function's log, and whether the "
    "function has concurrency left (ArrivalConcurrency)."
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class StackOutputs:
    """The name of a stack, and its outputs by key."""

    name: str
    values: dict[str, str]

    def __getitem__(self, key: str) -> str:
        if key not in self.values:
            raise SettingsError(
                f"The stack {self.name} has no output {key}: it was deployed by an older version. Deploy it again."
            )
        return self.values[key]


def stack_of(lake: S3Lake) -> StackOutputs:
    """Return the outputs of the stack that this lake belongs to.

    Raises: SettingsError if no stack has this lake, or AWS cannot be asked.
    """
    for stack in _stacks():
        if stack.values.get("LakeBucket") == lake.bucket:
            return stack
    raise SettingsError(
        f"No stack here has the LakeBucket {lake.bucket}. Expected a lake that make deploy made, and credentials and "
        "region of its account (AWS_PROFILE, AWS_DEFAULT_REGION)."
    )


def _stacks() -> Iterator[StackOutputs]:
    try:
        for page in client("cloudformation").get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
                yield StackOutputs(stack["StackName"], outputs)
    except (BotoCoreError, ClientError) as error:
        raise SettingsError(
            f"AWS does not tell of stacks: {error}\nExpected a stack that make deploy made, and credentials and region "
            "of its account (AWS_PROFILE, AWS_DEFAULT_REGION)."
        ) from error


def preflight(stack: StackOutputs, progress: Progress, poll_seconds: float = PREFLIGHT_POLL_SECONDS) -> list[Finding]:
    """Run the stack's preflight job, and have the function copy an object; return all findings."""
    progress(f"Copying one object by the function {stack['ArrivalFunction']}")
    copied = run_probe("Function", Probe(lambda: _copy_by_function(stack), _FUNCTION))
    of_job: list[Finding] = []
    started = run_probe("Job", Probe(lambda: _run_job(stack, of_job, progress, poll_seconds), _JOB))
    return [started, *of_job, copied]


def _run_job(stack: StackOutputs, findings: list[Finding], progress: Progress, poll_seconds: float) -> str:
    """Run the job, add its findings to `findings`, and return how it ended. Raises: ProbeFailed if it failed."""
    glue, name = client("glue"), secrets.token_hex(8)
    job, arguments = stack["PreflightJob"], {"--preflight": name}
    run_id = glue.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]
    run = _wait(lambda: glue.get_job_run(JobName=job, RunId=run_id)["JobRun"], progress, poll_seconds)
    result = result_path(S3Path(stack["LakeBucket"]), name)
    told = f"{job} {run_id} {run['JobRunState']} after {run.get('ExecutionTime', 0)} s"
    if run["JobRunState"] != "SUCCEEDED":
        raise ProbeFailed(f"{told}: {run.get('ErrorMessage') or 'no reason given'}")
    with result.open("rb") as file:
        findings += [Finding(**finding) for finding in json.load(file)["findings"]]
    result.unlink()
    return told


def _wait(look: Callable[[], dict[str, Any]], progress: Progress, poll_seconds: float) -> dict[str, Any]:
    """Poll until the run has ended, report each change of its state, and return it."""
    state = None
    while True:
        run = look()
        if run["JobRunState"] != state:
            state = run["JobRunState"]
            progress(f"The preflight job is {state}")
        if state in ENDED:
            return run
        time.sleep(poll_seconds)


def _copy_by_function(stack: StackOutputs) -> str:
    """Put an object into landing, and have the function copy it to bronze under its role and delete both objects."""
    landing = S3Path(stack["LandingBucket"]) / PREFLIGHT_FOLDER / f"{secrets.token_hex(8)}.txt"
    landing.write_bytes(b"preflight\n")
    copied = None
    try:
        answer = client("lambda").invoke(
            FunctionName=stack["ArrivalFunction"], Payload=json.dumps({"preflight": landing.key}).encode()
        )
        told = json.loads(answer["Payload"].read())
        copied = told and told.get("copied")
        if not copied:
            raise ProbeFailed(f"the function answered {json.dumps(told)[:LONGEST_ANSWER]}")
    finally:
        if not copied:  # otherwise it is gone, and deleting it again would leave a delete marker
            landing.unlink()
    return f"{landing} copied to {copied} and deleted"
