"""The script of all Glue jobs of the stack: it runs the job's notebook, the preflight, the upkeep, or erasures.

Glue passes the arguments of the job and of its run on the command line; an argument with the name of a setting sets it.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from vendas.errors import SettingsError, VendasError
from vendas.machine.imports import lasting_imports
from vendas.machine.job_environment import job_environment


def main(arguments: list[str]) -> None:
    """Run what the arguments ask for, in the environment of a job.

    Raises: SystemExit with the error message, which Glue then shows for the job.
    """
    parser = ArgumentParser(allow_abbrev=False)
    parser.add_argument("--aws_region")
    first, _ = parser.parse_known_args(arguments)
    before = dict(os.environ)
    with TemporaryDirectory(prefix="vendas-") as folder:
        os.environ |= job_environment(Path(folder), sys.path, first.aws_region)
        try:
            _work(arguments)
        except VendasError as error:
            sys.exit(f"{type(error).__name__}: {error}")
        finally:
            os.environ.clear()
            os.environ.update(before)


def _work(arguments: list[str]) -> None:
    # Here, because some modules look for a writable folder when they are imported.
    with lasting_imports():
        from vendas.runs.job import JobRun, run_job
        from vendas.settings import Settings, load_settings
        from vendas.storage import S3Lake

    given, dpus = _parse(arguments, list(Settings.model_fields))
    settings = load_settings(**{name: getattr(given, name) for name in Settings.model_fields})
    if not isinstance(settings.lake, S3Lake):
        raise SettingsError(f"--lake is {settings.lake}; expected s3://bucket. A lake in a folder: vendas run.")
    if given.preflight:
        from vendas.doctor.preflight_job import run_preflight

        return run_preflight(settings, given.preflight, given.aws_region)
    if given.upkeep is not None:
        from vendas.runs.upkeep_job import run_upkeep

        return run_upkeep(settings, given.upkeep)
    if given.erasures:
        from vendas.runs.erasure_job import run_erasure

        run_erasure(settings)
        return
    if not given.notebook:
        raise SettingsError("--notebook is missing; expected a stage's notebook, such as 01_bronze.")
    job_run = JobRun(given.JOB_RUN_ID, given.WORKFLOW_NAME, given.WORKFLOW_RUN_ID, dpus, given.erasure_job)
    run_job(given.notebook, settings, job_run)


def _parse(arguments: list[str], settings: list[str]) -> tuple[Namespace, float]:
    """Return the arguments that Glue passes, and the number of DPUs of the job."""
    from vendas.reports.cost import DPUS

    parser = ArgumentParser(allow_abbrev=False)
    own = ("notebook", "preflight", "erasures", "erasure_job", "aws_region", "WORKFLOW_NAME", "WORKFLOW_RUN_ID")
    for name in (*own, *settings):
        parser.add_argument(f"--{name}")
    parser.add_argument("--upkeep", type=int, metavar="HOURS")
    parser.add_argument("--JOB_RUN_ID", default="manual")
    parser.add_argument("--worker_type", default="G.1X", choices=DPUS)
    parser.add_argument("--workers", type=int, default=2)
    given, _ = parser.parse_known_args(arguments)  # ignore Glue's own arguments
    return given, DPUS[given.worker_type] * given.workers


if __name__ == "__main__":
    main(sys.argv[1:])
