"""Run the stages on a lake in S3 one after the other, in a JVM of this process: `python s3_stages.py LAKE RUN_ID`.

`python s3_stages.py LAKE --history FILES` instead adds that many files to its ledger, done by all stages and without
sales. The environment must point to the emulator before the JVM starts.
"""

import os
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from helpers.inprocess import run_all_stages
from vendas import schema
from vendas.lake import spark
from vendas.lake.events import STAGES
from vendas.lake.jars import ICEBERG_AWS, PACKAGES, REDSHIFT_DRIVER
from vendas.lake.tables import Lake
from vendas.settings import load_settings
from vendas.tuning import LITTLE_WORK_BYTES  # from so many bytes on, Spark's workers do the work

BEGIN = datetime(2020, 1, 1)
DIALECT = '{"encoding": "utf-8", "delimiter": ",", "blocks": [{"offset": 190, "length": 1234, "line": 2}], "rows": 0}'


def old_name(number):
    """Return the bronze name of an old file."""
    return f"registros_loja_{number % 100}_{BEGIN + timedelta(minutes=number):%Y%m%dT%H%M}00000Z_{number:08x}.csv"


def history(files):
    """Return the ledger's rows for this number of old files."""
    rows = pa.table(
        {
            "arquivo": [old_name(number) for number in range(files) for _ in STAGES],
            "arquivo_recebido": [f"registros_loja_{number % 100}.csv" for number in range(files) for _ in STAGES],
            "etapa": list(STAGES) * files,
            "run_id": [f"{BEGIN + timedelta(minutes=number):%Y%m%dT%H}" for number in range(files) for _ in STAGES],
            "situacao": ["processado"] * files * len(STAGES),
            "contrato": [schema.SALES.version] * files * len(STAGES),
            "dialeto": [DIALECT if stage == "bronze" else None for _ in range(files) for stage in STAGES],
            "registrado_em": [
                BEGIN + timedelta(minutes=number, seconds=place) for number in range(files) for place in range(4)
            ],
        }
    )
    counts = dict.fromkeys(["lidas", "duplicadas", "quarentena", "gravadas"], pa.array([0] * len(rows)))
    for name, column in counts.items():
        rows = rows.append_column(name, column)
    empty = schema.arrow_schema(schema.LEDGER_COLUMNS).empty_table()
    return pa.concat_tables([empty, rows], promote_options="permissive").cast(empty.schema)


def main(lake, run_id, files=None):
    spark.PACKAGES = (*PACKAGES, ICEBERG_AWS, REDSHIFT_DRIVER)
    settings = load_settings(lake=lake)
    with (
        tempfile.TemporaryDirectory() as folder,
        spark.gateway_environment(settings, Path(folder) / "spark.log", work_bytes=LITTLE_WORK_BYTES) as environment,
    ):
        os.environ |= environment
        if files:
            Lake(spark.session(settings)).record(history(int(files)))
        else:
            run_all_stages(spark.session(settings), lake, run_id)
        spark.session(settings).stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
