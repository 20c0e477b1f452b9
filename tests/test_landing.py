"""Landing folders in special conditions: no leases, network file systems, killed sweeps, ends of runs."""

import errno
import fcntl
import os

import pytest

from helpers.writers import HOLDS, another_process
from vendas.landing import open_files
from vendas.landing.arrivals import explain_left_by_run, list_bronze_files, list_waiting_files, look_at_landing, sweep

QUIET = 0.2
OLD = (1_700_000_000, 1_700_000_000)


@pytest.fixture
def refuse_leases(monkeypatch):
    """Return a function that makes the kernel refuse all leases with this error, on a file system of this type."""

    def refuse(number, file_system):
        plain = fcntl.fcntl

        def refusing(file, command, *given):
            if command == fcntl.F_SETLEASE:
                raise OSError(number, os.strerror(number))
            return plain(file, command, *given)

        monkeypatch.setattr(open_files.fcntl, "fcntl", refusing)
        monkeypatch.setattr(open_files, "_file_system", lambda device: file_system)

    return refuse


def drop(landing, name="registros.csv", moment=OLD):
    path = landing / name
    path.write_text("a\n")
    if moment:
        os.utime(path, moment)
    return path


# NFS and SMB refuse a lease with EAGAIN without a delegation or an oplock; on a disk it means that there is a writer.
@pytest.mark.parametrize(
    ("file_system", "taken"), [("nfs", 1), ("nfs4", 1), ("cifs", 1), ("smb3", 1), ("ext4", 0), (None, 0)]
)
def test_a_lease_refused_on_a_network_file_system_is_no_sign_of_a_writer(
    landing, bronze, refuse_leases, file_system, taken
):
    drop(landing)
    refuse_leases(errno.EAGAIN, file_system)
    assert len(sweep(landing, bronze, QUIET)) == taken


def test_a_writer_of_this_machine_is_seen_on_a_network_file_system(landing, bronze, refuse_leases):
    path = drop(landing)
    refuse_leases(errno.EAGAIN, "nfs4")
    with another_process(HOLDS, path, "a"):
        os.utime(path, OLD)
        assert look_at_landing(landing, QUIET).held == [path] and sweep(landing, bronze, QUIET) == []
    assert len(sweep(landing, bronze, QUIET)) == 1


def test_the_type_of_a_file_system_is_that_of_its_device(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "41 22 0:52 / /srv/lago\\040novo rw,relatime shared:9 master:1 - nfs4 servidor:/lago rw,vers=4.2\n"
    )
    monkeypatch.setattr(open_files, "_MOUNTS", mounts)
    assert [open_files._file_system(os.makedev(*device)) for device in [(8, 1), (0, 52), (0, 53)]] == [
        "ext4", "nfs4", None,
    ]  # fmt: skip


def test_a_look_goes_through_the_processes_once_however_many_files_have_no_lease(landing, monkeypatch, refuse_leases):
    for number in range(20):
        drop(landing, f"registros_{number}.csv")
    refuse_leases(errno.EINVAL, "ext4")
    looks, plain = [], os.listdir
    monkeypatch.setattr(open_files.os, "listdir", lambda folder: (looks.append(folder), plain(folder))[1])
    assert len(look_at_landing(landing, QUIET).ready) == 20
    assert looks.count("/proc") == 1


def test_where_a_machine_has_no_proc_and_no_leases_the_quiet_time_alone_tells(landing, bronze, monkeypatch):
    def missing(folder):
        raise FileNotFoundError(errno.ENOENT, "no /proc here", folder)

    monkeypatch.setattr(open_files, "_lease", lambda file: None)
    monkeypatch.setattr(open_files.os, "listdir", missing)
    drop(landing)
    assert len(sweep(landing, bronze, QUIET)) == 1


def test_an_original_that_a_killed_sweep_hid_waits_for_the_next_run(landing, bronze):
    hidden = drop(landing, ".registros_a.csv.0123abcd.taken")
    assert list_waiting_files(landing) == [hidden]
    sweep(landing, bronze, QUIET)
    assert [file.received_as for file in list_bronze_files(bronze)] == ["registros_a.csv"] and list_waiting_files(
        landing
    ) == []


def test_a_hidden_original_waits_for_none_while_a_newer_file_has_its_name(landing):
    drop(landing, ".registros_a.csv.0123abcd.taken")
    with drop(landing, "registros_a.csv").open("a"):
        assert list_waiting_files(landing) == []


def test_a_file_that_was_completed_during_a_run_is_named_at_its_end(landing):
    path = drop(landing)
    assert explain_left_by_run(look_at_landing(landing, QUIET)) == {
        path: "came, or was still being written, during this run; the next run takes it"
    }


def test_a_file_that_grows_at_the_end_of_a_run_is_named_as_still_being_written(landing):
    path = drop(landing, moment=None)
    assert explain_left_by_run(look_at_landing(landing, 60)) == {path: "is still being written; the next run takes it"}
