"""Jobs as AWS Glue starts them: by spark-submit, with the job's own arguments, under the job's own role."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark

from vendas.jars import ICEBERG, ICEBERG_AWS, REDSHIFT, S3A, fetch_jars, jar_cache
from vendas.spark import java_home
from workflow_double import JobRun

OF_GLUE = {ICEBERG, ICEBERG_AWS, REDSHIFT, *S3A}  # Iceberg's are what `--datalake-formats iceberg` brings
SCRIPT = Path(__file__).parents[2] / "workflow" / "glue_job.py"
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"


def submit(stack, options):
    """Executes a job of the stack; `options` are Spark's that lead it to the emulator."""

    def execute(job, arguments):
        role = stack.role_of(job)
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": role,
            "JAVA_HOME": str(java_home()),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        jars = fetch_jars(jar_cache(), packages=OF_GLUE)
        of_job = arguments[arguments.index("--conf") + 1].split(" --conf ")
        configured = [f"{name}={value}" for name, value in options.items()] + of_job
        command = [SUBMIT, "--master", "local[2]", "--driver-memory", "1g", "--jars", ",".join(map(str, jars))]
        command += [part for option in configured for part in ("--conf", option)]
        done = subprocess.run([*command, SCRIPT, *arguments], env=environment, capture_output=True, text=True)
        return JobRun("SUCCEEDED" if done.returncode == 0 else "FAILED", done.stdout, done.stderr)

    return execute
