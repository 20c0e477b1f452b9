"""The lake's tables in S3 and the Glue Data Catalog: commits and upkeep, without a JVM."""

from datetime import timedelta

import boto3
import pytest

from helpers.lakes import empty_lake
from helpers.rows import silver_row, silver_table
from vendas import storage
from vendas.errors import ConcurrentChange
from vendas.lake.events import Event
from vendas.lake.ledger import read_events, record
from vendas.lake.maintenance import maintain_table
from vendas.lake.table_files import stored_files
from vendas.lake.table_reader import read_table
from vendas.lake.tables import LEDGER_TABLE, SILVER_TABLE

pytestmark = pytest.mark.slow

FILES = [f"registros_a_2024010{day}T000000000Z_{day:08x}.csv" for day in range(1, 5)]


@pytest.fixture
def tables(bucket, monkeypatch):
    """Return a lake of empty tables in S3."""
    storage.client.cache_clear()
    database = bucket.replace("-", "_")
    boto3.client("glue").create_database(DatabaseInput={"Name": database, "LocationUri": f"s3://{bucket}"})
    monkeypatch.setenv("VENDAS_GLUE_DATABASE", database)
    return empty_lake(f"s3://{bucket}")


def publish(tables, file, name):
    row = silver_table([silver_row(file, Nome=name)])
    return tables.replace(SILVER_TABLE, [tables.target(SILVER_TABLE).write(row, 2024)], [file])


def names(tables):
    return sorted(read_table(tables.place, SILVER_TABLE)["Nome"].to_pylist())


def test_rows_are_replaced_and_come_back(tables):
    assert publish(tables, FILES[0], "Ana") == {FILES[0]: 1}
    publish(tables, FILES[1], "Bia")
    publish(tables, FILES[0], "Caio")
    assert names(tables) == ["Bia", "Caio"] and tables.total(SILVER_TABLE) == 2


def test_two_writers_cannot_both_publish(tables):
    change = tables.change(SILVER_TABLE)
    publish(tables, FILES[0], "Ana")
    row = tables.target(SILVER_TABLE).write(silver_table([silver_row(FILES[1], Nome="Bia")]), 2024)
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        change.publish([row], [FILES[1]])
    assert names(tables) == ["Ana"]


def lose_answers(monkeypatch, meanwhile=lambda: None):
    """Let Glue refuse each commit after it is done and `meanwhile` has happened, which loses no answers of its own."""
    glue = storage.client("glue")
    update = glue.update_table

    def update_twice(**request):
        update(**request)
        with monkeypatch.context() as patch:
            patch.setattr(glue, "update_table", update)
            meanwhile()
        refusal = {"Error": {"Code": "ConcurrentModificationException", "Message": "Update table failed"}}
        raise glue.exceptions.ConcurrentModificationException(refusal, "UpdateTable")

    monkeypatch.setattr(glue, "update_table", update_twice)


def test_a_commit_whose_answer_is_lost_is_sent_again_and_counts_once(tables, monkeypatch):
    """The second request is refused, since the first has changed the table; what it named must not be deleted."""
    publish(tables, FILES[0], "Ana")
    lose_answers(monkeypatch)
    assert publish(tables, FILES[0], "Bia") == {FILES[0]: 1}
    record(tables, [], [Event(FILES[0], "registros.csv", "bronze", "r1")])
    assert maintain_table(tables.place, tables.workers, SILVER_TABLE, timedelta(0)).after.snapshots == 1
    assert names(tables) == ["Bia"] and len([*read_events(tables.place)]) == 1


def test_a_commit_whose_answer_is_lost_counts_once_though_another_one_has_followed_it(tables, monkeypatch):
    lose_answers(monkeypatch, lambda: publish(tables, FILES[1], "Bia"))
    publish(tables, FILES[0], "Ana")
    assert names(tables) == ["Ana", "Bia"]


def test_upkeep_changes_no_row_and_leaves_what_is_needed(tables):
    for number, file in enumerate(FILES):
        publish(tables, file, f"Ana {number}")
        record(tables, [], [Event(file, "registros.csv", "bronze", f"r{number}")])
    before, events = names(tables), read_events(tables.place)
    done = [maintain_table(tables.place, tables.workers, table, timedelta(0)) for table in (SILVER_TABLE, LEDGER_TABLE)]
    assert names(tables) == before and len([*read_events(tables.place)]) == len([*events]) == 4
    assert [(upkeep.before.data_files, upkeep.after.data_files) for upkeep in done] == [(4, 1), (1, 1)]
    stored = sorted(str(file.place) for file in stored_files(tables.place / SILVER_TABLE))
    assert len([place for place in stored if place.endswith(".parquet")]) == 1
    again = maintain_table(tables.place, tables.workers, SILVER_TABLE, timedelta(0))
    assert sorted(str(file.place) for file in stored_files(tables.place / SILVER_TABLE)) == stored
    assert again.before == again.after
