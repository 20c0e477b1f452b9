"""Places of files, on this machine and in S3."""

import os
from pathlib import Path

import pytest

from vendas.storage import S3Path, as_folder, as_s3, location, sync


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://lago/silver/a.parquet", S3Path("lago", "silver/a.parquet")),
        ("file:/dados/a.parquet", Path("/dados/a.parquet")),
        ("/dados/a.parquet", Path("/dados/a.parquet")),
    ],
)
def test_an_address_is_a_place_however_it_is_written(address, place):
    assert location(address) == place


def test_a_place_is_where_the_code_that_asks_works():
    assert as_folder(Path("/a")) == Path("/a") and as_s3(S3Path("b", "c")) == S3Path("b", "c")
    with pytest.raises(TypeError, match="is in S3; expected a folder"):
        as_folder(S3Path("b", "c"))
    with pytest.raises(TypeError, match="is a folder of this machine"):
        as_s3(Path("/a"))


def test_a_folder_is_flushed_to_disk_and_closed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append((file, os.readlink(f"/proc/self/fd/{file}"))))
    sync(tmp_path)
    ((descriptor, folder),) = flushed
    assert folder == str(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
