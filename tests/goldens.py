"""Golden copies: the executed notebooks on a small lake, two of them rehearsed too, and a description of its tables.

The lake gets `fixtures/*.csv` and `golden/landing/*.csv`, each with a fixed modification time of its own, so that
bronze names are the same everywhere. `make golden` renews the copies; `git diff tests/golden` shows what changed.
"""

import ast
import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import nbformat
import papermill
import psycopg

from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE
from vendas.runs.notebook_runner import run_notebook
from vendas.settings import Settings, load_settings
from vendas.warehouse import embedded, star

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
NOTEBOOKS = sorted((HERE.parent / "notebooks").glob("*.ipynb"))
FIRST_ARRIVAL, BETWEEN_ARRIVALS = 1_700_000_000, 60  # seconds
REHEARSED = {
    "02_silver": 'import pyarrow.compute as pc\n\nregras = {"Canal": pc.utf8_upper}',
    "03_gold": 'regras = {"valor_com_desconto": lambda valor, desconto: valor}',
}
"""The rules that are tried in the golden rehearsal of a notebook."""
IGNORED = "nbval-ignore-output"
LAKE = "../lago"  # the default in the notebooks, which nbval cannot change
LAKE_TABLES = (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE)
SHOWN = ("registros_", "fato_", "dim_", "vendas_")
WAREHOUSE_TABLES = [table.name for table in star.TABLES if table.name.startswith(SHOWN)]
TABLES = (*LAKE_TABLES, *WAREHOUSE_TABLES)

Rows = list[tuple]


@contextmanager
def fresh_lake(folder: Path):
    """Create `folder/lago` with all files in landing; yield settings of it."""
    settings = load_settings(lake=folder / "notebooks" / LAKE)
    (folder / "notebooks").mkdir()
    settings.landing.mkdir(parents=True)
    sources = [*sorted((HERE / "fixtures").glob("*.csv")), *sorted((GOLDEN / "landing").glob("*.csv"))]
    for place, source in enumerate(sources):
        arrival = FIRST_ARRIVAL + place * BETWEEN_ARRIVALS
        os.utime(shutil.copy(source, settings.landing), (arrival, arrival))
    try:
        yield settings
    finally:
        embedded.stop(settings.dw)


def rehearsal_of(original: Path) -> nbformat.NotebookNode:
    """Return a notebook of a stage as somebody rehearses it by hand, with a rule on trial."""
    rehearsal = nbformat.read(original, 4)
    for cell in rehearsal.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace("ensaio: bool = False", "ensaio: bool = True")
        elif cell.cell_type == "code" and cell.source.endswith("regras = {}"):
            cell.source = REHEARSED[original.stem]
    return rehearsal


def rehearsal_name(original: Path) -> str:
    """Return the name of the golden copy of a rehearsal."""
    return f"{original.stem}_ensaio.ipynb"


def golden_notebook(original: Path, executed: Path) -> nbformat.NotebookNode:
    """Return the original with the outputs of the executed cells, without what nbval does not compare."""
    golden = nbformat.read(original, 4)
    outputs = {cell.id: cell.get("outputs", []) for cell in nbformat.read(executed, 4).cells}
    code = [cell for cell in golden.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number  # without it, nbval takes the cell for not executed and compares nothing
        cell.outputs = outputs[cell.id]
        if cell.source.endswith(";"):  # hides the value, but not in nbval, which runs cells outside IPython's history
            cell.metadata.tags = [*cell.metadata.get("tags", []), IGNORED]
        for output in cell.outputs:
            output.get("data", {}).pop("image/png", None)
            output |= {
                key: value for key, value in {"metadata": {}, "execution_count": number}.items() if key in output
            }
    return golden


def read_tables(settings: Settings) -> dict[str, dict]:
    """Return a description of each table."""
    described = {}
    for name in LAKE_TABLES:
        table = read_table(settings.lake, name)
        columns = {field.name: str(field.type) for field in table.schema}
        described[name] = describe(columns, [tuple(row.values()) for row in table.to_pylist()])
    with psycopg.connect(embedded.find_running(settings.dw).url) as connection:
        for name in WAREHOUSE_TABLES:
            cursor = connection.execute(f"select * from {name}")
            described[name] = describe({c.name: c.type_display for c in cursor.description}, cursor.fetchall())
    return described


def describe(columns: dict[str, str], rows: Rows) -> dict:
    """Return the number of rows, and per column type, extremes, sum of numbers and hash; row order does not matter."""
    values = dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(columns, ())
    return {
        "rows": len(rows),
        "columns": {name: {"type": kind, **_summary(values[name])} for name, kind in columns.items()},
        "hash": _hash(rows),
    }


def differences(table: str, expected: dict, got: dict) -> list[str]:
    """Return sentences on where and how the table differs from the golden one; none if it does not."""
    if list(expected["columns"]) != list(got["columns"]):
        return [f"{table}: the columns are {', '.join(got['columns'])}; expected {', '.join(expected['columns'])}"]
    found = []
    if expected["rows"] != got["rows"]:
        found.append(f"{table}: {got['rows']} rows; expected {expected['rows']}")
    for name, column in expected["columns"].items():
        now = got["columns"][name]
        changed = [what for what in sorted(column.keys() | now.keys()) if column.get(what) != now.get(what)]
        if changed == ["hash"]:
            found.append(f"{table}.{name}: other values between the same minimum and maximum")
        else:
            told = (what for what in changed if what != "hash")
            found += [f"{table}.{name}: {what} is {now.get(what)}; expected {column.get(what)}" for what in told]
    if not found and expected["hash"] != got["hash"]:
        found.append(f"{table}: each column holds the expected values, but the rows combine them otherwise")
    return found


def _summary(values: tuple) -> dict:
    sums = {"sum": _text(sum(values))} if values and all(type(value) in (int, Decimal) for value in values) else {}
    extremes = {"min": _text(min(values)), "max": _text(max(values))} if values else {}
    return {**sums, **extremes, "hash": _hash([(value,) for value in values])}


def _hash(rows: Rows) -> str:
    texts = sorted(json.dumps([_text(value) for value in row], ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _defaults(notebook: Path) -> dict[str, object]:
    return {name: ast.literal_eval(told["default"]) for name, told in papermill.inspect_notebook(notebook).items()}


def renew() -> None:
    """Renew golden notebooks and tables from a run of the current notebooks."""
    with tempfile.TemporaryDirectory() as temporary, fresh_lake(Path(temporary)) as settings:
        for stale in [*GOLDEN.glob("*.json"), *GOLDEN.glob("notebooks/*.ipynb")]:
            stale.unlink()
        (GOLDEN / "notebooks").mkdir(exist_ok=True)
        for original in NOTEBOOKS:
            beside_lake = Path(shutil.copy(original, Path(temporary) / "notebooks"))
            executed = Path(temporary) / "executed" / original.name
            run_notebook(beside_lake, executed, _defaults(beside_lake), {}, settings.cell_timeout)
            nbformat.write(golden_notebook(original, executed), GOLDEN / "notebooks" / original.name)
            print(f"Wrote {GOLDEN / 'notebooks' / original.name}")
            if original.stem in REHEARSED:  # right after the stage, as nbval runs them by name
                rehearsal = beside_lake.with_name(rehearsal_name(original))
                nbformat.write(rehearsal_of(original), rehearsal)
                executed = executed.with_name(rehearsal.name)
                papermill.execute_notebook(rehearsal, executed, cwd=rehearsal.parent, progress_bar=False)
                nbformat.write(golden_notebook(rehearsal, executed), GOLDEN / "notebooks" / rehearsal.name)
        for name, table in read_tables(settings).items():
            text = json.dumps(table, ensure_ascii=False, indent=1)
            (GOLDEN / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(f"Wrote {len(TABLES)} tables beside; look at: git diff tests/golden")


if __name__ == "__main__":
    renew()
