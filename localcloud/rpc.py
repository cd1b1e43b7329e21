"""RPC-style APIs over HTTP: one path, the action in a parameter or header, answers as JSON or XML.

RAM, STS and ROS are such APIs. A service gives `create_app` its version and its actions; what is the same for all of them happens
here: read, authenticate, find the action, render the answer or the error. FC, which is not RPC-style, uses `read_request` alone.

Sources: "Request syntax and signature method V2 (RPC)" and "V3", "Response format" (Alibaba Cloud SDK reference).
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from aiohttp import web

from localcloud.apierror import ApiError
from localcloud.identity import Identity
from localcloud.signatures import Authenticator, SignedRequest

_LOG = logging.getLogger(__name__)

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


Action = Callable[[Call], Awaitable[Mapping[str, object]]]


async def read_request(request: web.Request) -> SignedRequest:
    """Return what the signature of a request covers; reads the whole body, within the application's `client_max_size`."""
    path, _, query = request.raw_path.partition("?")
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return SignedRequest(
        method=request.method,
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=await request.read(),
    )


def create_app(
    *, version: str, actions: Mapping[str, Action], authenticator: Authenticator, max_body: int = 1024**2
) -> web.Application:
    """Return an application that serves one RPC-style API at `/`, by GET and POST.

    Args:
        version: the API's version, `2015-05-01`.
        actions: what to run, by the action's name. It returns the answer without RequestId, and raises `ApiError`.
        authenticator: shared by all services of a process.
        max_body: bytes of the largest request body.
    """

    async def answer(request: web.Request) -> web.Response:
        request_id = str(uuid.uuid4()).upper()
        action, output = "Error", _output_format(request.query.get("Format"), request.headers)
        try:
            signed = await read_request(request)
            output = _output_format(signed.parameters.get("Format"), request.headers)
            identity = authenticator.authenticate(signed)
            action, run = _find(signed, version, actions)
            call = Call(
                action=action,
                parameters={name: value for name, value in signed.parameters.items() if name not in _PROTOCOL},
                identity=identity,
                secure=request.secure,
                source_ip=request.remote or "",
            )
            body = {"RequestId": request_id, **await run(call)}
        except ApiError as error:
            return _error(error.status, error.code, error.message, request, request_id, output)
        except web.HTTPException as error:  # the body is too large
            return _error(error.status, "InvalidParameter", error.reason, request, request_id, output)
        except Exception:  # noqa: BLE001 - the API's clients get an answer in its format, the log gets the traceback
            _LOG.exception("%s failed (request %s)", action, request_id)
            message = f"the embedded cloud failed at {action}; its log has the traceback."
            return _error(500, "InternalError", message, request, request_id, output)
        return _render(200, f"{action}Response", body, output)

    app = web.Application(client_max_size=max_body)
    app.router.add_get("/", answer)
    app.router.add_post("/", answer)
    return app


def _find(signed: SignedRequest, version: str, actions: Mapping[str, Action]) -> tuple[str, Action]:
    name = signed.headers.get("x-acs-action") or signed.parameters.get("Action", "")
    asked = signed.headers.get("x-acs-version") or signed.parameters.get("Version")
    if not name:
        raise ApiError(
            "MissingAction", "Action is mandatory: name it in the parameter Action or the header x-acs-action.", 400
        )
    if asked != version:
        raise ApiError(
            "InvalidVersion", f"Specified parameter Version is not valid: {asked}; this service has {version}.", 400
        )
    if name not in actions:
        raise ApiError("InvalidAction.NotFound", f"not implemented: {name} of version {version}.", 404)
    return name, actions[name]


def _output_format(asked: str | None, headers: Mapping[str, str]) -> str:
    """V3 requests get JSON; the others what `Format` says, XML by default ("Common parameters")."""
    if headers.get("Authorization"):
        return "JSON"
    return "JSON" if (asked or "XML").upper() == "JSON" else "XML"


def _error(status: int, code: str, message: str, request: web.Request, request_id: str, output: str) -> web.Response:
    body = {"RequestId": request_id, "HostId": request.host, "Code": code, "Message": message}
    return _render(status, "Error", body, output)


def _render(status: int, root: str, body: Mapping[str, object], output: str) -> web.Response:
    if output == "JSON":
        return web.json_response(body, status=status, dumps=lambda value: json.dumps(value, ensure_ascii=False))
    element = ElementTree.Element(root)
    _fill(element, body)
    text = ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)
    return web.Response(body=text, status=status, content_type="text/xml", charset="utf-8")


def _fill(parent: ElementTree.Element, value: object) -> None:
    """A mapping becomes child elements, a list repeats its element, the rest is text."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            for one in item if isinstance(item, list) else [item]:
                _fill(ElementTree.SubElement(parent, name), one)
    elif isinstance(value, bool):
        parent.text = str(value).lower()
    elif value is not None:
        parent.text = str(value)
