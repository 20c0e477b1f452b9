"""Lakes and warehouses that earlier versions made, restored at any path of this machine.

    unpack(LAKE, tmp_path / "lago")                  # the lake, without a warehouse
    restore_warehouse(tmp_path / "lago", WAREHOUSE)  # its PostgreSQL, left running: embedded.stop(lake / "dw")

Iceberg stores absolute paths, so a lake cannot simply be moved. `unpack` rewrites the paths in metadata, manifest
lists and manifests, and the lengths and checksums that depend on them. All other bytes stay the same.

fixtures/make_old_lake.py created the fixtures.
"""

import json
import os
import pwd
import secrets
import subprocess
import tarfile
import zlib
from pathlib import Path

from helpers import avro_files
from vendas.warehouse import embedded

FOLDER = Path(__file__).parents[1] / "fixtures" / "old_lake"
# Made by the version of 26 November 2026. LAKE is its state after the last run, with a new file in landing. INTERRUPTED
# is its state after two more runs, which were killed: that file is pending in gold, another in silver. WAREHOUSE
# belongs to both.
LAKE, INTERRUPTED = FOLDER / "lake.tar.xz", FOLDER / "interrupted.tar.xz"
WAREHOUSE = FOLDER / "warehouse.sql"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))  # the output of that version about them

CRC_HEADER, CRC_CHUNK = b"crc\0\0\0\2\0", 512  # Hadoop's format: a checksum per 512 bytes in a hidden file beside


def unpack(archive: Path, lake: Path, address: str | None = None) -> Path:
    """Unpack the lake of an archive to this path, which must not exist yet; return the path. File times are kept."""
    lake.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python before 3.11.4 has none
        for member in packed:
            _, _, member.name = member.name.partition("/")
            if member.name:
                packed.extract(member, lake)
    for metadata in sorted(lake.glob("*/metadata")):
        _move_table(metadata, lake, address or str(lake))
    return lake


def restore_warehouse(lake: Path, dump: Path = WAREHOUSE) -> None:
    """Create the lake's PostgreSQL as version 1 did, independent of today's code, and fill it; leave it running."""
    cluster = lake / "dw" / "cluster"
    data, password = cluster / "data", cluster / "password"
    data.mkdir(parents=True, mode=0o700)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (data, password):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    embedded._run_there(
        data, "initdb", "-D", "data", "-U", "vendas", "--pwfile=password", "--auth=scram-sha-256",
        "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
    )  # fmt: skip
    command, login = embedded.psql(embedded.ensure_running(lake / "dw"))
    subprocess.run(
        [*command, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}"],
        env=os.environ | login | {"PGDATABASE": "postgres"},  # the dump creates the database itself
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _move_table(metadata: Path, lake: Path, address: str) -> None:
    """Rewrite the paths of a table: first in manifests, then in the lists, which have their lengths, then in metadata.

    In a folder catalog, the numbered metadata files of a table are its catalog.
    """
    versions = sorted(metadata.glob("v*.metadata.json"))
    before = str(Path(json.loads(versions[-1].read_bytes())["location"]).parent)
    for manifest in metadata.glob("*-m*.avro"):
        _change_avro(manifest, lambda entry: _move_field(entry["data_file"], "file_path", before, address))
    for manifests in metadata.glob("snap-*.avro"):
        _change_avro(manifests, lambda listed: _move_manifest(listed, before, lake, address))
    for version in versions:
        _replace(version, version.read_bytes().replace(_opening(before), _opening(address)))


def _opening(address: str) -> bytes:
    """Return how paths below a lake begin in JSON."""
    return f"{json.dumps(address, ensure_ascii=False)[:-1]}/".encode()


def _move_manifest(listed: dict, before: str, lake: Path, address: str) -> None:
    manifest = Path(listed["manifest_path"].replace(before, str(lake), 1))
    _move_field(listed, "manifest_path", before, address)
    if manifest.exists():  # upkeep may have deleted it; the list is deleted later
        listed["manifest_length"] = manifest.stat().st_size


def _move_field(record: dict, name: str, before: str, address: str) -> None:
    assert record[name].startswith(f"{before}/"), record[name]
    record[name] = address + record[name].removeprefix(before)


def _change_avro(path: Path, change) -> None:
    file = avro_files.read(path.read_bytes())
    for record in file.records:
        change(record)
    _replace(path, avro_files.written(file))


def _replace(path: Path, data: bytes) -> None:
    """Replace the bytes of a file and its checksums; its times stay the same."""
    for changed, held in ((path, data), (path.with_name(f".{path.name}.crc"), _checksums(data))):
        if changed.exists():
            times = changed.stat()
            changed.write_bytes(held)
            os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))


def _checksums(data: bytes) -> bytes:
    """Return the content of the hidden file that Hadoop writes beside a file with these bytes."""
    chunks = (data[begin : begin + CRC_CHUNK] for begin in range(0, len(data), CRC_CHUNK))
    return CRC_HEADER + b"".join(zlib.crc32(chunk).to_bytes(4) for chunk in chunks)
