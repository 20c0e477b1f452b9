"""Jobs as AWS Glue starts them: with spark-submit, in Glue's Python, with the job's arguments, under its role."""

import atexit
import os
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyspark

from helpers import glue_python
from helpers.workflow_double import JobRun
from vendas.lake.class_archive import ClassArchive
from vendas.lake.jars import REDSHIFT_DRIVER, S3A, fetch_jars, jar_cache
from vendas.lake.spark import java_home

OF_GLUE = (REDSHIFT_DRIVER, *S3A)
SCRIPT = Path(__file__).parents[2] / "workflow" / "glue_job.py"
SPARK = Path(pyspark.__file__).parent
SUBMIT = SPARK / "bin" / "spark-submit"
FOR_LITTLE_WORK = "-XX:TieredStopAtLevel=1"  # as the library's own JVMs have it
NOT_TOLD = {"AWS_DEFAULT_REGION", "AWS_REGION", "PYTHONPATH", "VIRTUAL_ENV"}  # variables that a job does not get
VERSIONS = [f"{pyspark.__version__}+amzn.1", f"{pyspark.__version__}-amzn-1"]  # PySpark's, in the form of Glue


@cache
def glues_python(version=VERSIONS[0]):
    """Create Glue's interpreter and its wrapper once per process; return their paths."""
    folder = TemporaryDirectory(prefix="glue-")
    atexit.register(folder.cleanup)
    return glue_python.make(Path(folder.name), version)


def environment(role, python):
    """Return the environment variables of a job's process."""
    told = {name: value for name, value in os.environ.items() if name not in NOT_TOLD}
    return told | {
        "AWS_ACCESS_KEY_ID": role,
        "HOME": glue_python.NO_HOME,
        "JAVA_HOME": str(java_home()),
        "PYSPARK_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def submit(stack, options, version=VERSIONS[0]):
    """Return a function that executes a job of the stack; `options` are Spark's, which point it to the emulator."""

    def execute(job, arguments):
        python, wrapper = glues_python(version)
        jars = fetch_jars(jar_cache(), packages=OF_GLUE)
        configured = [f"{name}={value}" for name, value in options.items()]
        # Glue also installs the modules for Spark's workers, which are not started by the wrapper.
        configured.append(f"spark.executorEnv.PYTHONPATH={glue_python.path(wrapper)}")
        command = [SUBMIT, "--master", "local[2]", "--driver-memory", "1g"]
        command += ["--driver-class-path", ":".join(map(str, jars))]
        command += [part for option in configured for part in ("--conf", option)]
        archive = ClassArchive(jar_cache().with_name("classes-of-glue"), java_home(), [*jars, SPARK / "jars"])
        with archive.used_or_made() as java_options:
            quoted = [f'"{option}"' for option in java_options]  # a path may have blanks
            command += ["--driver-java-options", " ".join([FOR_LITTLE_WORK, *quoted])]
            done = subprocess.run(
                [*command, wrapper, SCRIPT, *arguments],
                env=environment(stack.role_of(job), python),
                capture_output=True,
                text=True,
            )
        return JobRun("SUCCEEDED" if done.returncode == 0 else "FAILED", done.stdout, done.stderr)

    return execute
