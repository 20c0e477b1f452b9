"""The stages on a lake in S3, one after the other in a JVM of this process, as `python s3_stages.py LAKE RUN_ID`.

The environment leads to the emulator, which has to be so before the JVM starts.
"""

import sys
import tempfile
from pathlib import Path

from inprocess import run_notebook
from vendas import spark
from vendas.jars import ICEBERG_AWS, PACKAGES, REDSHIFT
from vendas.settings import load_settings

STAGES = ["01_bronze", "02_silver", "03_gold", "04_dw"]


def main(lake, run_id):
    spark.PACKAGES = (*PACKAGES, ICEBERG_AWS, REDSHIFT)
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(lake=lake)
        with spark.gateway_environment(settings, Path(folder) / "spark.log") as environment:
            import os

            os.environ |= environment
            for stage in STAGES:
                run_notebook(stage, lake=lake, run_id=run_id)
            spark.session(settings).stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
