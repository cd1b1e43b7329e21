"""Responses that go out part by part while a custom runtime makes them: server-sent events, generated text, large downloads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from localcloud.fc.errors import FcError
from localcloud.fc.model import Invocation, Parts


async def pass_parts_on(
    request: web.Request,
    invoke: Callable[[Parts], Awaitable[Invocation]],
    begin: Callable[[bytes], web.StreamResponse],
) -> Invocation | web.StreamResponse:
    """Run an invocation, and send its response as it comes; return the invocation when that came whole, else what was sent.

    Args:
        request: the request to respond to.
        invoke: runs the invocation; what it is given takes the parts.
        begin: makes the response that the first part begins.

    Raises:
        FcError: InternalServerError: the function failed in the middle, and the response is cut; and what `invoke` raises.
    """
    parts: asyncio.Queue[bytes | None] = asyncio.Queue()  # bounded by the largest result
    running = asyncio.ensure_future(invoke(parts.put_nowait))
    running.add_done_callback(lambda _: parts.put_nowait(None))
    try:
        first = await parts.get()
        if first is None:
            return await running
        response = begin(first)
        await response.prepare(request)
        while (part := await parts.get()) is not None:
            await response.write(part)
        if (await running).answer.error_type:
            raise FcError("InternalServerError", "the function failed before its response was complete")
        await response.write_eof()
        return response
    except ConnectionError:  # nobody listens any more: the function goes on nevertheless
        await running
        raise
    finally:
        running.cancel()
