"""Frames that an archive takes from the last one: all that are the same, and no others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from heavylift.build.pack import PackedArchive, pack
from heavylift.contracts.archive import BLOCK_SIZE


def pack_into(folder: Path, target: Path, last: Path | None = None) -> PackedArchive:
    return pack(folder, target / "{digest}.zip", progress=lambda _done, _total: None, level=1, last=last)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(20):
        (tree / f"{number}.py").write_text(f"print({number})\n" * 20)
    large = random.Random(0).randbytes(10_240_000)  # two full blocks and a rest
    (tree / "large.so").write_bytes(large)
    return tree


@pytest.fixture
def last(folder: Path, tmp_path: Path) -> Path:
    return pack_into(folder, tmp_path / "last").path


def test_nothing_is_compressed_again(folder: Path, last: Path, tmp_path: Path) -> None:
    again = pack_into(folder, tmp_path / "again", last)
    assert again.anew == 0
    assert again.path.read_bytes() == last.read_bytes()


def test_what_is_new_is_compressed(folder: Path, last: Path, tmp_path: Path) -> None:
    (folder / "10.py").write_text("new")
    (folder / "1 before others.py").write_text("newer")
    content = bytearray((folder / "large.so").read_bytes())
    content[BLOCK_SIZE + 7] ^= 1
    (folder / "large.so").write_bytes(content)
    again = pack_into(folder, tmp_path / "again", last)
    assert again.anew == len("new") + len("newer") + BLOCK_SIZE
    assert again.path.read_bytes() == pack_into(folder, tmp_path / "anew").path.read_bytes()


@pytest.mark.parametrize("part", [0.3, 0.5, 0.999])
def test_a_damaged_archive_spoils_nothing(folder: Path, last: Path, tmp_path: Path, part: float) -> None:
    content = bytearray(last.read_bytes())
    content[int(len(content) * part)] ^= 255
    last.write_bytes(content)
    again = pack_into(folder, tmp_path / "again", last)
    assert again.anew > 0
    assert again.path.read_bytes() == pack_into(folder, tmp_path / "anew").path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\5\6" + bytes(18)])
def test_what_is_no_archive_of_ours_has_nothing_to_take(folder: Path, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(content)
    packed = pack_into(folder, tmp_path / "out", other)
    assert packed.anew == packed.raw == sum(path.stat().st_size for path in folder.iterdir())


def test_an_archive_that_is_gone_has_nothing_to_take(folder: Path, tmp_path: Path) -> None:
    packed = pack_into(folder, tmp_path / "out", tmp_path / "gone.zip")
    assert packed.anew == packed.raw
