"""The upkeep of a lake in S3 as a job of AWS Glue: what `vendas maintain` does for a folder, in the job's JVM."""

import json
from contextlib import nullcontext
from datetime import timedelta

from aws_lambda_powertools import Logger

from vendas.errors import SettingsError
from vendas.lake.maintenance import as_json, maintain_tables
from vendas.lake.workers import SparkWorkers
from vendas.runs.job import SERVICE, WAITING
from vendas.settings import Settings
from vendas.tuning import SNAPSHOTS_KEPT_MIN_HOURS


def run_upkeep(settings: Settings, hours: int) -> None:
    """Maintain every table, expiring snapshots older than `hours`, and print the sizes as JSON.

    Raises: SettingsError if `hours` is less than SNAPSHOTS_KEPT_MIN_HOURS; UpkeepError if the upkeep of a table fails.
    """
    if hours < SNAPSHOTS_KEPT_MIN_HOURS:
        raise SettingsError(
            f"--upkeep is {hours}; expected {SNAPSHOTS_KEPT_MIN_HOURS} hours or more, since notebooks, queries and "
            "jobs that read the lake meanwhile would miss their files. Set the stack's parameter UpkeepHours."
        )
    log = Logger(service=SERVICE)
    upkeeps = maintain_tables(
        settings,
        timedelta(hours=hours),
        lambda settings: nullcontext(SparkWorkers(settings)),
        waiting=lambda: log.info(WAITING),
        done=lambda table: log.info("upkeep done of table", tabela=table),
    )
    print(json.dumps(as_json(upkeeps)), flush=True)
