"""Run the pipeline's notebooks in the test's own process, which saves the time of separate kernels."""

import ast
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from vendas import schema
from vendas.lake.events import STAGES, Event
from vendas.lake.ledger import latest, notebook_of, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def run_notebook(name, **parameters):
    """Run the code cells of `notebooks/<name>.ipynb` with these parameters; return the value of the last expression."""
    *_, value = cell_by_cell(name, **parameters)
    return value


def cell_by_cell(name, **parameters):
    """Run the notebook cell by cell: yield None after each cell but the last, then the value of the last expression."""
    cells = [cell for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4).cells if cell.cell_type == "code"]
    namespace = {}
    for cell in cells[:-1]:
        exec(compile(cell.source, f"{name}.ipynb", "exec"), namespace)
        if "parameters" in cell.metadata.get("tags", []):
            assert parameters.keys() <= namespace.keys()
            namespace |= parameters
        yield
    *before, last = ast.parse(cells[-1].source).body
    exec(compile(ast.Module(before, []), f"{name}.ipynb", "exec"), namespace)
    yield eval(compile(ast.Expression(last.value), f"{name}.ipynb", "eval"), namespace)


@dataclass
class Intake:
    """A lake after a run, with the result of each file and row."""

    lake: Path

    @cached_property
    def events(self) -> dict[str, dict[str, Event]]:
        """The last event of each file and stage, by bronze name."""
        return latest(read_events(self.lake))

    @cached_property
    def bronze_names(self) -> dict[str, str]:
        """The bronze name of the last arrival under each received name."""
        return {done["bronze"].arquivo_recebido: arquivo for arquivo, done in self.events.items()}

    def bronze(self, received: str) -> Event:
        return self.events[self.bronze_names[received]]["bronze"]

    def counts(self, received: str) -> tuple[int, int, int, int]:
        """Return the rows read, in silver, duplicate and quarantined; zeros if silver did not process the file."""
        done = self.events[self.bronze_names[received]]
        if "silver" not in done:
            return (done["bronze"].lidas, 0, 0, 0)
        silver = done["silver"]
        return (silver.lidas, silver.gravadas, silver.duplicadas, silver.quarentena)

    def sales(self, received: str) -> list[dict]:
        """Return silver's rows of the file."""
        return self._silver.get(self.bronze_names[received], [])

    def gold(self, received: str) -> list[dict]:
        """Return gold's rows of the file."""
        return self._gold.get(self.bronze_names[received], [])

    def quarantined(self, received: str) -> list[tuple[int, str, list[str]]]:
        """Return line, text and reasons of the file's refused rows, by line."""
        rows = self._quarantine.get(self.bronze_names[received], [])
        return sorted((row["linha"], row["texto"], row["motivos"]) for row in rows)

    @cached_property
    def _silver(self) -> dict[str, list[dict]]:
        return self._by_file(SILVER_TABLE, schema.ARQUIVO.name)

    @cached_property
    def _gold(self) -> dict[str, list[dict]]:
        return self._by_file(GOLD_TABLE, "arquivo_de_origem")

    @cached_property
    def _quarantine(self) -> dict[str, list[dict]]:
        return self._by_file(QUARANTINE_TABLE, "arquivo")

    def _by_file(self, table: str, column: str) -> dict[str, list[dict]]:
        rows = {}
        for row in read_table(self.lake, table).to_pylist():
            rows.setdefault(row[column], []).append(row)
        return rows


def drop(lake, name, data, at=1_700_000_000):
    """Put a file with these bytes and this modification time (seconds) into the lake's landing; return its path."""
    path = Path(lake) / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(0, round(at * 1000) * 1_000_000))
    return path


def run_all_stages(lake, run_id="r1", files=None, **of_bronze):
    """Run all stages on a lake that has no warehouse of another version; return how many files were rejected.

    `files` are bytes by name, to drop before; `of_bronze` are parameters of the first notebook.
    """
    for name, data in (files or {}).items():
        drop(lake, name, data)
    given = {STAGES[0]: of_bronze}
    done = [run_notebook(notebook_of(of), lake=str(lake), run_id=run_id, **given.get(of, {})) for of in STAGES]
    return sum(result.rejected for result in done)


def run_intake(lake, gold=False, run_id="r1"):
    """Run bronze and silver, and gold if asked, on the lake."""
    for name in ["01_bronze", "02_silver"] + ["03_gold"] * gold:
        run_notebook(name, lake=str(lake), run_id=run_id)
    return Intake(Path(lake))
