"""URLs to which custom resources report: one URL for one request, which ends with the first answer.

Source: ROS, "Custom resources", "Response objects": JSON of at most 4,096 bytes, sent by POST (or PUT) to ResponseURL.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import web

from localcloud.kernel.door import read_body
from localcloud.kernel.values import same_secret
from localcloud.ros.errors import TemplateError
from localcloud.ros.template.bounds import check_value

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

    def _find(self, token: str) -> asyncio.Future[Mapping[str, object]] | None:
        """Return the answer that a token waits for; takes the same time whichever token it is."""
        found = [answer for each, answer in self._waiting.items() if same_secret(each, token)]
        return found[0] if found else None

    async def _receive(self, request: web.Request) -> web.Response:
        answer = self._find(request.match_info["token"])
        if answer is None or answer.done():
            return _not_waiting()
        if (request.content_length or 0) > MAX_ANSWER:
            return _refuse(413, f"the answer has {request.content_length} bytes, at most {MAX_ANSWER} are allowed")
        body = await read_body(request, MAX_ANSWER)
        if body is None:
            return _refuse(413, f"the answer has more than {MAX_ANSWER} bytes")
        try:
            record = json.loads(body)
            check_value(record, "the answer")
        except (ValueError, RecursionError):
            return _refuse(400, "the answer is not JSON")
        except TemplateError as error:
            return _refuse(400, error.message)
        if not isinstance(record, dict):
            return _refuse(400, "the answer is not a JSON object")
        if answer.done():  # another answer came, or its time ended, while this one was read
            return _not_waiting()
        answer.set_result(record)
        return web.json_response({"Message": "received"})


def _not_waiting() -> web.Response:
    return _refuse(404, "this URL waits for no answer: it was answered, or its time is over")


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"Code": "InvalidResponse", "Message": message}, status=status)
