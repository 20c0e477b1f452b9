"""The environment that a run on this machine works in: its own, whatever others have set for other programs."""

import functools
import os
import pwd
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from vendas.machine.job_environment import writable_folders

LOCALE = "C.UTF-8"  # or Java could not open a path with accents, and PostgreSQL would miss a locale
_FOREIGN_NAMES = {
    "CLASSPATH",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LANGUAGE",
    "MPLBACKEND",  # notebooks would show no charts
    "PYTHONSTARTUP",  # kernels would run it
    "_JAVA_OPTIONS",
}
_FOREIGN_PREFIXES = ("HADOOP_", "HIVE_", "LC_", "PG", "PYSPARK_", "SPARK_", "YARN_")
LEFT_OUT = "_VENDAS_LEFT_OUT"  # names what was taken out before Python started anew, for `vendas doctor`
_GATEWAY = ("PYSPARK_GATEWAY_", "SPARK_LOCAL_IP")  # how a run's own processes find their JVM
_OF_THIS_PROCESS = ("PYTHONIOENCODING", LEFT_OUT)  # read by now; what starts from here speaks UTF-8


def foreign_variables(environment: MutableMapping[str, str]) -> list[str]:
    """Return the names of variables that would bend Spark, Java or PostgreSQL to another installation's ways."""
    return sorted(name for name in environment if name in _FOREIGN_NAMES or name.startswith(_FOREIGN_PREFIXES))


def isolate(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take foreign variables out, set a locale that is always there, and give what has no home a place to write.

    The address of a JVM stays: a kernel of a run joins it. `leave_gateway` takes it out.
    """
    foreign = [name for name in foreign_variables(environment) if not name.startswith(_GATEWAY)]
    for name in (*foreign, *_OF_THIS_PROCESS):
        environment.pop(name, None)
    environment["LC_ALL"] = LOCALE
    if not home_is_usable(environment):
        for name, place in writable_folders(temporary_folder() / "home").items():
            environment.setdefault(name, place)


def leave_gateway(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take out the address of a JVM, for a process that starts its own: the caller's may be another program's."""
    for name in [name for name in environment if name.startswith(_GATEWAY)]:
        del environment[name]


@functools.cache
def temporary_folder() -> Path:
    """Return a folder below the temporary one that is this user's alone; makes it.

    It has the same name each time, unless somebody else has taken that name: what lies there is run.
    """
    folder = Path(tempfile.gettempdir()) / f"vendas-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        folder.chmod(0o700)
        return folder
    return Path(tempfile.mkdtemp(prefix="vendas-"))


def home_is_usable(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Return whether there is a home folder that this user may write into."""
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.isdir(home) and is_writable(Path(home))


def nameless_user() -> int | None:
    """Return this process's user if that has no name on this machine, as some containers have it, else None."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return os.geteuid()
    return None


def is_writable(folder: Path) -> bool:
    """Return whether a file can be made there; tried, because root is told yes of a read-only file system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
