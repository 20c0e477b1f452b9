"""JupyterLab on copies of the notebooks whose parameters name one lake, to be run by hand.

The copies for a lake in S3 are on this machine, too; their kernel runs them in a session of AWS Glue.
"""

import hashlib
import io
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

COPIES_OF_S3 = "vendas-notebooks"  # in the working folder of the command; has a folder per bucket
OPENED_FIRST = "05_exploracao.ipynb"
NOT_A_NOTEBOOK = (ValueError, AttributeError, nbformat.ValidationError)  # what nbformat raises for another file
_OWN = "vendas"  # the key in a copy's metadata that holds the fingerprint of the prepared cells


def prepare_notebooks(settings: Settings) -> dict[Path, str]:
    """Copy all notebooks to `notebooks_folder`, with parameters that name the lake; return the outdated copies.

    A copy whose original has changed is replaced, unless somebody has edited it, so that its cells differ from the
    prepared ones. Such a copy stays as it is and is returned, with the difference of its cells to the prepared ones.
    """
    folder = notebooks_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    outdated = {}
    for original in sorted(resources.folder("notebooks").glob("*.ipynb")):
        prepared = _prepare(original, settings)
        copy = folder / original.name
        was_prepared, is_now = _fingerprints(copy) if copy.exists() else (None, None)
        if prepared.metadata[_OWN]["prepared"] in (was_prepared, is_now):
            continue
        if was_prepared == is_now:
            nbformat.write(prepared, copy)
        else:
            outdated[copy] = _difference(copy, prepared)
    return outdated


def notebooks_folder(settings: Settings) -> Path:
    """Return the folder of this lake's copies: in the lake, or for a lake in S3 below the working folder."""
    if isinstance(settings.lake, S3Lake):
        return Path.cwd() / COPIES_OF_S3 / settings.lake.bucket / settings.lake.key
    return settings.lake / "notebooks"


def jupyterlab(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return JupyterLab's command line, and the variables to add to its environment, which its kernels inherit.

    JupyterLab listens on 127.0.0.1, fetches no news or updates, and stores its workspaces beside the copies.
    Raises: SettingsError if the lake is in S3 and something that a session needs is missing.
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
        # The kernels must use this Python, even if the user has a kernel of the same name.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # The kernels work in the folder of the copies, where no .env is read.
        **settings.as_environment(),
        **(glue_sessions.environment(settings) if isinstance(settings.lake, S3Lake) else {}),
    }


def _difference(copy: Path, prepared: nbformat.NotebookNode) -> str:
    """Return how the sources of the prepared cells differ from the copy's; empty if the copy is no notebook."""
    from nbdime.diffing.notebooks import diff_notebooks, set_notebook_diff_targets
    from nbdime.prettyprint import PrettyPrintConfig, pretty_print_diff

    try:
        own = nbformat.read(copy, as_version=4)
    except NOT_A_NOTEBOOK:
        return ""
    set_notebook_diff_targets(
        sources=True, outputs=False, attachments=False, metadata=False, identifier=False, details=False
    )
    shown = io.StringIO()
    config = PrettyPrintConfig(out=shown, include=None, use_color=False, use_git=False, use_diff=False)
    pretty_print_diff(own, diff_notebooks(own, prepared), "", config)
    return shown.getvalue()


def _prepare(original: Path, settings: Settings) -> nbformat.NotebookNode:
    given: dict[str, object] = {"lake": str(settings.lake)}
    if "ensaio" in papermill.inspect_notebook(original):
        given["ensaio"] = True  # by hand, nothing is published unless one says so
    prepared = papermill.execute_notebook(original, None, parameters=given, prepare_only=True, progress_bar=False)
    if isinstance(settings.lake, S3Lake):
        prepared.metadata.kernelspec = glue_sessions.KERNEL
    prepared.metadata[_OWN] = {"prepared": _fingerprint(prepared)}
    return prepared


def _fingerprints(copy: Path) -> tuple[str | None, str]:
    """Return the fingerprint of a copy's cells as prepared (None if it has none), and as they are now."""
    try:
        notebook = nbformat.read(copy, as_version=4)
    except NOT_A_NOTEBOOK:
        return None, "unreadable"
    return notebook.metadata.get(_OWN, {}).get("prepared"), _fingerprint(notebook)


def _fingerprint(notebook: nbformat.NotebookNode) -> str:
    """Return the fingerprint of the types and sources of the cells; outputs do not count, since they change."""
    written = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()[:16]
