"""Installed files against the hashes that their package came with."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from heavylift.build.installed import ChangedError, check_installed, is_untouched

FILES = {"lib/__init__.py": b"a = 1\n", "lib/data, with a comma.bin": bytes(1000), "lib/tests/x.py": b""}


@pytest.fixture
def cores() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def content(tmp_path: Path) -> Path:
    rows = ["lib-1.0.dist-info/RECORD,,", "lib/__pycache__/__init__.cpython-311.pyc,sha256=AAAA,4"]
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f'"{path}",sha256={digest},{len(data)}')
    (tmp_path / "lib-1.0.dist-info").mkdir()
    (tmp_path / "lib-1.0.dist-info" / "RECORD").write_text("\n".join(rows) + "\n")
    return tmp_path


def wanted(path: str) -> bool:
    return "/tests/" not in path


def test_files_that_are_as_they_came_pass(content: Path, cores: Executor) -> None:
    check_installed(content, lambda _: True, cores)


@pytest.mark.parametrize("path", [*FILES][:2])
def test_a_file_that_was_edited_is_refused_by_name(content: Path, cores: Executor, path: str) -> None:
    (content / path).write_bytes(FILES[path][:-1] + b"!")
    with pytest.raises(ChangedError, match=rf"lib 1\.0: {path} is not the file that the package brings"):
        check_installed(content, wanted, cores)


def test_a_file_that_is_gone_is_refused(content: Path, cores: Executor) -> None:
    (content / "lib/__init__.py").unlink()
    with pytest.raises(ChangedError, match=r"lib/__init__\.py is not the file"):
        check_installed(content, wanted, cores)


def test_what_nobody_packs_may_be_edited(content: Path, cores: Executor) -> None:
    (content / "lib/tests/x.py").write_text("edited")
    check_installed(content, wanted, cores)


def test_what_was_unpacked_since_the_build_began_is_as_it_came(content: Path, cores: Executor) -> None:
    edited = content / "lib/__init__.py"
    edited.write_text("edited")
    written = edited.stat().st_mtime_ns
    check_installed(content, wanted, cores, began=written)
    with pytest.raises(ChangedError, match="lib/__init__"):
        check_installed(content, wanted, cores, began=written + 1)
    edited.unlink()
    with pytest.raises(ChangedError, match="lib/__init__"):
        check_installed(content, wanted, cores, began=written)


def test_a_folder_that_somebody_wrote_into_is_not_as_it_was_made(content: Path, tmp_path: Path) -> None:
    record = tmp_path / "lib-1.0.dist-info" / "RECORD"
    time = max(path.stat().st_mtime_ns for path in content.rglob("*")) + 1
    os.utime(record, ns=(time, time))
    assert is_untouched(content / "lib", record)
    os.utime(content / "lib/__init__.py", ns=(time + 1, time + 1))
    assert not is_untouched(content / "lib", record)
