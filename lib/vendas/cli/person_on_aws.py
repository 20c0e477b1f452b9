"""`vendas person …` on a lake in S3: what the command takes from the lake's stack, and the job that erases."""

import time
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from vendas.doctor.preflight import ENDED, Progress, stack_of
from vendas.errors import PersonError
from vendas.privacy.erasure_requests import Answer, leave_request, take_answer, withdraw_request
from vendas.privacy.search import Request
from vendas.settings import Settings
from vendas.storage import S3Lake, S3Path, client
from vendas.tuning import ERASURE_POLL_SECONDS


def with_stack(settings: Settings) -> Settings:
    """Return the settings with the landing bucket and the secret of the stack that a lake in S3 belongs to.

    What is set already stays; a lake in a folder has no stack.
    Raises: SettingsError if the stack is needed, and AWS knows none with this lake.
    """
    wanted = {"landing": "LandingBucket", "privacy_secret": "PrivacySecret"}
    missing = {name: output for name, output in wanted.items() if name not in settings.model_fields_set}
    if not isinstance(settings.lake, S3Lake) or not missing:
        return settings
    stack = stack_of(settings.lake)
    given = {name: stack[output] for name, output in missing.items()}
    landing = {"landing": S3Path(given["landing"])} if "landing" in given else {}
    return settings.model_copy(update=given | landing)


def erase_by_job(
    lake: S3Lake, request: Request, ground: str, progress: Progress, poll_seconds: float = ERASURE_POLL_SECONDS
) -> Answer:
    """Have the stack's job erase a person, and wait for its answer.

    Raises: PersonError if the job fails or refuses the request; SettingsError if AWS knows no stack with this lake.
    """
    job = stack_of(lake)["ErasureJob"]
    name = leave_request(lake, request, ground)
    try:
        return _await_answer(job, lake, name, progress, poll_seconds)
    except KeyboardInterrupt:
        progress(f"The job {job} goes on; its receipt will be in {lake}/recibos.")
        raise


def _await_answer(job: str, lake: S3Lake, name: str, progress: Progress, poll_seconds: float) -> Answer:
    """Start the job, unless it runs already, until one has answered."""
    glue, run_id, state = client("glue"), None, None
    while True:
        if answer := take_answer(lake, name):
            return _accepted(answer)
        if run_id is None:
            run_id = _start(job, lake, name)
        else:
            run = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            if run["JobRunState"] != state:
                state = run["JobRunState"]
                progress(f"The job {job} is {state}")
            if state in ENDED:
                return _accepted(take_answer(lake, name) or _explain_failure(job, run_id, run))
        time.sleep(poll_seconds)


def _start(job: str, lake: S3Lake, name: str) -> str | None:
    """Start the job; return its run, None if it runs already: it does other requests, or this one, too."""
    glue = client("glue")
    try:
        return glue.start_job_run(JobName=job, Arguments={})["JobRunId"]
    except glue.exceptions.ConcurrentRunsExceededException:
        return None
    except (BotoCoreError, ClientError):
        withdraw_request(lake, name)
        raise


def _accepted(answer: Answer) -> Answer:
    if answer.problem:
        raise PersonError(answer.problem)
    return answer


def _explain_failure(job: str, run_id: str, run: dict) -> NoReturn:
    raise PersonError(
        f"The job {job}, run {run_id}, ended as {run['JobRunState']}: {run.get('ErrorMessage') or 'no reason given'}\n"
        "The request waits in the lake, under privacy/requests. Mend what is named, and erase again, or start the job: "
        "it does what waits, and completes what was begun."
    )
