"""Code packages on disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.store.code import CodeStore


def make_zip(path: Path, *names: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path.read_bytes()


def test_code_that_nobody_uses_does_not_stay(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code")
    used, _ = store.add(make_zip(tmp_path / "a.zip", "index.py"))
    unused, _ = store.add(make_zip(tmp_path / "b.zip", "other.py"))
    store.drop(keep={used, unused})
    assert store.folder(unused).exists()
    store.drop(keep={used})
    assert (store.folder(used) / "index.py").read_text() == "x"
    assert not store.folder(unused).exists()


def test_refused_package_leaves_nothing(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "fc" / "code")
    with pytest.raises(FcError, match="points out of it"):
        store.add(make_zip(tmp_path / "a.zip", "good.py", "../bad.py"))
    assert not list((tmp_path / "fc" / "code").iterdir())
    assert not (tmp_path / "fc" / "bad.py").exists()


def test_refusal_of_a_package_tells_no_path_of_this_machine(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code")
    with pytest.raises(FcError, match="cannot be unpacked: Not a directory") as refused:
        store.add(make_zip(tmp_path / "a.zip", "both", "both/file.py"))
    assert str(tmp_path) not in str(refused.value)


def test_stray_file_among_the_code_packages_is_removed(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code")
    (tmp_path / "code" / "stray").write_text("x")
    (tmp_path / "code" / "link").symlink_to(tmp_path)
    (tmp_path / "code" / "old").mkdir()
    store.drop(keep=frozenset())
    assert not list((tmp_path / "code").iterdir())
    assert tmp_path.exists()
