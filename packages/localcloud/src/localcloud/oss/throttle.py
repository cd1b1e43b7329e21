"""The limit of traffic that a request sets itself: `x-oss-traffic-limit`, in its headers or in its query.

Sources: OSS, "Single-connection bandwidth throttling"; "Troubleshooting", 0004-00000501 and -502. These pages name 819,200 bit/s
as the least; OSS's suite for Node.js uploads with less, and expects success. The least that is taken here is the one that
another service documents for the same header (assumed).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from localcloud.oss.errors import OssError

LIMIT = "x-oss-traffic-limit"
LEAST, MOST = 245_760, 838_860_800  # bit/s
TURN = 0.05  # seconds of a slice


class Throttle:
    """Lets the bytes of one request pass at a rate, in either direction.

    Args:
        rate: bit/s.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate / 8
        self._free_at = 0.0  # when the next byte may pass, in seconds of the monotonic clock
        self.delayed = 0.0  # seconds that bytes have waited

    @property
    def slice(self) -> int:
        """Bytes to send at a time."""
        return int(self._rate * TURN)

    def delay_of(self, size: int) -> float:
        """Return the seconds that so many bytes will take."""
        return size / self._rate

    async def pay(self, size: int) -> None:
        """Wait until so many bytes may have passed."""
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + size / self._rate
        self.delayed += self._free_at - now
        await asyncio.sleep(self._free_at - now)

    async def slow(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Return a body's bytes as they may pass."""
        async for chunk in chunks:
            await self.pay(len(chunk))
            yield chunk


THROTTLE: web.RequestKey[Throttle | None] = web.RequestKey("throttle")  # of a request; None: it sets no limit


def read_throttle(headers: Mapping[str, str], query: Mapping[str, str]) -> Throttle | None:
    """Return the throttle that a request asks for; None: it sets no limit.

    Raises:
        OssError: InvalidArgument (in both places, no number, or out of range).
    """
    given = [where[LIMIT] for where in (headers, query) if LIMIT in where]
    if len(given) > 1:
        raise _invalid(f"Give {LIMIT} in the header or in the query, not in both.", given[0], "0004-00000501")
    return throttle_of(given[0]) if given else None


def throttle_of(text: str) -> Throttle:
    """Return the throttle of a limit.

    Raises:
        OssError: InvalidArgument (no number, or out of range).
    """
    rate = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    if not LEAST <= rate <= MOST:
        raise _invalid(f"{LIMIT} must be a whole number of bit/s from 819200 to {MOST}.", text, "0004-00000502")
    return Throttle(rate)


def _invalid(why: str, value: str, ec: str) -> OssError:
    return OssError("InvalidArgument", why, {"ArgumentName": LIMIT, "ArgumentValue": value[:100]}, ec=ec)
