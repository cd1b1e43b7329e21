"""Messages between the processes of a start: each arrives as it was sent."""

from __future__ import annotations

import pytest

from heavylift.runtime.messages import (
    ArchiveLoaded,
    BlocksReady,
    CredentialsRenewed,
    LoadEnded,
    LoadRequest,
    Message,
    NamesReady,
    PagesReady,
    RestWanted,
    WorkingSetReady,
    dump_message,
    parse_message,
)
from heavylift.runtime.timeline import Collected

REQUEST = LoadRequest("ID", "a-secret", "a-token", end=9.5, zero=1.25, by_pages=True, working_set=False)

RENEWED = CredentialsRenewed("ID", "a-secret", "a-token")


@pytest.mark.parametrize(
    "message",
    [
        REQUEST,
        NamesReady(["a b.py", "ü.so"], [1, 2]),
        PagesReady(["a.so"]),
        WorkingSetReady(70),
        RENEWED,
        RestWanted(),
        BlocksReady(7),
        ArchiveLoaded("model"),
        Collected([], {"files": 3}, 4096),
        LoadEnded("StoreError", "line one\nline two"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_arrives_as_one_line_and_as_it_was_sent(message: Message) -> None:
    line = dump_message(message)
    assert line.count(b"\n") == 1
    assert parse_message(line) == message
    assert type(parse_message(line)) is type(message)


@pytest.mark.parametrize("message", [REQUEST, RENEWED])
def test_a_message_does_not_show_its_secrets(message: Message) -> None:
    assert "a-secret" not in repr(message)
    assert "a-token" not in repr(message)
