"""The listener of SLS: finds the operation that a request asks for, and turns errors into answers.

The project stands in the host: `PROJECT.REGION.log.aliyuncs.com`, or before a name or address of loopback.
Source: SLS API reference.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from localcloud.kernel.access import Caller, Gate
from localcloud.kernel.door import EVERYTHING, HOST, ID, is_loopback, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.rpc import read_request
from localcloud.sls import signing
from localcloud.sls.api import indexes, logstores, projects
from localcloud.sls.api.calls import Answer, Call, refuse
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.service import SlsService

MAX_BODY = 1024**2  # bytes; descriptions of resources are far smaller
_PATH = re.compile(r"/|/logstores(?:/(?P<logstore>[A-Za-z0-9_-]+)(?P<index>/index)?)?")


@dataclass(frozen=True, slots=True)
class Route:
    """An operation, and the query parameters that it reads."""

    run: Callable[[Call], Answer]
    query: frozenset[str] = frozenset()


_PAGE = frozenset({"offset", "size"})
# By method, whether the host names a project, and the path without the logstore's name.
ROUTES = {
    ("GET", False, "/"): Route(projects.list_projects, _PAGE | {"projectName", "description", "resourceGroupId"}),
    ("POST", False, "/"): Route(projects.create_project),
    ("POST", True, "/"): Route(projects.create_project),
    ("GET", True, "/"): Route(projects.get_project),
    ("PUT", True, "/"): Route(projects.update_project),
    ("DELETE", True, "/"): Route(projects.delete_project),
    ("GET", True, "/logstores"): Route(logstores.list_logstores, _PAGE | {"logstoreName"}),
    ("POST", True, "/logstores"): Route(logstores.create_logstore),
    ("GET", True, "/logstores/*"): Route(logstores.get_logstore),
    ("PUT", True, "/logstores/*"): Route(logstores.update_logstore),
    ("DELETE", True, "/logstores/*"): Route(logstores.delete_logstore),
    ("POST", True, "/logstores/*/index"): Route(indexes.create_index),
    ("GET", True, "/logstores/*/index"): Route(indexes.get_index),
    ("PUT", True, "/logstores/*/index"): Route(indexes.update_index),
    ("DELETE", True, "/logstores/*/index"): Route(indexes.delete_index),
}


def project_of(host: str, serves: Callable[[str], bool]) -> str:
    """Return the project that a host names; empty: none.

    Args:
        host: in lower case, without a port.
        serves: says whether a name is the service's.
    """
    project, _, endpoint = host.partition(".")
    return project if is_loopback(endpoint) or (serves(host) and serves(endpoint)) else ""


def find_route(method: str, path: str, query: frozenset[str], *, project: str) -> tuple[Route, str]:
    """Return the route of a request, and the logstore that its path names.

    Raises:
        SlsError: NotImplemented, with the name of what is not.
    """
    wanted = f"{method} {path[:200]}{' of a project' if project else ''}"
    found = _PATH.fullmatch(path)
    logstore, index = (found["logstore"] or "", found["index"] or "") if found else ("", "")
    route = ROUTES.get((method, bool(project), f"/logstores/*{index}" if logstore else path))
    if found is None or route is None:
        raise SlsError("NotImplemented", f"not implemented: {wanted}")
    if more := sorted(query - route.query):
        raise SlsError("NotImplemented", f"not implemented: {wanted} with ?{more[0][:80]}")
    return route, logstore


def create_app(
    sls: SlsService,
    *,
    credentials: CredentialStore,
    authorizer: Authorizer,
    region: str,
    account_id: str,
    clock: Callable[[], float],
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves SLS.

    Args:
        sls: the domain.
        credentials: whose keys sign.
        authorizer: what they may do.
        region: the region's id.
        account_id: the owner of everything.
        clock: seconds since the epoch.
        serves: says whether a host name is SLS's.
    """
    gate = Gate(authorizer, refuse)

    async def serve(request: web.Request) -> web.Response:
        signed = await read_request(request)
        identity = signing.authenticate(signed, credentials=credentials, region=region, now=clock())
        project = project_of(request[HOST], serves)
        query = signed.query_parameters
        route, logstore = find_route(signed.method, signed.path, frozenset(query), project=project)
        call = Call(
            sls=sls,
            gate=gate,
            caller=Caller.of_request(identity, source_ip=request.remote, secure=request.secure),
            region=region,
            account_id=account_id,
            project=project,
            logstore=logstore,
            query=query,
            body=signed.body,
        )
        answer = await asyncio.to_thread(route.run, call)  # it may wait for the disk
        return web.Response() if answer is None else web.json_response(answer)

    application = open_door(
        _Sls(), serves=lambda host: serves(host) or bool(project_of(host, serves)), max_body=MAX_BODY
    )
    application.router.add_route("*", EVERYTHING, serve)
    return application


class _Sls:
    """The way in which SLS words ids and errors."""

    request_id_header = "x-log-requestid"

    def new_request_id(self) -> str:
        return secrets.token_hex(12).upper()

    def fault(self, status: int, message: str) -> ApiError:
        codes = {413: "PostBodyTooLarge", 421: "InvalidHost", 500: "InternalServerError"}
        return SlsError(codes.get(status, "ParameterInvalid"), message, status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        body = {"errorCode": error.code, "errorMessage": error.message, "requestId": request[ID]}
        return web.json_response(body, status=error.status)
