"""The script of all Glue jobs of the workflow: runs the notebook that the job is for.

Glue passes the job's arguments, and those of its run, on the command line; those named as settings are settings.
"""

import sys
from argparse import ArgumentParser

from vendas.cost import DPUS
from vendas.errors import SettingsError, VendasError
from vendas.job import JobRun, run_job
from vendas.settings import Settings, load_settings
from vendas.storage import S3Lake


def main(arguments: list[str]) -> None:
    """Raises SystemExit with what went wrong, which is what Glue then shows of the job."""
    parser = ArgumentParser(allow_abbrev=False)
    parser.add_argument("--notebook", required=True)
    parser.add_argument("--JOB_RUN_ID", default="manual")
    parser.add_argument("--WORKFLOW_NAME")
    parser.add_argument("--WORKFLOW_RUN_ID")
    parser.add_argument("--worker_type", default="G.1X", choices=DPUS)
    parser.add_argument("--workers", type=int, default=2)
    for name in Settings.model_fields:
        parser.add_argument(f"--{name}")
    given, _ = parser.parse_known_args(arguments)  # Glue has more of its own
    dpus = DPUS[given.worker_type] * given.workers
    try:
        settings = load_settings(**{name: getattr(given, name) for name in Settings.model_fields})
        if not isinstance(settings.lake, S3Lake):
            raise SettingsError(f"--lake is {settings.lake}; expected s3://bucket. A lake in a folder: vendas run.")
        run_job(given.notebook, settings, JobRun(given.JOB_RUN_ID, given.WORKFLOW_NAME, given.WORKFLOW_RUN_ID, dpus))
    except VendasError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
