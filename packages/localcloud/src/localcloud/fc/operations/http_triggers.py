"""HTTP triggers: their configuration, and HTTP requests and responses in the form that each generation's functions have them in.

A function of 3.0 gets an event and returns a response, both as JSON; one of 2.0 is a WSGI application, or in Node.js a handler of
a request and a response; a custom runtime serves the request as it is. Pure.
Sources: Function Compute 3.0, "Use an HTTP trigger to invoke a function" (request and response structs); Function Compute 2.0,
"HTTP request handlers" of Python; PEP 3333.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from localcloud.fc.errors import FcError
from localcloud.fc.instances.wire import join, split
from localcloud.fc.model import Trigger
from localcloud.fc.platform import MAX_HTTP_HEADERS
from localcloud.kernel.times import to_seconds

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
AUTHENTICATIONS = ("anonymous", "function")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")  # likewise, 5.5


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """A request to an HTTP trigger."""

    method: str
    prefix: str  # the path before the function's own part of it; empty at a name of the trigger's own
    path: str  # the rest as sent, percent-encoded; begins with a slash
    query: Sequence[tuple[str, str]]
    query_string: str  # as sent
    headers: Mapping[str, str]  # by lower-case name
    body: bytes = field(repr=False)
    host: str
    protocol: str  # HTTP/1.1
    source_ip: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResponse:
    """The response of a function."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)


class MalformedResponseError(Exception):
    """A function returned what is no HTTP response."""


def check_http_trigger(trigger: Trigger) -> None:
    """Refuse an HTTP trigger whose configuration asks for what does not exist.

    Raises:
        FcError: InvalidArgument, NotImplemented.
    """
    methods, auth = trigger.config.get("methods"), trigger.config.get("authType")
    if not isinstance(methods, list) or not methods or not all(each in METHODS for each in methods):
        raise FcError("InvalidArgument", f"triggerConfig.methods must list some of {', '.join(METHODS)}")
    if auth == "jwt" or trigger.config.get("authConfig"):
        raise FcError("NotImplemented", "not implemented: authType jwt of HTTP triggers")
    if auth not in AUTHENTICATIONS:
        raise FcError("InvalidArgument", f"triggerConfig.authType must be {' or '.join(AUTHENTICATIONS)}")
    if trigger.config.get("disableURLInternet") not in (None, True, False):
        raise FcError("InvalidArgument", "triggerConfig.disableURLInternet must be true or false")


def make_event(request: HttpRequest, *, account_id: str, request_id: str, now: float) -> bytes:
    """Return the event that a function of Function Compute 3.0 gets."""
    try:
        body, is_base64 = request.body.decode(), False
    except UnicodeDecodeError:
        body, is_base64 = base64.b64encode(request.body).decode(), True
    parameters: dict[str, str] = {}
    for name, value in request.query:
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    event = {
        "version": "v1",
        "rawPath": request.path,
        "body": body,
        "isBase64Encoded": is_base64,
        "headers": {name.title(): value for name, value in request.headers.items()},
        "queryParameters": parameters,
        "requestContext": {
            "accountId": account_id,
            "domainName": request.host,
            "domainPrefix": request.host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "time": to_seconds(now),
            "timeEpoch": str(int(now * 1000)),
        },
    }
    return json.dumps(event).encode()


def read_response(result: bytes) -> HttpResponse:
    """Read the response of a function of Function Compute 3.0: what has no `statusCode` is the body of a response with 200.

    Raises:
        MalformedResponseError: it has a `statusCode`, and cannot be sent.
        FcError: BadResponse: its headers are too large.
    """
    kind = "application/json"
    try:
        document = json.loads(result)
    except (ValueError, RecursionError):
        document, kind = None, "text/plain; charset=utf-8"  # assumed
    if not isinstance(document, dict) or "statusCode" not in document:
        return HttpResponse(status=200, headers=[("Content-Type", kind)], body=result)
    headers = document.get("headers") or {}
    if not isinstance(headers, dict):
        raise MalformedResponseError("headers is not an object")
    pairs = [(name, _text(value)) for name, value in headers.items()]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    body = _text(document.get("body"))
    try:
        content = base64.b64decode(body, validate=True) if document.get("isBase64Encoded") else body.encode()
    except ValueError as error:
        raise MalformedResponseError(f"body cannot be sent: {error}") from error
    return _checked(document["statusCode"], pairs, content)


def make_environ(request: HttpRequest) -> bytes:
    """Return the request as the WSGI application of a function of Function Compute 2.0 gets it.

    Source: the platform's own runtime, of which there are public copies (`fc_rapis_wsgi.py`).
    """
    query = f"?{request.query_string}" if request.query_string else ""
    variables = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    for name in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
        variables.pop(name, None)
    return join(
        {
            **variables,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(request.path, encoding="latin-1"),  # bytes as characters: PEP 3333
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "SERVER_NAME": "FCRUNTIME",
            "SERVER_PORT": "9000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "FCRUNTIME/1.0",
            "REMOTE_ADDR": request.source_ip,
            "wsgi.url_scheme": "http",
            "fc.request_uri": f"{request.prefix}{request.path}{query}",
        },
        request.body,
    )


def make_request(request: HttpRequest) -> bytes:
    """Return the request as the program of a custom runtime and the HTTP handler of Node.js get it."""
    query = f"?{request.query_string}" if request.query_string else ""
    headers = {**request.headers, "host": request.host}
    head = {"method": request.method, "uri": f"{request.path}{query}", "headers": headers, "client": request.source_ip}
    return join(head, request.body)


def read_wsgi_response(result: bytes) -> HttpResponse:
    """Read the response of a WSGI application, or of a custom runtime.

    Raises:
        MalformedResponseError: it cannot be sent.
        FcError: BadResponse: its headers are too large.
    """
    try:
        head, body = split(result)
        status, pairs = head["status"], [(name, _text(value)) for name, value in head["headers"]]
    except Exception as error:  # the function shares the process that wrote it, so it may be anything
        raise MalformedResponseError(f"it is no response: {type(error).__name__}") from error
    return _checked(_text(status).partition(" ")[0], pairs, body)


def check_headers(code: str, headers: Iterable[tuple[str, str]]) -> None:
    """Refuse headers that are too large together, with a code.

    Raises:
        FcError: with that code.
    """
    size = sum(len(name) + len(value.encode(errors="replace")) for name, value in headers)
    if size > MAX_HTTP_HEADERS:
        raise FcError(code, f"the headers have {size} bytes; at most {MAX_HTTP_HEADERS} are allowed")


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON may hold
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)


def _checked(status: object, headers: Sequence[tuple[str, str]], body: bytes) -> HttpResponse:
    number = str(status)
    if not re.fullmatch(r"[2-5][0-9][0-9]", number, re.ASCII):
        raise MalformedResponseError(f"the status is {number[:50]!r}; expected 200 to 599")
    check_headers("BadResponse", headers)
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise MalformedResponseError(f"the header {name[:50]!r} cannot be sent")
    return HttpResponse(status=int(number), headers=headers, body=body)
