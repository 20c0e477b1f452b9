"""Whether this installation will work: what `vendas doctor` checks on a machine, without Spark and lasting files."""

import fcntl
import locale
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from vendas.doctor.findings import Finding
from vendas.errors import ArrivalError, VendasError
from vendas.lake.jars import can_be_fetched, damaged_jars, jar_cache, missing_jars
from vendas.lake.spark import java_home
from vendas.landing.arrivals import landing_folder
from vendas.machine.environment import LEFT_OUT, foreign_variables, home_is_usable, nameless_user
from vendas.machine.full_disk import nearest_existing
from vendas.settings import Settings, load_settings
from vendas.tuning import DOCTOR_FREE_BYTES
from vendas.warehouse import embedded
from vendas.warehouse.endpoint import HOST

PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest that are supported
_NO_SPARK = "not needed: work is done without Spark, unless VENDAS_SPARK_MASTER is set"
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def look_at_installation(lake: str | None, environment: dict[str, str] | None = None) -> list[Finding]:
    """Return a finding for each thing that a run on this lake needs; `environment` is the user's own one."""
    variables = dict(os.environ if environment is None else environment)
    settings, of_settings = _settings(lake)
    findings = [
        _python(),
        of_settings,
        _java(settings),
        _jars(settings),
        _user(),
        _home(variables),
        _locale(variables),
        _terminal(),
        _variables(variables),
    ]
    if settings and isinstance(settings.lake, Path):
        findings += [_folder("Lake", settings.lake), _landing(settings), _file_system(settings.lake)]
        findings += [_disk("Disk of the lake", settings.lake), _disk("Temporary files", Path(tempfile.gettempdir()))]
        findings.append(_memory(settings))
    return [*findings, _postgresql(), _ports()]


def _settings(lake: str | None) -> tuple[Settings | None, Finding]:
    try:
        settings = load_settings(lake=lake)
    except VendasError as error:
        remedy = "Correct what it names; docs/operations.md lists the settings."
        return None, Finding("Settings", False, str(error), remedy)
    return settings, Finding("Settings", True, f"lake {settings.lake}")


def _python() -> Finding:
    found = sys.version_info[:2]
    fits = PYTHONS[0] <= found <= PYTHONS[1]
    return Finding("Python", fits, f"{sys.version.split()[0]} at {sys.executable}", "" if fits else "Use Python 3.11.")


def _java(settings: Settings | None) -> Finding:
    if settings and not settings.uses_spark:
        return Finding("Java", True, _NO_SPARK)
    try:
        java = java_home() / "bin" / "java"
        clean = {name: value for name, value in os.environ.items() if name not in foreign_variables(os.environ)}
        done = subprocess.run([java, "-version"], capture_output=True, text=True, env=clean, timeout=60, check=True)
        version = done.stderr.splitlines()[0]
    except (VendasError, OSError, subprocess.SubprocessError) as error:
        return Finding("Java", False, str(error), "Run `make install` again, or install Java 17 and set JAVA_HOME.")
    return Finding(
        "Java", '"17' in version, f"{version} at {java.parents[1]}", "" if '"17' in version else "Use Java 17."
    )


def _jars(settings: Settings | None) -> Finding:
    if settings and not settings.uses_spark:
        return Finding("Spark's jars", True, _NO_SPARK)
    cache = jar_cache()
    if damaged := damaged_jars(cache):
        names = ", ".join(map(str, damaged))
        return Finding("Spark's jars", False, f"not what they should be: {names}", "Delete them; a run fetches them.")
    if not (missing := missing_jars(cache)):
        return Finding("Spark's jars", True, f"in {cache}")
    hindrance = can_be_fetched(missing[0], settings.maven_url if settings else None)
    found = f"{len(missing)} missing in {cache}: "
    if hindrance is None:
        return Finding("Spark's jars", True, f"{found}the first run fetches them")
    return Finding(
        "Spark's jars",
        False,
        found + hindrance,
        "Check the network and HTTPS_PROXY, or name a mirror: VENDAS_MAVEN_URL.",
    )


def _user() -> Finding:
    nameless = nameless_user()
    if nameless is None:
        return Finding("User", True, pwd.getpwuid(os.geteuid()).pw_name)
    remedy = "Add a line for it to /etc/passwd, or run as another user."
    return Finding("User", False, f"{nameless} has no name, which Spark and PostgreSQL ask for", remedy)


def _home(variables: dict[str, str]) -> Finding:
    home = variables.get("HOME", "not set")
    usable = home_is_usable(variables)
    return Finding("Home", True, home if usable else f"{home}: not writable, so temporary folders are used instead")


def _locale(variables: dict[str, str]) -> Finding:
    asked = variables.get("LC_ALL") or variables.get("LC_CTYPE") or variables.get("LANG") or "none"
    try:
        locale.setlocale(locale.LC_CTYPE, asked if asked != "none" else "")
        return Finding("Locale", True, asked)
    except locale.Error:
        return Finding("Locale", True, f"{asked} is not installed, so C.UTF-8 is used instead")
    finally:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8" if sys.platform == "linux" else "")


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "none").lower()
    shown = "" if encoding.startswith("utf") else ": letters that it lacks are shown as ?"
    return Finding("Terminal", True, encoding + shown)


def _variables(variables: dict[str, str]) -> Finding:
    names = [name for name in foreign_variables(variables) if not name.startswith("LC_")]
    names += variables.get(LEFT_OUT, "").split()
    return Finding("Variables of others", True, f"ignored: {', '.join(names)}" if names else "none")


def _folder(what: str, folder: Path) -> Finding:
    above = nearest_existing(folder)
    place = above
    try:
        if not above.is_dir():
            raise NotADirectoryError(20, f"{above} is a file")
        inside = sorted(path for path in folder.iterdir() if path.is_dir()) if above == folder else []
        for place in (above, *inside):  # subfolders, too, since another user may have made them in an earlier run
            with tempfile.TemporaryFile(dir=place):
                pass
    except OSError as error:
        remedy = "Mend its permissions, or give another folder by --lake or VENDAS_LAKE."
        return Finding(what, False, f"{folder if place == above else place}: {error.strerror}", remedy)
    return Finding(what, True, str(folder) if above == folder else f"{folder}, to be made")


def _landing(settings: Settings) -> Finding:
    try:
        return _folder("Landing", landing_folder(settings.landing))
    except ArrivalError as error:
        return Finding("Landing", False, str(error), "Without VENDAS_LANDING it is the folder landing in the lake.")


def _file_system(lake: Path) -> Finding:
    """Try the permissions and locks that runs and PostgreSQL need; Windows drives and some network shares lack them."""
    missing = []
    try:
        with tempfile.TemporaryDirectory(dir=nearest_existing(lake)) as name:
            folder = Path(name)
            folder.chmod(0o700)
            if stat.S_IMODE(folder.stat().st_mode) != 0o700:
                missing.append("permissions")
            with (folder / "lock").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    missing.append("locks")
    except OSError as error:
        return Finding("File system", False, f"{lake}: {error.strerror}", "Give another folder by --lake.")
    if missing:
        remedy = "Give a folder on a disk of this machine by --lake or VENDAS_LAKE."
        return Finding("File system", False, f"{lake}: it has no {' and no '.join(missing)}", remedy)
    return Finding("File system", True, "locks and permissions work")


def _disk(what: str, folder: Path) -> Finding:
    above = nearest_existing(folder)
    free = shutil.disk_usage(above).free
    found = f"{free / (1 << 30):,.1f} GiB free"
    return Finding(
        what,
        free >= DOCTOR_FREE_BYTES,
        found,
        "" if free >= DOCTOR_FREE_BYTES else f"Free some of the disk of {above}.",
    )


def _memory(settings: Settings) -> Finding:
    there = psutil.virtual_memory().total
    if not settings.uses_spark:
        return Finding("Memory", True, f"{there / (1 << 30):,.1f} GiB in all")
    wanted = int(settings.spark_memory[:-1]) * _UNITS[settings.spark_memory[-1]]
    found = f"{there / (1 << 30):,.1f} GiB in all, Spark's heap is at most {settings.spark_memory}"
    return Finding("Memory", there > wanted, found, "" if there > wanted else "Set a smaller VENDAS_SPARK_MEMORY.")


def _postgresql() -> Finding:
    problem = next((said for holds, said in _postgresql_problems() if holds()), None)
    if problem:
        return Finding("PostgreSQL", False, problem, "Run `make install` again, or run as another user than root.")
    return Finding("PostgreSQL", True, f"{embedded.MAJOR_VERSION} at {embedded.BIN}")


def _postgresql_problems() -> list[tuple[Callable[[], bool], str]]:
    as_root = os.geteuid() == 0
    accounts = {account.pw_name for account in pwd.getpwall()}
    return [
        (lambda: not (embedded.BIN / "postgres").is_file(), "its programs are missing"),
        (lambda: as_root and embedded.ROOT_RUNS_AS not in accounts, f"there is no account {embedded.ROOT_RUNS_AS}"),
        (lambda: as_root and not shutil.which("setpriv"), "root needs the program setpriv to start it"),
    ]


def _ports() -> Finding:
    try:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            return Finding("Ports", True, f"{HOST} gives free ones")
    except OSError as error:
        return Finding("Ports", False, f"{HOST}: {error.strerror}", f"Let this user listen on {HOST}.")
