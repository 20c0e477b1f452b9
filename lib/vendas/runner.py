"""Strict papermill: a notebook succeeds only when it returned this run's result; anything else is an error.

papermill alone warns where this project must stop: unknown parameters, a missing `parameters` cell, a cell that exits,
a kernel that reports success without having worked.
"""

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from vendas.errors import NotebookError, without_java_frames
from vendas.results import RESULT_MIME, StageResult

ENGINE = "vendas"
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list}

OnCell = Callable[[int, int], None]


def run_notebook(
    notebook: Path,
    output: Path,
    parameters: dict[str, object],
    environment: dict[str, str],
    cell_timeout: int,
    on_cell: OnCell = lambda done, total: None,
) -> StageResult:
    """Runs a notebook in a kernel of its own, saves it executed at `output`, and returns its result.

    `parameters` must be exactly what the notebook declares, `run_id` among them, and of the declared types;
    `environment` is added to the kernel's, whose log stands beside `output`; `cell_timeout` is in
    seconds; `on_cell` is told (cells done, cells in all).
    Raises NotebookError naming the notebook and the cell, after `output` was written.
    """
    _check_parameters(notebook, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        executed = papermill.execute_notebook(
            notebook,
            output,
            parameters=parameters,
            engine_name=ENGINE,
            progress_bar=False,
            cwd=notebook.parent,
            execution_timeout=cell_timeout,
            environment=environment,
            log=output.with_suffix(".log"),
            on_cell=on_cell,
        )
    except PapermillExecutionError as error:
        raise NotebookError(_describe(error, notebook, output)) from None
    except (RuntimeError, TimeoutError, OSError) as error:
        raise NotebookError(f"{notebook.name} did not end: {error}\nExecuted so far: {output}") from None
    return _result(executed, notebook, output, str(parameters["run_id"]))


def _check_parameters(notebook: Path, given: dict[str, object]) -> None:
    declared = papermill.inspect_notebook(notebook)
    if not declared:
        raise NotebookError(f"{notebook.name} has no parameters: tag one cell 'parameters' and declare them there.")
    problems = [f"{name} is not declared" for name in given if name not in declared]
    problems += [f"{name} is not given" for name in declared if name not in given]
    problems += [
        f"{name} must be {declared[name]['inferred_type_name']}, got {value!r}"
        for name, value in given.items()
        if name in declared and type(value) is not _TYPES.get(declared[name]["inferred_type_name"])
    ]
    if problems:
        raise NotebookError(
            f"The parameters do not fit {notebook.name}: {'; '.join(problems)}.\n"
            f"It declares {', '.join(declared)}. Nothing was run."
        )


def _describe(error: PapermillExecutionError, notebook: Path, output: Path) -> str:
    first = next((line for line in error.source.splitlines() if line.strip()), "")
    return (
        f"{notebook.name} failed in cell [{error.exec_count}] ({first.strip()}):\n"
        f"{error.ename}: {without_java_frames(error.evalue)}\nExecuted notebook: {output}"
    )


def _result(executed: nbformat.NotebookNode, notebook: Path, output: Path, run_id: str) -> StageResult:
    """The result in the last code cell's output; none, or another run's, means that the notebook did not work."""
    last = [cell for cell in executed.cells if cell.cell_type == "code"][-1]
    found = [out.data[RESULT_MIME] for out in last.outputs if RESULT_MIME in out.get("data", {})]
    try:
        result = StageResult.from_json(found[-1])
    except (IndexError, KeyError, TypeError):
        raise NotebookError(
            f"{notebook.name} ended without a result: the last cell's value must be a StageResult.\n"
            f"Executed notebook: {output}"
        ) from None
    if result.run_id != run_id:
        raise NotebookError(f"{notebook.name} returned the result of run {result.run_id!r}, expected {run_id!r}.")
    return result


class _OwnPythonKernel(AsyncKernelManager):
    """The Python that runs this process, whatever kernels the user has installed under the same name."""

    @default("kernel_spec_manager")
    def _only_native(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


class _Engine(NBClientEngine):
    """papermill's engine with an environment for the kernel and a word at each cell."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, environment, log, on_cell, execution_timeout, **_):
        cell_complete = nb_man.cell_complete

        def report(cell, cell_index, **kwargs):
            cell_complete(cell, cell_index, **kwargs)
            on_cell(cell_index + 1, len(nb_man.nb.cells))

        nb_man.cell_complete = report
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=execution_timeout,
            kernel_manager_class=_OwnPythonKernel,
            shutdown_kernel="immediate",  # whatever must be closed in order lives in the JVM
        )
        with log.open("ab") as output:  # what the kernel's process itself says would else run into the terminal
            return client.execute(env=os.environ | environment, stdout=output, stderr=output)


papermill_engines.register(ENGINE, _Engine)
