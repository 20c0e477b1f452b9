"""The modules that come with AWS Glue are pinned in Glue's versions, as listed in AWS's documentation."""

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import deploy_modules
from test_project import ROOT
from test_readme import TEXT

PYTHONS = {"5.1": "3.11", "6.0": "3.13"}
SPARKS = {"5.1": "3.5.6", "6.0": "4.1.1"}
OF_SPARK = {"pyspark", "py4j"}  # they come with Glue's Spark, and are in no list of modules
EACH = pytest.mark.parametrize("glue", PYTHONS)


def listed(glue):
    """Return the versions of the fixture's modules, by name; the fixture's header names its source."""
    lines = (ROOT / "tests" / "aws" / f"glue-{glue}-modules.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def pinned(glue):
    """Return the versions that pyproject.toml pins for the Python of this Glue, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = [Requirement(pin) for pin in project["dependencies"]]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"python_version": PYTHONS[glue]})]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in here}


@EACH
def test_what_glue_brings_is_pinned_as_glue_has_it(glue):
    brought = listed(glue) | {"pyspark": SPARKS[glue]}
    pins = {name: version for name, version in pinned(glue).items() if name in deploy_modules.GLUE_HAS}
    assert pins.keys() >= {"numpy", "pandas", "pyarrow", "pyspark"}
    assert pins == {name: brought[name] for name in pins}


@EACH
def test_only_what_glue_brings_is_left_out_of_the_archive(glue):
    assert sorted(deploy_modules.GLUE_HAS - OF_SPARK - listed(glue).keys()) == []


@EACH
def test_the_page_says_which_glue_has_which(glue):
    rows = [[cell.strip() for cell in line.split("|")] for line in TEXT["aws.md"].splitlines()]
    (header,) = [row for row in rows if f"Glue {glue}" in row]
    (told,) = [row for row in rows if "numpy, pandas, pyarrow" in row]
    named = ", ".join(listed(glue)[name] for name in ("numpy", "pandas", "pyarrow"))
    assert told[header.index(f"Glue {glue}")] == named
