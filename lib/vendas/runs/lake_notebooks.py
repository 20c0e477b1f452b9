"""The notebooks of a lake: which follows which, and how a run executes one."""

from collections.abc import Callable, Mapping
from pathlib import Path

from vendas import resources
from vendas.errors import NotebookError
from vendas.lake import ledger
from vendas.reports.report import EXPLORATION, exploration_failed
from vendas.results import StageResult
from vendas.runs.run_log import timed
from vendas.settings import Settings

NOTEBOOKS = tuple(map(ledger.notebook_of, ledger.STAGES))  # a stage each; on AWS the template's triggers order them

OnCell = Callable[[str, int, int], None]


def execute(
    notebook: str,
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    parameters: Mapping[str, object],
    on_cell: OnCell = lambda notebook, done, total: None,
) -> StageResult:
    """Execute a notebook into `folder`, whose name is the run's id, and return its result.

    `environment` is added to its kernel's; `on_cell` is told (notebook, cells done, cells in all); `parameters` are its
    own beside lake and run_id.
    Raises NotebookError.
    """
    with timed(notebook):
        from vendas.runs.notebook_runner import (
            run_notebook,  # here, because papermill takes a second to import: the JVM starts meanwhile
        )

        return run_notebook(
            resources.folder("notebooks") / f"{notebook}.ipynb",
            folder / f"{notebook}.ipynb",
            {"lake": str(settings.lake), "run_id": folder.name, **parameters},
            environment,
            settings.cell_timeout,
            lambda done, total: on_cell(notebook, done, total),
        )


def explore(
    settings: Settings,
    folder: Path,
    environment: dict[str, str],
    warn: Callable[[str], None],
    on_cell: OnCell = lambda notebook, done, total: None,
) -> list[str]:
    """Execute the exploration, which is no stage: the data is published by now.

    Return what went wrong, for the report; `warn` is told of it in a line.
    """
    try:
        execute(EXPLORATION, settings, folder, environment, {}, on_cell)
    except NotebookError as error:
        warn(f"The exploration failed; the data is published. {str(error).splitlines()[0]}")
        return [exploration_failed(error)]
    return []
