"""Files that arrive, are undone and are replayed in any order: a simple model says where each sale must be."""

import random

import pytest

from helpers.inprocess import Intake, drop, run_notebook
from helpers.rows import HEADER
from vendas.lake.ledger import list_entries, read_events
from vendas.landing.arrivals import BronzeFile

pytestmark = pytest.mark.slow

BAD = "sem data,,,,,,,,,,,,"
HISTORIES, TURNS = 2, 5
COUNTS = ("lidas", "duplicadas", "quarentena", "silver", "gold")


def line(sale):
    return f"2024-0{1 + sale % 3}-01 10:00,Ana,,,,Produto {sale},10.00,,,,,,"


class Model:
    """The expected state: each file's rows, whether it is in the lake, and its sales in silver."""

    def __init__(self):
        self.rows, self.out, self.owner = {}, set(), {}

    def run(self, new, undo, replay):
        taken = [name for name in replay if name in self.out] + new
        self.out |= undo
        lost = {sale for sale, name in self.owner.items() if name in undo}
        self.owner = {sale: name for sale, name in self.owner.items() if name not in undo}
        for name in self.order(self.rows.keys() - self.out - set(taken)):
            for sale in self.rows[name]:
                if sale in lost:
                    self.owner.setdefault(sale, name)
        self.out -= set(taken)
        for name in self.order(taken):
            for sale in self.rows[name]:
                if sale is not None:
                    self.owner.setdefault(sale, name)

    @staticmethod
    def order(names):
        return sorted(names, key=BronzeFile.parse)

    def counts(self, name):
        """Return rows read, duplicate, quarantined, in silver and in gold."""
        if name in self.out:
            return [0, 0, 0, 0, 0]
        rows, sales = self.rows[name], list(self.owner.values()).count(name)
        refused = rows.count(None)
        return [len(rows), len(rows) - refused - sales, refused, sales, sales]


def turn(lake, model, chance, number):
    """Draw new files, files to undo and files to replay, for one run of the notebooks."""
    new = []
    for _ in range(chance.randint(0, 2)):
        rows = [chance.choice([None, *range(6)]) for _ in range(chance.randint(0, 5))]
        data = "\n".join([HEADER, *(BAD if sale is None else line(sale) for sale in rows)]).encode()
        drop(lake, f"registros_{chance.choice('abc')}{number}.csv", data, at=1_700_000_000 + chance.randint(1, 10**6))
        new.append(rows)
    there = sorted(model.rows)
    undo = {name for name in there if chance.random() < 0.3}
    replay = {name for name in there if name not in undo and chance.random() < 0.3}
    run_notebook("01_bronze", lake=str(lake), run_id="r", undo=sorted(undo), replay=sorted(replay))
    arrived = [path for path in (lake / "bronze").iterdir() if path.name not in model.rows]
    for path in arrived:
        body = path.read_text().split("\n")[1:]
        model.rows[path.name] = [None if text == BAD else int(text.split("Produto ")[1].split(",")[0]) for text in body]
    for name in ("02_silver", "03_gold"):
        run_notebook(name, lake=str(lake), run_id="r")
    model.run([path.name for path in arrived], undo, replay)
    return undo, replay


def test_every_sale_is_where_the_model_has_it(tmp_path):
    """Each history has its own lake; after each turn silver, gold, quarantine and ledger must agree with the model."""
    for history in range(HISTORIES):
        lake, model, chance = tmp_path / str(history), Model(), random.Random(history)
        for number in range(TURNS):
            did = turn(lake, model, chance, number)
            told = {entry["arquivo"]: entry for entry in list_entries(read_events(lake))}
            silver = {
                int(row["Produto Adquirido"].split()[1]): name
                for name, rows in Intake(lake)._silver.items()
                for row in rows
            }
            assert silver == model.owner, (history, number, did)
            counts = {name: [entry[count] for count in COUNTS] for name, entry in told.items()}
            assert counts == {name: model.counts(name) for name in model.rows}, (history, number, did)
