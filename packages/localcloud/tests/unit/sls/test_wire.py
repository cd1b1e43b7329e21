"""Log groups on the wire: what is malformed, and what is more than may be."""

from __future__ import annotations

import pytest

from localcloud.sls.model import Log, LogGroup
from localcloud.sls.wire import read_group, write_group

GROUP = LogGroup(
    topic="topic",
    source="1.2.3.4",
    tags=(("host", "ü"),),
    logs=(Log(time=1_700_000_000 * 10**9 + 7, contents=(("key", "a"), ("key", "b"), ("", ""))),),
)
CONTENT = write_group(GROUP)


def test_a_group_comes_back() -> None:
    assert read_group(CONTENT, max_logs=1) == GROUP


def test_bytes_that_are_no_text_are_kept() -> None:
    group = LogGroup(logs=(Log(time=0, contents=(("key", b"\xff\x00".decode(errors="surrogateescape")),)),))
    assert b"\xff\x00" in write_group(group)
    assert read_group(write_group(group), max_logs=1) == group


def test_fields_that_nobody_knows_are_skipped() -> None:
    unknown = b"\x12\x01x" + b"\x3a\x00" + b"\x40\x01" + b"\x49" + bytes(8) + b"\x55" + bytes(4)
    assert read_group(unknown + CONTENT, max_logs=1) == GROUP


def test_no_more_logs_are_read_than_there_may_be() -> None:
    with pytest.raises(OverflowError, match="more than 3 logs"):
        read_group(b"\x0a\x02\x08\x00" * 4 + b"\xff" * 10**6, max_logs=3)


UNKNOWN = b"\x78\x01"
PAIR = b"\x0a\x00\x12\x00"


@pytest.mark.parametrize(
    "content",
    [
        UNKNOWN * 6,
        b"\x32\x04" + PAIR + b"\x32\x04" + PAIR,  # two tags
        b"\x32\x0a" + PAIR + UNKNOWN * 3,
        b"\x0a\x0a\x08\x00" + UNKNOWN * 4,  # a log
        b"\x0a\x0a\x08\x00\x12\x06" + PAIR + UNKNOWN,  # a log with a field
    ],
)
def test_no_more_fields_are_read_than_there_may_be(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.sls.wire.MAX_FIELDS", 6)
    assert read_group(content, max_logs=1)
    monkeypatch.setattr("localcloud.sls.wire.MAX_FIELDS", 5)
    with pytest.raises(OverflowError, match="more than 5 fields"):
        read_group(content, max_logs=1)


@pytest.mark.parametrize("end", range(1, len(CONTENT)))
def test_a_group_that_is_cut_is_refused_or_is_a_smaller_one(end: int) -> None:
    try:
        read = read_group(CONTENT[:end], max_logs=1)
    except ValueError:
        return
    assert read != GROUP


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 20,  # a number without an end
        b"\x78" + b"\x80" * 10 + b"\x01",  # a number of eleven bytes
        b"\x0a\x7f",  # a field beyond the message
        b"\x0b",  # a group of the oldest format
        b"\x0a\x00",  # a log without a time
        b"\x0a\x06\x08\xff\xff\xff\xff\x7f",  # a time that is none
        b"\x0a\x04\x08\x00\x12\x00",  # a content without a key
        b"\x32\x02\x0a\x00",  # a tag without a value
        b"\x0a\x07\x08\x00\x25\xff\xff\xff\xff",  # too many nanoseconds
        b"\x0a\x07\x08\x00\x25" + (10**9).to_bytes(4, "little"),
    ],
)
def test_what_is_not_well_formed_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_group(content, max_logs=10)
