"""Loading archives with an index: what arrives, and what is left when something fails."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from heavylift.contracts.archive import BLOCK_SIZE, Index, Link
from heavylift.contracts.failures import (
    ConfigurationError,
    DeadlineError,
    DigestMismatchError,
    DiskFullError,
    EmptyObjectError,
    InvalidArchiveError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
)
from heavylift.contracts.index import dump_index
from heavylift.runtime.blocks import CONNECTIONS, block_ranges
from heavylift.runtime.load import load
from heavylift.runtime.settings import Archive
from heavylift.runtime.store import AHEAD, Body
from heavylift.runtime.timeline import Timeline
from tests.support.loading import FailsAt, MemoryStore, Packed, load_from, pack, read_files, reader_of, tree
from tests.support.waiting import wait_for

FILES = {
    "pkg/__init__.py": b"answer = 42\n",
    "pkg/empty.py": b"",
    "pkg/tool": b"#!/bin/sh\n",
    "lib/libbig.so": random.Random(1).randbytes(1000) * 9000,  # three blocks
    "data/exact.bin": b"\0" * BLOCK_SIZE,
    "last.txt": b"last",
}
LINKS = (Link("lib/libalias.so", "libbig.so"), Link("lib/up", "../last.txt"))
SMALL = {"a.py": b"a = 1\n" * 50, "b/c.py": b"c = 2\n" * 50, "b/d.py": b"", "e": b"e" * 300}


@pytest.fixture(scope="module")
def archive() -> Packed:
    return pack(
        FILES, links=LINKS, dirs=("cache/empty",), modes={"pkg/tool": 0o755, "lib/libbig.so": 0o555, "last.txt": 0o664}
    )


@pytest.fixture(scope="module")
def small() -> Packed:
    return pack(SMALL, group=310)


def beside(target: Path) -> list[str]:
    """Return what lies beside the target, without its lock."""
    return sorted(path.name for path in target.parent.iterdir() if path.name != f"{target.name}.lock")


def test_the_test_archive_is_a_zip_that_other_tools_read(archive: Packed) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.data)) as opened:
        assert opened.testzip() is None
        assert read_files(opened) == FILES


@pytest.mark.parametrize("packaged", [False, True])
@pytest.mark.parametrize("chunk", [7, 65536, 1 << 24])
def test_everything_arrives_whatever_the_chunks(archive: Packed, tmp_path: Path, chunk: int, packaged: bool) -> None:
    target = tmp_path / "applib"
    store = MemoryStore({"a.zip": archive.data}, chunk=chunk)
    assert load_from(store, target, digest=archive.digest, packaged=archive.placed if packaged else None)
    links = {"lib/libalias.so": "libbig.so", "lib/up": "../last.txt"}
    folders = dict.fromkeys(["cache", "cache/empty", "data", "lib", "pkg"])
    assert tree(target) == FILES | links | folders
    assert (target / "pkg/tool").stat().st_mode & 0o777 == 0o755
    assert (target / "lib/libbig.so").stat().st_mode & 0o777 == 0o555
    assert (target / "last.txt").stat().st_mode & 0o777 == 0o664  # whatever the process's umask is
    assert beside(target) == ["applib"]


@pytest.mark.parametrize("packaged", [False, True])
def test_an_archive_without_files_loads(tmp_path: Path, packaged: bool) -> None:
    empty = pack({}, dirs=("only",))
    store = MemoryStore({"a.zip": empty.data})
    assert load_from(store, tmp_path / "t", digest=empty.digest, packaged=empty.placed if packaged else None)
    assert tree(tmp_path / "t") == {"only": None}
    assert not load_from(store, tmp_path / "t", digest=empty.digest)


@pytest.mark.parametrize("packaged", [False, True])
def test_a_small_archive_needs_one_request(small: Packed, tmp_path: Path, packaged: bool) -> None:
    store = MemoryStore({"a.zip": small.data})
    load_from(store, tmp_path / "t", digest=small.digest, packaged=small.placed if packaged else None)
    assert store.reads == [("a.zip", 0, AHEAD)]


def test_an_index_that_is_known_makes_all_names_before_the_store_answers(small: Packed, tmp_path: Path) -> None:
    class Silent(MemoryStore):
        def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
            wait_for(lambda: (tmp_path / "t" / "e").exists() and (tmp_path / "t" / "e").stat().st_size == 300)
            return super().read(key, start, stop, etag, seconds)

    store = Silent({"a.zip": small.data})
    assert load_from(store, tmp_path / "t", digest=small.digest, packaged=small.placed)
    assert store.reads == [("a.zip", 0, AHEAD)]  # what was asked for first is used
    assert tree(tmp_path / "t") == SMALL | {"b": None}


@pytest.mark.parametrize("packaged", [False, True])
def test_content_comes_when_what_comes_before_is_there(small: Packed, tmp_path: Path, packaged: bool) -> None:
    def before() -> None:
        found = {path: content for path, content in tree(tmp_path / "t").items() if content is not None}
        assert found == {path: bytes(len(content)) for path, content in SMALL.items()}

    placed = small.placed if packaged else None
    assert load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", packaged=placed, before=before)
    assert tree(tmp_path / "t") == SMALL | {"b": None}


def test_nothing_comes_when_what_comes_before_fails(small: Packed, tmp_path: Path) -> None:
    def before() -> None:
        raise StoreError("the first failure")

    with pytest.raises(StoreError, match="the first failure"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", before=before)
    assert beside(tmp_path / "t") == []


def test_what_comes_before_may_leave_no_room(small: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = os.statvfs(tmp_path)

    def before() -> None:
        full = SimpleNamespace(f_bavail=2, f_blocks=room.f_blocks, f_frsize=room.f_frsize)
        monkeypatch.setattr(os, "statvfs", lambda _path: full)

    with pytest.raises(DiskFullError, match="10240 MB"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", before=before)
    assert beside(tmp_path / "t") == []


def test_a_complete_target_is_not_fetched_again(small: Packed, tmp_path: Path) -> None:
    store = MemoryStore({"a.zip": small.data})
    assert load_from(store, tmp_path / "t", digest=small.digest)
    before = len(store.reads)
    assert not load_from(store, tmp_path / "t", digest=small.digest)
    assert len(store.reads) == before


def test_an_unpinned_target_is_replaced_when_the_object_was(small: Packed, tmp_path: Path) -> None:
    store = MemoryStore({"a.zip": small.data})
    assert load_from(store, tmp_path / "t")
    assert not load_from(store, tmp_path / "t")
    store.objects["a.zip"] = pack({"new.py": b"new"}).data
    assert load_from(store, tmp_path / "t")
    assert tree(tmp_path / "t") == {"new.py": b"new"}
    assert beside(tmp_path / "t") == ["t"]


def test_another_digest_replaces_the_target(small: Packed, tmp_path: Path) -> None:
    newer = pack({"new.py": b"new"})
    load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", digest=small.digest)
    assert load_from(MemoryStore({"a.zip": newer.data}), tmp_path / "t", digest=newer.digest)
    assert tree(tmp_path / "t") == {"new.py": b"new"}


def test_a_failed_replacement_keeps_the_old_target(small: Packed, tmp_path: Path) -> None:
    load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", digest=small.digest)
    before = tree(tmp_path / "t")
    with pytest.raises(DigestMismatchError, match="deploy again"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t", digest="0" * 64)
    assert tree(tmp_path / "t") == before
    assert beside(tmp_path / "t") == ["t"]


def test_a_directory_that_no_load_made_is_refused_and_kept(small: Packed, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigurationError, match="no start put it there"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t")
    assert tree(tmp_path / "t") == {"thesis.txt": b"years of work"}


def test_an_empty_directory_is_filled(small: Packed, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    assert load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t")
    assert (tmp_path / "t" / "a.py").exists()


def test_a_damaged_marker_is_refused(small: Packed, tmp_path: Path) -> None:
    load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t")
    (tmp_path / "t" / ".heavylift" / "complete.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"complete\.json"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t")


def test_a_target_in_a_file_is_refused(small: Packed, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        load_from(MemoryStore({"a.zip": small.data}), tmp_path / "file" / "t")


def test_the_root_directory_is_refused(small: Packed) -> None:
    with pytest.raises(ConfigurationError, match="below it"):
        load_from(MemoryStore({"a.zip": small.data}), Path("/"))


def test_what_killed_loads_left_is_swept(small: Packed, tmp_path: Path) -> None:
    left = tmp_path / "t.partial-abc" / "pkg"
    left.mkdir(parents=True)
    (left / "half.py").write_text("ha")
    (tmp_path / "t.partially-named-by-a-user").mkdir()
    load_from(MemoryStore({"a.zip": small.data}), tmp_path / "t")
    assert beside(tmp_path / "t") == ["t", "t.partially-named-by-a-user"]


@pytest.mark.parametrize("packaged", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
def test_any_request_or_chunk_may_fail(small: Packed, tmp_path: Path, persistent: bool, packaged: bool) -> None:
    for n in itertools.count(1):
        store = FailsAt(n, {"a.zip": small.data}, persistent=persistent, chunk=64)
        target = tmp_path / str(n) / "t"
        failed = ""
        try:
            load_from(store, target, digest=small.digest, packaged=small.placed if packaged else None)
        except StoreError as error:
            failed = str(error)
        if not store.fired:
            break
        last = small.index.layout[-1]
        lost = (
            persistent and (n - 3) * 64 < small.origin + last.offset + last.packed
        )  # the zip's directory is not needed
        assert ("gave up after 3 tries" in failed) == lost
        assert beside(target) == ([] if lost else ["t"])
        assert lost or tree(target) == SMALL | {"b": None}
    assert n > 8


def test_a_start_that_has_no_time_left_says_so(small: Packed, tmp_path: Path) -> None:
    reader = reader_of(MemoryStore({"a.zip": small.data}), seconds=0)
    with pytest.raises(DeadlineError, match="initializer's timeout"):
        load(Archive("applib", "a.zip", "", tmp_path / "t"), reader, Timeline())
    assert beside(tmp_path / "t") == []


def test_an_object_that_is_replaced_during_the_load_is_refused(tmp_path: Path) -> None:
    class Replaced(MemoryStore):
        def read(self, key, start, stop, etag, seconds):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            if len(self.reads) == 1:
                self.objects[key] = self.objects[key][:-1] + b"!"
            return super().read(key, start, stop, etag, seconds)

        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            return itertools.islice(chunks, 1)  # the connection breaks

    large = pack({"noise": random.Random(3).randbytes(100_000)})
    with pytest.raises(ObjectChangedError):
        load_from(Replaced({"a.zip": large.data}), tmp_path / "t", digest=large.digest)
    assert beside(tmp_path / "t") == []


def test_a_missing_and_an_empty_object_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFoundError):
        load_from(MemoryStore({}), tmp_path / "t")
    with pytest.raises(EmptyObjectError, match="is empty"):
        load_from(MemoryStore({"a.zip": b""}), tmp_path / "t")


def test_an_index_that_lies_about_the_layout_is_caught(tmp_path: Path) -> None:
    def shift(index: Index) -> bytes:
        first, *rest = index.layout
        return dump_index(
            index._replace(layout=(first._replace(offset=first.offset + 1, packed=first.packed - 1), *rest))
        )

    lying = pack(SMALL, group=310, change=shift)
    with pytest.raises(DigestMismatchError, match="block 0"):
        load_from(MemoryStore({"a.zip": lying.data}), tmp_path / "t", digest=lying.digest)
    assert beside(tmp_path / "t") == []


def test_a_block_that_inflates_to_more_than_announced_is_refused(tmp_path: Path) -> None:
    def shorten(index: Index) -> bytes:
        record = json.loads(dump_index(index))
        record["content"]["files"][0]["size"] = record["content"]["blocks"][0]["raw"] = 10
        return json.dumps(record).encode()

    bomb = pack({"bomb": b"\0" * 1000}, change=shorten)
    with pytest.raises(InvalidArchiveError, match="inflates to 1000 bytes where the index says 10"):
        load_from(MemoryStore({"a.zip": bomb.data}), tmp_path / "t")


def test_an_archive_that_was_cut_is_refused_before_anything_is_written(archive: Packed, tmp_path: Path) -> None:
    with pytest.raises(InvalidArchiveError, match="ends before its last block"):
        load_from(MemoryStore({"a.zip": archive.data[: len(archive.data) // 2]}), tmp_path / "t")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda data: data[: len(data) // 2], "a.zip: ends before its last block; the upload was cut"),
        (lambda data: data[:-2000] + bytes(2000), "block .*: the index says sha256 .* upload it again"),
        (
            lambda _: pack({"other": random.Random(2).randbytes(90_000)}).data,
            "block .*: the index says sha256 .* upload",
        ),
    ],
)
def test_an_object_that_a_known_index_is_not_of_leaves_nothing(
    archive: Packed, tmp_path: Path, changed: Callable[[bytes], bytes], words: str
) -> None:
    store = MemoryStore({"a.zip": changed(archive.data)})
    with pytest.raises((InvalidArchiveError, DigestMismatchError), match=words):
        load_from(store, tmp_path / "t", digest=archive.digest, packaged=archive.placed)
    assert beside(tmp_path / "t") == []


def test_the_timeline_counts_what_was_moved(archive: Packed, tmp_path: Path) -> None:
    timeline = Timeline()
    store = FailsAt(2, {"a.zip": archive.data})
    load(Archive("applib", "a.zip", archive.digest, tmp_path / "t"), reader_of(store), timeline)
    record = json.loads(timeline.line("initializer"))
    assert record["bytes"]["unpacked"] == sum(map(len, FILES.values()))
    assert record["bytes"]["fetched"] <= len(archive.data) + 512 * 1024
    assert (record["files"], record["retries"]) == (len(FILES), 1)
    on_disk = sum(path.lstat().st_blocks * 512 for path in (tmp_path / "t").rglob("*"))
    assert 0 <= record["peak_disk"] - on_disk <= 64 * 1024
    assert {span["phase"] for span in record["spans"]} == {"fetch", "inflate", "verify", "write"}


def test_a_block_of_zeros_takes_no_disk(tmp_path: Path) -> None:
    noise = random.Random(3).randbytes(BLOCK_SIZE)
    packed = pack({"lib/libholes.so": bytes(BLOCK_SIZE) + noise + bytes(2 * BLOCK_SIZE)})
    timeline = Timeline()
    store = MemoryStore({"a.zip": packed.data})
    load(Archive("applib", "a.zip", packed.digest, tmp_path / "t"), reader_of(store), timeline)
    library = tmp_path / "t/lib/libholes.so"
    assert library.read_bytes() == bytes(BLOCK_SIZE) + noise + bytes(2 * BLOCK_SIZE)
    assert library.stat().st_blocks * 512 < 2 * BLOCK_SIZE
    assert json.loads(timeline.line("initializer"))["bytes"]["unpacked"] == BLOCK_SIZE


def test_memory_is_bounded_by_one_block_a_connection() -> None:
    spans = [(number * 1000, number * 1000 + 900) for number in range(100)]
    assert list(block_ranges(spans, 2500))[:2] == [range(0, 3), range(3, 6)]
    assert [number for blocks in block_ranges(spans, 2500) for number in blocks] == list(range(100))
    assert list(block_ranges([], 10)) == []
    assert CONNECTIONS * (4 + 1) * BLOCK_SIZE + AHEAD <= 144 * 1024 * 1024  # packed at its limit, and raw
