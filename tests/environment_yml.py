"""Render environment.yml from pyproject.toml, the only place of the pins: `make environment`."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """\
# For those who prefer conda: `conda env create -f environment.yml`. Made from pyproject.toml by `make environment`.
name: vendas
channels:
  - conda-forge
dependencies:
  - python=3.11
  - make
  - pip
  - pip:
"""


def render() -> str:
    """Return the file's text: all that the project and its tests need, sorted by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = sorted(project["dependencies"] + project["optional-dependencies"]["test"])
    return HEAD + "".join(f'      - "{pin}"\n' for pin in [*pins, "--editable=."])


if __name__ == "__main__":
    (ROOT / "environment.yml").write_text(render(), encoding="utf-8")
