"""The Function Compute API on the wire: three versions of it, one domain behind them.

Sources: Function Compute API references 2016-08-15 and 2021-04-06 (FC 2.0), 2023-03-30 (FC 3.0).
"""

from __future__ import annotations

import base64
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

from localcloud.apierror import ApiError
from localcloud.fc import signing, wire
from localcloud.fc.errors import STATUS, FcError
from localcloud.fc.model import MAX_CODE_API, MB, Function
from localcloud.fc.service import FcService, Settings, new_request_id
from localcloud.identity import Authorizer, CredentialStore, Identity
from localcloud.rpc import read_request
from localcloud.signatures import Authenticator

FC2_VERSIONS = ("2016-08-15", "2021-04-06")
FC3_VERSION = "2023-03-30"
ADMIN = "/-/localcloud/instances"
MAX_BODY = MAX_CODE_API * 4 // 3 + MB  # bytes: a code package in base64, and the rest of the request

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Item = TypeVar("Item")
logger = logging.getLogger(__name__)


class Api:
    """The handlers of all versions."""

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

    # What every request goes through

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Authenticate a request, and turn errors into answers."""
        request["id"] = new_request_id()
        try:
            if request.path != ADMIN:
                identity = await self._identify(request)
                self._authorize(request, identity)
            response = await handler(request)
        except web.HTTPRequestEntityTooLarge:
            message = f"payload size exceeds maximum allowed size ({MAX_BODY} bytes)"
            response = self._error(request, STATUS["EntityTooLarge"], "EntityTooLarge", message)
        except web.HTTPException as error:
            response = self._error(
                request, error.status, "NotImplemented", f"not implemented: {request.method} {request.path}"
            )
        except ApiError as error:
            response = self._error(request, error.status, error.code, error.message)
        except Exception:
            logger.exception("%s %s failed (request %s)", request.method, request.path, request["id"])
            response = self._error(request, 500, "InternalServerError", "the embedded cloud failed; its log says how")
        response.headers["x-fc-request-id"] = request["id"]
        return response

    @staticmethod
    def _error(request: web.Request, status: int, code: str, message: str) -> web.Response:
        # The first two names are those of version 2016-08-15, the others those of the later ones.
        body = {
            "ErrorCode": code,
            "ErrorMessage": message,
            "Code": code,
            "Message": message,
            "RequestId": request["id"],
        }
        return web.json_response(body, status=status)

    async def _identify(self, request: web.Request) -> Identity:
        signed = await read_request(request)
        if signed.headers.get("authorization", "").startswith("FC "):
            return signing.authenticate(signed, credentials=self._credentials, now=self._clock())
        return self._authenticator.authenticate(signed)

    def _authorize(self, request: web.Request, identity: Identity) -> None:
        action = "fc:InvokeFunction" if request.path.endswith("/invocations") else _action(request)
        path = "/".join(request.path.split("/")[2:]).removesuffix("/invocations")
        resource = f"acs:fc:{self._settings.region}:{self._settings.account_id}:{path}"
        conditions = {
            "acs:SourceIp": request.remote or "",
            "acs:SecureTransport": "true" if request.secure else "false",
        }
        if not self._authorizer.is_allowed(identity, action=action, resource=resource, conditions=conditions):
            raise FcError(
                "AccessDenied",
                f"no policy of {identity.role_arn or identity.account_id} allows {action} on {resource}",
            )

    # Services

    async def create_service(self, request: web.Request) -> web.StreamResponse:
        """CreateService."""
        created = self._service.create_service(wire.read_service(await _body(request)))
        return web.json_response(wire.write_service(created))

    async def get_service(self, request: web.Request) -> web.StreamResponse:
        """GetService."""
        return web.json_response(wire.write_service(self._service.service(_service_name(request))))

    async def list_services(self, request: web.Request) -> web.StreamResponse:
        """ListServices."""
        return _page(request, "services", self._service.services(), lambda each: each.name, wire.write_service)

    async def update_service(self, request: web.Request) -> web.StreamResponse:
        """UpdateService."""
        before = self._service.service(_service_name(request))
        updated = self._service.update_service(wire.read_service(await _body(request), before))
        return web.json_response(wire.write_service(updated))

    async def delete_service(self, request: web.Request) -> web.StreamResponse:
        """DeleteService."""
        self._service.delete_service(_service_name(request))
        return web.Response(status=204)

    # Functions

    async def create_function(self, request: web.Request) -> web.StreamResponse:
        """CreateFunction."""
        service = _service_name(request)
        function, code = wire.read_function(await _body(request), generation=2 if service else 3, service=service)
        assert code is not None
        return web.json_response(self._write(await self._service.create_function(function, code)))

    def _write(self, function: Function) -> dict[str, Any]:
        return wire.write_function(function, region=self._settings.region, account_id=self._settings.account_id)

    async def get_function(self, request: web.Request) -> web.StreamResponse:
        """GetFunction."""
        return web.json_response(self._write(self._service.function(_path(request))))

    async def list_functions(self, request: web.Request) -> web.StreamResponse:
        """ListFunctions."""
        service = _service_name(request)
        if service:
            self._service.service(service)
        return _page(request, "functions", self._service.functions(service), lambda each: each.name, self._write)

    async def update_function(self, request: web.Request) -> web.StreamResponse:
        """UpdateFunction."""
        before = self._service.function(_path(request))
        generation = 2 if before.service else 3
        function, code = wire.read_function(
            await _body(request), generation=generation, service=before.service, before=before
        )
        return web.json_response(self._write(await self._service.update_function(function, code)))

    async def delete_function(self, request: web.Request) -> web.StreamResponse:
        """DeleteFunction."""
        self._service.delete_function(_path(request))
        return web.Response(status=204)

    # Triggers

    async def create_trigger(self, request: web.Request) -> web.StreamResponse:
        """CreateTrigger."""
        trigger = wire.read_trigger(await _body(request), function=_path(request))
        return web.json_response(wire.write_trigger(self._service.create_trigger(trigger)))

    async def get_trigger(self, request: web.Request) -> web.StreamResponse:
        """GetTrigger."""
        trigger = self._service.trigger(_path(request), request.match_info["trigger"])
        return web.json_response(wire.write_trigger(trigger))

    async def list_triggers(self, request: web.Request) -> web.StreamResponse:
        """ListTriggers."""
        found = self._service.triggers(_path(request))
        return _page(request, "triggers", found, lambda each: each.name, wire.write_trigger)

    async def update_trigger(self, request: web.Request) -> web.StreamResponse:
        """UpdateTrigger."""
        before = self._service.trigger(_path(request), request.match_info["trigger"])
        trigger = wire.read_trigger(await _body(request), function=before.function, before=before)
        return web.json_response(wire.write_trigger(self._service.update_trigger(trigger)))

    async def delete_trigger(self, request: web.Request) -> web.StreamResponse:
        """DeleteTrigger."""
        self._service.delete_trigger(_path(request), request.match_info["trigger"])
        return web.Response(status=204)

    # Invocations

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        """InvokeFunction."""
        path, payload = _path(request), await request.read()
        if _header(request, "x-fc-invocation-type", "Sync", ("Sync", "Async")) == "Async":
            self._service.invoke_async(path, payload, request_id=request["id"])
            return web.Response(status=202)
        tail = _header(request, "x-fc-log-type", "None", ("None", "Tail")) == "Tail"
        done = await self._service.invoke(path, payload, request_id=request["id"])
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

    async def list_instances(self, request: web.Request) -> web.StreamResponse:
        """Show the instances that run; of the embedded cloud alone."""
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self._admin_token}"):
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


def _action(request: web.Request) -> str:
    for part, kind in (("trigger", "Trigger"), ("function", "Function"), ("service", "Service")):
        if request.path.endswith(f"/{part}s"):
            return f"fc:Create{kind}" if request.method == "POST" else f"fc:List{kind}s"
        if part in request.match_info:
            return "fc:" + {"PUT": "Update", "DELETE": "Delete"}.get(request.method, "Get") + kind
    return "fc:Unknown"  # no policy but one for everything allows it; the router says that it is not implemented


async def _body(request: web.Request) -> Mapping[str, Any]:
    return wire.parse_body(await request.read())


def _service_name(request: web.Request) -> str:
    name, _, qualifier = request.match_info.get("service", "").partition(".")
    if qualifier not in {"", "LATEST"}:
        raise FcError("NotImplemented", f"not implemented: the qualifier {qualifier!r}; only LATEST is known")
    return name


def _path(request: web.Request) -> str:
    service = _service_name(request)
    if request.query.get("qualifier", "LATEST") != "LATEST":
        raise FcError("NotImplemented", "not implemented: qualifiers other than LATEST")
    function = request.match_info["function"]
    return f"services/{service}/functions/{function}" if service else f"functions/{function}"


def _header(request: web.Request, name: str, default: str, allowed: Sequence[str]) -> str:
    value = request.headers.get(name) or default
    if value not in allowed:
        raise FcError("InvalidArgument", f"{name} is {value!r}; expected one of {', '.join(allowed)}")
    return value


def _page(
    request: web.Request,
    name: str,
    items: Sequence[Item],
    key_of: Callable[[Item], str],
    write: Callable[[Item], dict[str, Any]],
) -> web.Response:
    """Return one page of a list: `limit`, `prefix`, `startKey`, `nextToken` (which is the next item's name)."""
    limit = request.query.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:
        raise FcError("InvalidArgument", f"limit is {limit!r}; expected 1 to 100")
    start = request.query.get("nextToken") or request.query.get("startKey") or ""
    prefix = request.query.get("prefix", "")
    found = [item for item in items if key_of(item).startswith(prefix) and key_of(item) >= start]
    page, rest = found[: int(limit)], found[int(limit) :]
    body: dict[str, Any] = {name: [write(item) for item in page]}
    if rest:
        body["nextToken"] = key_of(rest[0])
    return web.json_response(body)


def create_app(api: Api) -> web.Application:
    """Return the application that serves Function Compute."""
    application = web.Application(client_max_size=MAX_BODY, middlewares=[api.middleware])
    add = application.router.add_route
    for version in FC2_VERSIONS:
        services = f"/{version}/services"
        add("POST", services, api.create_service)
        add("GET", services, api.list_services)
        add("GET", services + "/{service}", api.get_service)
        add("PUT", services + "/{service}", api.update_service)
        add("DELETE", services + "/{service}", api.delete_service)
        _add_functions(application, api, services + "/{service}/functions")
    _add_functions(application, api, f"/{FC3_VERSION}/functions")
    add("GET", ADMIN, api.list_instances)
    return application


def _add_functions(application: web.Application, api: Api, functions: str) -> None:
    add = application.router.add_route
    one = functions + "/{function}"
    add("POST", functions, api.create_function)
    add("GET", functions, api.list_functions)
    add("GET", one, api.get_function)
    add("PUT", one, api.update_function)
    add("DELETE", one, api.delete_function)
    add("POST", one + "/invocations", api.invoke)
    add("POST", one + "/triggers", api.create_trigger)
    add("GET", one + "/triggers", api.list_triggers)
    add("GET", one + "/triggers/{trigger}", api.get_trigger)
    add("PUT", one + "/triggers/{trigger}", api.update_trigger)
    add("DELETE", one + "/triggers/{trigger}", api.delete_trigger)
