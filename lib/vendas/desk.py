"""The analyst's desk: the notebooks, ready to be run by hand on one lake."""

from pathlib import Path

import papermill

from vendas import resources
from vendas.settings import Settings


def prepare_notebooks(settings: Settings) -> Path:
    """Copies of all notebooks in the lake's `notebooks` folder, their parameters naming that lake.

    A copy that is there already is kept: its owner may have worked on it. Returns the folder.
    """
    folder = settings.lake / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for original in sorted(resources.folder("notebooks").glob("*.ipynb")):
        copy = folder / original.name
        if not copy.exists():
            papermill.execute_notebook(original, copy, parameters={"lake": str(settings.lake)}, prepare_only=True)
    return folder
