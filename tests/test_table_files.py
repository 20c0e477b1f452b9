"""Which files of a table's folder are orphans: told from its metadata, without Spark."""

from datetime import UTC, datetime, timedelta

import pytest

from helpers.old_lakes import LAKE, unpack
from vendas.errors import UpkeepError
from vendas.lake import table_files
from vendas.lake.table_files import StoredFile, delete_orphans, stored_files
from vendas.lake.table_reader import read_table
from vendas.lake.tables import SILVER_TABLE
from vendas.storage import location

LATER = timedelta(days=1)


@pytest.fixture
def lake(tmp_path):
    """Return a lake of version 0.1.0, which has checksums beside its metadata, after a first cleaning."""
    made = unpack(LAKE, tmp_path / "lago")
    clean(made)
    return made


def clean(lake, oldest=LATER):
    delete_orphans(lake, SILVER_TABLE, datetime.now(UTC) + oldest)


def files(lake):
    return {file.place: file.size for file in stored_files(lake / SILVER_TABLE)}


def test_what_the_table_needs_stays(lake):
    before, rows = files(lake), read_table(lake, SILVER_TABLE)
    clean(lake)
    assert files(lake) == before and read_table(lake, SILVER_TABLE) == rows
    assert {place.suffix for place in before} >= {".avro", ".crc", ".json", ".parquet", ".text"}
    assert all(size == place.stat().st_size for place, size in before.items())


def test_files_in_s3_are_listed_with_their_sizes_and_times(monkeypatch):
    folder, written = location("s3://lago/silver"), datetime(2024, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(table_files, "client", str)
    monkeypatch.setattr(table_files, "list_below", lambda s3, place: [(place / "a", 3, written)] if s3 == "s3" else [])
    assert [*stored_files(folder)] == [StoredFile(folder / "a", 3, written)]


def test_what_nothing_names_goes_when_it_is_old_enough(lake):
    before = files(lake)
    stray = lake / SILVER_TABLE / "data" / "ano=2024" / "stray.parquet"
    stray.parent.mkdir(exist_ok=True)
    stray.touch()
    clean(lake, -LATER)
    assert stray.exists()
    clean(lake)
    assert files(lake) == before


def test_checksums_go_after_their_file_and_other_hidden_files_stay(lake):
    hint = lake / SILVER_TABLE / "metadata" / "version-hint.text"
    kept = [hint, hint.with_name(".DS_Store"), *(place for place in files(lake) if place.suffix == ".crc")]
    gone = [hint.with_name(".version-hint.text.crc"), hint.with_name(".gone.avro.crc")]
    for path in (*kept, *gone):
        path.touch()
    clean(lake)
    assert len(kept) > 2 and all(path.exists() for path in kept) and not any(path.exists() for path in gone)


@pytest.mark.parametrize(
    ("pattern", "error", "says"),
    [
        ("data/**/*.parquet", UpkeepError, "needs 1 files that are not there"),
        ("metadata/snap-*.avro", FileNotFoundError, ""),
    ],
)
def test_a_file_that_is_needed_and_gone_is_told_and_nothing_is_deleted(lake, pattern, error, says):
    stray = lake / SILVER_TABLE / "data" / "stray.parquet"
    stray.touch()
    gone = sorted((lake / SILVER_TABLE).glob(pattern))[0]
    gone.rename(lake / gone.name)
    with pytest.raises(error, match=f"{says}.*{gone.name}"):
        clean(lake)
    assert stray.exists()
