"""Bytes of one file are copied to a place in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.files import copy_range


def test_bytes_come_to_their_place_and_writing_goes_on_behind_them(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"0123456789")
    with source.open("rb") as old, target.open("wb") as new:
        new.write(b"head")
        copy_range(old, 3, 4, new, 6)
        new.write(b"tail")
    assert target.read_bytes() == b"head\0\x003456tail"


def test_a_file_that_somebody_cuts_meanwhile_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123")
    with source.open("rb") as old, (tmp_path / "target").open("wb") as new, pytest.raises(EOFError, match="2 bytes"):
        copy_range(old, 1, 5, new, 0)
