"""Responses in parts: what waits to be sent."""

from __future__ import annotations

import asyncio

from localcloud.fc.api.parts import _Inbox


def test_parts_that_nobody_has_taken_yet_become_one() -> None:
    async def run() -> tuple[bytes | None, list[bytes | None]]:
        inbox = _Inbox()
        for part in (b"head", b"", b"a", b"b"):
            inbox.put(part, "c-1")
        first = await inbox.wait()
        inbox.put(b"c", "c-1")
        inbox.end(None)
        assert inbox.instance == "c-1"
        return inbox.head, [first, await inbox.wait(), await inbox.wait(), await inbox.wait()]

    assert asyncio.run(run()) == (b"head", [b"ab", b"c", None, None])
