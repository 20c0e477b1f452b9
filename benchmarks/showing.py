"""What the previews of the stages' notebooks cost a scheduled run."""

from nbformat import NotebookNode

from benchmarks.figures import Figure
from benchmarks.pipeline_run import PipelineRun

AT_MOST = 0.3  # seconds a notebook
FIRST, LAST = "## O que ", "## Resultado"  # the headings between which a notebook shows rows
_BRONZE_FIRST = "## Os arquivos"


def of_previews(runs: list[PipelineRun]) -> list[Figure]:
    """Seconds of the cells of each stage's notebook that show what it did with the rows, in each run."""
    return [
        Figure(f"previews in {name}", [_seconds(run.executed[name]) for run in runs], at_most=AT_MOST)
        for name in runs[0].notebooks
    ]


def _seconds(notebook: NotebookNode) -> float:
    shown, seconds = False, 0.0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            shown = (shown or cell.source.startswith((FIRST, _BRONZE_FIRST))) and not cell.source.startswith(LAST)
        elif shown:
            seconds += cell.metadata.papermill.duration
    return seconds
