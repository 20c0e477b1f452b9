"""Probes of the environment of a job: versions, writable folders, regions, catalog, staging, kernel.

Each probe returns what it found, as text.
Raises: ProbeFailed, or the error of the library in use, where a stage would fail.
"""

import importlib
import os
import secrets
import sys
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import pyarrow as pa
from nbformat.v4 import new_code_cell, new_notebook
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from vendas.declaration_types import Column, Type
from vendas.errors import ProbeFailed
from vendas.lake.catalog import catalog_of, name_of
from vendas.lake.commits import create_table, replace_files
from vendas.lake.data_files import Target, with_field_ids
from vendas.lake.jars import spark_version
from vendas.lake.spark import S3A_REGION, hadoop_configuration, jvm_of, map_on_workers
from vendas.lake.table_files import stored_files
from vendas.lake.table_reader import opened_table
from vendas.machine.environment import is_writable
from vendas.machine.job_environment import WRITABLE
from vendas.reports.pages import notebook_pages
from vendas.runs.notebook_runner import run_notebook
from vendas.settings import Settings
from vendas.storage import Location, S3Path, location, region_of_process

# The versions that come with each version of AWS Glue, by its version of Spark.
GLUE = {
    "3.5": {"glue": "5.1", "python": "3.11", "java": "17"},
    "4.1": {"glue": "6.0", "python": "3.13", "java": "17"},
}
_NUMBER = Column("n", Type.WHOLE, "Preflight")
BROUGHT = ("numpy", "pandas", "pyarrow", "pyspark")  # come with Glue, in the versions that this project pins
GIVEN = ("boto3", "papermill", "psycopg", "pyiceberg", "vendas")  # installed by the job, with the project


def versions(spark: SparkSession) -> str:
    """Check that Python, Spark and Java are those of one version of Glue that this project supports."""
    java = jvm_of(spark).System.getProperty("java.version")
    found = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "spark": spark.version,
        "java": java,
    }
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    expected = GLUE.get(spark_version(spark.version))
    if expected is None:
        raise ProbeFailed(f"{told}; expected Spark {' or '.join(GLUE)}")
    wrong = [name for name in found.keys() & expected.keys() if not f"{found[name]}.".startswith(f"{expected[name]}.")]
    if wrong:
        listed = ", ".join(f"{name} {expected[name]}" for name in sorted(wrong))
        raise ProbeFailed(f"{told}; Glue {expected['glue']} has {listed}")
    return f"Glue {expected['glue']}: {told}"


def modules() -> str:
    """Check that the modules of the driver have the versions that the project pins."""
    return _as_pinned(installed())


def modules_of_workers(spark: SparkSession) -> str:
    """Check that the modules of Spark's Python workers have the versions that the project pins."""
    (found,) = map_on_workers(spark, [0], _installed_there)
    return _as_pinned(found)


def installed() -> dict[str, str]:
    """Return the version of each module in BROUGHT and GIVEN, or the error of its import."""
    found = {}
    for name in (*BROUGHT, *GIVEN):
        try:
            found[name] = importlib.import_module(name).__version__
        except Exception as error:  # an incompatible library may raise anything
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _installed_there(_: int) -> dict[str, str]:
    return installed()


def _as_pinned(found: dict[str, str]) -> str:
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    expected = _pins()
    wrong = [name for name, version in found.items() if name in expected and not _same(version, expected[name])]
    wrong += [name for name, version in found.items() if ": " in version and name not in wrong]
    if wrong:
        listed = ", ".join(f"{name} {expected.get(name, '')}".strip() for name in wrong)
        raise ProbeFailed(f"{told}; expected {listed}")
    return told


def _same(version: str, pin: str) -> bool:
    """Return whether a version is the pinned one; AWS adds a suffix to the versions of its own builds."""
    return version == pin or (version.startswith(pin) and version[len(pin)] in "+-")


def _pins() -> dict[str, str]:
    """Return the versions that this project pins for the running Python, by module."""
    from packaging.requirements import Requirement

    pins = [Requirement(line) for line in metadata.requires("vendas") or []]
    held = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in held} | {"vendas": metadata.version("vendas")}


def places() -> str:
    """Check that the libraries that write files of their own have a writable folder, even if the home is read-only."""
    lacking = [name for name in WRITABLE if not _can_write(os.environ.get(name))]
    home = os.environ.get("HOME", "")
    told = f"home {home or 'not set'} ({'writable' if _can_write(home) else 'read-only'}), work in {os.getcwd()}"
    if lacking:
        raise ProbeFailed(f"{told}; not writable: {', '.join(f'{name}={os.environ.get(name)}' for name in lacking)}")
    return f"{told}; temporary files in {Path(os.environ[WRITABLE[0]]).parent}"


def _can_write(folder: str | None) -> bool:
    return bool(folder) and is_writable(Path(folder))


def region_of_driver(spark: SparkSession, expected: str) -> str:
    """Check that boto3 and S3A use the stack's region on the driver."""
    found = {"boto3": region_of_process(), "S3A": hadoop_configuration(spark.sparkContext).get(S3A_REGION)}
    return _all_in(expected, found)


def region_of_workers(spark: SparkSession, expected: str) -> str:
    """Check that boto3 uses the stack's region in Spark's Python workers."""
    return _all_in(expected, {"boto3": map_on_workers(spark, [0], _region_there)[0]})


def _region_there(_: int) -> str | None:
    return region_of_process()


def _all_in(expected: str, found: dict[str, str | None]) -> str:
    told = ", ".join(f"{name} {region or 'without a region'}" for name, region in found.items())
    if set(found.values()) != {expected}:
        raise ProbeFailed(f"{told}; the stack is in {expected}")
    return told


def kernel(settings: Settings) -> str:
    """Check that a notebook runs as a stage's does, imports the project, joins the job's Spark, and becomes a page."""
    code = (
        "from vendas.results import StageResult\n"
        "from vendas.settings import load_settings\n"
        "from vendas.lake.spark import session\n"
        "StageResult(stage='bronze', run_id=run_id, read=session(load_settings()).range(3).count())"
    )
    declared = new_code_cell("run_id: str = ''", metadata={"tags": ["parameters"]})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "preflight.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=[declared, new_code_cell(code)], metadata=kernel), path)
        output = Path(folder) / "executed" / path.name
        result = run_notebook(path, output, {"run_id": "preflight"}, settings.as_environment(), settings.cell_timeout)
        (page,) = notebook_pages(output.parent)
    if page.problem or result.read != 3:
        raise ProbeFailed(page.problem or f"a notebook saw {result.read} of 3 rows of Spark")
    return "a notebook saw 3 of 3 rows of Spark, and became a page"


def catalog(lake: Location) -> str:
    """Check that a table can be created in the lake's database, written, read and dropped."""
    table = f"preflight_{secrets.token_hex(4)}"
    name = name_of(lake, table)
    create_table(lake, table, [_NUMBER], None, None, {})
    try:
        opened = opened_table(lake, table)
        columns = with_field_ids((_NUMBER,), {_NUMBER.name: opened.schema().find_field(_NUMBER.name).field_id}, {})
        rows = pa.table({_NUMBER.name: [7]})
        replace_files(opened, [Target(location(opened.location()) / "data", columns).write(rows)])
        read = opened.scan().to_arrow()[_NUMBER.name].to_pylist()
    finally:
        catalog_of(lake).drop_table(name)
        for file in stored_files(lake / table):
            file.place.unlink()
    told = ".".join(name)
    if read != [7]:
        raise ProbeFailed(f"the table {told} held {read}, expected [7]")
    return f"{told} made, written, read and dropped"


def staging(spark: SparkSession, folder: S3Path) -> str:
    """Check that a worker can write to the staging folder, that driver and Spark can read it, and the driver delete."""
    path = folder / f"preflight-{secrets.token_hex(4)}.txt"
    map_on_workers(spark, [0], partial(_write_there, path=path))
    try:
        with path.open("rb") as file:
            read = file.read()
        lines = spark.read.text(str(path)).count()
    finally:
        path.unlink()
    if (read, lines) != (_LINE, 1):
        raise ProbeFailed(f"{path} held {read!r} and {lines} lines, expected {_LINE!r} and 1")
    return f"{path} written by a worker, read by boto3 and Spark, deleted"


_LINE = b"preflight\n"


def _write_there(_: int, path: S3Path) -> int:
    return path.write_bytes(_LINE)


def driver_version(spark: SparkSession) -> str:
    """Return the version of the Redshift driver that comes with Glue, or `unknown`."""
    with suppress(Py4JError):
        driver: Any = jvm_of(spark).com.amazon.redshift.jdbc.Driver()
        return f"{driver.getMajorVersion()}.{driver.getMinorVersion()}"
    return "unknown"
