"""Of equal sales that a second writer added to silver, the copy stays that was there first."""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from helpers.lakes import empty_lake
from helpers.rows import silver_row, silver_table
from vendas import schema
from vendas.errors import ConservationError
from vendas.lake.erasures import remember_variants
from vendas.lake.events import Event
from vendas.lake.ledger import latest, read_events, record
from vendas.lake.table_reader import opened_table, read_table
from vendas.lake.tables import SILVER_TABLE
from vendas.rules import duplicates
from vendas.stages import second_writer
from vendas.stages.second_writer import drop_equal_sales

MOMENT, FILE, LINE = schema.TIMESTAMP.name, schema.ARQUIVO.name, schema.LINHA_DO_ARQUIVO.name
A, B = (f"registros_{name}_2024010{day}T000000000Z_aaaaaaaa.csv" for name, day in (("z", 1), ("a", 2)))  # A came first


class SharedLake:
    """A lake whose files silver has taken, and a second writer that appends to silver what it likes."""

    def __init__(self, folder):
        self.tables = empty_lake(folder)

    def take(self, file, *rows, doubled=1):
        """Add the file's rows to silver, and say so in the ledger; it had further ones, as often as `doubled`."""
        self.append(*rows)
        counts = {"lidas": len(rows) + doubled, "duplicadas": doubled, "gravadas": len(rows)}
        done = Event(file, "registros.csv", "silver", "r1", **counts)
        record(self.tables, self.events, [done])

    def append(self, *rows):
        """Add rows to silver in one commit, a file a year."""
        years = {row["ano"]: [other for other in rows if other["ano"] == row["ano"]] for row in rows}
        target = self.tables.target(SILVER_TABLE)
        written = [target.write(silver_table(of_year), year) for year, of_year in years.items()]
        self.tables.change(SILVER_TABLE).publish(written, {row[FILE] for row in rows})

    @property
    def events(self):
        return [*read_events(self.tables.place)]

    def drop(self):
        return drop_equal_sales(self.tables, self.events, "r2")

    def rows(self):
        return sorted(read_table(self.tables.place, SILVER_TABLE).to_pylist(), key=repr)

    def places(self):
        return sorted((row["Produto Adquirido"], row[FILE], row[LINE]) for row in self.rows())

    def ledger(self, file):
        done = latest(read_events(self.tables.place))[file]["silver"]
        return done.gravadas, done.duplicadas


@pytest.fixture
def lake(tmp_path):
    return SharedLake(tmp_path)


def sale(file, line, product, **changed):
    return silver_row(file, line, **{"Produto Adquirido": product} | changed)


def test_nothing_is_read_or_committed_while_silver_is_what_the_ledger_says(lake, monkeypatch):
    lake.take(A, sale(A, 2, "P"))
    monkeypatch.setattr(second_writer, "_ranges", pytest.fail)
    before = opened_table(lake.tables.place, SILVER_TABLE).metadata_location
    assert lake.drop() == 0 and opened_table(lake.tables.place, SILVER_TABLE).metadata_location == before


@pytest.mark.parametrize("copies_to", [A, B])
def test_the_copy_that_was_added_first_stays_whatever_file_it_is_of(lake, copies_to):
    lake.take(B, sale(B, 2, "P"), sale(B, 3, "Q"))
    lake.take(A, sale(A, 2, "R"))
    before = lake.rows()
    lake.append(sale(copies_to, 9, "P"), sale(copies_to, 8, "R"))
    assert lake.drop() == 2 and lake.rows() == before
    assert (lake.ledger(A), lake.ledger(B)) == ((1, 1), (2, 1))


def test_of_copies_added_together_the_first_in_bronze_order_stays(lake):
    lake.take(A, sale(A, 2, "P"))
    lake.take(B, sale(B, 2, "Q"), sale(B, 3, "Q2"))
    lake.append(sale(B, 5, "new"), sale(A, 7, "new"), sale(A, 6, "new"))
    assert lake.drop() == 2
    assert lake.places() == [("P", A, 2), ("Q", B, 2), ("Q2", B, 3), ("new", A, 6)]
    assert (lake.ledger(A), lake.ledger(B)) == ((2, 0), (2, 1))


def test_a_row_appended_once_more_as_it_is_stays_once(lake):
    lake.take(A, sale(A, 2, "P"), sale(A, 3, "Q"))
    before = lake.rows()
    for _ in range(3):
        lake.append(sale(A, 2, "P"))
    assert lake.drop() == 3 and lake.rows() == before


def test_sales_that_differ_in_anything_stay(lake):
    lake.take(A, sale(A, 2, "P"), sale(A, 3, "P", Nome="Bia"), sale(A, 4, "P", Telefone="1"))
    before = lake.rows()
    lake.append(sale(A, 9, "P"))
    assert lake.drop() == 1 and lake.rows() == before


def test_sales_of_an_erased_person_that_differed_in_personal_values_stay(lake):
    token = dict.fromkeys(("Nome", "Sobrenome", "Email", "Telefone"), "ANONIMIZADO-0123456789ab")
    lake.take(A, sale(A, 2, "P", **token), sale(A, 3, "P", **token))
    remember_variants(lake.tables.place, {A: {2: "x", 3: "y"}, B: {9: "y"}})
    before = lake.rows()
    lake.append(sale(B, 9, "P", **token))
    lake.take(B, sale(B, 2, "Q"))
    assert lake.drop() == 1 and lake.places() == sorted([*places(before), ("Q", B, 2)])


def places(rows):
    return [(row["Produto Adquirido"], row[FILE], row[LINE]) for row in rows]


def test_files_without_equal_sales_are_not_written_again(lake):
    lake.take(A, sale(A, 2, "P"), sale(A, 3, "P", **{MOMENT: datetime(2023, 1, 1)}))
    lake.take(B, sale(B, 2, "Q"))
    kept = [held.path for held in lake.tables.files_of(SILVER_TABLE, [B])]
    lake.append(sale(A, 9, "P"))
    assert lake.drop() == 1
    assert [held.path for held in lake.tables.files_of(SILVER_TABLE, [B]) if held.path in kept] == kept


def test_other_rows_that_nobody_sent_are_named_and_the_equal_ones_are_gone(lake):
    lake.take(A, sale(A, 2, "P"))
    lake.take(B, sale(B, 2, "Q"))
    lake.append(sale(A, 9, "P"), sale(B, 9, "new"), sale("de_fora.csv", 2, "other"))
    with pytest.raises(
        ConservationError, match="(?s)de_fora.csv: the ledger says 0, silver has 1.*ledger says 1, silver has 2"
    ):
        lake.drop()
    assert [row for row in lake.places() if row[0] == "P"] == [("P", A, 2)]


def test_rows_without_a_time_are_named(lake):
    lake.take(A, sale(A, 2, "Mesa"))
    lake.append(sale(A, 3, "Mesa") | {MOMENT: None})
    with pytest.raises(ConservationError, match=f"{A}: the ledger says 1, silver has 2\n.*vendas replay FILE"):
        lake.drop()


def test_rows_that_are_missing_are_told(lake):
    lake.take(A, sale(A, 2, "P"), sale(A, 3, "Q"))
    lake.tables.replace(SILVER_TABLE, [], [A])
    lake.append(sale(A, 2, "P"))
    with pytest.raises(ConservationError, match="the ledger says 2, silver has 1.*\n.*vendas replay"):
        lake.drop()


def test_a_kill_between_ledger_and_silver_is_mended_by_the_next_run(lake, monkeypatch):
    lake.take(A, sale(A, 2, "P"))
    lake.take(B, sale(B, 2, "Q"))
    before = lake.rows()
    lake.append(sale(B, 9, "P"))

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("vendas.lake.commits.replace_files", die)
        lake.drop()
    assert lake.drop() == 1 and lake.rows() == before


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_many_ranges_of_time_leave_what_one_pass_in_plain_python_leaves(lake, monkeypatch, seed):
    """Some years, with sales of one moment on both sides of where files and ranges are cut, and files in no order."""
    monkeypatch.setattr(duplicates, "SAMPLED_EVERY", 2)
    monkeypatch.setattr(second_writer, "RANGE_ROWS", 7)
    chance, read = random.Random(seed), []

    def some(file, first):
        years = [datetime(chance.choice([2022, 2024]), 1, 1) for _ in range(30)]
        moments = [year + timedelta(hours=chance.randrange(9)) for year in years]
        return [sale(file, line, chance.choice("PQRS"), **{MOMENT: at}) for line, at in enumerate(moments, first)]

    commits = [some(A, 2), some(B, 2)]
    for file, rows in zip((A, B), commits, strict=True):
        lake.take(file, *rows, doubled=90)
    for first in (100, 200):
        commits.append([*some(B, first), *some(A, first)])
        lake.append(*commits[-1])
    kept, known = [], set()
    for rows in commits:
        for row in sorted(rows, key=lambda row: (row[FILE] != A, row[LINE])):
            if (equal := tuple(row[name] for name in schema.INPUT_NAMES)) not in known:
                known.add(equal)
                kept.append(row)
    plain = second_writer._RangeOfSilver.sales

    def counted(work, *given):
        read.append(len(found := plain(work, *given)))
        return found

    monkeypatch.setattr(second_writer._RangeOfSilver, "sales", counted)
    lake.drop()
    assert Counter(map(repr, lake.rows())) == Counter(map(repr, kept))
    assert len(read) > 10 and max(read) < 40
