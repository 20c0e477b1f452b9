"""The environment of a run on this machine, isolated from variables that are set for other programs."""

import functools
import os
import pwd
import stat
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

from vendas.machine.job_environment import writable_folders

LOCALE = "C.UTF-8"  # otherwise Java cannot open a path with accents, and PostgreSQL may lack a locale
_FOREIGN_NAMES = {
    "CLASSPATH",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LANGUAGE",
    "MPLBACKEND",  # with it, notebooks would show no charts
    "PYTHONSTARTUP",  # kernels would run it
    "_JAVA_OPTIONS",
}
_FOREIGN_PREFIXES = ("HADOOP_", "HIVE_", "LC_", "PG", "PYSPARK_", "SPARK_", "YARN_")
LEFT_OUT = "_VENDAS_LEFT_OUT"  # names of variables removed before Python restarted, for `vendas doctor`
_GATEWAY = ("PYSPARK_GATEWAY_", "SPARK_LOCAL_IP")  # with these a run's own processes find their JVM
_OF_THIS_PROCESS = ("PYTHONIOENCODING", LEFT_OUT)  # already read; processes started from here use UTF-8


def foreign_variables(environment: MutableMapping[str, str]) -> list[str]:
    """List the variables that would configure Spark, Java or PostgreSQL for another installation."""
    return sorted(name for name in environment if name in _FOREIGN_NAMES or name.startswith(_FOREIGN_PREFIXES))


def isolate(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove foreign variables, set a locale that always exists, and without a usable home set writable folders.

    The address of a JVM stays, because a kernel of a run joins that JVM. `leave_gateway` removes it.
    """
    foreign = [name for name in foreign_variables(environment) if not name.startswith(_GATEWAY)]
    for name in (*foreign, *_OF_THIS_PROCESS):
        environment.pop(name, None)
    environment["LC_ALL"] = LOCALE
    if not home_is_usable(environment):
        for name, place in writable_folders(temporary_folder() / "home").items():
            environment.setdefault(name, place)


def leave_gateway(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove the address of a JVM, for a process that starts its own: the caller's may be another program's."""
    for name in [name for name in environment if name.startswith(_GATEWAY)]:
        del environment[name]


@functools.cache
def temporary_folder() -> Path:
    """Create and return a folder in the temporary one that belongs to this user alone.

    It has the same name each time, unless that name belongs to another user, or to no folder: files in the folder are
    executed, so nobody else may write there.
    """
    folder = Path(tempfile.gettempdir()) / f"vendas-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        folder.chmod(0o700)
        return folder
    return Path(tempfile.mkdtemp(prefix="vendas-"))


def home_is_usable(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Return whether there is a home folder that this user can write to."""
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.isdir(home) and is_writable(Path(home))


def nameless_user() -> int | None:
    """Return this process's user ID if it has no name on this machine, as in some containers, else None."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return os.geteuid()
    return None


def is_writable(folder: Path) -> bool:
    """Return whether a file can be created there; tried, because an access check may pass where a write fails."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
