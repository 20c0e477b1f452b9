"""Run the stages on a lake in S3 one after the other, in a JVM of this process: `python s3_stages.py LAKE RUN_ID`.

The environment must point to the emulator before the JVM starts.
"""

import os
import sys
import tempfile
from pathlib import Path

from helpers.inprocess import run_all_stages
from vendas.lake import spark
from vendas.lake.jars import ICEBERG_AWS, PACKAGES, REDSHIFT_DRIVER
from vendas.settings import load_settings


def main(lake, run_id):
    spark.PACKAGES = (*PACKAGES, ICEBERG_AWS, REDSHIFT_DRIVER)
    settings = load_settings(lake=lake)
    with (
        tempfile.TemporaryDirectory() as folder,
        spark.gateway_environment(settings, Path(folder) / "spark.log", work_bytes=0) as environment,
    ):
        os.environ |= environment
        run_all_stages(lake, run_id)
        spark.session(settings).stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
