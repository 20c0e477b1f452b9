"""Flaws of sample files: rows refused, doubtful, and equal only once cleaned; and a file that is sent twice."""

import csv
from datetime import datetime
from itertools import chain

import numpy as np
import pytest

from helpers.intake_twin import Dropped, Twin
from vendas.reasons import Reason
from vendas.rules.quality_warnings import QualityWarning
from vendas.sample import generator
from vendas.sample.flaws import ROWS_PER_FLAW, repeats_rewritten
from vendas.sample.generator import SENT_AGAIN, write_sample
from vendas.stages.check_file import check_files


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Return the files of `make demo`: 40 flaws, each kind at least once."""
    return write_sample(2000, tmp_path_factory.mktemp("sample"), flaws=True)


@pytest.fixture(scope="module")
def intake(paths):
    """Return the outcomes by received name, and the distinct sales, of the files taken up in the order of events."""
    files = [Dropped(path.name, round(path.stat().st_mtime * 1000), path.read_bytes()) for path in paths]
    twin = Twin()
    twin.run(files)
    return {file.name: twin.outcomes[file.bronze_name] for file in files}, twin.sales


def texts(paths):
    """Return the data rows as they are written, each a tuple of its fields."""
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows += map(tuple, list(csv.reader(file))[1:])
    return rows


@pytest.mark.parametrize(
    ("rows", "files"), [(1, 1), (99, 1), (100, 5), (103, 5), (1000, 5), (2001, 5), (2003, 5), (2004, 5)]
)
def test_rows_are_counted_in_all_files_together(tmp_path, rows, files):
    written = write_sample(rows, tmp_path, flaws=True)
    assert (len(texts(written)), len(written)) == (rows, files)


def test_the_first_file_is_sent_again_after_all_others(paths):
    first, again = paths[0], paths[-1]
    assert (again.name, again.read_bytes()) == (SENT_AGAIN, first.read_bytes())
    assert again.stat().st_mtime == max(path.stat().st_mtime for path in paths) > first.stat().st_mtime


def test_the_file_sent_again_adds_no_sale(intake):
    outcomes, _ = intake
    again, first = outcomes[SENT_AGAIN], outcomes["registros_gerais.csv"]
    assert (again.silver, again.quarantined) == (0, first.quarantined)
    assert again.duplicates + len(again.quarantined) == again.read == first.read > 0


def test_half_of_the_flawed_rows_are_refused_for_several_reasons(intake):
    outcomes, _ = intake
    refused = [set(reasons) for name in outcomes if name != SENT_AGAIN for _, _, reasons in outcomes[name].quarantined]
    assert len(refused) == 1600 // 50 // 2
    assert set(chain.from_iterable(refused)) == {
        Reason.TIMESTAMP_SEM_HORA, Reason.TIMESTAMP_IMPOSSIVEL, Reason.TIMESTAMP_COM_FUSO, Reason.TIMESTAMP_AUSENTE,
        Reason.VALOR_AMBIGUO, Reason.VALOR_NEGATIVO, Reason.VALOR_AUSENTE, Reason.VALOR_INVALIDO,
        Reason.DESCONTO_AMBIGUO, Reason.DESCONTO_ACIMA_DE_100, Reason.NUMERO_DE_CAMPOS,
    }  # fmt: skip
    assert {Reason.TIMESTAMP_AUSENTE, Reason.VALOR_INVALIDO} in refused


def test_a_quarter_of_the_flawed_rows_are_doubtful(paths):
    found = check_files(paths[:-1], datetime(2026, 1, 1))
    assert sum(diagnosis.duvidosas for diagnosis in found) == 1600 // 50 // 4
    assert set(chain.from_iterable(diagnosis.duvidas for diagnosis in found)) == {
        QualityWarning.TELEFONE_CIENTIFICO, QualityWarning.TELEFONE_DECIMAL, QualityWarning.TEXTO_MAL_DECODIFICADO,
        QualityWarning.PALAVRA_SEM_VALOR, QualityWarning.EMAIL_SUSPEITO,
    }  # fmt: skip


def test_a_quarter_of_the_flawed_rows_are_duplicates_only_once_cleaned(paths, intake):
    outcomes, sales = intake
    refused = {text for outcome in outcomes.values() for _, text, _ in outcome.quarantined}
    taken = len(set(texts(paths))) - len(refused)
    assert taken - len(sales) == 1600 // 50 // 4


def test_no_file_is_refused_as_a_whole(tmp_path):
    for rows in (1, 2, 25, 26, 27, 60, 100):
        written = write_sample(rows, tmp_path / str(rows), files=min(rows, 4), flaws=True)
        assert all(found.boas + found.duvidosas for found in check_files(written, datetime(2026, 1, 1)))


def test_the_same_arguments_give_the_same_bytes_whatever_the_chunks(tmp_path, paths, monkeypatch):
    monkeypatch.setattr(generator, "CHUNK_ROWS", 77)
    again = write_sample(2000, tmp_path, flaws=True)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    assert [path.stat().st_mtime for path in again] == [path.stat().st_mtime for path in paths]


def test_the_row_after_each_rewritten_one_repeats_it():
    repeats = np.flatnonzero(repeats_rewritten(np.arange(8 * ROWS_PER_FLAW)))
    before = ROWS_PER_FLAW * np.array([3, 7]) + ROWS_PER_FLAW // 2  # the fourth flaw of each four
    assert repeats.tolist() == (before + 1).tolist()
