"""Files for their owner alone, in a folder: whole or not at all, whatever fails."""

import os

import pytest

from vendas.lake import private_files
from vendas.lake.private_files import change_private, read_private, remove_private, write_private


@pytest.fixture
def place(tmp_path):
    return tmp_path / "privacy" / "people.json"


def test_what_was_written_is_read_until_it_is_removed(place):
    assert read_private(place) is None
    write_private(place, "ção")
    assert read_private(place) == "ção"
    for _ in range(2):
        remove_private(place)
        assert read_private(place) is None and [*place.parent.iterdir()] == []


def test_a_change_gets_what_is_there(place):
    for added in "ab":
        change_private(place, lambda before, added=added: (before or "") + added)
    assert read_private(place) == "ab"


@pytest.mark.parametrize(("mode", "of_folder"), [(0o600, 0o700), (0o644, 0o755)])
def test_its_folder_is_as_open_as_the_file(place, mode, of_folder):
    write_private(place, "x", mode)
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (mode, of_folder)


def test_a_folder_that_is_there_keeps_its_mode(place):
    place.parent.mkdir(mode=0o750)
    write_private(place, "x")
    assert place.parent.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("fails", ["fsync", "fdopen"])
def test_a_write_that_fails_leaves_what_was_there_alone(place, monkeypatch, fails):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    write_private(place, "old")
    monkeypatch.setattr(private_files.os, fails, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_private(place, "new")
    monkeypatch.undo()
    assert read_private(place) == "old" and os.listdir(place.parent) == ["people.json"]


def test_file_and_folder_are_flushed_to_disk(place, monkeypatch):
    flushed, folders = [], []
    monkeypatch.setattr(private_files.os, "fsync", lambda file: flushed.append(os.readlink(f"/proc/self/fd/{file}")))
    monkeypatch.setattr(private_files, "sync", folders.append)
    write_private(place, "x")
    remove_private(place)
    assert [os.path.dirname(path) for path in flushed] == [str(place.parent)] and folders == [place.parent] * 2
