"""Records in bronze files that are edited in place: rejected files too, in any encoding, and nothing else in them."""

import os

import pytest

from vendas.privacy.record_edits import decode, read_records, replace_records, survey_or_none
from vendas.schema import LINHA, TEXTO

TEXT = "título só\r\nNome;E-mail\nZoë;zu@x.example\n\nRui;r@x.example"  # no file of sales
REJECTED = {
    "utf-8": TEXT.encode(),
    "utf-8 with its mark": TEXT.encode("utf-8-sig"),
    "utf-16 with its mark": TEXT.encode("utf-16"),
    "utf-16-le": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
    "any bytes": TEXT.encode("cp1252"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_of_a_rejected_file_only_the_lines_asked_for_change(tmp_path, name):
    path = tmp_path / "registros.csv"
    path.write_bytes(REJECTED[name])
    path.chmod(0o640)
    os.utime(path, ns=(5, 7_000_000_000))
    assert survey_or_none(path) is None
    found = {
        line: text
        for records in read_records(path, None)
        for line, text in zip(records[LINHA].to_pylist(), records[TEXTO].to_pylist(), strict=True)
    }
    (place,) = [line for line, text in found.items() if "zu@x.example" in text]
    assert place == 3
    changed = replace_records(path, None, [place], lambda line, text: text.replace("zu@x.example", "T"))
    encoding, _ = decode(REJECTED[name])
    assert changed and path.read_bytes().decode(encoding) == decode(REJECTED[name])[1].replace("zu@x.example", "T")
    assert (path.stat().st_mode & 0o777, path.stat().st_mtime_ns) == (0o640, 7_000_000_000)
    assert [left.name for left in tmp_path.iterdir()] == ["registros.csv"]


def test_a_file_in_which_nothing_changes_is_not_written(tmp_path):
    path = tmp_path / "registros.csv"
    path.write_bytes(REJECTED["utf-8"])
    before = path.stat()
    assert not replace_records(path, None, [1, 3], lambda line, text: text)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfe\x00\xd8", b"\x00", bytes(range(256))])
def test_any_bytes_are_read_and_written_again_unchanged(data):
    encoding, text = decode(data)
    assert text.encode(encoding) == data
