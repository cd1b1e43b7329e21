"""The index that a code package holds: the one of its applib's archive, or none."""

from __future__ import annotations

import pytest

from heavylift.contracts import packaged
from heavylift.contracts.archive import Block, Content, FileEntry, Index, Layout, Link
from heavylift.contracts.index import content_digest
from heavylift.contracts.packaged import PlacedIndex, dump_packaged, parse_packaged
from heavylift.contracts.pages import PAGE, Library, Region, Run
from tests.support.loading import pack

LINKED = pack({"a/é.py": b"a", "b": b""}, links=(Link("c", "b"),), dirs=("d",), modes={"b": 0o755}, eager=1).index
EMPTY = Index(Content((), (), 0), ())
LIBRARIES = Index(
    Content(
        files=(FileEntry("a.so", 0o755, 9 * PAGE, 1, 0), FileEntry("b.so", 0o755, 8 * PAGE, 4, 0)),
        blocks=tuple(Block(size, f"{size:064x}") for size in (PAGE, 4 * PAGE, 5 * PAGE, 8 * PAGE)),
        eager=0,
        libraries=(
            Library(0, (Region(PAGE, 3 * PAGE, 5, 64), Region(5 * PAGE, PAGE, 4, 120)), (Run(1, 1), Run(3, 1))),
            Library(1, (Region(PAGE, PAGE, 1, 64),), ()),
        ),
        used=1,
    ),
    tuple(Layout(10 * number, 10) for number in range(4)),
)


@pytest.mark.parametrize("index", [LINKED, EMPTY, LIBRARIES])
def test_what_is_written_is_read_for_its_archive_alone(index: Index) -> None:
    digest = content_digest(index.content)
    data = dump_packaged(digest, PlacedIndex(index, 77))
    assert data
    assert parse_packaged(data, digest) == PlacedIndex(index, 77)
    assert parse_packaged(data, "0" * 64) is None
    assert parse_packaged(data, "") is None  # of an archive that is not pinned


def test_a_large_index_does_not_enlarge_the_code_package(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dump_packaged("", PlacedIndex(LINKED, 77))
    assert data
    monkeypatch.setattr(packaged, "MAX_PACKAGED", len(data) - 1)
    assert dump_packaged("", PlacedIndex(LINKED, 77)) is None


@pytest.mark.parametrize("damaged", [b"", b"[]", b"\xff", b'{"digest": "d"}', b'{"digest": "d", "files": [["a"]]}'])
def test_what_another_version_has_written_or_a_hand_has_damaged_is_fetched_instead(damaged: bytes) -> None:
    assert parse_packaged(damaged, "d") is None
