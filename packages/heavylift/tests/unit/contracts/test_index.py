"""The index of an archive: what is accepted, and the message for what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heavylift.contracts.archive import BLOCK_SIZE, Block, Content, FileEntry, Index, Layout, Link
from heavylift.contracts.failures import InvalidArchiveError
from heavylift.contracts.index import content_digest, dump_index, has_digest, parse_index
from tests.support.contents import CONTENT, ZERO

INDEX = Index(CONTENT, tuple(Layout(10 * number, 10) for number in range(6)))


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    record = json.loads(dump_index(INDEX))
    change(record)
    return json.dumps(record).encode()


def test_what_is_written_can_be_read() -> None:
    assert parse_index(dump_index(INDEX)) == INDEX
    assert CONTENT.size == sum(entry.size for entry in CONTENT.files)


def test_the_digest_is_that_of_the_canonical_json_and_ignores_the_layout() -> None:
    content = Content((FileEntry("ü", 0o644, 1, 0, 0),), (Block(1, ZERO),), 1)
    # printf '{"blocks":[{"raw":1,"sha256":"000…0"}],"dirs":[],"eager":1,"files":[{"block":0,…,"path":"ü","size":1}],…}' | sha256sum
    assert content_digest(content) == "a459c47babc0b1f43eea37aef763331111582bf9c826f01085e6ae53ac45de7d"


def test_the_digest_of_an_index_is_known_however_it_was_written() -> None:
    for data in (dump_index(INDEX), changed(lambda record: None), changed(lambda record: record.update(more=1))):
        assert has_digest(data, parse_index(data), content_digest(CONTENT))
        assert not has_digest(data, parse_index(data), ZERO)


def test_a_second_content_behind_the_pinned_one_is_not_taken_for_it() -> None:
    other = Content((FileEntry("other", 0o644, 0, 0, 0),), (Block(0, ZERO),), 0)
    pinned, second = dump_index(INDEX), dump_index(Index(other, (Layout(0, 1),)))
    for data in (pinned[:-1] + b"," + second[1:], second[:-1] + b"," + pinned[1:]):
        index = parse_index(data)  # the last of two fields of one name counts
        assert has_digest(data, index, content_digest(index.content))
        assert has_digest(data, index, content_digest(CONTENT)) == (index.content == CONTENT)


def test_more_eager_files_than_files_are_refused() -> None:
    with pytest.raises(InvalidArchiveError, match=r"content\.eager"):
        parse_index(changed(lambda record: record["content"].update(eager=6)))


HOSTILE_PATHS = ["/etc/passwd", "../up", "a/../../up", "a//b", "./a", "a/", "", "a\\b", "a\0b", "a\nb", ".heavylift/x"]


@pytest.mark.parametrize("path", [*HOSTILE_PATHS, "x" * 256, "d/" * 1536 + "x", "\ud800"])
@pytest.mark.parametrize("field", ["files", "dirs", "links"])
def test_a_path_that_could_leave_the_target_is_refused(path: str, field: str) -> None:
    def change(record: dict[str, Any]) -> None:
        if field == "dirs":
            record["content"]["dirs"][0] = path
        else:
            record["content"][field][0]["path"] = path

    with pytest.raises(InvalidArchiveError, match=rf"content\.{field}\[0\]"):
        parse_index(changed(change))


def test_a_hostile_path_is_found_among_others() -> None:
    for path in (*HOSTILE_PATHS, "."):
        with pytest.raises(InvalidArchiveError, match=r"content\.files\[4\]\.path: "):
            parse_index(changed(lambda record, path=path: record["content"]["files"][4].update(path=path)))  # type: ignore[misc]


@pytest.mark.parametrize(
    "path", ["…/ü", "x" * 255, ".heavylift.x", "a/.heavylift/x", "...", "a/..b", "a b/~", "d/" * 1535 + "xx"]
)
def test_an_unusual_path_inside_the_target_is_kept(path: str) -> None:
    assert (
        parse_index(changed(lambda record: record["content"]["files"][4].update(path=path))).content.files[4].path
        == path
    )


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("l", "/etc/passwd"),
        ("l", ".."),
        ("l", "../x"),
        ("a/l", "../../x"),
        ("l", "a/../../x"),
        ("l", "a/.."),
        ("l", "./a"),
        ("l", "a//x"),
        ("l", ""),
        ("l", "a\0"),
        ("l", "a/link/x"),  # through another link
        ("a/l", "../a/link/x"),  # likewise, up and down again
    ],
)
def test_a_link_out_of_the_tree_is_refused(path: str, target: str) -> None:
    with pytest.raises(InvalidArchiveError, match="->"):
        parse_index(changed(lambda record: record["content"]["links"].append({"path": path, "target": target})))


@pytest.mark.parametrize("target", ["a/x", "a", "not-there", "a/link"])
def test_a_link_inside_the_tree_is_kept(target: str) -> None:
    data = changed(lambda record: record["content"]["links"].append({"path": "l", "target": target}))
    assert parse_index(data).content.links[-1] == Link("l", target)


REFUSED: dict[str, Callable[[dict[str, Any]], object]] = {
    "content: is missing": lambda r: r.pop("content"),
    "layout: is missing": lambda r: r.pop("layout"),
    "content: is not an object": lambda r: r.update(content=[]),
    r"content\.format: is 2": lambda r: r["content"].update(format=2),
    r"content\.format: is 6": lambda r: r["content"].update(format=6),
    r"content\.files: is not a list": lambda r: r["content"].update(files={}),
    r"content\.files\[0\]: is not an object": lambda r: r["content"]["files"].__setitem__(0, 1),
    r"content\.files\[0\]\.size: is True": lambda r: r["content"]["files"][0].update(size=True),
    r"content\.files\[0\]\.size: is -1": lambda r: r["content"]["files"][0].update(size=-1),
    r"content\.files\[0\]\.size: is 1\.5": lambda r: r["content"]["files"][0].update(size=1.5),
    r"content\.files\[2\]\.size: is 14": lambda r: r["content"]["files"][2].update(size=1 << 47),
    r"content\.files\[0\]\.mode: is 0o1000": lambda r: r["content"]["files"][0].update(mode=0o1000),
    r"content\.files\[1\]: does not stand behind": lambda r: r["content"]["files"][1].update(offset=4),
    r"content\.files\[3\]: does not stand": lambda r: r["content"]["files"][3].update(block=3),
    r"content\.blocks\[0\]\.raw: is 6": lambda r: r["content"]["blocks"][0].update(raw=6),
    r"content\.blocks\[1\]\.raw: is 4194305": lambda r: r["content"]["blocks"][1].update(raw=BLOCK_SIZE + 1),
    r"content\.blocks\[0\]\.sha256: is not 64": lambda r: r["content"]["blocks"][0].update(sha256="0" * 63 + "G"),
    r"content\.blocks: are 7": lambda r: r["content"]["blocks"].append({"raw": 1, "sha256": ZERO}),
    r"content\.dirs\[0\]: is not a string": lambda r: r["content"].update(dirs=[1]),
    "comes twice": lambda r: r["content"]["files"][1].update(path="a/x"),
    "a/x: the name comes twice": lambda r: r["content"]["links"][0].update(path="a/x"),
    "a/x: is a file or a link and also a directory": lambda r: r["content"].update(dirs=["a/x"]),
    "big: is a file or a link and also a directory": lambda r: r["content"]["files"][4].update(path="big/x"),
    "a/link: is a file or a link": lambda r: r["content"]["files"][4].update(path="a/link/x"),
    "layout: has 5": lambda r: r["layout"].pop(),
    r"layout\[1\]\.offset: is 9": lambda r: r["layout"][1].update(offset=9),
    r"layout\[0\]\.packed: is 0": lambda r: r["layout"][0].update(packed=0),
    r"layout\[5\]\.packed: is 16777217": lambda r: r["layout"][5].update(packed=4 * BLOCK_SIZE + 1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_field_that_is_wrong_is_named(message: str) -> None:
    with pytest.raises(InvalidArchiveError, match=message):
        parse_index(changed(REFUSED[message]))


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b"1", b"[" * 100_000])
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArchiveError, match=r"\.heavylift/index\.json"):
        parse_index(data)


def test_a_writer_cannot_write_what_no_reader_accepts() -> None:
    with pytest.raises(InvalidArchiveError, match="layout"):
        dump_index(Index(CONTENT, ()))
