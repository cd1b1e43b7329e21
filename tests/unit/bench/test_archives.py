"""The archives of the other ways: what they are made of."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest

from bench.archives import unpack
from heavylift.build.pack import pack
from heavylift.contracts.archive import BLOCK_SIZE, SUFFIX
from heavylift.measure.archives import read_file

FILES = {
    "library.so": random.Random(1).randbytes(BLOCK_SIZE * 2 + 5),
    "whole.so": bytes(BLOCK_SIZE * 2),
    "small.py": b"x = 1\n",
    "empty.py": b"",
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    for name, content in FILES.items():
        (folder / "files" / name).parent.mkdir(exist_ok=True)
        (folder / "files" / name).write_bytes(content)
    return pack(folder / "files", folder / "archive.zip", progress=lambda done, total: None, level=1).path


def test_an_archive_is_unpacked_as_it_was_packed(packed: Path, tmp_path: Path) -> None:
    unpack(packed, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == FILES


@pytest.mark.parametrize("size", [None, 0, 1, BLOCK_SIZE, BLOCK_SIZE + 1, BLOCK_SIZE * 3])
@pytest.mark.parametrize("name", FILES)
def test_the_beginning_of_a_file_is_read(packed: Path, name: str, size: int | None) -> None:
    with zipfile.ZipFile(packed) as archive:
        assert read_file(archive, archive.getinfo(name + SUFFIX), size) == FILES[name][:size]
