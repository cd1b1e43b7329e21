"""Documents: written whole, and read with one message for all that can be wrong with them."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localcloud.kernel.documents import read_document, write_document
from localcloud.kernel.errors import LocalCloudError


@dataclass(frozen=True, slots=True)
class Shelf:
    books: tuple[str, ...]
    above: Shelf | None = None
    label: str = field(default="", repr=False)


def test_dataclasses_are_written_as_objects(tmp_path: Path) -> None:
    write_document(tmp_path / "state.json", {"shelves": [Shelf(("a",), above=Shelf((), label="top"))]})
    top: dict[str, object] = {"books": [], "above": None, "label": "top"}
    found = read_document(tmp_path / "state.json", lambda record: record)
    assert found == {"shelves": [{"books": ["a"], "above": top, "label": ""}]}


def test_a_document_is_read_as_it_was_written_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_document(path, {"name": "a"})
    assert read_document(path, lambda record: record["name"]) == "a"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"other": 1}', b"\xff", b"[" * 100_000])
def test_a_document_that_holds_something_else_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(LocalCloudError, match=r"state\.json cannot be read .*; restore it, or remove the data folder"):
        read_document(path, lambda record: record["name"])
    assert path.read_bytes() == content


def test_a_document_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"none\.json cannot be read \(FileNotFoundError\); go without it"):
        read_document(tmp_path / "none.json", str, otherwise="go without it")
