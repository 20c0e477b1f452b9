import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from helpers.rows import FILE, silver_frame, silver_row, silver_table
from vendas import schema
from vendas.declaration_types import Column, Type
from vendas.errors import ConcurrentChange, DeclarationError, VendasError
from vendas.lake import table_reader, tables as lake_tables
from vendas.lake.events import Event
from vendas.lake.ledger import read_events, record
from vendas.lake.table_reader import Shape, count_rows, read_table, shape
from vendas.lake.tables import (
    GOLD_TABLE,
    LEDGER_TABLE,
    QUARANTINE_TABLE,
    SILVER_TABLE,
    Lake,
    find_renamed,
    properties,
)
from vendas.privacy.erase import Work

OTHER = 'registros_d\'água \\ "b"_20240101T000000000Z_bbbbbbbb.csv'


@pytest.fixture
def tables(spark):
    made = Lake(spark)
    made.create_tables()
    yield made
    for table in (SILVER_TABLE, GOLD_TABLE, QUARANTINE_TABLE, LEDGER_TABLE):
        spark.sql(f"DROP TABLE lago.{table} PURGE")


def add(tables, rows, files, **audit):
    return tables.change(SILVER_TABLE).publish(rows, files, **audit)


def folder(spark):
    return Path(spark.conf.get("spark.sql.catalog.lago.warehouse"))


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (SILVER_TABLE, schema.SILVER_COLUMNS),
        (GOLD_TABLE, schema.GOLD_COLUMNS),
        (QUARANTINE_TABLE, schema.QUARANTINE_COLUMNS),
        (LEDGER_TABLE, schema.LEDGER_COLUMNS),
    ],
)
def test_tables_have_the_schemas_columns_types_and_comments(tables, table, columns):
    found = [(f.name, f.dataType.simpleString(), f.metadata["comment"]) for f in tables.read(table).schema]
    assert found == [(c.name, c.type, c.comment) for c in columns]


def test_making_tables_again_changes_nothing(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    tables.create_tables()
    assert tables.read(SILVER_TABLE).count() == 1


def test_sales_are_parquet_by_year(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    assert len(list((folder(spark) / "silver" / "data" / "ano=2024").glob("*.parquet"))) == 1


def test_add_returns_the_rows_held_of_each_file(spark, tables):
    rows = silver_frame(spark, [silver_row(), silver_row(OTHER), silver_row(OTHER, Nome="Bia")])
    assert add(tables, rows, [FILE, OTHER, "none.csv"]) == {FILE: 1, OTHER: 2, "none.csv": 0}


def test_an_audit_that_raises_leaves_the_table_as_it_was(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])

    def refuse(held):
        raise ValueError(held)

    with pytest.raises(ValueError, match="'" + FILE):
        add(tables, silver_frame(spark, [silver_row(Nome="Bia")]), [FILE], audit=refuse)
    assert [row.Nome for row in tables.read(SILVER_TABLE).collect()] == ["Ana"]


def test_what_an_audit_refused_does_not_come_back(spark, tables):
    def refuse(held):
        raise ValueError

    with pytest.raises(ValueError):
        add(tables, silver_frame(spark, [silver_row(Nome="Bia")]), [FILE], audit=refuse)
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    assert [row.Nome for row in tables.read(SILVER_TABLE).collect()] == ["Ana"]


def test_what_an_audit_refused_is_told_although_its_branch_cannot_be_removed(spark, tables, monkeypatch):
    def refuse(held):
        monkeypatch.setattr(lake_tables, "iceberg_table", lambda *_: spark._jvm.java.lang.Integer.parseInt("no branch"))
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        add(tables, silver_frame(spark, [silver_row()]), [FILE], audit=refuse)


def test_replace_leaves_other_files_alone_and_can_be_repeated(spark, tables):
    add(tables, silver_frame(spark, [silver_row(), silver_row(OTHER)]), [FILE, OTHER])
    for _ in range(2):
        tables.replace(SILVER_TABLE, silver_frame(spark, [silver_row(OTHER, Nome="Bia")]), [OTHER])
    assert sorted(row.Nome for row in tables.read(SILVER_TABLE).collect()) == ["Ana", "Bia"]


def test_a_refused_replacement_leaves_the_old_rows(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])

    def refuse(held):
        raise ValueError

    with pytest.raises(ValueError):
        tables.replace(SILVER_TABLE, silver_frame(spark, []), [FILE], audit=refuse)
    assert tables.read(SILVER_TABLE).count() == 1


def test_without_files_nothing_is_committed(spark, tables):
    add(tables, silver_frame(spark, []), [])
    tables.replace(GOLD_TABLE, silver_frame(spark, []), [])
    assert spark.sql("SELECT * FROM lago.silver.snapshots UNION ALL SELECT * FROM lago.gold.snapshots").isEmpty()


def files_between(tables, first, last):
    return tables.change(SILVER_TABLE).files_between(first, last)


def test_files_between_two_moments_include_both(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    moment = silver_row()["Timestamp do Registro"]
    assert len(files_between(tables, moment, moment)) == 1


@pytest.fixture(params=["America/Sao_Paulo", "Asia/Tokyo"])
def elsewhere(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_moments_are_wall_clock_wherever_the_machine_stands(spark, tables, elsewhere):
    add(tables, [tables.target(SILVER_TABLE).write(silver_table([silver_row()]), 2024)], [FILE])
    moment, little = silver_row()["Timestamp do Registro"], timedelta(microseconds=1)
    (held,) = files_between(tables, moment, moment)
    assert held.first == held.last == (moment - datetime(1970, 1, 1)) // little
    assert not files_between(tables, moment + little, moment + timedelta(days=1))
    assert tables.read(SILVER_TABLE).where("hour(`Timestamp do Registro`) = 14").count() == 1


def test_an_empty_table_holds_no_files(tables):
    assert files_between(tables, datetime(1990, 1, 1), datetime(2101, 1, 1)) == []


def test_files_of_other_moments_years_and_bronze_files_are_passed_over(spark, tables):
    for row in (silver_row(), silver_row(OTHER, **{"Timestamp do Registro": datetime(2023, 5, 5)})):
        file = row["Arquivo de Origem"]
        add(tables, [tables.target(SILVER_TABLE).write(silver_table([row]), row["ano"])], [file])
    assert [file.ano for file in files_between(tables, datetime(2024, 3, 1), datetime(2024, 4, 1))] == [2024]
    assert [file.ano for file in tables.files_of(SILVER_TABLE, [OTHER])] == [2023]


@pytest.mark.parametrize("by_spark", [True, False], ids=["Spark", "workers"])
def test_files_of_other_days_are_passed_over_whoever_wrote_them(spark, tables, by_spark):
    days = [FILE.replace("20240101", f"2024010{day}") for day in (1, 2, 3)]
    for day in days:
        row = silver_row(day)
        written = (
            silver_frame(spark, [row]) if by_spark else [tables.target(SILVER_TABLE).write(silver_table([row]), 2024)]
        )
        add(tables, written, [day])
    assert [len(tables.files_of(SILVER_TABLE, files)) for files in (days, days[:1], days[2:])] == [3, 1, 1]


def test_rows_written_by_workers_are_those_written_by_spark(spark, tables):
    rows = [silver_row(), silver_row(OTHER, Nome="Bia")]
    add(tables, [tables.target(SILVER_TABLE).write(silver_table(rows[:1]), 2024)], [FILE])
    add(tables, silver_frame(spark, rows[1:]), [OTHER])
    assert sorted(row.asDict()["Nome"] for row in tables.read(SILVER_TABLE).collect()) == ["Ana", "Bia"]
    assert read_table(folder(spark), SILVER_TABLE).sort_by("Nome").to_pylist() == rows
    described = spark.sql("SELECT partition.ano, record_count FROM lago.silver.files").collect()
    assert [tuple(row) for row in described] == [(2024, 1)] * 2


def test_a_data_file_has_statistics_of_its_columns(spark, tables):
    rows = [silver_row(**{"Valor da Compra": Decimal(value)}) for value in ("1.50", "9999999999.99")]
    add(tables, [tables.target(SILVER_TABLE).write(silver_table(rows), 2024)], [FILE])
    (row,) = spark.sql("SELECT readable_metrics FROM lago.silver.files").collect()
    value = row[0]["Valor da Compra"]
    assert (value.lower_bound, value.upper_bound) == (Decimal("1.50"), Decimal("9999999999.99"))


def test_lists_of_texts_are_read_back(spark, tables):
    refused = pa.table({"arquivo": [FILE], "linha": [7], "texto": ["a\nb"], "motivos": [["x", "y"]]})
    tables.replace(QUARANTINE_TABLE, [tables.target(QUARANTINE_TABLE).write(refused)], [FILE])
    assert [tuple(row) for row in tables.read(QUARANTINE_TABLE).collect()] == [(FILE, 7, "a\nb", ["x", "y"])]
    assert read_table(folder(spark), QUARANTINE_TABLE).to_pylist() == refused.to_pylist()


def test_rows_deleted_beside_their_file_are_not_taken_for_there(spark, tables):
    add(tables, [tables.target(SILVER_TABLE).write(silver_table([silver_row(), silver_row(Nome="Bia")]), 2024)], [FILE])
    spark.sql("ALTER TABLE lago.silver SET TBLPROPERTIES ('write.delete.mode'='merge-on-read')")
    spark.sql("DELETE FROM lago.silver WHERE Nome = 'Bia'")
    with pytest.raises(VendasError, match="delete files"):
        tables.count_by_file(SILVER_TABLE, [FILE])


def test_the_ledger_gives_back_its_events(spark, tables):
    record(tables, [], [Event(OTHER, "registros.csv", "bronze", "r1", motivo="ação", lidas=3, dialeto="{}")])
    (found,) = read_events(folder(spark))
    assert (found.arquivo, found.motivo, found.lidas, found.gravadas) == (OTHER, "ação", 3, 0)


def test_an_event_tells_its_notebook_and_its_times(spark, tables):
    record(tables, [], [Event(OTHER, "registros.csv", "silver", run_id) for run_id in ("r1", "manual")])
    by_run = {event.run_id: event for event in read_events(folder(spark))}
    assert [by_run[run_id].notebook for run_id in ("r1", "manual")] == ["runs/r1/02_silver.ipynb", None]
    assert by_run["r1"].iniciado_em == tables.opened_at <= by_run["r1"].registrado_em


def test_an_event_is_newer_than_those_before_it_though_the_clock_was_set_back(spark, tables):
    future = Event(OTHER, "registros.csv", "bronze", "r1", registrado_em=datetime(2999, 1, 1))
    record(tables, [future], [Event(OTHER, "registros.csv", "silver", "r2")])
    (found,) = read_events(folder(spark))
    assert found.registrado_em > future.registrado_em


@pytest.mark.parametrize("column", ["arquivo", "notebook"])
def test_a_table_of_an_older_version_gets_the_new_columns(spark, tables, column):
    spark.sql(f"ALTER TABLE lago.ledger DROP COLUMN {column}")
    tables.create_tables()
    assert tables.read(LEDGER_TABLE).columns == schema.names(schema.LEDGER_COLUMNS)


def test_an_erasure_that_was_killed_goes_on_with_the_columns_that_are_declared_meanwhile(spark, tables):
    spark.sql("ALTER TABLE lago.ledger DROP COLUMN notebook")
    spark.sql("DROP TABLE lago.gold PURGE")
    assert "notebook" in Work(settings=None, plan=None, spark=spark).tables.read(LEDGER_TABLE).columns
    assert shape(folder(spark), GOLD_TABLE) is None
    tables.create_tables()


def test_a_comment_is_kept_as_it_is_declared(spark, tables, monkeypatch):
    water = Column("marca", Type.TEXT, 'Marca d\'água \\ "x"')
    monkeypatch.setitem(schema.TABLES, LEDGER_TABLE, (*schema.LEDGER_COLUMNS, water))
    tables.create_tables()
    assert tables.read(LEDGER_TABLE).schema["marca"].metadata["comment"] == water.comment


def test_a_column_that_is_called_otherwise_now_keeps_its_values(spark, tables):
    add(tables, silver_frame(spark, [silver_row(Vendedor="Rui", Canal="Site")]), [FILE])
    spark.sql("ALTER TABLE lago.silver RENAME COLUMN `Timestamp do Registro` TO Data")  # one of its other names
    spark.sql("ALTER TABLE lago.silver RENAME COLUMN Vendedor TO VENDEDORA")
    spark.sql("ALTER TABLE lago.silver RENAME COLUMN VENDEDORA TO VENDEDOR")  # Spark does not rename the case alone
    tables.create_tables()
    (row,) = tables.read(SILVER_TABLE).collect()
    assert row.asDict() == {**silver_row(Vendedor="Rui", Canal="Site")}
    assert tables.read(SILVER_TABLE).columns == schema.names(schema.SILVER_COLUMNS)


def test_a_column_is_found_by_its_other_names_and_spellings_if_it_is_of_its_type():
    vendedor = Column("Atendente", Type.TEXT, "", "-", other_names=("Vendedor", "Caixa"))
    frete = Column("frete", Type.MONEY, "", "0.00")
    held = {"Canal": "string", "vendedor": "string", "Caixa": "string", "Frete": "string"}
    assert find_renamed((vendedor, frete), Shape(held, True)) == {"Atendente": "vendedor"}
    assert find_renamed((vendedor,), Shape({**held, "Atendente": "string"}, True)) == {}
    assert find_renamed((frete,), Shape({"Frete": "decimal(12,2)"}, True)) == {"frete": "Frete"}


def test_a_column_of_another_type_than_the_declared_one_is_refused(spark, tables):
    spark.sql("ALTER TABLE lago.ledger DROP COLUMN notebook")
    spark.sql("ALTER TABLE lago.ledger ADD COLUMN notebook bigint")
    with pytest.raises(DeclarationError, match="'notebook' is bigint in this lake's ledger, and declared as string"):
        tables.create_tables()


def test_two_writers_cannot_both_publish(spark, tables):
    one, other = tables.change(SILVER_TABLE), tables.change(SILVER_TABLE)
    other.publish(silver_frame(spark, [silver_row()]), [FILE])
    with pytest.raises(ConcurrentChange, match="silver was changed by another run"):
        one.publish(silver_frame(spark, [silver_row(Nome="Bia")]), [FILE])
    assert [row.Nome for row in tables.read(SILVER_TABLE).collect()] == ["Ana"]


def test_a_change_reads_the_table_as_it_was_when_it_began(spark, tables):
    change = tables.change(SILVER_TABLE)
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    assert change.read().isEmpty() and change.rows_of([FILE]).isEmpty()


def test_publishing_leaves_no_branch_behind(spark, tables):
    def refuse(held):
        raise ValueError

    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    with pytest.raises(ValueError):
        add(tables, silver_frame(spark, [silver_row()]), [FILE], audit=refuse)
    assert [row.name for row in spark.sql("SELECT name FROM lago.silver.refs").collect()] == ["main"]


def test_a_tables_total_is_told_without_reading_it(spark, tables):
    assert (tables.total(SILVER_TABLE), count_rows(folder(spark), SILVER_TABLE)) == (0, 0)
    add(tables, silver_frame(spark, [silver_row(), silver_row(OTHER)]), [FILE, OTHER])
    assert (tables.total(SILVER_TABLE), count_rows(folder(spark), SILVER_TABLE)) == (2, 2)


def ledger_files(spark):
    """Return the number of the ledger's data files, and the runs in it."""
    files = spark.sql("SELECT * FROM lago.ledger.files").count()
    return files, sorted(event.run_id for event in read_events(folder(spark)))


def record_runs(tables, *runs):
    for run_id in runs:
        record(tables, [], [Event(OTHER, "registros.csv", "bronze", run_id)])


def test_small_files_of_the_ledger_become_one_with_each_record(spark, tables):
    record_runs(tables, "r1", "r2", "r3")
    assert ledger_files(spark) == (1, ["r1", "r2", "r3"])


def test_large_files_of_the_ledger_stay_as_they_are(spark, tables, monkeypatch):
    monkeypatch.setattr(lake_tables, "LEDGER_SMALL_FILE_BYTES", 0)
    record_runs(tables, "r1", "r2", "r3")
    assert ledger_files(spark) == (3, ["r1", "r2", "r3"])


def test_small_files_that_somebody_else_put_together_meanwhile_are_left_to_him(spark, tables, monkeypatch):
    record_runs(tables, "r1")
    stale = lake_tables._data_files(lake_tables.iceberg_table(spark, LEDGER_TABLE))
    record_runs(tables, "r2")
    monkeypatch.setattr(lake_tables, "_data_files", lambda table: stale)
    record_runs(tables, "r3")
    assert ledger_files(spark) == (2, ["r1", "r2", "r3"])


def test_recording_no_events_commits_nothing(spark, tables):
    record(tables, [], [])
    assert spark.sql("SELECT * FROM lago.ledger.snapshots").isEmpty()


def test_a_table_is_the_same_read_without_spark(spark, tables):
    add(tables, silver_frame(spark, [silver_row(), silver_row(OTHER)]), [FILE, OTHER])
    without = [tuple(row.values()) for row in read_table(folder(spark), SILVER_TABLE).to_pylist()]
    assert sorted(without) == sorted(tuple(row) for row in tables.read(SILVER_TABLE).collect())


@pytest.mark.parametrize("hint", ["1", None], ids=["old", "missing"])
def test_a_hint_that_lags_behind_does_not_hide_a_commit(spark, tables, hint):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    path = folder(spark) / "silver" / "metadata" / "version-hint.text"
    path.write_text(hint) if hint else path.unlink()
    assert read_table(folder(spark), SILVER_TABLE).num_rows == 1


def test_versions_that_were_let_go_of_are_not_missed(spark, tables):
    keep = int(properties(SILVER_TABLE)["write.metadata.previous-versions-max"])
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    for number in range(keep):
        spark.sql(f"ALTER TABLE lago.silver SET TBLPROPERTIES ('n'='{number}')")
    metadata = folder(spark) / "silver" / "metadata"
    (metadata / "version-hint.text").unlink()
    assert len(list(metadata.glob("v*.metadata.json"))) == keep + 1 and not (metadata / "v1.metadata.json").exists()
    assert read_table(folder(spark), SILVER_TABLE).num_rows == 1


def test_a_version_let_go_of_while_it_is_read_is_replaced_by_the_newer_one(spark, tables, monkeypatch):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    gone, newest = folder(spark) / "silver" / "metadata" / "v0.metadata.json", table_reader._current_metadata
    looks = [lambda _: gone]
    monkeypatch.setattr(table_reader, "_current_metadata", lambda of: (looks.pop() if looks else newest)(of))
    assert read_table(folder(spark), SILVER_TABLE).num_rows == 1


def test_a_file_that_is_missing_for_good_is_an_error(spark, tables):
    add(tables, silver_frame(spark, [silver_row()]), [FILE])
    for path in (folder(spark) / "silver").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="parquet"):
        read_table(folder(spark), SILVER_TABLE)


def test_a_lake_without_tables_reads_as_empty(tmp_path):
    assert read_table(tmp_path, LEDGER_TABLE).num_rows == 0
