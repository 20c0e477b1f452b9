"""Invented runs for the tests of reports, without Spark, with everything that a page can show."""

from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vendas.reports.report import EXPLORATION, Run
from vendas.results import Stage

AT = Path("/dados/lago de março")  # the lake
STAGES = ["01_bronze", "02_silver", "03_gold", "04_dw"]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
MARKER = '<span id="papermill-error-cell">Execution using papermill encountered an exception here and stopped:</span>'


def entry(name="registros_loja.csv", silver=70, twice=23, refused=0, situacao="processado", motivo=None, doubtful=0):
    """Return a ledger entry of a processed file, or with another situation; counts are rows."""
    through = silver if situacao == "processado" else 0
    return {
        "arquivo": f"{name.removesuffix('.csv')}_20240331T140509123Z_1a2b3c4d.csv",
        "arquivo_recebido": name,
        "situacao": situacao,
        "motivo": motivo,
        "lidas": silver + twice + refused,
        "duplicadas": twice,
        "quarentena": refused,
        "duvidosas": doubtful,
        "silver": silver,
        "gold": through,
        "dw": through,
    }


def a_run(**facts):
    """Return a run that began at a fixed time."""
    given = {"begun": datetime(2024, 3, 31, 14, 5, 9, tzinfo=UTC), "seconds": 21.4}
    return Run("20240331T140509Z-00aa", **given | facts)


def stages(*names):
    """Return stages that took as many seconds as their names have letters, plus 0.25."""
    return [Stage(name, len(name) + 0.25) for name in names]


def write_executed(path, *outputs, failed=False):
    """Write an executed notebook: a heading, code with these outputs, and the marker of a failed cell if it failed."""
    cells = [new_markdown_cell(f"# {path.stem}"), new_code_cell("x = 1", execution_count=1)]
    cells += [new_markdown_cell(MARKER)] * failed
    cells += [new_code_cell("x", outputs=list(outputs), execution_count=2)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


def write_all_executed(folder):
    """Write the notebooks of a successful run, with a table, an image and a text among their outputs."""
    table = "<table class='dataframe'><tr>" + "<td>registros_loja.csv</td>" * 12 + "</tr></table>"
    image = new_output("display_data", {"image/png": PNG, "text/plain": "<Figure>"})
    for name in [*STAGES, EXPLORATION]:
        shown = new_output("execute_result", {"text/html": table, "text/plain": "x"}, execution_count=2)
        write_executed(folder / f"{name}.ipynb", shown, image, new_output("stream", text="feito " * 60))
