"""Files as real tools write them, in bronze on S3: the same results as in folders."""

from pathlib import Path

import pytest

from test_hunt import AMOUNTS, HUNT, NOW, REJECTED, TAKEN
from vendas.landing.bronze_names import BronzeFile
from vendas.stages.check_file import check_sample
from vendas.stages.survey import survey_file
from vendas.storage import S3Path


@pytest.fixture
def diagnose(bucket):
    def diagnose(name):
        """Put a file into a bucket; return its diagnosis, and bronze's event of it."""
        bronze = S3Path(bucket, "bronze")
        file = BronzeFile.parse(f"registros_{name}_20240101T000000000Z_aaaaaaaa.csv")
        (bronze / file.name).write_bytes((HUNT / f"registros_{name}.csv").read_bytes())
        event = survey_file(file, bronze, {}, "r1", "0a1b")
        (found,) = check_sample(bronze, [event], NOW)
        return found, event

    return diagnose


@pytest.mark.parametrize(("name", "says"), REJECTED.items())
def test_a_file_that_means_two_things_is_rejected_with_its_line(diagnose, name, says):
    found, event = diagnose(name)
    assert found.rejected and says in found.motivo and says in event.motivo


@pytest.mark.parametrize(("name", "expected"), TAKEN.items())
def test_a_file_that_means_one_thing_is_taken_row_by_row(diagnose, name, expected):
    rows, good, refused = expected
    found, event = diagnose(name)
    assert (event.lidas, found.lidas, found.boas + found.duvidosas, found.recusadas) == (rows, rows, good, len(refused))
    assert set(found.motivos) == {reason for reasons in refused.values() for reason in reasons}


def test_amounts_have_their_value_or_are_refused(diagnose):
    found, _ = diagnose("22_amounts")
    assert (found.lidas, found.recusadas) == (43, 43 - len(AMOUNTS))


def test_telephones_that_look_damaged_are_doubtful(diagnose):
    found, _ = diagnose("24_phones")
    assert found.duvidas == {"telefone_cientifico": 2, "telefone_decimal": 1, "campo_estreito": 1}


def test_all_files_are_looked_at():
    names = {Path(path).stem.removeprefix("registros_") for path in HUNT.glob("*.csv")}
    assert names == {*REJECTED, *TAKEN, "22_amounts"}
