"""RPC-style APIs over HTTP: one path, the action in a parameter or header, answers as JSON or XML.

RAM, STS and ROS are such APIs. A service gives `create_app` its version and its actions; what is the same for all of them happens
here: read, authenticate, find the action, render the answer or the error. FC, which is not RPC-style, uses `read_request` alone.
Each value has one source, the signed one: what is in a request besides it is not looked at.

Sources: "Request syntax and signature method V2 (RPC)" and "V3", "Response format" (Alibaba Cloud SDK reference).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from localcloud.kernel.access import Caller
from localcloud.kernel.door import BODIES, ID, headers_of, host_of, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Identity
from localcloud.kernel.signatures import Authenticator, SignedRequest, read_query
from localcloud.kernel.xml import render

LARGE = 64 * 1024  # bytes of a body that is hashed and decoded in a thread: the event loop serves everybody
_FORMAT = web.RequestKey("format", str)  # of the answer, as the request's parameters ask for it

# Parameters that belong to the protocol, not to an action.
_PROTOCOL = frozenset(
    {"Action", "Version", "Format", "AccessKeyId", "Timestamp", "SecurityToken"}
    | {"Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "SignatureType"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One authenticated call of an action."""

    action: str
    parameters: Mapping[str, str]  # of the action; those of the protocol are left out
    identity: Identity
    secure: bool  # came over TLS
    source_ip: str

    @property
    def caller(self) -> Caller:
        """The caller, as policies see it."""
        return Caller.of_request(self.identity, source_ip=self.source_ip, secure=self.secure)


Result = TypeVar("Result")
Action = Callable[[Call], Awaitable[Mapping[str, object]]]


async def read_request(request: web.Request, *, compares: bool = True) -> SignedRequest:
    """Return what the signature of a request covers; reads the whole body, within the application's bounds.

    Args:
        request: the request.
        compares: whether the body has to be the one that Content-MD5 speaks of.

    Raises:
        AuthenticationError: the query is not UTF-8.
        ApiError: InvalidDigest: the body is not the one that Content-MD5 speaks of.
    """
    path, _, query = request.raw_path.partition("?")
    signed = SignedRequest(
        method=request.method,
        path=path,
        query=read_query(query),
        headers=headers_of(request),
        body=await request.app[BODIES].read(request),
    )
    given = signed.headers.get("content-md5")
    if compares and given and not {given, given.lower()} & await aside(signed, lambda: _digests(signed.body)):
        raise ApiError("InvalidDigest", "Content-MD5 is not the digest of the body received.", 400)
    return signed


async def aside(request: SignedRequest, work: Callable[[], Result]) -> Result:
    """Do what takes the longer the larger a request is; in a thread when it is large."""
    return await asyncio.to_thread(work) if len(request.body) > LARGE else work()


def _digests(body: bytes) -> set[str]:
    """Return the MD5 digest as headers have it: in base64 (RFC 1864), in hexadecimal digits, or these in base64.

    The second is how aliyun-fc2 and the log service's client write it, the third how `@alicloud/fc2` does.
    """
    digest = hashlib.md5(body, usedforsecurity=False)
    digits = digest.hexdigest()
    return {base64.b64encode(digest.digest()).decode(), digits, base64.b64encode(digits.encode()).decode()}


def create_app(
    *,
    version: str,
    actions: Mapping[str, Action],
    authenticator: Authenticator,
    serves: Callable[[str], bool],
    max_body: int = 1024**2,
    unsigned: frozenset[str] = frozenset(),
) -> web.Application:
    """Return an application that serves one RPC-style API at `/`, by GET and POST.

    Args:
        version: the API's version, `2015-05-01`.
        actions: what to run, by the action's name. It returns the answer without RequestId, and raises `ApiError`.
        authenticator: shared by all services of a process.
        serves: says whether a host name is the API's.
        max_body: bytes of the largest request body.
        unsigned: actions that are not implemented, and that nobody signs; anybody learns that.
    """

    async def answer(request: web.Request) -> web.Response:
        signed = await read_request(request)
        parameters = await aside(signed, lambda: signed.parameters)
        request[_FORMAT] = parameters.get("Format", "")
        if (asked := signed.headers.get("x-acs-action") or parameters.get("Action")) in unsigned:
            raise _not_implemented(asked, version)
        identity = await aside(signed, lambda: authenticator.authenticate(signed))
        action, run = _find(signed, version, actions)
        call = Call(
            action=action,
            parameters={name: value for name, value in parameters.items() if name not in _PROTOCOL},
            identity=identity,
            secure=request.secure,
            source_ip=request.remote or "",
        )
        body = {"RequestId": request[ID], **await run(call)}
        return _render(request, 200, f"{action}Response", body)

    app = open_door(_Rpc(), serves=serves, max_body=max_body)
    app.router.add_get("/", answer)
    app.router.add_post("/", answer)
    return app


class _Rpc:
    """The way in which RPC-style APIs word ids and errors."""

    request_id_header = "x-acs-request-id"

    def new_request_id(self) -> str:
        return str(uuid.uuid4()).upper()

    def fault(self, status: int, message: str) -> ApiError:
        return ApiError(
            {404: "InvalidApi.NotFound", 500: "InternalError", 503: "ServiceUnavailable"}.get(
                status, "InvalidParameter"
            ),
            message,
            status,
        )

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        body = {"RequestId": request[ID], "HostId": host_of(request), "Code": error.code, "Message": error.message}
        return _render(request, error.status, "Error", body)


def _find(signed: SignedRequest, version: str, actions: Mapping[str, Action]) -> tuple[str, Action]:
    name, asked = signed.operation
    if not name:
        raise ApiError(
            "MissingAction", "Action is mandatory: name it in the header x-acs-action, or in the parameter Action.", 400
        )
    if asked != version:
        raise ApiError(
            "InvalidVersion", f"Specified parameter Version is not valid: {asked}; this service has {version}.", 400
        )
    if name not in actions:
        raise _not_implemented(name, version)
    return name, actions[name]


def _not_implemented(name: str | None, version: str) -> ApiError:
    return ApiError("InvalidAction.NotFound", f"not implemented: {name} of version {version}.", 404)


def _render(request: web.Request, status: int, root: str, body: Mapping[str, object]) -> web.Response:
    """Render an answer: V3 requests get JSON; the others what `Format` says, XML by default ("Common parameters")."""
    asked = request.get(_FORMAT) or request.query.get("Format", "")
    if request.headers.get("Authorization") or asked.upper() == "JSON":
        return web.json_response(body, status=status)
    return web.Response(body=render(root, body), status=status, content_type="text/xml", charset="utf-8")
