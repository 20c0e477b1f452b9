"""The contents of a lake and its warehouse, in a form in which two lakes with the same history are equal."""

import subprocess
from pathlib import Path

import psycopg

from vendas.lake.ledger import list_entries, read_events
from vendas.lake.table_reader import read_table
from vendas.lake.tables import GOLD_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.warehouse.embedded import ensure_running, stop
from vendas.warehouse.star import TABLES

COLUMNS = {table.name: "*" for table in TABLES} | {"arquivos_carregados": "arquivo_de_origem, linhas"}


def contents(lake):
    """Return every table's rows, sorted, and the bytes of every file in bronze and landing."""
    folder = Path(lake)
    held = {
        name: _sorted(read_table(folder, name).to_pylist())
        for name in (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE, RESUBMITTED_TABLE)
    }
    held["ledger"] = list_entries(read_events(folder))
    for place in ("landing", "bronze"):
        held[place] = {path.name: path.read_bytes() for path in (folder / place).iterdir()}
    with psycopg.connect(ensure_running(folder / "dw").url) as connection:
        for table, columns in COLUMNS.items():
            held[table] = sorted(connection.execute(f"select {columns} from {table}").fetchall(), key=repr)
    return held


def _sorted(rows):
    return sorted((tuple(row.values()) for row in rows), key=repr)


class Shelf:
    """Copies of a lake at several times. Its metadata has absolute paths, so a copy is restored at the same path."""

    def __init__(self, lake, shelf):
        self.lake, self.shelf = Path(lake), Path(shelf)

    def keep(self, name):
        stop(self.lake / "dw")
        subprocess.run(["cp", "-a", self.lake, self.shelf / name], check=True)

    def bring_back(self, name):
        stop(self.lake / "dw")
        subprocess.run(["rm", "-rf", self.lake], check=True)
        subprocess.run(["cp", "-a", self.shelf / name, self.lake], check=True)
