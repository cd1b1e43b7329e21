"""The door of every service: what is the same for each request, whatever API it speaks.

In this order: the request gets its id; its head is checked (Host, the form of the target, repeated headers); the service's handler
runs; known errors become answers in the service's form, an unexpected one becomes its InternalError and is logged once, with the
request's id. An answer that has begun cannot become an error any more: its connection is cut, so that nobody takes a part for the
whole. A client that went away is no error.

Sources: RFC 9110 sections 5.3 (repeated fields), 7.2 (Host) and 15.5.20 (421), RFC 9112 section 3.2 (forms of the target).
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from localcloud.kernel.bodies import Bodies
from localcloud.kernel.errors import ApiError
from localcloud.kernel.values import same_secret

ADMINISTRATION = "/-/localcloud/"  # what is no cloud's API: the embedded cloud's own endpoints, at each service
EVERYTHING = "/{path:(?s:.*)}"  # the route of a service that reads paths itself; a key may hold a line's end
ID = web.RequestKey("id", str)  # the request's id, as it stands in answers and in the log
HEADERS = web.RequestKey("headers", Mapping[str, str])  # those that came, as `headers_of` returns them
HOST = web.RequestKey("host", str)  # the name in the header Host: lower case, without port and dots at its end
_BEGUN = web.RequestKey("begun", list[web.StreamResponse])  # at most one; a list, which the request's clones share

# Lists by RFC 9110 that no service obeys. A signature that covers one covers all its lines, joined.
REPEATABLE = frozenset({"accept", "accept-charset", "accept-encoding", "accept-language", "te", "via"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]@/?#]+)(?::[0-9]{1,5})?", re.ASCII)
_WENT_AWAY = (ConnectionError, TimeoutError, RuntimeError)  # the last: sendfile on a transport that is closing

logger = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Decorate = Callable[[web.Request, web.StreamResponse], None]


class Dialect(Protocol):
    """The way in which a service words ids and errors."""

    @property
    def request_id_header(self) -> str:
        """The header of each answer that carries the request's id."""

    def new_request_id(self) -> str:
        """Return a fresh request id in the service's form."""

    def fault(self, status: int, message: str) -> ApiError:
        """Return the service's error for an HTTP status: 400, 404, 405, 413, 421, 500 or 503."""

    def render(self, request: web.Request, error: ApiError) -> web.StreamResponse:
        """Return the answer that tells an error; `request[ID]` is the request's id."""


class Refuse(Protocol):
    """Makes a service's answer to what is no HTTP."""

    def __call__(self, request: web.Request, status: int, words: str) -> web.StreamResponse:
        """Return the answer; the request is empty."""


REFUSE = web.AppKey("refuse", Refuse)
BODIES = web.AppKey("bodies", Bodies)  # those that are read whole
ENTRY: web.AppKey[Handler] = web.AppKey("entry")  # answers every request of a service that has one handler


def _leave(request: web.Request, response: web.StreamResponse) -> None:
    """Leave an answer as it is."""


def open_door(
    dialect: Dialect,
    *,
    serves: Callable[[str], bool],
    max_body: int,
    decorate: Decorate = _leave,
    handler: Handler | None = None,
) -> web.Application:
    """Return an application whose every request comes through the door; the service adds its routes to it.

    Args:
        dialect: how the service answers.
        serves: says whether a host name, in lower case, is the service's; those of loopback are everybody's.
        max_body: bytes of the largest body that is read at once; 0: the service bounds it itself.
        decorate: adds the service's headers to each answer, before it is sent.
        handler: answers every request, of which aiohttp then looks for no route; None: the service adds its routes.
    """
    door = _Door(dialect, serves, Bodies(max_body), decorate)
    application = web.Application(client_max_size=max_body, middlewares=[door.guard])
    application[BODIES] = door.bodies
    application[REFUSE] = door.refuse
    if handler is not None:
        entry: Handler = partial(door.guard, handler=handler)
        application[ENTRY] = entry
    application.on_response_prepare.append(door.note)
    return application


@dataclass(frozen=True, slots=True)
class _Door:
    dialect: Dialect
    serves: Callable[[str], bool]
    bodies: Bodies
    decorate: Decorate

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request by the service's handler, or as its head or an error has it."""
        request[ID], request[_BEGUN] = self.dialect.new_request_id(), []
        try:
            try:
                if wrong := _find_wrong_head(request, self.serves):
                    return self._answer(request, self.dialect.fault(*wrong))
                return await handler(request)
            except ApiError as error:
                return self._answer(request, error)
            except web.HTTPException as error:  # what aiohttp refuses: no such route, too large a body
                return self._answer(request, self.dialect.fault(error.status, _describe(request, error)))
            except web.RequestPayloadError:
                return self._answer(request, self.dialect.fault(400, "the request's body is not well formed"))
        except Exception as error:
            if isinstance(error, _WENT_AWAY) and (request.transport is None or request.transport.is_closing()):
                return request[_BEGUN][0] if request[_BEGUN] else web.Response()  # which nobody receives
            logger.exception("%s %s failed (request %s)", request.method, request.rel_url.raw_path, request[ID])
            fault = self.dialect.fault(500, "the embedded cloud failed at this request; its log says how")
            return self._answer(request, fault)
        finally:
            self.bodies.forget(request)

    def _answer(self, request: web.Request, error: ApiError) -> web.StreamResponse:
        if not request[_BEGUN]:
            return self.dialect.render(request, error)
        if request.transport is not None:
            request.transport.abort()
        return request[_BEGUN][0]

    async def note(self, request: web.Request, response: web.StreamResponse) -> None:
        """Note that an answer begins, and give it the headers of every one."""
        if _BEGUN in request:
            request[_BEGUN][:] = [response]
        else:  # aiohttp refuses what a request expects before the door sees it
            request[ID] = self.dialect.new_request_id()
            if isinstance(response, web.HTTPException):
                fault = self.dialect.fault(response.status, _describe(request, response))
                _reword(response, self.dialect.render(request, fault))
        response.headers[self.dialect.request_id_header] = request[ID]
        self.decorate(request, response)

    def refuse(self, request: web.Request, status: int, words: str) -> web.StreamResponse:
        """See `Refuse`."""
        request[ID] = self.dialect.new_request_id()
        response = self.dialect.render(request, self.dialect.fault(status, words))
        response.headers[self.dialect.request_id_header] = request[ID]
        return response


def check_expectation(request: web.Request) -> None:
    """Refuse a request that expects anything but to be asked for its body: for a service's one handler; with routes, aiohttp does.

    Source: RFC 9110 section 10.1.1.

    Raises:
        HTTPExpectationFailed: it does.
    """
    expected = request[HEADERS].get("expect", "")
    if expected and request.version >= (1, 1) and expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text=f"what the header Expect asks for is not known: {expected[:40]}")


async def meet_expectation(request: web.Request) -> None:
    """Ask for the body that a client holds back, where one does, before the first of it is read: likewise."""
    if "expect" in request[HEADERS] and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # of the answer itself, nothing was sent yet


def headers_of(request: web.Request) -> dict[str, str]:
    """Return a request's headers by lower-case name; the lines of a repeatable one are joined by a comma."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if len(headers) < len(request.headers):  # some are repeated
        headers = {name: ",".join(request.headers.getall(name)) for name in headers}
    return headers


def host_of(request: web.Request) -> str:
    """Return the header Host as it was sent; empty: there is none, which aiohttp would have the resolver look for."""
    return request.headers.get("Host", "")


def is_administrator(request: web.Request, token: str) -> bool:
    """Return True if a request carries the bearer token of the embedded cloud's own endpoints."""
    return same_secret(f"Bearer {token}", request.headers.get("Authorization", ""))


async def read_body(request: web.Request, limit: int) -> bytes | None:
    """Return the whole body, in however many pieces it comes; None: it has more than `limit` bytes."""
    content = bytearray()
    while len(content) <= limit and (more := await request.content.read(limit + 1)):
        content += more
    return bytes(content) if len(content) <= limit else None


@lru_cache(maxsize=256)  # each request names one, and nearly all the same
def _read_host(header: str) -> str | None:
    """Return the name in a header Host, as `HOST` has it; None: it names nothing."""
    host = _HOST.fullmatch(header)
    return host["name"].lower().rstrip(".") if host else None


@lru_cache(maxsize=256)  # likewise
def is_loopback(host: str) -> bool:
    """Return True if a host name, in lower case, can only mean this machine: localhost and below, 127.0.0.0/8, [::1]."""
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _find_wrong_head(request: web.Request, serves: Callable[[str], bool]) -> tuple[int, str] | None:
    """Return the status and the words for a head that no service takes; None for a good one, whose `HOST` is noted."""
    request[HEADERS] = headers = headers_of(request)
    if len(headers) < len(request.headers) and (repeated := _repeated(request)):
        return 400, f"give the header {', '.join(repeated)} once: it is unclear which of its values counts"
    if not request.raw_path.startswith("/"):
        return 400, "the request's target must be a path; a proxy's client speaks to the gateway's port"
    name = _read_host(headers.get("host", ""))
    if name is None:
        return 400, "the request needs a header Host that is a name or an address, and perhaps a port"
    request[HOST] = name
    if not is_loopback(name) and not serves(name):
        # A page of a stranger whose name was made to resolve to loopback (DNS rebinding) comes with that name.
        return 421, (
            f"not implemented: the host {name}; use the endpoint that the embedded cloud printed, or a name in its region: "
            "only OSS and STS are in all regions"
        )
    return None


def _repeated(request: web.Request) -> list[str]:
    names = [name.lower() for name, _ in request.headers.items()]  # the names alone would come once each
    return sorted(name for name, count in Counter(names).items() if count > 1 and name not in REPEATABLE)


def _describe(request: web.Request, error: web.HTTPException) -> str:
    if error.status in (404, 405):
        return f"not implemented: {request.method} {request.rel_url.raw_path}"
    return error.text or error.reason


def _reword(response: web.Response, told: web.StreamResponse) -> None:
    """Have an answer whose headers stand already say what another one says."""
    assert isinstance(told, web.Response), "errors are told at once"
    assert isinstance(told.body, bytes), "likewise"
    response.body = told.body
    response.headers.update({**told.headers, "Content-Length": str(len(told.body))})


def tell_bad_requests_briefly(record: logging.LogRecord) -> bool:
    """Keep the traceback of what is not HTTP out of the log: a filter for aiohttp's logger, which has answered 400 by itself."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "a request was refused: %r", (error.message[:200],)
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    return True
