from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from heavylift.build.errors import BuildError
from heavylift.build.order import Order
from heavylift.build.pack import PackedArchive, pack
from heavylift.contracts.archive import BLOCK_SIZE, INDEX_NAME
from heavylift.contracts.index import content_digest, parse_index
from tests.support.loading import read_entry, read_files


def pack_into(folder: Path, target: Path, level: int = 1) -> PackedArchive:
    return pack(folder, target / "{digest}.zip", progress=lambda _done, _total: None, level=level)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "empty").mkdir(parents=True)
    (folder / "a.py").write_text("print(1)\n" * 50)
    (folder / "none.txt").write_bytes(b"")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "big.bin").write_bytes(bytes(range(256)) * 40_000)  # 10.24 MB: two full blocks and a rest
    (folder / "link").symlink_to("a.py")
    return folder


def test_any_zip_tool_reads_the_archive(tree: Path, tmp_path: Path) -> None:
    packed = pack_into(tree, tmp_path)
    with zipfile.ZipFile(packed.path) as archive:
        assert archive.testzip() is None
        assert archive.infolist()[0].filename == f"{INDEX_NAME}.zst"
        assert read_entry(archive, "a.py") == (tree / "a.py").read_bytes()
        assert read_entry(archive, "big.bin") == (tree / "big.bin").read_bytes()
        assert archive.getinfo("tool.zst").external_attr >> 16 & 0o777 == 0o755
        assert "empty/" in archive.namelist()


def test_the_index_names_the_archive(tree: Path, tmp_path: Path) -> None:
    packed = pack_into(tree, tmp_path)
    with zipfile.ZipFile(packed.path) as archive:
        index = parse_index(read_entry(archive, INDEX_NAME))
    assert packed.path.name == f"{content_digest(index.content)}.zip"
    assert {file.path for file in index.content.files} == {"a.py", "none.txt", "tool", "big.bin"}
    assert [block.raw for block in index.content.blocks][:2] == [BLOCK_SIZE, BLOCK_SIZE]
    assert packed.packed == packed.path.stat().st_size


def test_the_same_tree_gives_the_same_bytes_whatever_its_times_and_umask(tree: Path, tmp_path: Path) -> None:
    first = pack_into(tree, tmp_path / "one").path.read_bytes()
    os.utime(tree / "a.py", (1, 1))
    (tree / "a.py").chmod(0o600)
    assert pack_into(tree, tmp_path / "two").path.read_bytes() == first


def test_the_name_depends_on_every_byte(tree: Path, tmp_path: Path) -> None:
    first = pack_into(tree, tmp_path / "one", level=1)
    assert pack_into(tree, tmp_path / "two", level=9).digest != first.digest
    (tree / "a.py").write_text("print(2)\n" * 50)
    assert pack_into(tree, tmp_path / "three", level=1).digest != first.digest


def test_what_no_archive_can_hold_is_refused_and_leaves_nothing(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tree / "pipe")
    with pytest.raises(BuildError, match="pipe is neither a file"):
        pack_into(tree, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_a_link_out_of_the_tree_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "out").symlink_to("../../etc/passwd")
    with pytest.raises(BuildError, match="cannot be packed"):
        pack_into(tree, tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_files_follow_the_order_and_what_it_does_not_name_stays_out(tree: Path, tmp_path: Path) -> None:
    order = Order(["tool", "none.txt", "a.py"], eager=2, used=3)
    packed = pack(tree, tmp_path / "{digest}.zip", progress=lambda _done, _total: None, order=order)
    with zipfile.ZipFile(packed.path) as archive:
        index = parse_index(read_entry(archive, INDEX_NAME))
        assert list(read_files(archive)) == order.paths
    assert [entry.path for entry in index.content.files] == order.paths
    assert index.content.eager == 2
    assert packed.files == 3


def test_without_an_order_nothing_may_be_used_before_all_is_there(tree: Path, tmp_path: Path) -> None:
    packed = pack(tree, tmp_path / "{digest}.zip", progress=lambda _done, _total: None)
    with zipfile.ZipFile(packed.path) as archive:
        content = parse_index(read_entry(archive, INDEX_NAME)).content
    assert content.eager == len(content.files) == packed.files
