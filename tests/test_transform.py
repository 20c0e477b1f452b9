"""The workers' functions, run in this process on small blocks and time ranges; the notebooks test Spark's part."""

import csv
import io
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from helpers.intake_twin import Dropped, Twin
from helpers.rows import HEADER, NEEDED, silver_row, silver_table
from vendas import schema
from vendas.csvfile.dialect import survey
from vendas.csvfile.records import read_block
from vendas.lake.data_files import HeldFile, Target
from vendas.lake.workers import ThisProcess
from vendas.rules.duplicates import time_ranges
from vendas.stages import transform, validated_rows
from vendas.stages.check_file import check_files
from vendas.stages.groups import group_by_size
from vendas.stages.resubmitted import RESUBMITTED_SCHEMA
from vendas.stages.survey import SurveyedFile

SILVER, GOLD = schema.arrow_schema(schema.SILVER_COLUMNS), schema.arrow_schema(schema.GOLD_COLUMNS)
NEW_YEAR = datetime(2024, 1, 1)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(validated_rows, "read_block", partial(read_block, window_bytes=100))
    monkeypatch.setattr(validated_rows, "CSV_WINDOW_BYTES", 1500)
    monkeypatch.setattr(transform, "_task_bytes", lambda workers, parts: 200)
    monkeypatch.setattr(transform, "time_ranges", lambda found: time_ranges(found, rows=3))


@dataclass
class Tables:
    """A lake of silver files in a folder; replaces the lake and a change to it."""

    folder: Path
    held: list[HeldFile] = field(default_factory=list)
    workers = ThisProcess()

    @property
    def place(self):
        return self.folder

    def target(self, table):
        return Target(self.folder / table, schema.arrow_schema(schema.TABLES[table]))

    def files_between(self, first, last):
        return self.held

    def hold(self, rows):
        for ano in {row["ano"] for row in rows}:
            written = self.target("silver").write(silver_table(row for row in rows if row["ano"] == ano), ano)
            self.held.append(HeldFile(Path(written.path), SILVER, ano))


def as_line(row):
    return ",".join(str(row[name]) for name in NEEDED)


def write(folder, name, lines):
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return SurveyedFile(path, survey(path, block_bytes=300))


def read(files):
    return [row for file in files for row in pq.ParquetFile(file.path).read().to_pylist()]


def key(row):
    return tuple(row[name] for name in schema.INPUT_NAMES)


def refused_rows(validated):
    """Return line and reasons of the refused rows in quarantine's files, by file."""
    rows = [row for file in validated.refused for row in pq.ParquetFile(file.path).read().to_pylist()]
    return sorted((row["arquivo"], row["linha"], row["motivos"]) for row in rows)


def dated(day, number=0):
    return f"{day} 10:00,n{number},,,,,1,,,,,1,"


def test_evidence_in_one_task_reaches_all_blocks_of_its_file_and_no_other_file(tmp_path):
    tables = Tables(tmp_path)
    month_first = [dated("03/05/2024"), *(dated("05/05/2024", n) for n in range(20)), dated("03/25/2024")]
    files = [
        write(tmp_path, "registros_a.csv", [dated("03/05/2024")]),
        write(tmp_path, "registros_b.csv", month_first),
        write(tmp_path, "registros_c.csv", [dated("03/05/2024"), dated("04/05/2024").replace(",1,", ",0.5,", 2)]),
    ]
    assert len(files[1].survey.blocks) == 3
    validated = transform.validate_files(ThisProcess(), files, tmp_path / "staging", tables.target("quarantine"))
    ambiguous, impossible = ["timestamp_ambiguo"], ["timestamp_impossivel"]
    assert refused_rows(validated) == [
        ("registros_b.csv", 2, ambiguous),
        ("registros_b.csv", 23, impossible),
        ("registros_c.csv", 2, ["desconto_um_ambiguo"]),
        ("registros_c.csv", 3, ["desconto_ambiguo"]),
    ]
    assert sum(stretch.rows for stretch in validated.stretches) == 1 + 20
    kept = {stretch.path for stretch in validated.stretches} | {file.path for file in validated.refused}
    assert {str(path) for path in tmp_path.rglob("*.parquet")} == kept  # those of the first pass are deleted


def test_evidence_of_two_kinds_comes_together_from_two_tasks(tmp_path):
    means_two_things = dated("03/05/2024")
    shows_month_first, shows_fractions = dated("03/25/2024"), dated("04/04/2024").replace(",1,", ",0.5,")
    others = [dated("05/05/2024", number) for number in range(20)]
    files = [write(tmp_path, "registros_a.csv", [means_two_things, shows_month_first, *others, shows_fractions])]
    validated = transform.validate_files(
        ThisProcess(), files, tmp_path / "staging", Tables(tmp_path).target("quarantine")
    )
    reasons = {line: reasons for _, line, reasons in refused_rows(validated)}
    assert (reasons[2], reasons[4]) == (["timestamp_ambiguo", "desconto_um_ambiguo"], ["desconto_um_ambiguo"])


FIELDS = {
    "Timestamp do Registro": [
        "2024-03-05 10:00", "05/05/2024 10:00", "25/03/2024 10:00", "03/05/2024 10:00", "'03/25/2024, 10:00",
    ],
    "Telefone": ["11987654321", "119.0", "#N/D", "PatrÃ\xadcia"],
    "Valor da Compra": ["50", "50", "50", "1.234"],
    "Desconto Oferecido": ["", "10", "1", "1,0", "1%", '="0,5"'],
}  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in FIELDS.items()}), max_size=9)


def as_record(fields):
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([fields.get(name, "") for name in NEEDED])
    return text.getvalue()


@pytest.mark.slow
@given(files=st.lists(ROWS, min_size=1, max_size=4), task_bytes=st.sampled_from([200, 2000]))
@settings(max_examples=100)
def test_files_are_validated_as_their_twin_and_check_validate_them(files, task_bytes):
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(transform, "_task_bytes", lambda workers, parts: task_bytes),
    ):
        names = [f"registros_{number}.csv" for number in range(len(files))]
        surveyed = [write(Path(folder), name, map(as_record, rows)) for name, rows in zip(names, files, strict=True)]
        validated = transform.validate_files(
            ThisProcess(), surveyed, Path(folder) / "staging", Tables(Path(folder)).target("quarantine")
        )
        found = dict(zip(names, check_files([file.path for file in surveyed], NEW_YEAR), strict=True))
        refused = refused_rows(validated)
        assert refused == [(name, line, reasons) for name in names for line, reasons in twins_refused(folder, name)]
        assert sum(stretch.rows for stretch in validated.stretches) == sum(map(len, files)) - len(refused)
        assert +validated.doubtful == {name: check.duvidosas for name, check in found.items() if check.duvidosas}


def twins_refused(folder, name):
    """Return the rows of a file that the twin refuses."""
    twin, file = Twin(), Dropped(name, 0, (Path(folder) / name).read_bytes())
    twin.run([file])
    return [(line, reasons) for line, _, reasons in twin.outcomes[file.bronze_name].quarantined]


def test_parts_of_files_are_validated_by_their_own_evidence_beside_others(tmp_path, monkeypatch):
    """In the second pass, a part of a file with evidence, and then a short file without, are validated together."""
    monkeypatch.setattr(transform, "_task_bytes", lambda workers, parts: 5000)
    others = [dated("25/05/2024", n) for n in range(9)]
    long = write(tmp_path, "registros_a.csv", [dated("03/25/2024"), *others, dated("03/05/2024")])
    short = write(tmp_path, "registros_b.csv", [dated("03/05/2024")])
    assert [len(file.survey.blocks) for file in (long, short)] == [2, 1]
    quarantine = Tables(tmp_path).target("quarantine")
    for files in ([long, short], [short, long]):
        validated = transform.validate_files(ThisProcess(), files, tmp_path / "staging", quarantine)
        assert refused_rows(validated) == [
            ("registros_a.csv", 2, ["timestamp_impossivel"]),
            ("registros_a.csv", 12, ["timestamp_ambiguo"]),
        ]


@pytest.mark.parametrize("shown", [[], [dated("03/25/2024")]], ids=["no evidence", "evidence of a short file"])
def test_parts_are_read_once(tmp_path, monkeypatch, shown):
    seen = []
    plain = transform._validate
    monkeypatch.setattr(transform, "_validate", lambda parts, **given: seen.append(parts) or plain(parts, **given))
    lines = [dated("31/05/2024", n) for n in range(20)]
    files = [write(tmp_path, "registros_a.csv", lines), write(tmp_path, "registros_b.csv", [lines[0], *shown])]
    transform.validate_files(ThisProcess(), files, tmp_path / "staging")
    assert sum(map(len, seen)) == sum(len(file.survey.blocks) for file in files) == 3 + 1


def test_doubtful_rows_are_counted_by_file(tmp_path):
    damaged = dated("31/05/2024").replace(",,,,,1,", ",,,119.0,,1,")
    files = [
        write(tmp_path, "registros_a.csv", [damaged, dated("31/05/2024", 1), damaged.replace("n0", "n2")]),
        write(tmp_path, "registros_b.csv", [dated("31/05/2024", 3)]),
    ]
    validated = transform.validate_files(ThisProcess(), files, tmp_path / "staging")
    assert +validated.doubtful == {"registros_a.csv": 2}


SALES = st.lists(
    st.builds(
        lambda minute, nome: silver_row(
            **{"Timestamp do Registro": NEW_YEAR + timedelta(minutes=minute), "Nome": nome, "Desconto Oferecido": 0}
        ),
        st.integers(-4, 4),
        st.sampled_from("ab"),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(files=st.lists(SALES, min_size=1, max_size=4), known=SALES, again=SALES)
@settings(max_examples=60)
def test_silver_gets_the_first_of_every_new_sale_once(files, known, again):
    with tempfile.TemporaryDirectory() as folder:
        tables = Tables(Path(folder))
        names = [f"registros_{number}.csv" for number in range(len(files))]
        older = {key(row): row | {schema.ARQUIVO.name: "older.csv"} for row in known}
        tables.hold([*older.values(), *(row | {schema.ARQUIVO.name: names[0]} for row in again)])
        surveyed = [write(Path(folder), name, map(as_line, rows)) for name, rows in zip(names, files, strict=True)]
        validated = transform.validate_files(ThisProcess(), surveyed, Path(folder) / "staging")
        sales = transform.write_silver(tables, validated, tables, names, again=names[:1])
        first = {}
        for name, rows in zip(names, files, strict=True):
            for line, row in enumerate(rows, start=2):
                of_file = {schema.ARQUIVO.name: name, schema.LINHA_DO_ARQUIVO.name: line}
                first.setdefault(key(row), row | of_file)
        expected = {sale: row for sale, row in first.items() if sale not in older}
        assert sorted(map(key, read(sales.files))) == sorted(expected)
        assert {key(row): row for row in read(sales.files)} == expected
        assert sales.counts == {"linhas": sum(map(len, files)), "vendas": len(expected)}


@pytest.mark.slow
@given(files=st.lists(SALES, min_size=1, max_size=4), gone=SALES)
@settings(max_examples=60)
def test_a_sale_of_a_file_that_is_gone_comes_back_to_the_first_of_the_others(files, gone):
    with tempfile.TemporaryDirectory() as folder:
        tables = Tables(Path(folder))
        names = [f"registros_{number}.csv" for number in range(len(files))]
        lost = {key(row): row | {schema.ARQUIVO.name: "gone.csv"} for row in gone}
        tables.hold([*lost.values(), *(row | {schema.ARQUIVO.name: "other.csv"} for row in files[0])])
        surveyed = [write(Path(folder), name, map(as_line, rows)) for name, rows in zip(names, files, strict=True)]
        validated = transform.validate_files(ThisProcess(), surveyed, Path(folder) / "staging")
        sales = transform.write_returning(tables, validated, tables, names, ["gone.csv"])
        first = {}
        for name, rows in zip(names, files, strict=True):
            for row in rows:
                first.setdefault(key(row), name)
        found = {key(row): row[schema.ARQUIVO.name] for row in read(sales.files)}
        assert found == {sale: name for sale, name in first.items() if sale in lost}


def test_a_sale_published_by_a_run_that_was_cut_off_counts_and_is_not_written_again(tmp_path):
    tables = Tables(tmp_path)
    tables.hold([silver_row("a.csv")])
    line = as_line(silver_row(**{"Desconto Oferecido": "11%"}))
    validated = transform.validate_files(ThisProcess(), [write(tmp_path, "a.csv", [line])], tmp_path)
    sales = transform.write_silver(tables, validated, tables, ["a.csv"], again=[])
    assert (sales.files, sales.counts) == ([], {"linhas": 1, "vendas": 1})


def test_refused_rows_are_written_for_the_quarantine_with_line_and_text(tmp_path):
    lines = [as_line(silver_row(**{"Desconto Oferecido": text})) for text in ("5%", "150%", "6%", "0.5")]
    quarantine = Tables(tmp_path).target("quarantine")
    validated = transform.validate_files(ThisProcess(), [write(tmp_path, "a.csv", lines)], tmp_path, quarantine)
    assert read(validated.refused) == [
        {"arquivo": "a.csv", "linha": line, "texto": lines[line - 2], "motivos": [reason]}
        for line, reason in ((3, "desconto_acima_de_100"), (5, "desconto_ambiguo"))
    ]
    assert sum(stretch.rows for stretch in validated.stretches) == 2


def test_without_files_nothing_is_validated(tmp_path):
    validated = transform.validate_files(ThisProcess(), [], tmp_path)
    sales = transform.write_silver(Tables(tmp_path), validated, Tables(tmp_path), [], [])
    assert (validated.stretches, validated.refused, validated.links, sales.files) == (
        [],
        [],
        RESUBMITTED_SCHEMA.empty_table(),
        [],
    )
    assert sales.counts == {"linhas": 0, "vendas": 0}


def test_only_refused_rows_leave_no_sales(tmp_path):
    validated = transform.validate_files(ThisProcess(), [write(tmp_path, "a.csv", ["x"])], tmp_path)
    assert (validated.stretches, list(tmp_path.glob("silver/*/*"))) == ([], [])


def test_small_things_are_grouped_and_a_large_one_is_alone():
    sizes = [10, 10, 10, 500, 10, 20, 1]
    assert list(group_by_size(sizes, 30, lambda size: size)) == [[10, 10, 10], [500], [10, 20], [1]]
    assert list(group_by_size([], 30, len)) == []


def test_gold_has_a_row_for_each_of_silvers_of_these_files(tmp_path, monkeypatch):
    monkeypatch.setattr(transform, "RANGE_ROWS", 2)
    tables = Tables(tmp_path)
    tables.hold([silver_row(name, Nome=str(n)) for n, name in enumerate("abacab")])
    written = transform.write_gold(ThisProcess(), tables.held, ["a", "c"], tables.target("gold"))
    assert [row["nome_completo"] for row in read(written)] == ["0 Souza", "2 Souza", "3 Souza", "4 Souza"]
    assert {file.ano for file in written} == {2024}


def test_a_file_without_rows_of_these_gives_no_gold(tmp_path):
    tables = Tables(tmp_path)
    tables.hold([silver_row("a")])
    assert transform.write_gold(ThisProcess(), tables.held, ["b"], tables.target("gold")) == []
