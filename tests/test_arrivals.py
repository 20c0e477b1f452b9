import hashlib
import os
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from vendas.errors import ArrivalError
from vendas.landing import folder_moves
from vendas.landing.arrivals import (
    Arrival,
    BronzeFile,
    explain_left_behind,
    find,
    find_in_bronze,
    find_new_files,
    is_sales_file,
    list_bronze_files,
    list_waiting_files,
    look_at_landing,
    sweep,
)

MOMENT = datetime(2024, 3, 31, 14, 5, 9, 123456, tzinfo=UTC)
STAMP = "20240331T140509123Z"


def drop(landing, name, content=b"a,b\n", moment=MOMENT):
    path = landing / name
    path.write_bytes(content)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = since // timedelta(microseconds=1)
    os.utime(path, ns=(microseconds * 1000, microseconds * 1000))
    return path


def bronze_name(stem, content=b"a,b\n", stamp=STAMP):
    return f"{stem}_{stamp}_{hashlib.md5(content).hexdigest()[:8]}.csv"


@pytest.mark.parametrize(
    "name", ["registros.csv", "registros_loja 1+2 São.csv", "REGISTROS_X.CSV", "Registros.csv.csv"]
)
def test_sales_files(name):
    assert is_sales_file(name)


@pytest.mark.parametrize(
    "name", ["registro.csv", "registros.txt", "registros.csv.gz", "x_registros.csv", ".registros.csv"]
)
def test_other_files(name):
    assert not is_sales_file(name)


@pytest.mark.parametrize("stem", ["registros", "registros loja+1 São João", 'REGISTROS\'_"x"', "registros_\n"])
def test_a_file_moves_to_bronze_under_the_name_of_its_event(landing, bronze, stem):
    drop(landing, f"{stem}.csv")
    sweep(landing, bronze)
    assert [file.name for file in list_bronze_files(bronze)] == [bronze_name(stem)]


def test_the_copy_is_the_file_byte_for_byte(landing, bronze):
    content = os.urandom(100_000)
    drop(landing, "registros.csv", content)
    sweep(landing, bronze)
    assert (bronze / bronze_name("registros", content)).read_bytes() == content


def test_landing_is_empty_afterwards(landing, bronze):
    drop(landing, "registros.csv")
    sweep(landing, bronze)
    assert list(landing.iterdir()) == []


def test_other_files_and_subfolders_are_left_untouched(landing, bronze):
    drop(landing, "notas.txt")
    (landing / "registros_pasta.csv").mkdir()
    drop(landing / "registros_pasta.csv", "registros_dentro.csv")
    sweep(landing, bronze)
    assert sorted(path.name for path in landing.rglob("*")) == [
        "notas.txt",
        "registros_dentro.csv",
        "registros_pasta.csv",
    ]


def test_the_same_event_twice_gives_one_bronze_file(landing, bronze):
    for _ in range(2):
        drop(landing, "registros.csv")
        sweep(landing, bronze)
    assert len(list_bronze_files(bronze)) == 1


def test_the_same_content_sent_later_gives_another_bronze_file(landing, bronze):
    for seconds in range(2):
        drop(landing, "registros.csv", moment=MOMENT + timedelta(seconds=seconds))
        sweep(landing, bronze)
    assert len(list_bronze_files(bronze)) == 2


def test_arrivals_come_in_bronze_order(landing, bronze):
    drop(landing, "registros_a.csv", moment=MOMENT + timedelta(seconds=1))
    drop(landing, "registros_c.csv")
    drop(landing, "registros_b.csv")
    assert [arrival.name for arrival in sweep(landing, bronze)] == [
        "registros_b.csv",
        "registros_c.csv",
        "registros_a.csv",
    ]


def test_a_file_that_grows_while_it_is_copied_stays(landing, bronze, monkeypatch):
    path = drop(landing, "registros.csv")

    def copy_while_growing(source, target, guard):
        digest = plain_copy(source, target, guard)
        with suppress(BlockingIOError):  # because the guard blocks it
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
        return digest

    plain_copy = folder_moves._copy
    monkeypatch.setattr(folder_moves, "_copy", copy_while_growing)
    assert sweep(landing, bronze) == [] and path.exists() and list(bronze.iterdir()) == []


def test_a_copy_that_differs_is_an_error_and_the_original_stays(landing, bronze, monkeypatch):
    path = drop(landing, "registros.csv")
    monkeypatch.setattr(folder_moves, "_copy", lambda source, target, guard: target.write_bytes(b"a,") and "0" * 32)
    with pytest.raises(ArrivalError, match="differs"):
        sweep(landing, bronze)
    assert path.exists() and list_bronze_files(bronze) == []


def test_a_bronze_file_of_that_name_with_other_content_is_kept_and_told(landing, bronze):
    path = drop(landing, "registros.csv")
    there = bronze / bronze_name("registros")
    bronze.mkdir()
    there.write_bytes(b"other\n")
    with pytest.raises(ArrivalError, match=f"{there} holds other content than {path}"):
        sweep(landing, bronze)
    assert path.exists() and there.read_bytes() == b"other\n" and [*bronze.iterdir()] == [there]


@pytest.mark.parametrize("newer", [False, True], ids=["alone", "beside-a-newer-one"])
def test_without_links_an_original_gets_its_name_back_if_no_newer_file_has_it(landing, bronze, monkeypatch, newer):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    hidden = drop(landing, ".registros.csv.0123abcd.taken", b"old\n")
    if newer:
        drop(landing, "registros.csv", b"new\n")
    monkeypatch.setattr(folder_moves.os, "link", refuse)
    folder_moves._put_back(hidden, landing / "registros.csv")
    assert (landing / "registros.csv").read_bytes() == (b"new\n" if newer else b"old\n")
    assert hidden.exists() is newer


def test_an_unreadable_file_is_an_error_that_names_it(landing, bronze, monkeypatch):
    path = drop(landing, "registros.csv")

    def refuse(source, target, guard):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder_moves, "_copy", refuse)
    with pytest.raises(ArrivalError, match=r"registros\.csv.*Permission denied"):
        sweep(landing, bronze)
    assert path.exists()


def test_files_that_cannot_be_moved_stop_no_other_and_are_all_named(landing, bronze, monkeypatch):
    bad = [drop(landing, "registros_1.csv", b"bad\n"), drop(landing, "registros_2.csv", b"bad\n", datetime.now(UTC))]
    good = [drop(landing, f"registros_{number}.csv") for number in range(3, 50)]
    copy = folder_moves._copy

    def refuse_some(source, target, guard):
        if source.name in map(str, bad):
            raise PermissionError(13, "Permission denied")
        return copy(source, target, guard)

    monkeypatch.setattr(folder_moves, "_copy", refuse_some)
    with pytest.raises(ArrivalError) as error:
        sweep(landing, bronze, quiet=0.1)
    assert all(f"{path} could not be moved" in str(error.value) for path in bad)
    assert sorted(landing.iterdir()) == bad and len([*bronze.iterdir()]) == len(good)


def test_the_leftover_of_a_killed_sweep_is_cleared_and_the_file_taken_again(landing, bronze):
    drop(landing, "registros.csv")
    bronze.mkdir()
    (bronze / "registros.csv.part").write_bytes(b"a")
    sweep(landing, bronze)
    assert [path.name for path in bronze.iterdir()] == [bronze_name("registros")]


def test_sweeps_at_once_lose_and_spoil_nothing(landing, bronze):
    contents = {f"registros_{number}.csv": bytes([number]) * 300_000 for number in range(20)}
    for name, content in contents.items():
        drop(landing, name, content)
    with ThreadPoolExecutor(4) as pool:
        arrived = [arrival.name for found in pool.map(lambda _: sweep(landing, bronze), range(4)) for arrival in found]
    arrived += [arrival.name for arrival in sweep(landing, bronze)]
    assert {file.received_as: (bronze / file.name).read_bytes() for file in list_bronze_files(bronze)} == contents
    assert set(arrived) == contents.keys() and list(landing.iterdir()) == []


FOUND = [BronzeFile.parse(bronze_name(stem)) for stem in ("registros_a", "registros_b")]
TWICE = [*FOUND, BronzeFile.parse(bronze_name("registros_a", stamp="20250101T000000000Z"))]


@pytest.mark.parametrize("name", [FOUND[1].name, "registros_b.csv", "REGISTROS_B.CSV"])
def test_a_bronze_file_is_found_by_its_name_or_the_one_it_arrived_under(name):
    assert find(TWICE, [name]) == [FOUND[1]]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("registros_a.csv", "2 bronze files arrived as registros_a.csv"),
        (FOUND[1].name.replace("_b_", "_d_"), f"Did you mean {re.escape(FOUND[1].name)}"),
        ("outra coisa", "No bronze file is named outra coisa. `vendas status --json`"),
    ],
)
def test_a_name_that_is_no_one_files_is_refused(name, says):
    with pytest.raises(ArrivalError, match=says):
        find(TWICE, [name])


def test_a_text_is_no_list_of_names():
    with pytest.raises(ArrivalError, match=r"Expected a list .* like \['registros_b.csv'\]; got the text"):
        find(TWICE, "registros_b.csv")


@pytest.mark.parametrize("name", ["registros_novos.csv", "REGISTROS_NOVOS.csv"])
def test_a_file_that_is_still_in_landing_is_said_to_be_there(landing, bronze, name):
    (landing / "registros_novos.csv").touch()
    with pytest.raises(ArrivalError, match=f"{name} is still in landing. The next run .`vendas run`. takes it"):
        find_in_bronze(bronze, landing, [name])
    with open(landing / "registros_novos.csv", "a"), pytest.raises(ArrivalError, match="is still in landing"):
        find_in_bronze(bronze, landing, [name])
    with pytest.raises(ArrivalError, match="No bronze file is named registros_outros.csv"):
        find_in_bronze(bronze, landing, ["registros_outros.csv"])


def test_foreign_files_in_bronze_are_ignored(bronze):
    bronze.mkdir()
    (bronze / "registros.csv").touch()
    assert list_bronze_files(bronze) == []


stems = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"])).map("registros".__add__)


@pytest.mark.parametrize(("microsecond", "digits"), [(0, "000"), (999, "000"), (1000, "001"), (999_999, "999")])
def test_a_bronze_name_has_whole_milliseconds(microsecond, digits):
    arrival = Arrival("registros.csv", MOMENT.replace(microsecond=microsecond), "1a2b3c4d5e")
    assert arrival.bronze_name == f"registros_20240331T140509{digits}Z_1a2b3c4d.csv"


@given(stems, st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.binary(min_size=16, max_size=16))
def test_every_bronze_name_tells_its_event(stem, moment, etag):
    arrival = Arrival(f"{stem}.csv", moment.replace(tzinfo=UTC), etag.hex())
    assert BronzeFile.parse(arrival.bronze_name).received_as == unicodedata.normalize("NFC", arrival.name)


DECOMPOSED = unicodedata.normalize("NFD", "registros_São João.csv")


def test_a_bronze_name_is_one_whatever_the_form_of_the_name_it_came_under(landing, bronze):
    for name in ("registros_São João.csv", DECOMPOSED):
        drop(landing, name)
        sweep(landing, bronze)
    assert [file.name for file in list_bronze_files(bronze)] == [bronze_name("registros_São João")]


def test_two_files_whose_names_differ_in_form_only_both_arrive(landing, bronze):
    drop(landing, "registros_São João.csv", b"a\n")
    drop(landing, DECOMPOSED, b"b\n")
    sweep(landing, bronze)
    assert sorted((bronze / file.name).read_bytes() for file in list_bronze_files(bronze)) == [b"a\n", b"b\n"]


FORMS = ("NFC", "NFD")


@pytest.mark.parametrize("kept", FORMS)
@pytest.mark.parametrize("given_in", FORMS)
def test_a_file_is_found_by_its_name_in_either_form(kept, given_in):
    file = BronzeFile.parse(unicodedata.normalize(kept, bronze_name("registros_São João")))
    for name in (file.name, file.received_as):
        assert find([file], [unicodedata.normalize(given_in, name)]) == [file]


def test_of_two_bronze_files_whose_names_differ_in_form_only_the_one_given_is_found():
    files = [BronzeFile.parse(unicodedata.normalize(form, bronze_name("registros_São João"))) for form in FORMS]
    assert [find(files, [file.name]) for file in files] == [[file] for file in files]


def test_a_decomposed_name_that_is_short_enough_once_composed_arrives(landing, bronze):
    name = f"registros_{'ã' * 80}.csv"
    decomposed = unicodedata.normalize("NFD", name)
    assert len(decomposed.encode()) == 254
    drop(landing, decomposed)
    assert len(sweep(landing, bronze)) == 1
    assert [file.received_as for file in list_bronze_files(bronze)] == [name] and list(landing.iterdir()) == []


def test_a_name_that_is_no_utf8_stays_and_stops_no_other_file(landing, bronze):
    odd = drop(landing, "registros_\udcff.csv")
    drop(landing, "registros_b.csv")
    assert [arrival.name for arrival in sweep(landing, bronze)] == ["registros_b.csv"]
    found = look_at_landing(landing, 2)
    assert explain_left_behind(found) == {odd: "stays in landing: its name is not in UTF-8; rename it"}
    assert found.waiting == []


def test_a_name_in_bronze_that_is_no_utf8_is_told(bronze):
    bronze.mkdir()
    drop(bronze, bronze_name("registros_\udcff"))
    with pytest.raises(ArrivalError, match="not in UTF-8. Move the file to landing under another name"):
        find_new_files(bronze)


def test_a_name_too_long_for_bronze_stays_and_stops_no_other_file(landing, bronze):
    long = drop(landing, f"registros_{'x' * (227 - 14)}.csv")
    drop(landing, f"registros_{'y' * (226 - 14)}.csv")
    drop(landing, "registros_b.csv")
    assert len(sweep(landing, bronze)) == 2
    assert list(landing.iterdir()) == [long]
    assert explain_left_behind(look_at_landing(landing, 2)) == {
        long: "stays in landing: its name is 1 bytes too long for bronze; shorten it"
    }
    assert list_waiting_files(landing) == []


def test_a_file_that_may_not_be_read_stays_and_stops_no_other_file(landing, bronze, monkeypatch):
    closed = drop(landing, "registros_a.csv")
    drop(landing, "registros_b.csv")
    monkeypatch.setattr(folder_moves.os, "access", lambda path, mode: mode == os.R_OK and path != closed)
    assert [arrival.name for arrival in sweep(landing, bronze)] == ["registros_b.csv"]
    assert explain_left_behind(look_at_landing(landing, 2)) == {
        closed: "stays in landing: this user may not read it; give it the permission"
    }
    assert list_waiting_files(landing) == []


def test_what_is_no_file_stays_is_named_and_stops_no_other_file(landing, bronze):
    """A link in a circle cannot even be asked what it is."""
    folder, nowhere, circle = (landing / f"registros_{name}.csv" for name in ("c", "d", "e"))
    folder.mkdir()
    nowhere.symlink_to(landing / "gone.csv")
    circle.symlink_to(circle)
    (landing / "circle").symlink_to(landing / "circle")
    drop(landing, "registros_b.csv")
    assert [arrival.name for arrival in sweep(landing, bronze)] == ["registros_b.csv"]
    told = "stays in landing: it is no file, but a folder or a link that leads nowhere"
    assert explain_left_behind(look_at_landing(landing, 2)) == dict.fromkeys([folder, nowhere, circle], told)
    assert list_waiting_files(landing) == []


def test_what_looks_like_sales_is_named_and_everything_else_is_not(landing):
    looking = ["Registros_b.XLSX", "registro.CSV", "registros_b.xls", "registros_b.zip", "vendas.csv"]
    other = ["registros.csv.part", "registros.csv.tmp", "notas.txt", "vendas.xlsx", ".oculto.csv", "registros_a.csv"]
    for name in looking + other:
        drop(landing, name)
    (landing / "pasta.csv").mkdir()
    left = explain_left_behind(look_at_landing(landing, 2))
    assert [path.name for path in left] == looking
    assert all("because of its name: intake takes CSV files named registros*.csv" in why for why in left.values())
