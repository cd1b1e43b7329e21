"""Responses that go out part by part while a custom runtime makes them: server-sent events, generated text, large downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from localcloud.fc.errors import FcError
from localcloud.fc.model import Invocation, Parts


class _Inbox:
    """What has come and is not sent yet: the head, and bytes of the body, however small the parts were."""

    def __init__(self) -> None:
        self.head: bytes | None = None
        self.instance = ""  # the id of the one that makes the response
        self._body = bytearray()  # bounded by the largest result
        self._ended = False
        self._news = asyncio.Event()

    def put(self, part: bytes, instance: str) -> None:
        if self.head is None:
            self.head, self.instance = part, instance
        else:
            self._body += part
        self._news.set()

    def end(self, _: object) -> None:
        self._ended = True
        self._news.set()

    async def wait(self) -> bytes | None:
        """Wait for news; return what has come of the body, None at its end."""
        await self._news.wait()
        self._news.clear()
        body, ended = bytes(self._body), self._ended
        self._body.clear()
        if ended:
            self._news.set()
        return None if ended and not body else body


async def pass_parts_on(
    request: web.Request,
    invoke: Callable[[Parts], Awaitable[Invocation]],
    begin: Callable[[bytes, str], web.StreamResponse],
) -> Invocation | web.StreamResponse:
    """Run an invocation, and send its response as it comes; return the invocation when that came whole, else what was sent.

    Args:
        request: the request to respond to.
        invoke: runs the invocation; what it is given takes the parts.
        begin: makes the response that the first part, its head, begins; it is told the id of the instance, too.

    Raises:
        FcError: InternalServerError: the function failed in the middle, and the response is cut; and what `invoke` raises.
    """
    inbox = _Inbox()
    running = asyncio.ensure_future(invoke(inbox.put))
    running.add_done_callback(inbox.end)
    try:
        part = await inbox.wait()
        if inbox.head is None:
            return await running
        response = begin(inbox.head, inbox.instance)
        await response.prepare(request)
        while part is not None:
            if part:
                await response.write(part)
            part = await inbox.wait()
        if (await running).answer.error_type:
            raise FcError("InternalServerError", "the function failed before its response was complete")
        await response.write_eof()
        return response
    except ConnectionError:  # nobody listens any more: the function goes on nevertheless
        await running
        raise
    finally:
        running.cancel()
