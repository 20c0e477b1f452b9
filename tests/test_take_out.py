"""Taking files out of silver and quarantine, on published tables, without an engine: what comes back, and where."""

import pytest

from helpers.plain_lake import make_lake
from helpers.rows import HEADER
from vendas import schema
from vendas.lake.ledger import latest, read_events, with_duplicates
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings
from vendas.stages.rehearsal import RehearsalLake
from vendas.stages.undo import take_out

REFUSED = "ontem,Ana,,,,P9,10.00,,,,,,"


def csv(*sales, refused=0):
    rows = [f"2024-01-0{sale} 10:00,Ana,,,,P{sale},10.00,,,,,," for sale in sales]
    return "\n".join([HEADER, *rows, *[REFUSED] * refused]).encode()


class Lake:
    """A lake in which `a` has all sales first, `b` two of them and its own, `c` those of `b`, and `d` one alone."""

    def __init__(self, folder):
        files = {"a": csv(1, 2, 2, 3, refused=1), "b": csv(3, 4, 2), "c": csv(2, 4, 3, 5), "d": csv(6, refused=2)}
        self.settings = load_settings(
            lake=make_lake(folder / "lago", {f"registros_{n}.csv": data for n, data in files.items()})
        )
        self.events = read_events(self.settings.lake)
        self.name = {event.arquivo_recebido[10]: event.arquivo for event in self.events}

    def take_out(self, *letters):
        """Take files out; return the rehearsed tables, and the rows that silver then has, by letter."""
        tables = RehearsalLake(self.settings.lake, ThisProcess())
        leaving = [latest(self.events, [self.name[letter]])[self.name[letter]]["bronze"] for letter in letters]
        sharing = with_duplicates(self.events, leaving)
        held = take_out(tables, self.settings, list(self.events), leaving, sharing)
        letter = {name: of for of, name in self.name.items()}
        return tables, {letter[name]: rows for name, rows in held.items()}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return Lake(tmp_path_factory.mktemp("undo"))


def returned(tables):
    """Return received letter, line and product of each sale that was written to silver."""
    rows = [row for file in tables.written.get(SILVER_TABLE, []) for row in file.rows().to_pylist()]
    found = [(r[schema.ARQUIVO.name][10], r[schema.LINHA_DO_ARQUIVO.name], r["Produto Adquirido"]) for r in rows]
    return sorted(found)


@pytest.mark.parametrize(
    ("gone", "back", "held"),
    [
        ("a", [("b", 2, "P3"), ("b", 4, "P2")], {"a": 0, "b": 3, "c": 1}),
        ("b", [("c", 3, "P4")], {"b": 0, "a": 3, "c": 2}),
        ("ab", [("c", 2, "P2"), ("c", 3, "P4"), ("c", 4, "P3")], {"a": 0, "b": 0, "c": 4}),
        ("d", [], {"d": 0, "a": 3, "b": 1, "c": 1}),
    ],
)
def test_a_sale_comes_back_in_the_first_other_file_that_has_it(lake, gone, back, held):
    tables, counted = lake.take_out(*gone)
    assert (returned(tables), counted) == (back, held)
    assert list((lake.settings.lake / "staging").glob("*/*.parquet")) == []


def test_nothing_to_take_out_changes_nothing(lake):
    tables, held = lake.take_out()
    assert (tables.written, held) == ({}, {})


@pytest.mark.parametrize(("gone", "replaced"), [("a", True), ("b", False), ("d", True)])
def test_only_refused_rows_that_are_there_leave_quarantine(lake, gone, replaced):
    tables, _ = lake.take_out(gone)
    assert (QUARANTINE_TABLE in tables.written) is replaced and RESUBMITTED_TABLE not in tables.written


def test_what_a_killed_run_had_taken_out_is_not_taken_out_again(lake, monkeypatch):
    counted, without = RehearsalLake.count_by_file, {lake.name["a"]: 0}
    monkeypatch.setattr(RehearsalLake, "count_by_file", lambda *asked: counted(*asked) | without)
    tables, held = lake.take_out("a")
    assert tables.written == {} and held == {"a": 0, "b": 1, "c": 1}
