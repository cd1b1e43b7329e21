"""Bodies that are read whole: those of all requests to a service together have bounds, so that nobody's fill the memory.

A body counts with what has come of it, from when it is large until its request is answered. One for which there is no room is
refused, rather than made to wait: those who wait for each other's room would never find any. Small ones are never refused.
"""

from __future__ import annotations

from aiohttp import web

SMALL = 64 * 1024  # bytes
LEAST = 256 * 1024**2  # bytes of all bodies
AT_ONCE = 8  # largest bodies for which there is room

_BODY = web.RequestKey("body", bytes)
_HELD = web.RequestKey("held", int)  # bytes of room


class Bodies:
    """The bodies in memory of an application's requests.

    Args:
        max_body: bytes of the largest one.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._free = max(LEAST, AT_ONCE * max_body)

    async def read(self, request: web.Request) -> bytes:
        """Return the whole body of a request, in however many pieces it comes.

        Raises:
            HTTPRequestEntityTooLarge: it is larger than any may be.
            HTTPServiceUnavailable: there is no room for it.
        """
        if _BODY not in request:
            content = bytearray()
            try:
                while more := await request.content.readany():
                    content += more
                    if len(content) > self._max_body:
                        raise web.HTTPRequestEntityTooLarge(self._max_body)
                    if len(content) > SMALL:
                        self._hold(request, len(content))
                request[_BODY] = bytes(content)
            finally:
                content.clear()  # an error keeps what was at hand until garbage is collected, which nobody waits for
        return request[_BODY]

    def forget(self, request: web.Request) -> None:
        """Give back the room of a request that is answered."""
        self._free += request.get(_HELD, 0)
        request[_BODY] = b""

    def _hold(self, request: web.Request, size: int) -> None:
        free = self._free + request.get(_HELD, 0) - size
        if free < 0:
            raise web.HTTPServiceUnavailable(text="the bodies of other requests leave no room for this one; try again")
        self._free, request[_HELD] = free, size
