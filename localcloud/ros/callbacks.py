"""Where custom resources report: one URL for one request, which ends with the first answer.

Source: ROS, "Custom resources", "Response objects": JSON of at most 4,096 bytes, sent by POST (or PUT) to ResponseURL.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

MAX_ANSWER = 4096  # bytes
PATH = "/custom-resource-callbacks"


class Callbacks:
    """The open URLs. Set `base`, the listener's URL, before anything asks for one."""

    def __init__(self) -> None:
        self.base = ""
        self._waiting: dict[str, asyncio.Future[Mapping[str, object]]] = {}

    @contextmanager
    def open(self) -> Iterator[tuple[str, asyncio.Future[Mapping[str, object]]]]:
        """Open a URL for one answer; it is closed on leaving.

        Yields:
            The URL, and the answer to wait for.
        """
        token = secrets.token_urlsafe(32)  # who knows the URL may answer: it is the only protection
        answer = asyncio.get_running_loop().create_future()
        self._waiting[token] = answer
        try:
            yield f"{self.base}{PATH}/{token}", answer
        finally:
            del self._waiting[token]
            answer.cancel()

    def add_routes(self, application: web.Application) -> None:
        """Serve the URLs."""
        application.router.add_post(f"{PATH}/{{token}}", self._receive)
        application.router.add_put(f"{PATH}/{{token}}", self._receive)

    async def _receive(self, request: web.Request) -> web.Response:
        answer = self._waiting.get(request.match_info["token"])
        if answer is None or answer.done():
            return _refuse(404, "this URL waits for no answer: it was answered, or its time is over")
        if (request.content_length or 0) > MAX_ANSWER:
            return _refuse(413, f"the answer has {request.content_length} bytes, at most {MAX_ANSWER} are allowed")
        body = await request.content.read(MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            return _refuse(413, f"the answer has more than {MAX_ANSWER} bytes")
        try:
            record = json.loads(body)
        except ValueError:
            return _refuse(400, "the answer is not JSON")
        if not isinstance(record, dict):
            return _refuse(400, "the answer is not a JSON object")
        if not answer.done():
            answer.set_result(record)
        return web.json_response({"Message": "received"})


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"Code": "InvalidResponse", "Message": message}, status=status)
