"""Kernels that are forks of one process: each a process of its own, as without it, and none outlives the run."""

import secrets
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from helpers.old_lakes import LAKE, unpack
from helpers.small_notebooks import RESULT, write_notebook
from vendas.errors import NotebookError
from vendas.lake.data_files import write_rows
from vendas.runs.fork_server import ForkServer
from vendas.runs.forked_kernels import forked_from
from vendas.runs.notebook_runner import run_notebook
from vendas.tuning import LEDGER_SMALL_FILE_BYTES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with ForkServer() as server:
        yield server


@pytest.fixture
def tell(tmp_path):
    """Return a function that tells what an expression is in a kernel of a fork server."""

    def tell(server, expression, **environment):
        notebook = write_notebook(tmp_path / "x.ipynb", f"import os, sys\nraise KeyError(repr({expression}))", RESULT)
        with pytest.raises(NotebookError) as caught:
            run_notebook(
                notebook, tmp_path / "out.ipynb", {"run_id": "r1", "rows": 7}, environment, 60,
                kernel=forked_from(server),
            )  # fmt: skip
        return eval(eval(str(caught.value).partition("KeyError: ")[2].splitlines()[0]))

    return tell


def process_of(server):
    return psutil.Process(server._process.pid)


def test_a_kernel_has_imported_what_the_notebooks_import(server, tell):
    wanted = "{'pandas', 'pyarrow.compute', 'vendas.lake.commits', 'matplotlib.figure', 'vendas.stages.transform'}"
    assert tell(server, f"({wanted} - {{*sys.modules}}, os.getppid())") == (set(), process_of(server).pid)


def test_a_kernel_without_the_server_has_not(tell):
    with ForkServer() as server:
        process_of(server).kill()
        process_of(server).wait()
        assert tell(server, "'vendas.stages.transform' in sys.modules") is False


def test_each_kernel_is_a_process_and_a_session_of_its_own(server, tell):
    first, second = (tell(server, "(os.getpid(), os.getsid(0), os.getpgid(0))") for _ in range(2))
    assert len({*first}) == len({*second}) == 1 and first != second


def test_a_kernel_has_its_own_environment_and_no_more(server, tell, monkeypatch, tmp_path):
    monkeypatch.setenv("AFTER_THE_SERVER", "came")
    found = tell(server, "{n: os.environ.get(n) for n in ('X', 'AFTER_THE_SERVER', 'OPENBLAS_NUM_THREADS')}", X="seen")
    assert found == {"X": "seen", "AFTER_THE_SERVER": "came", "OPENBLAS_NUM_THREADS": None}


def test_a_kernel_works_in_the_notebooks_folder(server, tell, tmp_path):
    assert tell(server, "os.getcwd()") == str(tmp_path)


def test_what_a_kernel_changes_is_not_seen_by_the_next(server, tell):
    assert [tell(server, "os.__dict__.setdefault('mark', []).append(1) or len(os.mark)") for _ in range(2)] == [1, 1]


def test_the_server_has_one_thread_and_no_child_of_the_past(server, tell):
    tell(server, "1")
    assert (process_of(server).num_threads(), process_of(server).children()) == (1, [])


def test_kernels_have_what_the_server_has_read_ahead(tell, tmp_path):
    lake = unpack(LAKE, tmp_path / "lago")
    long = pa.table({"arquivo": [secrets.token_hex(32) for _ in range(40_000)]})
    assert write_rows(lake / "ledger" / "data" / "long.parquet", long, "none") > LEDGER_SMALL_FILE_BYTES
    with ForkServer(lake) as server:
        assert tell(server, "sys.modules['vendas.lake.ledger']._rows_in.cache_info().currsize") == 1
        assert process_of(server).num_threads() == 1


def a_kernel(server, folder):
    """Start a kernel that waits for a client."""
    with (folder / "log").open("wb") as log:
        return psutil.Process(server.start_kernel(["-f", str(folder / "c.json")], {}, str(folder), log.fileno()).pid)


def test_a_kernel_ends_with_its_server(tmp_path):
    with ForkServer() as server:
        kernel = a_kernel(server, tmp_path)
        while not (tmp_path / "c.json").exists():
            assert kernel.is_running()
        process_of(server).kill()
        kernel.wait(timeout=10)


KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_fork_server import ForkServer, a_kernel
server = ForkServer()
kernel = a_kernel(server, Path(sys.argv[1]))
print(server._process.pid, kernel.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_nothing_is_left_of_a_killed_run(tmp_path):
    here = Path(__file__).parent
    run = subprocess.run([sys.executable, "-c", KILLED, tmp_path, here], stdout=subprocess.PIPE, text=True)
    left = [psutil.Process(int(pid)) for pid in run.stdout.split() if psutil.pid_exists(int(pid))]
    assert run.returncode == -9 and psutil.wait_procs(left, timeout=10)[1] == []
