"""The pipeline's notebooks run in the test's own process and JVM: seconds, where kernels of their own cost many."""

import ast
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from vendas import schema
from vendas.lake.ledger import Event, latest, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, SILVER_TABLE

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def run_notebook(name, **parameters):
    """Runs the code cells of `notebooks/<name>.ipynb` with these parameters; the value of the last expression."""
    *_, value = cell_by_cell(name, **parameters)
    return value


def cell_by_cell(name, **parameters):
    """The same, pausing after each cell: yields None, and at last the value."""
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
    """A lake after a run: what became of each file and row."""

    lake: Path

    @cached_property
    def events(self) -> dict[str, dict[str, Event]]:
        """Each file's last event of each stage, by its bronze name."""
        return latest(read_events(self.lake))

    @cached_property
    def bronze_names(self) -> dict[str, str]:
        """The bronze name of what arrived last under each name."""
        return {done["bronze"].arquivo_recebido: arquivo for arquivo, done in self.events.items()}

    def bronze(self, received: str) -> Event:
        return self.events[self.bronze_names[received]]["bronze"]

    def counts(self, received: str) -> tuple[int, int, int, int]:
        """Rows read, in silver, duplicates and quarantined; zeros where silver never took the file up."""
        done = self.events[self.bronze_names[received]]
        if "silver" not in done:
            return (done["bronze"].lidas, 0, 0, 0)
        silver = done["silver"]
        return (silver.lidas, silver.gravadas, silver.duplicadas, silver.quarentena)

    def sales(self, received: str) -> list[dict]:
        """Silver's rows of the file."""
        return self._silver.get(self.bronze_names[received], [])

    def gold(self, received: str) -> list[dict]:
        """Gold's rows of the file."""
        return self._gold.get(self.bronze_names[received], [])

    def quarantined(self, received: str) -> list[tuple[int, str, list[str]]]:
        """Line, text and reasons of the file's refused rows, by line."""
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
    """Puts a file of these bytes into the lake's landing folder, modified at this second (or fraction)."""
    path = Path(lake) / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(0, round(at * 1000) * 1_000_000))
    return path


def run_intake(spark, lake, gold=False, run_id="r1"):
    """Runs bronze and silver, and gold if asked, on the lake; `spark` only says that the test's JVM is up."""
    for name in ["01_bronze", "02_silver"] + ["03_gold"] * gold:
        run_notebook(name, lake=str(lake), run_id=run_id)
    return Intake(Path(lake))
