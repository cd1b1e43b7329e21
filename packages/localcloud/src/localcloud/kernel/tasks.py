"""Requests that begin at once.

aiohttp runs each request in a task of its own, for which its connection's task waits. From Python 3.12 on such a task begins at
once; before that, the event loop has to turn to it, and back, and asks the kernel each time what else there is. There, a request
runs in its connection's task. What its handler sets in the context is then seen by the connection's later requests.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Generator
from typing import Any, cast

from aiohttp import web

AnyTask = asyncio.Future[Any]


def begin_requests_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have requests run in their connections' tasks, where they would have to wait for tasks of their own."""
    if sys.version_info < (3, 12):
        loop.set_task_factory(_make_task)


def _make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,  # noqa: ANN401 - those of tasks
) -> AnyTask:
    if isinstance(work, Coroutine) and getattr(work, "cr_code", None) is _REQUEST:
        return cast(AnyTask, work)  # all that aiohttp does with it is wait for it
    return asyncio.Task(work, loop=loop, **options)


_REQUEST = web.RequestHandler._handle_request.__code__
