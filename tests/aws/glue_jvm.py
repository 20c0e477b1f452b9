"""Jobs as AWS Glue starts them: by spark-submit, in Glue's Python, with the job's own arguments, under its own role."""

import atexit
import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyspark

import glue_python
from vendas.lake.jars import ICEBERG, ICEBERG_AWS, REDSHIFT_DRIVER, S3A, fetch_jars, jar_cache
from vendas.lake.spark import java_home
from workflow_double import JobRun

OF_GLUE = {ICEBERG, ICEBERG_AWS, REDSHIFT_DRIVER, *S3A}  # Iceberg's are what `--datalake-formats iceberg` brings
SCRIPT = Path(__file__).parents[2] / "workflow" / "glue_job.py"
SUBMIT = Path(pyspark.__file__).parent / "bin" / "spark-submit"
NOT_TOLD = {"AWS_DEFAULT_REGION", "AWS_REGION", "PYTHONPATH", "VIRTUAL_ENV"}  # a job gets no such variable
VERSIONS = [f"{pyspark.__version__}+amzn.1", f"{pyspark.__version__}-amzn-1"]  # of PySpark, as Glue has them


@cache
def glues_python(version=VERSIONS[0]):
    """Glue's interpreter and its wrapper, made once, for as long as this process lasts."""
    folder = TemporaryDirectory(prefix="glue-")
    atexit.register(folder.cleanup)
    return glue_python.make(Path(folder.name), version)


def environment(role, python):
    """The variables of a job's process."""
    told = {name: value for name, value in os.environ.items() if name not in NOT_TOLD}
    return told | {
        "AWS_ACCESS_KEY_ID": role,
        "HOME": glue_python.NO_HOME,
        "JAVA_HOME": str(java_home()),
        "PYSPARK_PYTHON": str(python),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def submit(stack, options, version=VERSIONS[0]):
    """Executes a job of the stack; `options` are Spark's that lead it to the emulator."""

    def execute(job, arguments):
        python, wrapper = glues_python(version)
        jars = fetch_jars(jar_cache(), packages=OF_GLUE)
        of_job = arguments[arguments.index("--conf") + 1].split(" --conf ")
        configured = [f"{name}={value}" for name, value in options.items()] + of_job
        # Glue installs the modules for Spark's workers as well, which no wrapper starts.
        configured.append(f"spark.executorEnv.PYTHONPATH={glue_python.path(wrapper)}")
        command = [SUBMIT, "--master", "local[2]", "--driver-memory", "1g", "--jars", ",".join(map(str, jars))]
        command += [part for option in configured for part in ("--conf", option)]
        done = subprocess.run(
            [*command, wrapper, SCRIPT, *arguments],
            env=environment(stack.role_of(job), python),
            capture_output=True,
            text=True,
        )
        return JobRun("SUCCEEDED" if done.returncode == 0 else "FAILED", done.stdout, done.stderr)

    return execute
