"""The analyst's desk: JupyterLab on copies of the notebooks, ready to be run by hand on one lake.

The copies of a lake in S3 are on this machine, too; their kernel runs them in a session of AWS Glue.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import nbformat
import papermill

from vendas import resources
from vendas.jupyter import glue_sessions
from vendas.settings import Settings
from vendas.storage import S3Lake

COPIES_OF_S3 = "vendas-notebooks"  # in the folder where the command is given, by bucket
OPENED_FIRST = "05_exploracao.ipynb"
_OWN = "vendas"  # the part of a copy's metadata that holds the fingerprint of what was prepared


def prepare_notebooks(settings: Settings) -> list[Path]:
    """Copies of all notebooks in `notebooks_folder`, their parameters naming that lake.

    A copy whose original has changed is made anew, unless somebody has worked on it: its cells are not those prepared.
    Such a copy stays as it is. Returns these.
    """
    folder = notebooks_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    outdated = []
    for original in sorted(resources.folder("notebooks").glob("*.ipynb")):
        prepared = _prepare(original, settings)
        copy = folder / original.name
        was_prepared, is_now = _fingerprints(copy) if copy.exists() else (None, None)
        if prepared.metadata[_OWN]["prepared"] in (was_prepared, is_now):
            continue
        if was_prepared == is_now:
            nbformat.write(prepared, copy)
        else:
            outdated.append(copy)
    return outdated


def notebooks_folder(settings: Settings) -> Path:
    """Where this lake's copies are: in the lake, or below the working folder for one in S3."""
    if isinstance(settings.lake, S3Lake):
        return Path.cwd() / COPIES_OF_S3 / settings.lake.bucket / settings.lake.key
    return settings.lake / "notebooks"


def jupyterlab(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """JupyterLab's command line, and the variables to add to its environment, which its kernels inherit.

    It listens on 127.0.0.1, asks nobody for news or updates, and remembers beside the copies what was open there.
    Raises SettingsError when the lake is in S3, and what a session needs is missing.
    """
    folder = notebooks_folder(settings)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}"),
        *(f"--LabApp.default_url=/lab/tree/{OPENED_FIRST}", f"--LabApp.workspaces_dir={folder / '.workspaces'}"),
    ]
    if os.geteuid() == 0:
        command.append("--allow-root")
    configured = [str(resources.folder("jupyter")), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return command, {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(configured),
        # Their Python must be this one, even where the user has a kernel of the same name.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # They work in the copies' folder, where no .env is read.
        **settings.as_environment(),
        **(glue_sessions.environment(settings) if isinstance(settings.lake, S3Lake) else {}),
    }


def _prepare(original: Path, settings: Settings) -> nbformat.NotebookNode:
    prepared = papermill.execute_notebook(
        original, None, parameters={"lake": str(settings.lake)}, prepare_only=True, progress_bar=False
    )
    if isinstance(settings.lake, S3Lake):
        prepared.metadata.kernelspec = glue_sessions.KERNEL
    prepared.metadata[_OWN] = {"prepared": _fingerprint(prepared)}
    return prepared


def _fingerprints(copy: Path) -> tuple[str | None, str]:
    """Of the cells as they were prepared, where the copy tells, and as they are now."""
    try:
        notebook = nbformat.read(copy, as_version=4)
    except (ValueError, AttributeError, nbformat.ValidationError):  # whatever nbformat says of what is no notebook
        return None, "unreadable"
    return notebook.metadata.get(_OWN, {}).get("prepared"), _fingerprint(notebook)


def _fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Of what a person writes in cells: outputs come and go."""
    written = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()[:16]
