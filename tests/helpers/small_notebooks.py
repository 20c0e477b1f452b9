"""Small notebooks, written for a test."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'run_id: str = "manual"\nrows: int = 1'
RESULT = "from vendas.results import StageResult\nStageResult(stage='bronze', run_id=run_id, read=rows)"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def tagged(source, *tags):
    """Return a code cell with these tags."""
    return new_code_cell(source, metadata={"tags": list(tags)})


def write_notebook(path, *cells, parameters=PARAMETERS):
    """Write a notebook: heading, parameters and these cells (sources or cells); when executed, the first one is [3]."""
    declared = [] if parameters is None else [tagged(parameters, "parameters")]
    code = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# x"), *declared, *code], metadata=KERNEL), path)
    return path
