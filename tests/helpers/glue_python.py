"""The Python of a Glue job on this machine: Glue's own modules, those that the job installs, and no others.

Jobs run in a virtual environment without any module. A wrapper adds two folders to `sys.path`, without a variable: the
modules that come with Glue, among them PySpark with a version like AWS's, and those of the archive of wheels.
"""

import compileall
import re
import shutil
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import deploy_modules

ROOT = Path(__file__).parents[2]
OF_GLUE = sorted(deploy_modules.GLUE_HAS)
NO_HOME = "/proc/no-home"  # where not even root can create a folder

# Like Glue's own wrapper: the script is not the main program, and the wrapper handles its SystemExit.
WRAPPER = '''"""Starts the script of a job."""
import runpy, sys

sys.path[:0] = {path!r}
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    if ended.code not in (None, 0):
        print(f"SystemExit: {{ended.code}}", file=sys.stderr)
        sys.exit(1)
'''


def make(folder, version):
    """Create the Python in a folder; return the interpreter and the wrapper. `version` is PySpark's version."""
    venv.create(folder / "python", symlinks=True)
    glue, given = folder / "glue", folder / "given"
    for place in (glue, given):
        place.mkdir(parents=True)
    of_glue = closure(map(Requirement, OF_GLUE))
    for name in of_glue:
        link(name, glue)
    brand(glue, version)
    pins = [pin for pin in map(Requirement, metadata.requires("vendas")) if _is_deployed(pin)]
    wanted = [pin for pin in pins if canonicalize_name(pin.name) not in deploy_modules.NO_USE_FOR]
    for name in closure(wanted) - of_glue:
        link(name, given)
    own_wheel(given)
    wrapper = folder / "runscript.py"
    wrapper.write_text(WRAPPER.format(path=[str(glue), str(given)]))
    return folder / "python" / "bin" / "python", wrapper


def _is_deployed(pin):
    """Return whether the archive of modules has this pin; `redshift` is the extra that jobs install."""
    return pin.marker is None or any(pin.marker.evaluate({"extra": extra}) for extra in ("", "redshift"))


def path(wrapper):
    """Return the module path of a wrapper's script, in the form of a variable."""
    return f"{wrapper.parent / 'glue'}:{wrapper.parent / 'given'}"


def closure(requirements):
    """Return the names of the distributions that these requirements need, extras and indirect ones included."""
    found, waiting = set(), [(canonicalize_name(wanted.name), frozenset(wanted.extras)) for wanted in requirements]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return {name for name, _ in found}


def link(name, folder):
    """Put a distribution into a folder as symbolic links."""
    site = Path(metadata.distribution(name).locate_file(""))
    for top in {file.parts[0] for file in metadata.files(name)} - {"..", "__pycache__"}:
        (folder / top).unlink(missing_ok=True)
        (folder / top).symlink_to(site / top)
    if name == "nbconvert":  # with a target folder, pip puts data files beside the modules
        (folder / "share" / "jupyter").mkdir(parents=True)
        (folder / "share" / "jupyter" / name).symlink_to(site.parents[2] / "share" / "jupyter" / name)


def brand(folder, version):
    """Give PySpark in this folder a version like AWS's."""
    package = folder / "pyspark"
    theirs = package.resolve()
    package.unlink()
    package.mkdir()
    for path in theirs.iterdir():
        if path.name != "version.py":
            (package / path.name).symlink_to(path)
    told = (theirs / "version.py").read_text()
    (package / "version.py").write_text(re.sub(r"(?m)^__version__.*", f'__version__ = "{version}"', told))


def own_wheel(folder):
    """Put the project into a folder as its wheel does."""
    shutil.copytree(ROOT / "lib" / "vendas", folder / "vendas", ignore=shutil.ignore_patterns("__pycache__"))
    for inside in ("notebooks", "sql"):
        shutil.copytree(ROOT / inside, folder / "vendas" / inside)
    compileall.compile_dir(folder / "vendas", quiet=1)  # as pip does it
    about = metadata.distribution("vendas").locate_file(
        next(f for f in metadata.files("vendas") if f.name == "METADATA")
    )
    (folder / "vendas-0.1.0.dist-info").mkdir()
    shutil.copy(about, folder / "vendas-0.1.0.dist-info")
