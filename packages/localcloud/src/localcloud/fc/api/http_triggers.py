"""HTTP requests for functions: at names of triggers, at an address of loopback, at the path of FC 2.0, and at custom domains.

What asks for signed requests takes the signatures of Function Compute's API, of whoever may invoke the function. At a custom domain
of FC 2.0 the function's HTTP trigger says who may call, in FC 3.0 the domain (assumed).
Sources: Function Compute 2.0 and 3.0, "HTTP triggers" and "Configure custom domain names".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from aiohttp import web

from localcloud.fc.api.invocations import describe, read_delay
from localcloud.fc.api.parts import pass_parts_on
from localcloud.fc.api.triggers import HTTP_TRIGGERS, HTTP_TRIGGERS_VPC
from localcloud.fc.domains import CustomDomain
from localcloud.fc.errors import FcError
from localcloud.fc.instances.wire import HTTP, INVOKE
from localcloud.fc.model import Invocation, Parts, Trigger
from localcloud.fc.operations.domains import find_route
from localcloud.fc.operations.http_triggers import (
    METHODS,
    HttpRequest,
    HttpResponse,
    MalformedResponseError,
    check_headers,
    make_environ,
    make_event,
    make_request,
    read_response,
    read_wsgi_response,
)
from localcloud.fc.operations.rewrites import rewrite
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import MAX_HTTP_PATH, MAX_SYNC_PAYLOAD, RUNTIMES, Engine
from localcloud.kernel.door import HOST, ID
from localcloud.kernel.rpc import read_request
from localcloud.kernel.signatures import SignedRequest, read_query

APPS = ".fcapp.run"
NAMES = ".fc.aliyuncs.com"
_PROXY = re.compile(r"(/2016-08-15/proxy/([^/.]+)(?:\.([^/]+))?/([^/]+))(/.*)?", re.DOTALL)
_BY_ID = re.compile(rf"((?:{re.escape(HTTP_TRIGGERS)}|{re.escape(HTTP_TRIGGERS_VPC)})([^/]+))(/.*)?", re.DOTALL)
# What belongs to a connection (RFC 9110 section 7.6.1), and what the platform sets by itself.
_OF_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
_PLATFORM = "x-fc-"  # what the names of its own headers begin with
_OWN = _OF_CONNECTION | {"content-length", "date", "server"}

Authorize = Callable[[SignedRequest, web.Request, str], object]  # refuses a request for the function with a path


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The function that a request is for, and who may call it how."""

    name: str  # of what led there, for messages
    function: str  # its path
    qualifier: str
    methods: Sequence[str]
    is_anonymous: bool
    prefix: str  # of the path, before the function's own part
    path: str  # as sent
    query: str  # as sent
    is_own: bool  # it came to a name of the platform's


def find_trigger(fc: FcService, request: web.Request) -> Found | None:
    """Return the function that a request is for; None: it is one of the API.

    Raises:
        FcError: FunctionNotFound, TriggerNotFound, DomainRouteNotFound; AccessDenied: its URL on the internet is switched off, or
            its domain takes another protocol.
    """
    host = request[HOST]
    path, _, query = request.raw_path.partition("?")
    if domain := fc.domains.find(host):
        return _found_by_domain(fc, domain, request)
    if host.endswith(APPS):
        trigger = fc.triggers.by_id(host.partition(".")[0])
        _check_reach(trigger, within=host.partition(".")[2].removesuffix(APPS).endswith("-vpc"))
        return _found(trigger, path=path, query=query, is_own=True)
    if match := _BY_ID.fullmatch(path):
        trigger = fc.triggers.by_id(match[2])
        _check_reach(trigger, within=path.startswith(HTTP_TRIGGERS_VPC))
        return _found(trigger, prefix=match[1], path=match[3] or "/", query=query)
    if match := _PROXY.fullmatch(path):
        function = f"services/{unquote(match[2])}/functions/{unquote(match[4])}"
        trigger = fc.triggers.http_of(function, match[3] or "")
        _check_reach(trigger, within=not host.endswith(NAMES) or "-internal." in host)
        return _found(trigger, prefix=match[1], path=match[5] or "/", query=query, is_own=host.endswith(NAMES))
    return None


def _check_reach(trigger: Trigger, *, within: bool) -> None:
    """Refuse a request from beyond the region where only those from `within` are wanted.

    Raises:
        FcError: AccessDenied.
    """
    if trigger.config.get("disableURLInternet") and not within:
        raise FcError("AccessDenied", f"the URL of trigger '{trigger.name}' on the internet is switched off")


def _found(trigger: Trigger, *, path: str, query: str, prefix: str = "", is_own: bool = False) -> Found:
    return Found(
        name=f"trigger '{trigger.name}'",
        function=trigger.function,
        qualifier=trigger.qualifier,
        methods=trigger.config["methods"],
        is_anonymous=trigger.config["authType"] == "anonymous",
        prefix=prefix,
        path=path,
        query=query,
        is_own=is_own,
    )


def _found_by_domain(fc: FcService, domain: CustomDomain, request: web.Request) -> Found:
    if request.scheme.upper() not in domain.protocols:
        raise FcError("AccessDenied", f"the custom domain '{domain.name}' takes {' and '.join(domain.protocols)} only")
    path, _, query = request.raw_path.partition("?")
    route = find_route(domain, path)
    path, _, query = rewrite(route.rules, f"{path}?{query}" if query else path).partition("?")
    if domain.generation == 2:
        return _found(fc.triggers.http_of(route.function, route.qualifier), path=path, query=query)
    return Found(
        name=f"the custom domain '{domain.name}'",
        function=route.function,
        qualifier=route.qualifier,
        methods=route.methods or METHODS,
        is_anonymous=domain.authentication == "anonymous",
        prefix="",
        path=path,
        query=query,
        is_own=False,
    )


async def serve_trigger(fc: FcService, request: web.Request, found: Found, authorize: Authorize) -> web.StreamResponse:
    """Run a function for a request, and return its response.

    Args:
        fc: the domain.
        request: the request.
        found: what it is for.
        authorize: refuses a request that is not signed by somebody who may invoke the function with that path.

    Raises:
        FcError: MethodNotAllowed, EntityTooLarge, and what `authorize` and an invocation raise.
    """
    if request.method not in found.methods:
        raise FcError("MethodNotAllowed", f"{found.name} takes {', '.join(found.methods)} only")
    signed = await read_request(request)
    if not found.is_anonymous:
        authorize(signed, request, found.function)
    _check_size(signed, f"{found.path}?{found.query}" if found.query else found.path)
    asked = HttpRequest(
        method=request.method,
        prefix=found.prefix,
        path=found.path,
        query=read_query(found.query),
        query_string=found.query,
        # Only the platform says what begins with `x-fc-`.
        headers={
            name: value
            for name, value in signed.headers.items()
            if name not in _OF_CONNECTION and not name.startswith(_PLATFORM)
        },
        body=signed.body,
        host=request.host,
        protocol=f"HTTP/{request.version.major}.{request.version.minor}",
        source_ip=request.remote or "",
    )
    engine = RUNTIMES[fc.aliases.release(found.function, found.qualifier).function.runtime].engine
    is_fc2 = found.function.startswith("services/")
    is_event = not is_fc2 and engine is not Engine.PROGRAM
    if signed.headers.get("x-fc-invocation-type") == "Async":
        if not is_event:
            whose = "FC 2.0" if is_fc2 else "custom runtimes"
            raise FcError("NotImplemented", f"not implemented: x-fc-invocation-type Async for HTTP triggers of {whose}")
        return _accept(fc, found, asked, request[ID], delay=read_delay(signed.headers))
    as_request = make_environ if engine is Engine.PYTHON else make_request
    payload = _event(fc, asked, request[ID]) if is_event else as_request(asked)

    def invoke(parts: Parts) -> Awaitable[Invocation]:
        return fc.invocations.invoke(
            found.function,
            payload,
            request_id=request[ID],
            qualifier=found.qualifier,
            operation=INVOKE if is_event else HTTP,
            parts=parts,
        )

    done = await pass_parts_on(request, invoke, partial(_begin, is_own=found.is_own))
    return done if isinstance(done, web.StreamResponse) else _respond(done, found, is_event=is_event)


def _check_size(request: SignedRequest, uri: str) -> None:
    """Refuse a request that is too large for a function.

    Raises:
        FcError: InvalidArgument, EntityTooLarge.
    """
    if len(uri) > MAX_HTTP_PATH:
        raise FcError("InvalidArgument", f"the path has {len(uri)} bytes; at most {MAX_HTTP_PATH} are allowed")
    check_headers("InvalidArgument", request.headers.items())
    if len(request.body) > MAX_SYNC_PAYLOAD:
        raise FcError(
            "EntityTooLarge", f"the body has {len(request.body)} bytes; at most {MAX_SYNC_PAYLOAD} are allowed"
        )


def _event(fc: FcService, asked: HttpRequest, request_id: str) -> bytes:
    return make_event(asked, account_id=fc.settings.account_id, request_id=request_id, now=fc.now())


def _accept(fc: FcService, found: Found, asked: HttpRequest, request_id: str, *, delay: int) -> web.Response:
    payload = _event(fc, asked, request_id)
    fc.invocations.invoke_async(
        found.function,
        payload,
        request_id=request_id,
        qualifier=found.qualifier,
        delay=delay,
    )
    return web.Response(status=202)


def _respond(done: Invocation, found: Found, *, is_event: bool) -> web.Response:
    answer = done.answer
    own = describe(done, function=found.function, qualifier=found.qualifier)
    if answer.error_type:  # 502 is assumed
        kind = "application/octet-stream" if answer.own_words else "application/json"
        return web.Response(status=502, body=answer.body, headers=own, content_type=kind)
    try:
        response: HttpResponse = (read_response if is_event else read_wsgi_response)(answer.body)
    except MalformedResponseError as error:
        own["X-Fc-Error-Type"] = "UnhandledInvocationError"
        document = {"errorMessage": f"the function returned no HTTP response: {error}"}
        return web.json_response(document, status=502, headers=own)
    made = web.Response(status=response.status, body=response.body, headers=own)
    made.headers.popall("Content-Type", None)
    _set_headers(made, response, is_own=found.is_own)
    return made


def _begin(head: bytes, instance: str, *, is_own: bool) -> web.StreamResponse:
    """Make the response whose body comes in parts; nobody knows yet how long the invocation takes.

    Raises:
        FcError: InternalServerError: the head cannot be sent.
    """
    try:
        response = read_wsgi_response(head)
    except MalformedResponseError as error:
        raise FcError("InternalServerError", f"the function returned no HTTP response: {error}") from error
    made = web.StreamResponse(status=response.status, headers={"X-Fc-Instance-Id": instance})
    _set_headers(made, response, is_own=is_own)
    return made


def _set_headers(made: web.StreamResponse, response: HttpResponse, *, is_own: bool) -> None:
    for name, value in response.headers:
        if name.lower() not in _OWN and not name.lower().startswith(_PLATFORM):
            made.headers.add(name, value)
    if is_own:  # as the platform does at its own domain, so that a browser does not show the page
        made.headers["Content-Disposition"] = "attachment"
