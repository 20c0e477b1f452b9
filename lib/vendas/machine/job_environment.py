"""The environment of a job on AWS Glue, for its own process, its notebooks' kernels and Spark's workers.

Glue puts a job's modules only on the module path of its script, and does not guarantee a writable home. So kernels get
that path as a variable, and libraries that write files of their own get folders of the job.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# Folders that Jupyter, IPython, matplotlib and others otherwise keep in the home.
WRITABLE = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)
REGION = ("AWS_DEFAULT_REGION", "AWS_REGION")  # the first is read by Python, the second by Java


def job_environment(temporary: Path, path: Iterable[str], region: str | None = None) -> dict[str, str]:
    """Return the variables of a job that works in `temporary` with the modules on `path`; create their folders."""
    modules = list(dict.fromkeys(Path(entry).absolute() for entry in path if Path(entry).exists()))
    paths = {"PYTHONPATH": _joined(modules), "JUPYTER_PATH": _joined(dict.fromkeys(_shares(modules)))}
    return writable_folders(temporary) | paths | (dict.fromkeys(REGION, region) if region else {})


def writable_folders(temporary: Path) -> dict[str, str]:
    """Return the variables of WRITABLE, each with a folder in `temporary`; create the folders."""
    places = {name: temporary / name.lower() for name in WRITABLE}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {name: str(place) for name, place in places.items()}


def _shares(modules: Iterable[Path]) -> Iterator[Path]:
    """Find data that came with modules, such as the templates of pages: in share/jupyter beside them, or above."""
    for folder in modules:
        shares = (place / "share" / "jupyter" for place in (folder, *folder.parents[:3]))
        yield from filter(Path.is_dir, shares)


def _joined(paths: Iterable[Path]) -> str:
    return os.pathsep.join(map(str, paths))
