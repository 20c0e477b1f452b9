"""The erasure of people from a lake in S3 as a job of AWS Glue, which alone may read and write all of it."""

from contextlib import nullcontext

from aws_lambda_powertools import Logger

from vendas.errors import PersonError
from vendas.lake.erasures import is_unfinished
from vendas.lake.lock import hold_lake
from vendas.lake.workers import SparkWorkers
from vendas.privacy.erase import complete_erasure, erase_person
from vendas.privacy.erasure_requests import answer_request, refuse_request, waiting_requests
from vendas.runs.job import SERVICE, WAITING
from vendas.settings import Settings
from vendas.storage import as_s3


def run_erasure(settings: Settings) -> int:
    """Complete an erasure that a killed job left, and do all requests that wait; return how many.

    A request that cannot be done is refused, and nothing is changed for it.
    Raises: VendasError if a step fails; the next job completes it.
    """
    log, lake, done = Logger(service=SERVICE), as_s3(settings.lake), 0
    with hold_lake(settings.lake, lambda: log.info(WAITING)):
        if receipt := complete_erasure(settings, lambda settings: nullcontext(SparkWorkers(settings))):
            log.info("unfinished erasure completed", recibo=receipt.recibo)
        for name, request, ground in waiting_requests(lake):
            done += 1
            try:
                erased = erase_person(settings, request, lambda settings: nullcontext(SparkWorkers(settings)), ground)
            except PersonError as error:
                if is_unfinished(lake):
                    raise
                refuse_request(lake, name, str(error))
                log.info("request refused")
            else:
                answer_request(lake, name, erased)
                log.info("request done", recibo=erased.receipt.recibo if erased.receipt else None)
    return done
