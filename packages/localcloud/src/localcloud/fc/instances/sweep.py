"""Work that is done again and again for as long as the embedded cloud runs, whatever fails in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

logger = logging.getLogger(__name__)


async def repeat(seconds: float, steps: Callable[[], Iterable[Callable[[], None]]]) -> NoReturn:
    """Do all steps, wait, and begin anew, for ever. A failure is logged once, until another one takes its place or it stops.

    Args:
        seconds: between the end of one round and the beginning of the next.
        steps: returns the steps of a round; one that fails keeps no other from being done.
    """
    told: set[str] = set()
    while True:
        await asyncio.sleep(seconds)
        failures = list(_failures(steps))
        for error in failures:
            if repr(error) not in told:
                logger.error("a step of the sweep failed; it is tried again every %g s", seconds, exc_info=error)
        told = {repr(error) for error in failures}


def _failures(steps: Callable[[], Iterable[Callable[[], None]]]) -> Iterator[Exception]:
    try:
        for step in steps():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - it is logged, and the other steps have to be done
                yield error
    except Exception as error:  # noqa: BLE001 - likewise, where the steps themselves cannot be told
        yield error
