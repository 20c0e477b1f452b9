"""A process that has imported what notebooks import; the kernels of a run on this machine are forks of it.

Imports take a kernel more than a second. The fork server does them once for all kernels of a run.
It has one thread and no connections, so that a fork is safe. It lives no longer than its run, or until a module was
edited (`vendas.runs.warm`); its kernels end within a second after it, as they do after the process that starts them
without it.
"""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from vendas import resources
from vendas.machine.imports import lasting_imports
from vendas.tuning import KERNEL_START_SECONDS

IMPORTED_LATER = (  # by the kernel itself, and by functions that notebooks call
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "psycopg",
    "pyarrow.dataset",
    "sqlalchemy.dialects.postgresql.psycopg",
    "tornado.platform.asyncio",
    "vendas.lake.commits",
)
# Otherwise OpenBLAS and Arrow's jemalloc start threads as soon as they are imported.
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
ENDED = -signal.SIGKILL  # reported for every forked kernel: its exit code is known to the fork server only


class ForkedProcess:
    """The process of a forked kernel, with what jupyter_client uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, link: socket.socket):
        self.pid, self._link = pid, link  # the kernel has the other end, so this one can be read when the kernel ends
        self._link.setblocking(False)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return None while the kernel runs."""
        if self.returncode is None:
            with suppress(BlockingIOError):
                self._link.recv(1)
                self._link.close()
                self.returncode = ENDED
        return self.returncode

    def wait(self) -> int:
        """Wait until the kernel has ended."""
        if self.returncode is None:
            self._link.setblocking(True)
            self.poll()
        return ENDED

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    """The fork server of a `with` block, and with it the kernels that it has started."""

    def __init__(self, lake: Path | None = None):
        """Start it; it also reads ahead the ledger of `lake`, which kernels then need not."""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "vendas.runs.fork_server", *filter(None, [lake])],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | SINGLE_THREADED,
                start_new_session=True,  # as kernels have one: Ctrl+C is for the run, which ends them
            )

        self.pid = self._process.pid

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def is_running(self) -> bool:
        """Return whether its process has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, and with it its kernels."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def start_kernel(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: str, log: int
    ) -> ForkedProcess:
        """Start a kernel in `folder` with these arguments and variables; its output goes to the file descriptor `log`.

        Return when a client can connect to it.
        Raises: OSError if the fork server has ended, or does not answer.
        """
        link, theirs = socket.socketpair()
        link.settimeout(KERNEL_START_SECONDS)
        try:
            with theirs:
                socket.send_fds(self._control, [b"."], [theirs.fileno(), log])
            link.sendall(json.dumps([arguments, environment, folder]).encode() + b"\n")
            return ForkedProcess(int(link.recv(32) or _no_answer()), link)
        except OSError:
            link.close()
            raise


def _no_answer() -> bytes:
    raise ConnectionResetError("the fork server has ended")


def _serve(control: socket.socket) -> None:
    """Fork a kernel for each request until the run's process has closed its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that ended kernels do not wait for this process
    while True:
        told, descriptors, *_ = socket.recv_fds(control, 1, 2)
        if not told:
            return
        if os.fork() == 0:
            control.close()
            _become_kernel(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _become_kernel(link_descriptor: int, log: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    link = socket.socket(fileno=link_descriptor)
    with link.makefile("rb") as request:
        arguments, environment, folder = json.loads(request.readline())
    for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(log, descriptor)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.register_at_fork(after_in_child=link.close)  # the link tells when this process ends, not its children
    from ipykernel.kernelapp import IPKernelApp

    kernel = IPKernelApp.instance(parent_handle=os.getppid())  # it ends when this process is no more
    kernel.initialize(arguments)
    link.sendall(str(os.getpid()).encode())  # only now, since a client that does not find its sockets waits
    kernel.start()
    sys.exit()


def _import_all() -> None:
    for module, names in sorted(_imported_by_notebooks()):
        __import__(module, fromlist=names)
    for module in IMPORTED_LATER:
        import_module(module)


def _imported_by_notebooks() -> Iterator[tuple[str, tuple[str, ...]]]:
    for notebook in resources.folder("notebooks").glob("*.ipynb"):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            with suppress(SyntaxError):  # a cell with commands of IPython
                for node in ast.walk(ast.parse("".join(cell["source"]) if cell["cell_type"] == "code" else "")):
                    if isinstance(node, ast.ImportFrom) and node.module:
                        yield node.module, tuple(alias.name for alias in node.names)
                    elif isinstance(node, ast.Import):
                        yield from ((alias.name, ()) for alias in node.names)


def _read_ahead(lake: Path) -> None:
    from vendas.lake import ledger

    with suppress(Exception):  # whoever reads the ledger gets the same error, and reports it
        ledger.read_ahead(lake)


def main() -> None:
    """Import all, read ahead, and serve on standard input, unless there are threads that a fork would lack."""
    import psutil

    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    with lasting_imports():
        _import_all()
        if sys.argv[1:]:
            _read_ahead(Path(sys.argv[1]))
    if psutil.Process().num_threads() > 1:
        sys.exit("An imported module has started a thread.")
    _serve(control)


if __name__ == "__main__":
    main()
