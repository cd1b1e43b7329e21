"""The Function Compute API on the wire: three versions of it, one domain behind them.

Sources: Function Compute API references 2016-08-15 and 2021-04-06 (FC 2.0), 2023-03-30 (FC 3.0).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from aiohttp import web

from localcloud.fc.api import signing, wire
from localcloud.fc.api.bodies import Body, parse_body
from localcloud.fc.api.paths import LATEST, Target, find_target
from localcloud.fc.errors import STATUS, FcError
from localcloud.fc.model import MAX_CODE_API, MB, Function
from localcloud.fc.service import FcService, Permit, Settings, new_request_id
from localcloud.kernel.door import ADMINISTRATION, EVERYTHING, ID, is_administrator, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer, CredentialStore, Identity
from localcloud.kernel.rpc import aside, read_request
from localcloud.kernel.signatures import Authenticator, SignedRequest
from localcloud.kernel.values import read_whole

MAX_BODY = MAX_CODE_API * 4 // 3 + MB  # bytes: a code package in base64, and the rest of the request
ADMIN = ADMINISTRATION + "instances"

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request on its way to a handler, which looks at nothing else of it."""

    target: Target
    request_id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # by lower-case name
    payload: bytes  # the body as sent
    body: Body  # the body as JSON; empty for an invocation, whose body is the function's
    permit_code: Permit  # refuses an object as code package that the caller may not read


class Api:
    """The operations of all versions."""

    def __init__(
        self,
        service: FcService,
        settings: Settings,
        *,
        authenticator: Authenticator,
        credentials: CredentialStore,
        authorizer: Authorizer,
        admin_token: str,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._settings = settings
        self._authenticator = authenticator
        self._credentials = credentials
        self._authorizer = authorizer
        self._admin_token = admin_token
        self._clock = clock
        self._operations: Mapping[str, Callable[[Call], Awaitable[web.Response]]] = {
            "CreateService": self._create_service,
            "GetService": self._get_service,
            "ListServices": self._list_services,
            "UpdateService": self._update_service,
            "DeleteService": self._delete_service,
            "CreateFunction": self._create_function,
            "GetFunction": self._get_function,
            "ListFunctions": self._list_functions,
            "UpdateFunction": self._update_function,
            "DeleteFunction": self._delete_function,
            "CreateTrigger": self._create_trigger,
            "GetTrigger": self._get_trigger,
            "ListTriggers": self._list_triggers,
            "UpdateTrigger": self._update_trigger,
            "DeleteTrigger": self._delete_trigger,
            "InvokeFunction": self._invoke,
        }

    # What every request goes through

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Find what a request asks for, authenticate it, authorize it, and do it: all four from the same `Target`."""
        signed = await read_request(request)
        identity = await aside(signed, lambda: self._identify(signed))
        target = find_target(signed.method, signed.path)
        if target is None:
            raise web.HTTPNotFound
        # The name of what is created stands in the body; all others are refused before anybody's body is parsed.
        creates = target.operation.startswith("Create")
        body = parse_body(signed.body) if creates else {}
        target = target.created(body)
        region, account_id = self._settings.region, self._settings.account_id
        self._authorize(request, identity, f"fc:{target.operation}", f"acs:fc:{region}:{account_id}:{target.resource}")
        if not creates and target.operation != "InvokeFunction":
            body = parse_body(signed.body)

        def permit_code(bucket: str, key: str) -> None:
            # Whoever runs code can read it. That Function Compute asks for this right as ROS does is assumed.
            self._authorize(request, identity, "oss:GetObject", f"acs:oss:oss-{region}:{account_id}:{bucket}/{key}")

        call = Call(
            target=target,
            request_id=request[ID],
            query=signed.query_parameters,
            headers=signed.headers,
            payload=signed.body,
            body=body,
            permit_code=permit_code,
        )
        # Whoever gives a function a role can do with it what the role may, so that takes a right of its own.
        for role in filter(None, (body.get("role"), body.get("invocationRole"))):
            self._authorize(request, identity, "ram:PassRole", str(role), {"acs:Service": "fc.aliyuncs.com"})
        if call.query.get("qualifier", LATEST) != LATEST:
            raise FcError("NotImplemented", f"not implemented: qualifiers other than {LATEST}")
        return await self._operations[target.operation](call)

    def _identify(self, signed: SignedRequest) -> Identity:
        if signed.headers.get("authorization", "").startswith(signing.SCHEME):
            return signing.authenticate(signed, credentials=self._credentials, now=self._clock())
        if not signed.has_acs3:  # an RPC signature would cover neither the path nor the body
            raise FcError("MissingRequiredHeader", "the header Authorization is missing: sign the request")
        return self._authenticator.authenticate(signed)

    def _authorize(
        self,
        request: web.Request,
        identity: Identity,
        action: str,
        resource: str,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        conditions = {
            "acs:SourceIp": request.remote or "",
            "acs:SecureTransport": "true" if request.secure else "false",
            **more,
        }
        if not self._authorizer.is_allowed(identity, action=action, resource=resource, conditions=conditions):
            raise FcError(
                "AccessDenied",
                f"no policy of {identity.role_arn or identity.account_id} allows {action} on {resource}",
            )

    # Services

    async def _create_service(self, call: Call) -> web.Response:
        """CreateService."""
        created = self._service.create_service(wire.read_service(call.body))
        return web.json_response(wire.write_service(created))

    async def _get_service(self, call: Call) -> web.Response:
        """GetService."""
        return web.json_response(wire.write_service(self._service.service(call.target.service)))

    async def _list_services(self, call: Call) -> web.Response:
        """ListServices."""
        return _page(call, "services", self._service.services(), lambda each: each.name, wire.write_service)

    async def _update_service(self, call: Call) -> web.Response:
        """UpdateService."""
        before = self._service.service(call.target.service)
        updated = self._service.update_service(wire.read_service(call.body, before))
        return web.json_response(wire.write_service(updated))

    async def _delete_service(self, call: Call) -> web.Response:
        """DeleteService."""
        self._service.delete_service(call.target.service)
        return web.Response(status=204)

    # Functions

    async def _create_function(self, call: Call) -> web.Response:
        """CreateFunction."""
        service = call.target.service
        function, code = await asyncio.to_thread(
            wire.read_function, call.body, generation=call.target.generation, service=service
        )
        assert code is not None
        created = await self._service.create_function(function, code, permit=call.permit_code)
        return web.json_response(self._write(created))

    def _write(self, function: Function) -> dict[str, Any]:
        return wire.write_function(function, region=self._settings.region, account_id=self._settings.account_id)

    async def _get_function(self, call: Call) -> web.Response:
        """GetFunction."""
        return web.json_response(self._write(self._service.function(call.target.path)))

    async def _list_functions(self, call: Call) -> web.Response:
        """ListFunctions."""
        service = call.target.service
        if service:
            self._service.service(service)
        return _page(call, "functions", self._service.functions(service), lambda each: each.name, self._write)

    async def _update_function(self, call: Call) -> web.Response:
        """UpdateFunction."""
        before = self._service.function(call.target.path)
        function, code = await asyncio.to_thread(
            wire.read_function, call.body, generation=call.target.generation, service=before.service, before=before
        )
        updated = await self._service.update_function(function, code, permit=call.permit_code)
        return web.json_response(self._write(updated))

    async def _delete_function(self, call: Call) -> web.Response:
        """DeleteFunction."""
        self._service.delete_function(call.target.path)
        return web.Response(status=204)

    # Triggers

    async def _create_trigger(self, call: Call) -> web.Response:
        """CreateTrigger."""
        trigger = wire.read_trigger(call.body, function=call.target.path)
        return web.json_response(wire.write_trigger(self._service.create_trigger(trigger)))

    async def _get_trigger(self, call: Call) -> web.Response:
        """GetTrigger."""
        trigger = self._service.trigger(call.target.path, call.target.trigger)
        return web.json_response(wire.write_trigger(trigger))

    async def _list_triggers(self, call: Call) -> web.Response:
        """ListTriggers."""
        found = self._service.triggers(call.target.path)
        return _page(call, "triggers", found, lambda each: each.name, wire.write_trigger)

    async def _update_trigger(self, call: Call) -> web.Response:
        """UpdateTrigger."""
        before = self._service.trigger(call.target.path, call.target.trigger)
        trigger = wire.read_trigger(call.body, function=before.function, before=before)
        return web.json_response(wire.write_trigger(self._service.update_trigger(trigger)))

    async def _delete_trigger(self, call: Call) -> web.Response:
        """DeleteTrigger."""
        self._service.delete_trigger(call.target.path, call.target.trigger)
        return web.Response(status=204)

    # Invocations

    async def _invoke(self, call: Call) -> web.Response:
        """InvokeFunction."""
        path, payload = call.target.path, call.payload
        if _header(call, "x-fc-invocation-type", "Sync", ("Sync", "Async")) == "Async":
            self._service.invoke_async(path, payload, request_id=call.request_id)
            return web.Response(status=202)
        tail = _header(call, "x-fc-log-type", "None", ("None", "Tail")) == "Tail"
        done = await self._service.invoke(path, payload, request_id=call.request_id)
        headers = {
            "x-fc-code-checksum": done.instance.function.code_checksum,
            "x-fc-instance-id": done.instance.id,
            "x-fc-invocation-duration": f"{done.answer.duration * 1000:.0f}",
            "x-fc-max-memory-usage": f"{done.answer.peak_memory / MB:.2f}",
        }
        if done.answer.error_type:
            headers["x-fc-error-type"] = done.answer.error_type
        if tail:
            headers["x-fc-log-result"] = base64.b64encode(done.log_tail).decode()
        kind = "application/json" if done.answer.error_type else "application/octet-stream"
        return web.Response(body=done.answer.body, headers=headers, content_type=kind)

    # Administration

    async def list_instances(self, request: web.Request) -> web.Response:
        """Show the instances that run; of the embedded cloud alone."""
        if not is_administrator(request, self._admin_token):
            return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
        shown = [
            {
                "function": instance.function.path,
                "id": instance.id,
                "pid": instance.pid,
                "state": "frozen" if instance.frozen else "running",
                "initialized": instance.initialized,
                "requests": instance.requests,
                "initializer_seconds": instance.initializer_seconds,
                "peak_memory": instance.peak_memory,
                "disk": instance.disk,
                "peak_disk": instance.peak_disk,
            }
            for instance in self._service.instances()
            if instance.alive
        ]
        return web.json_response({"instances": shown})


def _header(call: Call, name: str, default: str, allowed: Sequence[str]) -> str:
    value = call.headers.get(name) or default
    if value not in allowed:
        raise FcError("InvalidArgument", f"{name} is {value!r}; expected one of {', '.join(allowed)}")
    return value


def _page(
    call: Call,
    name: str,
    items: Sequence[Item],
    key_of: Callable[[Item], str],
    write: Callable[[Item], dict[str, Any]],
) -> web.Response:
    """Return one page of a list: `limit`, `prefix`, `startKey`, `nextToken` (which is the next item's name)."""
    try:
        limit = read_whole(call.query.get("limit", "20"))
    except ValueError as error:
        raise FcError("InvalidArgument", f"limit: {error}") from error
    if not 1 <= limit <= 100:
        raise FcError("InvalidArgument", f"limit is {limit}; expected 1 to 100")
    start = call.query.get("nextToken") or call.query.get("startKey") or ""
    prefix = call.query.get("prefix", "")
    found = [item for item in items if key_of(item).startswith(prefix) and key_of(item) >= start]
    page, rest = found[:limit], found[limit:]
    body: dict[str, Any] = {name: [write(item) for item in page]}
    if rest:
        body["nextToken"] = key_of(rest[0])
    return web.json_response(body)


class _Fc:
    """How Function Compute says what every service says."""

    request_id_header = "x-fc-request-id"

    def new_request_id(self) -> str:
        return new_request_id()

    def fault(self, status: int, message: str) -> ApiError:
        codes = {404: "NotImplemented", 405: "NotImplemented", 413: "EntityTooLarge", 500: "InternalServerError"}
        code = codes.get(status, "InvalidArgument")
        return ApiError(code, message, STATUS["EntityTooLarge"] if status == 413 else status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        # The first two names are those of version 2016-08-15, the others those of the later ones.
        body = {
            "ErrorCode": error.code,
            "ErrorMessage": error.message,
            "Code": error.code,
            "Message": error.message,
            "RequestId": request[ID],
        }
        return web.json_response(body, status=error.status)


def create_app(api: Api, *, serves: Callable[[str], bool]) -> web.Application:
    """Return the application that serves Function Compute.

    Args:
        api: the operations.
        serves: says whether a host name is Function Compute's.
    """
    application = open_door(_Fc(), serves=serves, max_body=MAX_BODY)
    application.router.add_get(ADMIN, api.list_instances)
    application.router.add_route("*", EVERYTHING, api.serve)
    return application
