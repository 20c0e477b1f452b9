"""The environment that a run on this machine works in: its own, whatever others have set for other programs."""

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from vendas.job_environment import WRITABLE

LOCALE = "C.UTF-8"  # or Java could not open a path with accents, and PostgreSQL would miss a locale
_FOREIGN_NAMES = {"CLASSPATH", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "LANGUAGE"}
_FOREIGN_PREFIXES = ("HADOOP_", "HIVE_", "LC_", "PG", "PYSPARK_", "SPARK_", "YARN_")
_JOINED = ("PYSPARK_GATEWAY_", "SPARK_LOCAL_IP")  # how a run's own processes find their JVM


def foreign_variables(environment: MutableMapping[str, str]) -> list[str]:
    """Return the names of variables that would bend Spark, Java or PostgreSQL to another installation's ways."""
    return sorted(
        name
        for name in environment
        if name in _FOREIGN_NAMES or (name.startswith(_FOREIGN_PREFIXES) and not name.startswith(_JOINED))
    )


def isolate(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take foreign variables out, set a locale that is always there, and give what has no home a place to write."""
    for name in foreign_variables(environment):
        del environment[name]
    environment |= {"LC_ALL": LOCALE}
    if not home_is_usable(environment):
        folder = Path(tempfile.gettempdir()) / f"vendas-{os.getuid()}" / "home"
        for name in WRITABLE:
            place = folder / name.lower()
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            environment.setdefault(name, str(place))


def home_is_usable(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Return whether there is a home folder that this user may write into."""
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.isdir(home) and _is_writable(Path(home))


def _is_writable(folder: Path) -> bool:
    """Return whether a file can be made there; tried, because root is told yes of a read-only file system."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
