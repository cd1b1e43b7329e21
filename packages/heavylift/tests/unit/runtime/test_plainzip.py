"""Zips that other tools made, and zips that nobody should have made."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from heavylift.contracts.failures import DigestMismatchError, DiskFullError, InvalidArchiveError, StoreError
from tests.support.loading import FailsAt, MemoryStore, load_from, tree

FILES = {
    "pkg/__init__.py": b"answer = 42\n",
    "pkg/empty.py": b"",
    "big.bin": bytes(range(256)) * 12_000,  # several steps of the inflater
    "ünï/cödé.txt": b"text",
}


def make(
    files: dict[str, bytes],
    *,
    method: int = zipfile.ZIP_DEFLATED,
    stream: bool = False,
    comment: bytes = b"",
    prefix: bytes = b"",
    change: Callable[[zipfile.ZipInfo], object] = lambda _: None,
) -> bytes:
    """Write a zip with Python's own writer; `stream` leaves sizes to data descriptors."""

    class Unseekable(io.BytesIO):
        def seek(self, *_: int) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

    target = Unseekable() if stream else io.BytesIO()
    target.write(prefix)
    with zipfile.ZipFile(target, "w" if stream or not prefix else "a", method) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = 0o100644 << 16
            change(info)
            archive.writestr(info, content)
        archive.comment = comment
    return target.getvalue()


def symlink(name: str, target: str) -> bytes:
    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == name:
            info.external_attr = 0o120777 << 16

    return make({name: target.encode(), "inside/x": b"x"}, change=change)


def refused(data: bytes, directory: Path, message: str, *, digest: str = "") -> None:
    """The archive is refused with that message, and nothing but the lock is left."""
    with pytest.raises(InvalidArchiveError, match=message):
        load_from(MemoryStore({"a.zip": data}), directory / "t", digest=digest)
    assert [path.name for path in directory.iterdir()] == ["t.lock"]


@pytest.mark.parametrize("chunk", [97, 65536])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": zipfile.ZIP_STORED},
        {"stream": True},
        {"comment": b"a comment" * 20},
        {"prefix": b"#!/usr/bin/env python3\n"},
    ],
    ids=str,
)
def test_an_ordinary_zip_loads(options: dict[str, object], chunk: int, tmp_path: Path) -> None:
    data = make(FILES, **options)  # type: ignore[arg-type]
    store = MemoryStore({"a.zip": data}, chunk=chunk)
    assert load_from(store, tmp_path / "t", digest=hashlib.sha256(data).hexdigest())
    assert tree(tmp_path / "t") == FILES | {"pkg": None, "ünï": None}
    assert not load_from(store, tmp_path / "t", digest=hashlib.sha256(data).hexdigest())


def test_a_zip64_archive_loads(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            with archive.open(f"f{number}", "w", force_zip64=True) as file:
                file.write(b"x" * 1000)
    assert load_from(MemoryStore({"a.zip": target.getvalue()}), tmp_path / "t")
    assert tree(tmp_path / "t") == {f"f{number}": b"x" * 1000 for number in range(3)}


def test_modes_links_and_folders_are_kept(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, mode, content in [
            ("bin/tool", 0o100755, "#!"),
            ("bin/alias", 0o120777, "tool"),
            ("empty/", 0o040755, ""),
            ("bin/set-uid", 0o104755, "x"),
        ]:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    load_from(MemoryStore({"a.zip": target.getvalue()}), tmp_path / "t")
    assert tree(tmp_path / "t") == {
        "bin": None,
        "empty": None,
        "bin/tool": b"#!",
        "bin/alias": "tool",
        "bin/set-uid": b"x",
    }
    assert (tmp_path / "t/bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "t/bin/set-uid").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a\\x", "a//x", ".heavylift/complete.json", "x" * 300])
def test_a_path_out_of_the_target_is_refused(name: str, tmp_path: Path) -> None:
    refused(make({name: b"x"}), tmp_path, r"memory://a\.zip")


def test_a_name_with_nul_is_refused(tmp_path: Path) -> None:
    data = make({"good.py#.txt": b"x"})
    refused(data.replace(b"good.py#.txt", b"good.py\0.txt"), tmp_path, "NUL")


def test_an_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    data = bytearray(make({"a": b"x"}))
    struct.pack_into("<HH", data, data.index(b"PK\1\2") + 28, 0, 1)  # the name becomes an extra field
    refused(bytes(data), tmp_path, r"not a plain relative path|not a zip")


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "inside/../../x"])
def test_a_link_out_of_the_tree_is_refused(target: str, tmp_path: Path) -> None:
    refused(symlink("link", target), tmp_path, "->")


def test_a_file_below_a_link_is_refused(tmp_path: Path) -> None:
    refused(symlink("inside", "/tmp"), tmp_path, "also a directory")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    data = make({"one.py": b"1", "two.py": b"2"})
    refused(data.replace(b"two.py", b"one.py"), tmp_path, "twice")


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    refused(make({"a": b"1", "a/b": b"2"}), tmp_path, "also a directory")


def test_a_device_is_refused(tmp_path: Path) -> None:
    refused(make({"a": b""}, change=lambda info: setattr(info, "external_attr", 0o060644 << 16)), tmp_path, "neither")


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    data = bytearray(make({"a": b"1"}))
    data[data.index(b"PK\1\2") + 8] |= 1
    refused(bytes(data), tmp_path, "encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_is_refused(method: int, tmp_path: Path) -> None:
    refused(make({"a": b"1"}, method=method), tmp_path, "only deflate")


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    # A bomb after Fifield's: many names for one and the same data.
    data = bytearray(make({"one": b"1" * 100, "two": b"2" * 100}))
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 1)
    struct.pack_into("<L", data, second + 42, 0)
    refused(bytes(data), tmp_path, "overlaps")


@pytest.mark.parametrize("size", [99, 101, 0])
def test_a_size_that_lies_is_refused(size: int, tmp_path: Path) -> None:
    data = bytearray(make({"a": b"1" * 100}))
    struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, size)
    refused(bytes(data), tmp_path, "another size")


def test_a_bomb_stops_at_the_announced_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(make({"a": b"\0" * 20_000_000}))
    struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, 1000)

    def pwrite(_file: int, _data: bytes, _at: int) -> int:
        raise AssertionError("something was written")

    monkeypatch.setattr(os, "pwrite", pwrite)
    refused(bytes(data), tmp_path, "another size")


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    data = bytearray(make({f"{number}": b"" for number in range(30)}))
    place = -1
    for _ in range(30):
        place = data.index(b"PK\1\2", place + 1)
        struct.pack_into("<L", data, place + 24, 0xFFFFFFFE)
        struct.pack_into("<H", data, place + 10, 8)
    with pytest.raises(DiskFullError, match="unpacks to 128,849"):
        load_from(MemoryStore({"a.zip": bytes(data)}), tmp_path / "t")
    assert [path.name for path in tmp_path.iterdir()] == ["t.lock"]


def test_a_wrong_crc_is_refused(tmp_path: Path) -> None:
    data = bytearray(make({"a": b"1" * 100}))
    data[data.index(b"PK\1\2") + 16] ^= 1
    refused(bytes(data), tmp_path, "CRC-32")


def test_a_local_header_that_says_something_else_is_refused(tmp_path: Path) -> None:
    data = make({"good.py": b"1"})
    refused(data.replace(b"good.py", b"evil.py", 1), tmp_path, "local header")


def test_a_stored_entry_with_two_sizes_is_refused(tmp_path: Path) -> None:
    data = bytearray(make({"a": b"12345"}, method=zipfile.ZIP_STORED))
    struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, 4)
    refused(bytes(data), tmp_path, "two sizes")


@pytest.mark.parametrize("data", [b"x", b"PK\3\4", b"not a zip" * 100, make(FILES)[:-30]])
def test_what_is_no_zip_is_refused(data: bytes, tmp_path: Path) -> None:
    refused(data, tmp_path, "not a zip")


def test_a_digest_is_that_of_the_whole_object(tmp_path: Path) -> None:
    data = make(FILES)
    with pytest.raises(DigestMismatchError, match=hashlib.sha256(data).hexdigest()):
        load_from(MemoryStore({"a.zip": data}), tmp_path / "t", digest="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["t.lock"]


@pytest.mark.parametrize("persistent", [False, True])
def test_any_request_or_chunk_may_fail(persistent: bool, tmp_path: Path) -> None:
    data = make({"a": b"1" * 300_000, "b/c": bytes(range(256)) * 2_000}, method=zipfile.ZIP_STORED)
    for n in itertools.count(1):
        store = FailsAt(n, {"a.zip": data}, persistent=persistent, chunk=100_000)
        target = tmp_path / str(n) / "t"
        failed = ""
        try:
            load_from(store, target)
        except StoreError as error:
            failed = str(error)
        if not store.fired:
            break
        assert ("gave up" in failed) == persistent
        assert target.exists() == (not persistent)
    assert n > 5
