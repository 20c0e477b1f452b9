"""The package of the Lambda function: it is complete, and has no more than the function needs."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.arrival_world import ENVIRONMENT

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AWS_PYTHON = ["boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six"]  # modules that come with Lambda's Python


def run_python(code, *options, **environment):
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, env=ENVIRONMENT | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def package():
    made = subprocess.run(["make", "build/lambda"], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return ROOT / "build" / "lambda"


def test_the_function_is_imported_from_its_package_beside_nothing_but_boto3(package, tmp_path):
    for name in AWS_PYTHON:
        origin = Path(find_spec(name).origin)
        installed = origin.parent if origin.name == "__init__.py" else origin
        (tmp_path / installed.name).symlink_to(installed)
    code = (
        "import handler as h, vendas.landing.s3_moves as moves; print(h.__file__, moves.__file__, callable(h.handle))"
    )
    found = run_python(code, "-S", PYTHONPATH=f"{package}:{tmp_path}")
    assert found == [str(package / "handler.py"), str(package / "vendas" / "landing" / "s3_moves.py"), "True"]


def test_the_package_is_up_to_date(package):
    packed = {path.relative_to(package): path.read_text() for path in (package / "vendas").rglob("*.py")}
    assert packed == {path: (ROOT / "lib" / path).read_text() for path in packed}
    assert (package / "handler.py").read_text() == (ROOT / "lambda" / "handler.py").read_text()


@pytest.mark.parametrize("module", ["vendas.landing.arrivals", "vendas.landing.s3_moves"])
def test_arrivals_load_no_heavy_library(module):
    heavy = {"pydantic", "pyspark", "pandas", "pyarrow", "numpy"}
    assert not heavy & set(run_python(f"import {module}, sys; print(*sys.modules)"))


def test_a_lake_in_folders_does_not_load_boto3():
    assert "boto3" not in run_python("import vendas.landing.arrivals, sys; print(*sys.modules)")
