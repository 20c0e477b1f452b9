"""The Python of a Glue job on this machine: Glue's own modules, those a job is given, and nothing of ours beside them.

Jobs run in a virtual environment without any module. A wrapper puts two folders on `sys.path`, in no variable: what
Glue brings (PySpark with a version like AWS's among it), and what the archive of wheels would bring.
"""

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
NO_HOME = "/proc/no-home"  # where not even root can make a folder

# As Glue's own wrapper does it: the script is not the main program, and its end by SystemExit is looked at.
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
    """Make it in a folder; return the interpreter and the wrapper. `version` is what PySpark calls itself."""
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
    """Whether the archive of modules has it: `redshift` is the extra that jobs are given."""
    return pin.marker is None or any(pin.marker.evaluate({"extra": extra}) for extra in ("", "redshift"))


def path(wrapper):
    """What is on the path of a wrapper's script, as a variable has it."""
    return f"{wrapper.parent / 'glue'}:{wrapper.parent / 'given'}"


def closure(requirements):
    """The names of the distributions that these requirements come to, with their extras and all that they need."""
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
    """Put a distribution into a folder, by links."""
    site = Path(metadata.distribution(name).locate_file(""))
    for top in {file.parts[0] for file in metadata.files(name)} - {"..", "__pycache__"}:
        (folder / top).unlink(missing_ok=True)
        (folder / top).symlink_to(site / top)
    if name == "nbconvert":  # pip puts what is no module beside the modules that it has a target for
        (folder / "share" / "jupyter").mkdir(parents=True)
        (folder / "share" / "jupyter" / name).symlink_to(site.parents[2] / "share" / "jupyter" / name)


def brand(folder, version):
    """Let PySpark there have a version like AWS's."""
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
    """Put the project there as its wheel has it."""
    shutil.copytree(ROOT / "lib" / "vendas", folder / "vendas", ignore=shutil.ignore_patterns("__pycache__"))
    for inside in ("notebooks", "sql"):
        shutil.copytree(ROOT / inside, folder / "vendas" / inside)
    about = metadata.distribution("vendas").locate_file(
        next(f for f in metadata.files("vendas") if f.name == "METADATA")
    )
    (folder / "vendas-0.1.0.dist-info").mkdir()
    shutil.copy(about, folder / "vendas-0.1.0.dist-info")
