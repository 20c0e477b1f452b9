"""Sample files: they have the requested number of rows, are reproducible, and fulfil the contract."""

import csv
import hashlib
import os
import re
from collections import Counter

import numpy as np
import pytest

from helpers import rules_twin as twin
from helpers.rows import HEADER, NEEDED
from vendas.declaration_types import Input, Type
from vendas.errors import DeclarationError, SettingsError
from vendas.sample import generator
from vendas.sample.generator import write_sample


def read(paths):
    """Return all data rows as tuples of their file's name and the texts of the needed columns."""
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file, strict=True)
        assert header == list(NEEDED)
        rows += [(path.name, *line) for line in lines]
    return rows


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return paths and rows of a sample that needs several chunks per file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "CHUNK_ROWS", 7_000)
        paths = write_sample(100_003, tmp_path_factory.mktemp("large"), seed=7)
    return paths, read(paths)


@pytest.mark.parametrize("rows, files", [(1, 1), (10, 1), (99, 1), (100, 4), (1000, 4)])
def test_rows_and_files_by_size(tmp_path, rows, files):
    paths = write_sample(rows, tmp_path)
    assert (len(read(paths)), len(paths)) == (rows, files)
    assert sorted(paths) == sorted(tmp_path.iterdir())


def test_a_large_sample_has_exactly_its_rows(large):
    paths, rows = large
    assert len(rows) == 100_003
    assert sum(path.read_bytes().count(b"\n") for path in paths) == 100_003 + len(paths)


def test_files_are_named_as_channels_do(tmp_path):
    assert [path.name for path in write_sample(60, tmp_path, files=6)] == [
        "registros_gerais.csv", "registros_website.csv", "registros_aplicativo.csv", "registros_lojas_fisicas.csv",
        "registros_gerais_2.csv", "registros_website_2.csv",
    ]  # fmt: skip


def test_each_file_is_plain_utf8_with_the_contract_s_header(large):
    for path in large[0]:
        text = path.read_bytes().decode("utf-8")
        assert text.startswith(HEADER + "\n") and text.endswith("\n") and "\r" not in text


def test_the_same_arguments_give_the_same_bytes_whatever_the_chunks(tmp_path, large):
    again = write_sample(100_003, tmp_path, seed=7)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in large[0]]
    assert [path.stat().st_mtime for path in again] == [path.stat().st_mtime for path in large[0]]


def test_bytes_are_the_same_on_any_machine(tmp_path):
    bytes_written = b"".join(path.read_bytes() for path in write_sample(1000, tmp_path))
    assert hashlib.sha256(bytes_written).hexdigest() == (
        "6eafec00402080a3ad0ab250126d284671e6ed02216a568056ae1ae7c3ff6d89"
    )


def test_another_seed_gives_other_rows(tmp_path):
    first, second = (set(read(write_sample(500, tmp_path / str(seed), seed))) for seed in (1, 2))
    assert not first & second


def test_files_are_a_minute_apart(tmp_path):
    times = [path.stat().st_mtime for path in write_sample(100, tmp_path)]
    assert times == [generator.FIRST_EVENT + 60 * file for file in range(4)]


def test_every_row_is_good_under_the_contract(large):
    for name, *row in large[1]:
        timestamp, valor, desconto = row[0], row[6], row[11]
        reasons = twin.timestamp_reason(timestamp), twin.valor_reason(valor), twin.desconto_reason(desconto)
        assert reasons == (None, None, None), (name, row)
        assert len(row) == 13 and not any(twin.texto_reason(text, 1000) for text in row)


def test_one_row_in_twenty_is_a_duplicate_within_a_file_or_across(large):
    rows = large[1]
    distinct, in_file = len({row[1:] for row in rows}), len(set(rows))
    assert 0.045 < 1 - distinct / len(rows) < 0.055
    assert len(rows) - in_file > 1000
    assert in_file - distinct > 1000


def test_every_column_is_alive(large):
    columns = list(zip(*(row[1:] for row in large[1]), strict=True))
    empty = {name: column.count("") / len(column) for name, column in zip(NEEDED, columns, strict=True)}
    assert {name for name, share in empty.items() if share} == {
        "Sobrenome", "Email", "Telefone", "Campanha de Marketing", "Vendedor", "Desconto Oferecido",
        "Código de Desconto Usado",
    }  # fmt: skip
    assert all(len(set(column)) > 2 for column in columns)
    assert any("," in product for product in columns[5]) and any('"' in product for product in columns[5])
    assert any(re.search("[ãçéí]", name) for name in columns[1])
    assert set(map(len, columns[4])) == {0, 11}


def test_campaigns_go_with_their_codes_and_sellers_with_shops(large):
    rows = [dict(zip(NEEDED, row[1:], strict=True)) for row in large[1]]
    discounts = {tuple(row[name] for name in (*NEEDED[9:10], *NEEDED[11:])) for row in rows}
    assert {discount for discount in discounts if discount[1] or discount[2]} == {
        ("Campanha Verão", "11%", "VERAO"), ("Campanha Outono", "8%", "OUTONO"),
        ("Campanha Inverno", "10%", "INVERNO"), ("Campanha Primavera", "15%", "PRIMAVERA"),
    }  # fmt: skip
    assert all(bool(row["Vendedor"]) == (row["Plataforma de Interação"] == "Loja Física") for row in rows)
    assert all("09" <= row["Timestamp do Registro"][11:13] < "21" for row in rows if row["Vendedor"])


def test_a_channel_s_file_holds_its_platform(large):
    platforms = Counter((row[0], row[9]) for row in large[1])
    assert platforms["registros_website.csv", "Website"] > 20_000
    assert {platform for name, platform in platforms if name == "registros_gerais.csv"} == {
        "Website", "Aplicativo Móvel", "Loja Física",
    }  # fmt: skip


def test_years_grow_and_december_is_busy(large):
    timestamps = [row[1] for row in large[1]]
    years = Counter(timestamp[:4] for timestamp in timestamps)
    assert sorted(years) == [str(year) for year in range(2019, 2025)] and years["2024"] > years["2019"]
    months = Counter(timestamp[5:7] for timestamp in timestamps)
    assert months["12"] > 1.5 * months["02"]


def test_a_channel_s_next_file_goes_on_later(tmp_path):
    sales = {row[0]: row for row in read(write_sample(8000, tmp_path, files=8))}
    assert sales["registros_gerais.csv"][1] < "2022-12" < sales["registros_gerais_2.csv"][1]


def test_the_sales_of_each_file_are_in_order_of_their_days(tmp_path):
    days, seen = {}, set()
    for name, *texts in read(write_sample(8000, tmp_path, files=8)):
        if tuple(texts) not in seen:  # a duplicate is anywhere
            days.setdefault(name, []).append(texts[0][:10])
        seen.add(tuple(texts))
    assert len(days) == 8 and [name for name, of_file in days.items() if of_file != sorted(of_file)] == []


def test_a_new_column_without_examples_is_empty_if_it_has_a_default(tmp_path, monkeypatch):
    colour = Input("Cor", Type.TEXT, "", "NÃO INFORMADO")
    monkeypatch.setattr(generator, "COLUMNS", [*generator.COLUMNS, colour])
    (path,) = write_sample(5, tmp_path)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    assert header.endswith(",Cor") and len(lines) == 5 and all(line.endswith(",") for line in lines)


def test_a_new_column_with_neither_examples_nor_a_default_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "COLUMNS", [*generator.COLUMNS, Input("Frete", Type.MONEY, "")])
    with pytest.raises(DeclarationError, match="The column 'Frete' needs examples"):
        write_sample(5, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_of_the_same_size_and_time_is_kept(tmp_path):
    (path,) = write_sample(50, tmp_path)
    other = path.read_bytes().swapcase()
    path.write_bytes(other)
    os.utime(path, (generator.FIRST_EVENT, generator.FIRST_EVENT))
    with pytest.raises(SettingsError, match="is not of this sample"):
        write_sample(50, tmp_path)
    assert path.read_bytes() == other


@pytest.mark.parametrize("arguments", [{"rows": 0}, {"rows": -5}, {"rows": 3, "files": 4}, {"rows": 3, "files": 0}])
def test_senseless_arguments_are_refused(tmp_path, arguments):
    with pytest.raises(SettingsError, match="got"):
        write_sample(folder=tmp_path / "landing", **arguments)
    assert not list(tmp_path.iterdir())


def test_the_same_sample_again_is_fine(tmp_path):
    first = write_sample(200, tmp_path)
    first[0].touch()
    assert write_sample(200, tmp_path)[0].stat().st_mtime == generator.FIRST_EVENT


def test_another_file_in_the_way_is_kept(tmp_path):
    waiting = tmp_path / "registros_website.csv"
    waiting.write_text("not yet taken up")
    with pytest.raises(SettingsError, match="registros_website.csv exists"):
        write_sample(200, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [waiting.name]
    assert waiting.read_text() == "not yet taken up"


def test_a_file_appears_under_its_name_only_when_whole(tmp_path, monkeypatch):
    seen = []
    make_lines = generator.Sample.lines
    monkeypatch.setattr(generator.Sample, "lines", lambda self, file: (
        seen.extend(path.name for path in tmp_path.iterdir()) or lines for lines in make_lines(self, file)
    ))  # fmt: skip
    write_sample(100, tmp_path)
    assert seen and not [name for name in seen if name.lower().startswith("registros")]


def test_chunks_bound_the_memory(monkeypatch):
    monkeypatch.setattr(generator, "CHUNK_ROWS", 1000)
    chunks = [len(lines) for lines in generator.Sample(9_500, 2, generator.Dice(1)).lines(1)]
    assert chunks == [1000, 1000, 1000, 1000, 750]


def test_throws_are_even():
    throws = generator.Dice(1).throw("die", np.arange(60_000), 6)
    assert all(9_500 < count < 10_500 for count in np.bincount(throws, minlength=6)) and throws.max() == 5
