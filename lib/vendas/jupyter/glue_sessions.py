"""The options of the interactive sessions of AWS Glue in which the notebooks of a lake in S3 run.

The options are environment variables that the kernel reads by itself, so notebooks need no magics. A variable that is
already set is kept: `glue_idle_timeout=60`, `glue_connections=…`. The kernel looks for the same names in ~/.aws/config.
"""

import json
import os
from importlib.util import find_spec

from vendas import resources
from vendas.errors import SettingsError
from vendas.lake.spark import JVM_OPTIONS
from vendas.settings import Settings
from vendas.storage import as_s3
from vendas.tuning import GLUE_SESSION_IDLE_MINUTES, GLUE_SESSION_MINUTES, GLUE_SESSION_WORKER, GLUE_SESSION_WORKERS

KERNEL = {"name": "glue_pyspark", "display_name": "Glue PySpark", "language": "python"}
ARGUMENTS = {
    "--datalake-formats": "iceberg",
    "--python-modules-installer-option": "--no-index --no-deps",  # the archive has all needed modules
}


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables with which Jupyter finds the kernel, and the kernel creates a session for a lake in S3.

    Raises: SettingsError if the AWS region, the role, the modules or the kernel are missing.
    """
    options = {
        "AWS_REGION": _region(),
        "glue_version": "5.1",
        "glue_role_arn": _required("glue_role", settings.glue_role, "the ARN of the role sessions run under"),
        "glue_worker_type": GLUE_SESSION_WORKER,
        "glue_number_of_workers": str(GLUE_SESSION_WORKERS),
        "glue_idle_timeout": str(GLUE_SESSION_IDLE_MINUTES),
        "glue_timeout": str(GLUE_SESSION_MINUTES),
        "glue_session_id_prefix": "vendas",
        "glue_tags": json.dumps({"project": "vendas", "lake": as_s3(settings.lake).bucket}),
        "glue_additional_python_modules": _required(
            "glue_modules", settings.glue_modules, "the s3:// address of the modules that `make deploy` uploaded"
        ),
        "glue_spark_conf": " --conf ".join(f"{k}={v}" for k, v in JVM_OPTIONS.items()),
        "glue_default_arguments": json.dumps(ARGUMENTS),
    }
    _check_installed()
    kernels = [str(resources.folder("jupyter")), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    return {name: os.environ.get(name, value) for name, value in options.items()} | {
        "JUPYTER_PATH": os.pathsep.join(kernels)
    }


def _region() -> str:
    import boto3  # here, because a lake on this machine does not need it

    found = boto3.Session().region_name
    if not found:
        raise SettingsError(
            "No AWS region is known, in which Glue is to run the notebooks. Set AWS_DEFAULT_REGION, or call: "
            "aws configure"
        )
    return found


def _required(name: str, value: str | None, meaning: str) -> str:
    if not value:
        raise SettingsError(
            f"Notebooks of a lake in S3 run in a session of AWS Glue, which needs {name} (VENDAS_{name.upper()}): "
            f"{meaning}. It is not set; docs/aws.md tells where it is found."
        )
    return value


def _check_installed() -> None:
    if find_spec("aws_glue_interactive_sessions_kernel") is None:
        raise SettingsError(
            "Notebooks of a lake in S3 need the Glue PySpark kernel, which is not installed. Install it by: "
            "pip install 'vendas[glue]' (in a clone: .venv/bin/pip install --editable '.[glue]')"
        )
