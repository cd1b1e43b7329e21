"""HTTP triggers on the wire: at names of their own under fcapp.run, at an address of loopback, and at the path of FC 2.0.

A trigger that asks for signed requests takes the signatures of Function Compute's API, of whoever may invoke the function.
Source: Function Compute 2.0 and 3.0, "HTTP triggers".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from localcloud.fc.api.invocations import read_delay
from localcloud.fc.api.triggers import HTTP_TRIGGERS
from localcloud.fc.errors import FcError
from localcloud.fc.instances.messages import HTTP, INVOKE
from localcloud.fc.model import Invocation, Trigger
from localcloud.fc.operations.http_triggers import (
    HttpRequest,
    HttpResponse,
    MalformedResponseError,
    make_environ,
    make_event,
    make_request,
    read_response,
    read_wsgi_response,
)
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import MAX_SYNC_PAYLOAD, RUNTIMES, Engine
from localcloud.kernel.door import HOST, ID
from localcloud.kernel.rpc import read_request
from localcloud.kernel.signatures import SignedRequest

APPS = ".fcapp.run"
_PROXY = re.compile(r"(/2016-08-15/proxy/([^/.]+)(?:\.([^/]+))?/([^/]+))(/.*)?", re.DOTALL)
_BY_ID = re.compile(rf"({re.escape(HTTP_TRIGGERS)}([^/]+))(/.*)?", re.DOTALL)
# What belongs to a connection (RFC 9110 section 7.6.1), and what the platform sets by itself.
_OF_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)
_OWN = _OF_CONNECTION | {"content-length", "date", "server"}

Authorize = Callable[[SignedRequest, web.Request, str], object]  # refuses a request for the function with a path


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The trigger that a request is for."""

    trigger: Trigger
    prefix: str  # of the path, before the function's own part
    path: str  # as sent
    is_app: bool  # it came to a name under fcapp.run


def find_trigger(fc: FcService, request: web.Request) -> Found | None:
    """Return the trigger that a request is for; None: it is one of the API.

    Raises:
        FcError: FunctionNotFound, TriggerNotFound; AccessDenied: its URL on the internet is switched off.
    """
    path, host = request.raw_path.partition("?")[0], request[HOST]
    if host.endswith(APPS):
        trigger = fc.triggers.by_id(host.partition(".")[0])
        within = host.partition(".")[2].removesuffix(APPS).endswith("-vpc")
        if trigger.config.get("disableURLInternet") and not within:
            raise FcError("AccessDenied", f"the URL of trigger '{trigger.name}' on the internet is switched off")
        return Found(trigger=trigger, prefix="", path=path, is_app=True)
    if match := _BY_ID.fullmatch(path):
        return Found(trigger=fc.triggers.by_id(match[2]), prefix=match[1], path=match[3] or "/", is_app=False)
    if match := _PROXY.fullmatch(path):
        function = f"services/{unquote(match[2])}/functions/{unquote(match[4])}"
        trigger = fc.triggers.http_of(function, match[3] or "")
        return Found(trigger=trigger, prefix=match[1], path=match[5] or "/", is_app=False)
    return None


async def serve_trigger(fc: FcService, request: web.Request, found: Found, authorize: Authorize) -> web.Response:
    """Run the function of a trigger for a request, and return its response.

    Args:
        fc: the domain.
        request: the request.
        found: what it is for.
        authorize: refuses a request that is not signed by somebody who may invoke the function with that path.

    Raises:
        FcError: MethodNotAllowed, EntityTooLarge, and what `authorize` and an invocation raise.
    """
    trigger = found.trigger
    if request.method not in trigger.config["methods"]:
        raise FcError("MethodNotAllowed", f"trigger '{trigger.name}' takes {', '.join(trigger.config['methods'])} only")
    signed = await read_request(request)
    if trigger.config["authType"] != "anonymous":
        authorize(signed, request, trigger.function)
    if len(signed.body) > MAX_SYNC_PAYLOAD:
        raise FcError(
            "EntityTooLarge", f"the body has {len(signed.body)} bytes; at most {MAX_SYNC_PAYLOAD} are allowed"
        )
    asked = HttpRequest(
        method=request.method,
        prefix=found.prefix,
        path=found.path,
        query=signed.query,
        query_string=request.raw_path.partition("?")[2],
        headers={name: value for name, value in signed.headers.items() if name not in _OF_CONNECTION},
        body=signed.body,
        host=request.host,
        protocol=f"HTTP/{request.version.major}.{request.version.minor}",
        scheme=request.scheme,
        source_ip=request.remote or "",
    )
    engine = RUNTIMES[fc.aliases.release(trigger.function, trigger.qualifier).function.runtime].engine
    is_fc2 = trigger.function.startswith("services/")
    is_event = not is_fc2 and engine is not Engine.PROGRAM
    if signed.headers.get("x-fc-invocation-type") == "Async":
        if not is_event:
            whose = "FC 2.0" if is_fc2 else "custom runtimes"
            raise FcError("NotImplemented", f"not implemented: x-fc-invocation-type Async for HTTP triggers of {whose}")
        return _accept(fc, trigger, asked, request[ID])
    as_request = make_environ if engine is Engine.PYTHON else make_request
    payload = _event(fc, asked, request[ID]) if is_event else as_request(asked)
    done = await fc.invocations.invoke(
        trigger.function,
        payload,
        request_id=request[ID],
        qualifier=trigger.qualifier,
        operation=INVOKE if is_event else HTTP,
    )
    return _respond(done, is_event=is_event, is_app=found.is_app)


def _event(fc: FcService, asked: HttpRequest, request_id: str) -> bytes:
    return make_event(asked, account_id=fc.settings.account_id, request_id=request_id, now=fc.now())


def _accept(fc: FcService, trigger: Trigger, asked: HttpRequest, request_id: str) -> web.Response:
    payload = _event(fc, asked, request_id)
    fc.invocations.invoke_async(
        trigger.function,
        payload,
        request_id=request_id,
        qualifier=trigger.qualifier,
        delay=read_delay(asked.headers),
    )
    return web.Response(status=202)


def _respond(done: Invocation, *, is_event: bool, is_app: bool) -> web.Response:
    answer = done.answer
    own = {
        "x-fc-instance-id": done.instance_id,
        "x-fc-invocation-duration": f"{answer.duration * 1000:.0f}",
    }
    if answer.error_type:  # 502 is assumed
        own["x-fc-error-type"] = answer.error_type
        return web.Response(status=502, body=answer.body, headers=own, content_type="application/json")
    try:
        response: HttpResponse = (read_response if is_event else read_wsgi_response)(answer.body)
    except MalformedResponseError as error:
        own["x-fc-error-type"] = "UnhandledInvocationError"
        document = {"errorMessage": f"the function returned no HTTP response: {error}"}
        return web.json_response(document, status=502, headers=own)
    made = web.Response(status=response.status, body=response.body, headers=own)
    made.headers.popall("Content-Type", None)
    for name, value in response.headers:
        if name.lower() not in _OWN:
            made.headers.add(name, value)
    if is_app:  # as the platform does at its own domain, so that a browser does not show the page
        made.headers["Content-Disposition"] = "attachment"
    return made
