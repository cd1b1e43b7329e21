"""Laws of loading: what was packed arrives, and nothing else ever does."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from heavylift.contracts.archive import Index
from heavylift.contracts.failures import InvalidArchiveError, LoadError
from heavylift.contracts.index import dump_index, parse_index
from heavylift.contracts.loading import Pieces, plan_load
from heavylift.runtime.store import cut
from tests.support.loading import MemoryStore, load_from, pack, read_files, tree

NAMES = st.text(st.characters(min_codepoint=32, exclude_characters="/\\\x7f", exclude_categories=["Cs"]), min_size=1)
PARTS = NAMES.filter(lambda name: name not in (".", "..", ".heavylift") and len(name.encode()) < 100)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=400), max_size=6).filter(
    lambda files: not any(other.startswith(f"{path}/") for path in files for other in files)
)
SAMPLE = pack({"a/b.py": b"b = 1\n" * 60, "a/c.py": b"", "d": bytes(range(256)) * 3, "e": b"e" * 90}, group=400)


def refused_or_complete(data: bytes, digest: str, wanted: dict[str, bytes | str | None]) -> None:
    """Load; what arrives is all that was packed, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "t"
        try:
            load_from(MemoryStore({"a.zip": data}), target, digest=digest)
        except LoadError:
            assert [path.name for path in Path(folder).iterdir()] == ["t.lock"]
        else:
            assert tree(target) == wanted


def sample_tree() -> dict[str, bytes | str | None]:
    with zipfile.ZipFile(io.BytesIO(SAMPLE.data)) as opened:
        return {**read_files(opened), "a": None}


def ordinary_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a/b"), b"text" * 100, zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("ü"), bytes(range(256)), zipfile.ZIP_STORED)
        with archive.open(zipfile.ZipInfo("big"), "w", force_zip64=True) as file:
            file.write(b"x" * 100)
    return target.getvalue()


@given(files=FILES, group=st.integers(1, 900), chunk=st.sampled_from([1, 7, 65536]))
@settings(deadline=None)
def test_what_was_packed_arrives(files: dict[str, bytes], group: int, chunk: int) -> None:
    packed = pack(files, group=group)
    with tempfile.TemporaryDirectory() as folder:
        load_from(MemoryStore({"a.zip": packed.data}, chunk=chunk), Path(folder) / "t", digest=packed.digest)
        found = tree(Path(folder) / "t")
    assert {path: content for path, content in found.items() if content is not None} == files


@given(
    files=FILES, method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), chunk=st.sampled_from([1, 7, 999])
)
@settings(deadline=None)
def test_an_ordinary_zip_arrives_as_zipfile_reads_it(files: dict[str, bytes], method: int, chunk: int) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore({"a.zip": target.getvalue()}, chunk=chunk)
        load_from(store, Path(folder) / "t", digest=hashlib.sha256(target.getvalue()).hexdigest())
        found = tree(Path(folder) / "t")
    assert {path: content for path, content in found.items() if content is not None} == files


@given(place=st.integers(0, len(SAMPLE.data) - 1), flip=st.integers(1, 255))
@settings(deadline=None, max_examples=400)
@example(place=SAMPLE.origin, flip=1)
def test_no_damaged_byte_gets_through(place: int, flip: int) -> None:
    data = bytearray(SAMPLE.data)
    data[place] ^= flip
    refused_or_complete(bytes(data), SAMPLE.digest, sample_tree())


@given(number=st.integers(0, len(SAMPLE.index.content.blocks) - 1), digit=st.integers(0, 63))
@settings(deadline=None)
def test_a_wrong_digest_of_any_block_is_refused(number: int, digit: int) -> None:
    def lie(index: Index) -> bytes:
        record = json.loads(dump_index(index))
        block = record["content"]["blocks"][number]
        other = "0" if block["sha256"][digit] != "0" else "1"
        block["sha256"] = block["sha256"][:digit] + other + block["sha256"][digit + 1 :]
        return json.dumps(record).encode()

    files = {entry.path: content for entry, content in zip(SAMPLE.index.content.files, _contents(), strict=True)}
    lying = pack(files, group=400, change=lie)
    with tempfile.TemporaryDirectory() as folder:
        try:
            load_from(MemoryStore({"a.zip": lying.data}), Path(folder) / "t")
        except LoadError as error:
            assert f"block {number}" in str(error)  # noqa: PT017 - the target is looked at in both cases
        else:
            raise AssertionError("a block with a wrong digest was taken")
        assert not (Path(folder) / "t").exists()


def _contents() -> list[bytes]:
    return [content for path, content in sample_tree().items() if isinstance(content, bytes)]


def test_a_cut_at_any_byte_is_refused() -> None:
    for size in range(1, len(SAMPLE.data)):
        end = SAMPLE.origin + SAMPLE.index.layout[-1].offset + SAMPLE.index.layout[-1].packed
        if size < end:
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / "t"
                with contextlib.suppress(LoadError):
                    load_from(MemoryStore({"a.zip": SAMPLE.data[:size]}), target, digest=SAMPLE.digest)
                assert not target.exists()


@given(place=st.integers(0, 3000), flip=st.integers(1, 255))
@settings(deadline=None, max_examples=400)
def test_no_damaged_byte_of_an_ordinary_zip_gets_through(place: int, flip: int) -> None:
    good = ordinary_zip()
    assume(place < len(good))
    data = bytearray(good)
    data[place] ^= flip
    refused_or_complete(bytes(data), hashlib.sha256(good).hexdigest(), {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), value=JSON)
def test_an_index_with_any_field_replaced_is_refused_or_safe(data: st.DataObject, value: object) -> None:
    record = json.loads(dump_index(SAMPLE.index))
    node: object = record
    while True:  # walk down to a random field
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        child = node[key]  # type: ignore[index]
        if not isinstance(child, dict | list) or not child or data.draw(st.booleans()):
            node[key] = value  # type: ignore[index]
            break
        node = child
    try:
        index = parse_index(json.dumps(record).encode())
    except InvalidArchiveError:
        return
    pieces = Pieces(index.content)
    covered = [piece for block in plan_load(index.content, ()).blocks for piece in pieces[block]]
    assert sum(piece.size for piece in covered) == index.content.size
    assert all(".." not in entry.path.split("/") and entry.path[0] != "/" for entry in index.content.files)


@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_index_are_refused(data: bytes) -> None:
    try:
        parse_index(data)
    except InvalidArchiveError:
        return
    raise AssertionError("random bytes were taken for an index")


@given(
    data=st.binary(min_size=1, max_size=200),
    chunk=st.integers(1, 50),
    points=st.lists(st.integers(0, 199), min_size=2, max_size=8, unique=True),
)
def test_ranges_are_the_same_for_any_chunks(data: bytes, chunk: int, points: list[int]) -> None:
    ordered = sorted(point for point in points if point <= len(data))
    ranges = list(zip(ordered[::2], ordered[1::2], strict=False))
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    assert list(cut(chunks, ranges)) == [data[start:stop] for start, stop in ranges]


@given(
    archive=st.sampled_from([ordinary_zip(), SAMPLE.data]),
    place=st.integers(0, 2000),
    other=st.binary(min_size=1, max_size=8),
)
@settings(deadline=None, max_examples=600)
def test_damage_that_nobody_pinned_is_refused_in_words_or_harmless(archive: bytes, place: int, other: bytes) -> None:
    assume(place + len(other) <= len(archive))
    data = archive[:place] + other + archive[place + len(other) :]
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(LoadError):
            load_from(MemoryStore({"a.zip": data}), Path(folder) / "t")
        assert {path.name for path in Path(folder).iterdir()} <= {"t", "t.lock"}
