"""The notebooks of a lake: their order, and how a run executes one."""

from collections.abc import Callable, Mapping
from pathlib import Path

from vendas import resources
from vendas.errors import NotebookError
from vendas.lake import ledger
from vendas.reports.report import EXPLORATION, exploration_failed
from vendas.results import StageResult
from vendas.runs.fork_server import ForkServer
from vendas.runs.run_log import timed
from vendas.settings import Settings

NOTEBOOKS = tuple(map(ledger.notebook_of, ledger.STAGES))  # one per stage; on AWS the template's triggers set the order

_FOR_REAL = {notebook: {"ensaio": False} for notebook in NOTEBOOKS}  # a run is no rehearsal
ALL_SALES = {"inicio": "", "fim": "", "canal": ""}  # the exploration's own parameters

OnCell = Callable[[str, int, int], None]


def execute(
    notebook: str,
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    parameters: Mapping[str, object],
    on_cell: OnCell = lambda notebook, done, total: None,
    forks: ForkServer | None = None,
) -> StageResult:
    """Execute a notebook into `folder`, whose name is the run's id, and return its result.

    `environment` is added to its kernel's; `on_cell` is called with (notebook, cells done, cells in all); `parameters`
    are the notebook's own, besides lake and run_id; its kernel is one of `forks`, if given.
    Raises: NotebookError if the notebook fails.
    """
    with timed(notebook):
        # Here, because papermill takes a second to import: the fork server has its own imports to do meanwhile.
        from vendas.runs.forked_kernels import forked_from
        from vendas.runs.notebook_runner import OwnPythonKernel, run_notebook

        return run_notebook(
            resources.folder("notebooks") / f"{notebook}.ipynb",
            folder / f"{notebook}.ipynb",
            {"lake": str(settings.lake), "run_id": folder.name, **_FOR_REAL.get(notebook, {}), **parameters},
            environment,
            settings.cell_timeout,
            lambda done, total: on_cell(notebook, done, total),
            forked_from(forks) if forks else OwnPythonKernel,
        )


def explore(
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    warn: Callable[[str], None],
    on_cell: OnCell = lambda notebook, done, total: None,
    forks: ForkServer | None = None,
) -> list[str]:
    """Execute the exploration, which is not a stage: a failure changes nothing, since the data is already published.

    Return a note about the failure for the report, or an empty list; call `warn` with one line about it.
    """
    try:
        execute(EXPLORATION, settings, folder, environment, ALL_SALES, on_cell, forks)
    except NotebookError as error:
        warn(f"The exploration failed; the data is published. {str(error).splitlines()[0]}")
        return [exploration_failed(error)]
    return []
