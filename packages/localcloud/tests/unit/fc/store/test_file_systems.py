"""File systems on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcloud.fc.attachments import Mount
from localcloud.fc.errors import FcError
from localcloud.fc.store.file_systems import FileSystems

OPEN = Path("/proc/self/fd")


def opened(folder: Path, server: str) -> Path:
    """Return the folder that a mount stands for."""
    directory = FileSystems(folder).open(Mount(server=server, folder="/mnt/nas"))
    try:
        return (OPEN / str(directory)).readlink()
    finally:
        os.close(directory)


def test_a_host_has_one_file_system_whose_directories_everybody_may_write(tmp_path: Path) -> None:
    folder = tmp_path / "nas"
    assert opened(folder, "A.example:/") == folder / "a.example"
    assert opened(folder, "a.example:/b/c/") == folder / "a.example" / "b" / "c"
    modes = [oct(each.stat().st_mode) for each in (folder, folder / "a.example", folder / "a.example" / "b")]
    assert modes == ["0o40700", "0o40777", "0o40777"]


def test_a_directory_that_there_is_stays_as_it_is(tmp_path: Path) -> None:
    made = opened(tmp_path, "a:/b")
    made.chmod(0o750)
    assert oct(opened(tmp_path, "a:/b").stat().st_mode) == "0o40750"


@pytest.mark.parametrize("target", ["..", ".", "/etc", "directory"])
def test_no_link_is_followed(tmp_path: Path, target: str) -> None:
    folder = opened(tmp_path, "a:/")
    (folder / "directory").mkdir()
    (folder / "link").symlink_to(target)
    before = len([*OPEN.iterdir()])
    for server in ("a:/link", "a:/link/below"):
        with pytest.raises(FcError, match=f"Mount NFS://{server} command failed: link: "):
            opened(tmp_path, server)
    assert len([*OPEN.iterdir()]) == before


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (opened(tmp_path, "a:/") / "file").touch()
    with pytest.raises(FcError, match="file: Not a directory"):
        opened(tmp_path, "a:/file")
