"""What bubblewrap is told of the files that it copies."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from localcloud.fc.instances.copies import Copies

OPEN = Path("/proc/self/fd")


def test_files_that_are_there_are_handed_over_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("told")
    copies = Copies({"/etc/a": tmp_path / "a", "/etc/b": tmp_path / "b"})
    (descriptor,) = copies.descriptors
    assert copies.options == ["--perms", "0644", "--file", str(descriptor), "/etc/a"]
    assert os.read(descriptor, 9) == b"told"
    copies.close()


def test_no_descriptor_is_left_when_there_are_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    before, open_ = len([*OPEN.iterdir()]), os.open

    def fail(path: Path, flags: int) -> int:
        if path.name == "b":
            raise OSError(errno.EMFILE, "too many open files")
        return open_(path, flags)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(OSError, match="too many open files"):
        Copies({"/etc/a": tmp_path / "a", "/etc/b": tmp_path / "b"})
    assert len([*OPEN.iterdir()]) == before
