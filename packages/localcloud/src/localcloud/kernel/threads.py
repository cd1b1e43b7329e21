"""Work in threads, which nobody can break off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_Result = TypeVar("_Result")


async def until_done(work: Awaitable[_Result]) -> _Result:
    """Return the result of work; when cancelled, wait until it has ended all the same, so that what it uses stays open.

    Args:
        work: such as `asyncio.to_thread(…)`.

    Raises:
        Exception: what the work raises.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
