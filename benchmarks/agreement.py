"""Peers are comparable only if they did the same work: counts, sums and rows of what each left in its folder."""

from pathlib import Path

import duckdb

from vendas.lake.ledger import list_entries, read_events
from vendas.schema import GOLD_COLUMNS, names
from vendas.settings import Settings

COUNTS = ("lidas", "quarentena", "silver", "duplicadas")
SUMS = "count(*), sum(valor_da_compra), sum(valor_com_desconto)"
ROWS = f"sum(hash(concat_ws('|', {', '.join(names(GOLD_COLUMNS))}))::hugeint)"


class Disagreement(AssertionError):
    """A peer's result is not ours, so its time says nothing about ours."""


def check_same_lake(ours: Settings, duckdb_folder: Path, script_folder: Path) -> None:
    """Raises Disagreement unless each file has the same counts and gold the same rows; of the script: the same sums."""
    counted = {
        entry["arquivo"]: tuple(entry[name] for name in COUNTS) for entry in list_entries(read_events(ours.lake))
    }
    _same("counts by file", counted, _ledger(duckdb_folder))
    gold = ours.lake / "gold" / "data"
    _same("gold's rows", _of_gold(gold, ROWS), _of_gold(duckdb_folder / "gold", ROWS))
    _same("gold's sums", _of_gold(gold, SUMS), _of_gold(script_folder / "gold", SUMS))
    refused = duckdb.sql(f"select count(*) from read_parquet('{script_folder}/quarantine/*.parquet')").fetchall()[0][0]
    _same("quarantined rows", sum(quarantined for _, quarantined, _, _ in counted.values()), refused)


def _same(what: str, ours: object, peer: object) -> None:
    if ours != peer:
        raise Disagreement(f"{what}: ours {ours}, the peer's {peer}")


def _ledger(folder: Path) -> dict[str, tuple[int, ...]]:
    rows = duckdb.sql(f"select arquivo, {', '.join(COUNTS)} from '{folder}/ledger.parquet'").fetchall()
    return {arquivo: tuple(counts) for arquivo, *counts in rows}


def _of_gold(folder: Path, what: str) -> tuple:
    files = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    return duckdb.sql(f"select {what} from {files}").fetchall()[0]
