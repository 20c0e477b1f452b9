"""Strict papermill: a notebook succeeds only if it returns this run's result; anything else is an error.

papermill alone only warns, or continues, where this project must stop: unknown parameters, a missing `parameters` cell,
a cell that exits or is tagged to be skipped, a kernel that reports success without having run the cell.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from vendas.errors import NotebookError, without_java_frames
from vendas.machine import full_disk
from vendas.results import RESULT_MIME, StageResult
from vendas.tuning import KERNEL_START_SECONDS, NOTEBOOK_SAVE_SECONDS

ENGINE = "vendas"
KERNEL, LANGUAGE = "python3", "python"
FORBIDDEN_TAGS = {"skip-execution", "raises-exception"}  # nbclient skips such a cell, or ignores its failure
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list}

OnCell = Callable[[int, int], None]


class OwnPythonKernel(AsyncKernelManager):
    """Starts the Python of this process, even if the user has installed another kernel under the same name."""

    @default("kernel_spec_manager")
    def _only_native(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def run_notebook(
    notebook: Path,
    output: Path,
    parameters: dict[str, object],
    environment: dict[str, str],
    cell_timeout: int,
    on_cell: OnCell = lambda done, total: None,
    kernel: type[AsyncKernelManager] = OwnPythonKernel,
) -> StageResult:
    """Run a notebook in a kernel of its own, save the executed notebook at `output`, and return its result.

    `parameters` must be exactly those that the notebook declares, `run_id` included, with the declared types;
    `environment` is added to the kernel's, whose log is beside `output`; `cell_timeout` is in seconds; `on_cell` is
    called with (cells done, cells in all); `kernel` starts the kernel named `python3`.
    Raises: NotebookError naming the notebook and the cell; `output` is written first if a cell was run.
    """
    position = _Position()
    try:
        _check_cells(notebook)
        _check_parameters(notebook, parameters)
        output.parent.mkdir(parents=True, exist_ok=True)
        executed = papermill.execute_notebook(
            _verbatim(notebook),
            _verbatim(output),
            parameters=parameters,
            kernel_name=KERNEL,
            language=LANGUAGE,
            engine_name=ENGINE,
            progress_bar=False,
            cwd=notebook.parent,
            start_timeout=KERNEL_START_SECONDS,
            execution_timeout=cell_timeout,
            environment=environment,
            log=output.with_suffix(".log"),
            on_cell=on_cell,
            position=position,
            kernel=kernel,
        )
    except NotebookError:
        raise
    except PapermillExecutionError as error:
        said = f"{error.ename}: {without_java_frames(error.evalue)}"
        disk = full_disk.explain(said, output.parent) if "The disk of" not in said else ""
        raise NotebookError(f"{notebook.name} failed {position}:\n{said}\nExecuted notebook: {output}{disk}") from error
    except Exception as error:  # kernels, sockets and disks fail in more ways than can be listed
        said = f"{type(error).__name__}: {str(error).strip()}"
        kept = f"Executed so far: {output}, its kernel's log beside it" if position.number else "Nothing was run."
        disk = full_disk.explain(said, output.parent)
        raise NotebookError(f"{notebook.name} failed {position}:\n{said}\n{kept}{disk}") from error
    return _result(executed, notebook, output, str(parameters["run_id"]))


def _verbatim(path: Path) -> str:
    """Return the path with braces escaped, which papermill would replace by parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


@dataclass
class _Position:
    """The code cell that was sent to the kernel last, with its number as in Jupyter."""

    number: int = 0
    source: str = ""

    def move(self, cell: nbformat.NotebookNode, **_: object) -> None:
        self.number += 1
        self.source = cell.source

    def __str__(self) -> str:
        if not self.number:
            return "before its first cell"
        first = next((line.strip() for line in self.source.splitlines() if line.strip()), "empty")
        return f"in cell [{self.number}] ({first})"


def _check_cells(notebook: Path) -> None:
    tagged = [(cell, set(cell.metadata.get("tags", []))) for cell in nbformat.read(notebook, as_version=4).cells]
    declaring = sum("parameters" in tags for _, tags in tagged)
    if declaring > 1:  # papermill inserts the given values after the first; the second would overwrite them
        raise NotebookError(f"{notebook.name} has {declaring} cells tagged 'parameters'; leave one. Nothing was run.")
    for number, (cell, tags) in enumerate(tagged, start=1):
        if bending := tags & FORBIDDEN_TAGS:
            raise NotebookError(
                f"{notebook.name}: the cell {number} from the top ({cell.source.strip().partition(chr(10))[0]}) is "
                f"tagged {', '.join(sorted(bending))}: it could be left out, or fail, unseen.\n"
                "Take the tag away. Nothing was run."
            )


def _check_parameters(notebook: Path, given: dict[str, object]) -> None:
    declared = papermill.inspect_notebook(_verbatim(notebook))
    if not declared:
        raise NotebookError(f"{notebook.name} has no parameters: tag one cell 'parameters' and declare them there.")
    problems = [f"{name} is not declared" for name in given if name not in declared]
    problems += [f"{name} is not given" for name in sorted({*declared, "run_id"} - given.keys())]
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


def _result(executed: nbformat.NotebookNode, notebook: Path, output: Path, run_id: str) -> StageResult:
    """Return the value of the last code cell.

    Raises: NotebookError if it is not a result, or the result of another run: then the notebook did not work.
    """
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    last = _Position(len(code) - 1)
    last.move(code[-1])
    values = [out.data for out in code[-1].outputs if out.output_type == "execute_result"]
    try:
        result = StageResult.from_json(values[-1][RESULT_MIME])
    except (IndexError, KeyError, TypeError):
        raise NotebookError(
            f"{notebook.name} ended without a result, {last}: the last cell's value must be a StageResult.\n"
            f"Executed notebook: {output}"
        ) from None
    if result.rehearsal:
        raise NotebookError(
            f"{notebook.name} was a rehearsal, so it published nothing. A run gives `ensaio` as False: leave it to the "
            f"cell of parameters.\nExecuted notebook: {output}"
        )
    if result.run_id != run_id:
        raise NotebookError(
            f"{notebook.name} returned, {last}, the result of run {result.run_id!r}, expected {run_id!r}.\n"
            f"Executed notebook: {output}"
        )
    return result


def _check_reply(execute_reply: dict | None, **_: object) -> None:
    """Check a cell's reply for failures that Jupyter does not treat as errors.

    Raises: RuntimeError if the kernel did not run the cell, or the cell asked to exit.
    """
    content = (execute_reply or {}).get("content", {})
    status, error = content.get("status"), content.get("ename")
    if status not in ("ok", "error"):
        raise RuntimeError(f"the kernel did not run the cell; it answered {status!r}")
    if error == "SystemExit" or any(asked.get("source") == "ask_exit" for asked in content.get("payload", [])):
        raise RuntimeError("the cell asked to exit, and the cells below it would not run")


def _save_seldom(nb_man: NotebookExecutionManager) -> None:
    """Save the notebook around its cells only if the last time is a while ago: papermill saves it twice a cell.

    papermill's last call, when the notebook is done or has failed, completes it: from there on each one counts.
    """
    save, complete = nb_man.save, nb_man.notebook_complete

    def save_now_and_then(**kwargs: object) -> None:
        if (nb_man.now() - nb_man.last_save_time).total_seconds() >= NOTEBOOK_SAVE_SECONDS:
            save(**kwargs)

    def save_and_complete(**kwargs: object) -> None:
        nb_man.save = save
        complete(**kwargs)

    nb_man.save, nb_man.notebook_complete = save_now_and_then, save_and_complete


class _Engine(NBClientEngine):
    """papermill's engine with an environment for the kernel, progress after each cell, and a check of each reply."""

    @classmethod
    def execute_managed_notebook(  # pyrefly: ignore[bad-override]  # papermill passes an engine's own options by name
        cls, nb_man, kernel_name, *, environment, log, on_cell, position, kernel, start_timeout, execution_timeout, **_
    ):
        cell_complete = nb_man.cell_complete

        def report(cell, cell_index, **kwargs):
            cell_complete(cell, cell_index, **kwargs)
            on_cell(cell_index + 1, len(nb_man.nb.cells))

        nb_man.cell_complete = report
        _save_seldom(nb_man)
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_manager_class=kernel,
            shutdown_kernel="immediate",  # nothing in it needs an orderly shutdown
            on_cell_execute=position.move,
            on_cell_executed=_check_reply,
        )
        with log.open("ab") as output:  # the kernel's own output would otherwise go to the terminal
            return client.execute(env=os.environ | environment, stdout=output, stderr=output)


papermill_engines.register(ENGINE, _Engine)
