"""The listener of SLS: finds the operation that a request asks for, and turns errors into answers.

The project stands in the host: `PROJECT.REGION.log.aliyuncs.com`, or before a name or address of loopback.
Source: SLS API reference.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from aiohttp import web

from localcloud.kernel.access import Caller, Gate
from localcloud.kernel.door import EVERYTHING, HOST, ID, is_loopback, open_door
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.rpc import aside, read_request
from localcloud.kernel.signatures import AuthenticationError, SignedRequest
from localcloud.kernel.turns import Turns
from localcloud.sls import signing
from localcloud.sls.api import consumers, descriptions, indexes, logs, logstores, projects, shards, tags, tracking
from localcloud.sls.api.calls import Answer, Call, Reply, refuse
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.service import SlsServices

MAX_BODY = 1024**2  # bytes; descriptions of resources are far smaller
THREADS = 2  # of each kind of work that takes its time; each keeps a core busy
_TRACK = re.compile(r"/logstores/(?P<logstore>[A-Za-z0-9_-]+)/track", re.ASCII)
# Paths, and the names in them.
_PATH = re.compile(
    r"/|/logs|/tags?|/untag|/resourcegroup"
    r"|/(?:machinegroups|configs|dashboards|savedsearches)(?:/(?P<item>[^/]+)"
    r"(?:/machines|/machinegroups|/configs(?:/(?P<applied>[^/]+))?)?)?"
    r"|/logstores(?:/(?P<logstore>[A-Za-z0-9_-]+)"
    r"(?:/index|/logs|/substores|/meteringmode|/shards(?:/lb|/route|/(?P<shard>[0-9]{1,9}))?|/consumergroups(?:/(?P<group>[^/]+))?)?)?",
    re.ASCII,
)


class Lane(Enum):
    """Work that takes its time: it has threads of its own, so that nobody waits for it who asks for something else."""

    SEARCHES = "sls-search"
    ANALYSES = "sls-analysis"  # processes that are waited for
    PACKS = "sls-pack"  # of logs, which are decoded or encoded


class _Threads:
    """The threads of a lane, at which each caller has one turn at a time."""

    def __init__(self, lane: Lane) -> None:
        self._executor = ThreadPoolExecutor(THREADS, lane.value)
        self._turns = Turns(THREADS)

    async def run(self, caller: str, work: Callable[[Call], Answer], call: Call) -> Answer:
        """Do a caller's work, when it is its turn."""
        async with self._turns.of(caller):
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, call)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation, the query parameters that it reads beside `_SELECTORS`, and the bytes of the largest body that it takes."""

    run: Callable[[Call], Answer]
    query: frozenset[str] = frozenset()
    max_body: int = MAX_BODY
    lane: Lane | None = None  # None: it takes no time to speak of
    makes_project: bool = False  # whose name is nobody's yet


_PAGE = frozenset({"offset", "size"})
_HISTOGRAM = Route(logs.get_histograms, logs.COUNTED | {"shard"}, lane=Lane.SEARCHES)
_TAGS = Route(tags.list_tags, frozenset({"resourceType", "resourceId", "tags", "nextToken"}))
_PULL = Route(shards.pull_logs, frozenset({"cursor", "end_cursor", "count"}), lane=Lane.PACKS)
_SELECTORS = frozenset({"type", "action"})  # they tell operations of one path apart; a query has one at most


def _of_descriptions() -> Iterator[tuple[tuple[str, bool, str], Route]]:
    """Yield the operations on what a project keeps as it was given, which all kinds have alike."""
    for kind in descriptions.KINDS:
        run = descriptions.operations(kind)
        yield ("GET", True, f"/{kind.names}"), Route(run["List"], _PAGE | {*kind.filters})
        yield ("POST", True, f"/{kind.names}"), Route(run["Create"])
        yield ("GET", True, f"/{kind.names}/*"), Route(run["Get"])
        yield ("PUT", True, f"/{kind.names}/*"), Route(run["Update"])
        yield ("DELETE", True, f"/{kind.names}/*"), Route(run["Delete"])


# By method, whether the host names a project, the path without the names in it, and the parameter of `_SELECTORS` if there is one.
ROUTES = {
    ("GET", False, "/"): Route(projects.list_projects, _PAGE | {"projectName", "description", "resourceGroupId"}),
    ("POST", False, "/"): Route(projects.create_project, makes_project=True),
    ("POST", True, "/"): Route(projects.create_project, makes_project=True),
    ("GET", True, "/"): Route(projects.get_project),
    ("PUT", True, "/"): Route(projects.update_project),
    ("DELETE", True, "/"): Route(projects.delete_project),
    ("PUT", True, "/resourcegroup"): Route(projects.change_resource_group),
    ("GET", True, "/machinegroups/*/machines"): Route(descriptions.list_machines, _PAGE),
    ("GET", True, "/machinegroups/*/configs"): Route(descriptions.applied_configs),
    ("PUT", True, "/machinegroups/*/configs/*"): Route(descriptions.apply_config),
    ("DELETE", True, "/machinegroups/*/configs/*"): Route(descriptions.remove_config),
    ("GET", True, "/configs/*/machinegroups"): Route(descriptions.groups_of_config),
    ("POST", False, "/tag"): Route(tags.tag_resources),
    ("POST", True, "/tag"): Route(tags.tag_resources),
    ("POST", False, "/untag"): Route(tags.untag_resources),
    ("POST", True, "/untag"): Route(tags.untag_resources),
    ("GET", False, "/tags"): _TAGS,
    ("GET", True, "/tags"): _TAGS,
    ("GET", True, "/logstores"): Route(logstores.list_logstores, _PAGE | {"logstoreName", "mode", "telemetryType"}),
    ("POST", True, "/logstores"): Route(logstores.create_logstore),
    ("GET", True, "/logstores/*"): Route(logstores.get_logstore),
    ("PUT", True, "/logstores/*"): Route(logstores.update_logstore),
    ("DELETE", True, "/logstores/*"): Route(logstores.delete_logstore),
    ("GET", True, "/logstores/*/meteringmode"): Route(logstores.get_metering_mode),
    ("PUT", True, "/logstores/*/meteringmode"): Route(logstores.update_metering_mode),
    ("GET", True, "/logstores/*/substores"): Route(logstores.list_substores),
    ("POST", True, "/logstores/*/index"): Route(indexes.create_index),
    ("GET", True, "/logstores/*/index"): Route(indexes.get_index),
    ("PUT", True, "/logstores/*/index"): Route(indexes.update_index),
    ("DELETE", True, "/logstores/*/index"): Route(indexes.delete_index),
    # Some clients put logs to the logstore itself.
    ("POST", True, "/logstores/*"): Route(logs.put_logs, max_body=logs.MAX_RAW, lane=Lane.PACKS),
    ("POST", True, "/logstores/*/shards/lb"): Route(logs.put_logs, max_body=logs.MAX_RAW, lane=Lane.PACKS),
    ("POST", True, "/logstores/*/shards/route"): Route(
        logs.put_logs, frozenset({"key"}), max_body=logs.MAX_RAW, lane=Lane.PACKS
    ),
    ("GET", True, "/logs"): Route(logs.get_project_logs, frozenset({"query", "powerSql"}), lane=Lane.ANALYSES),
    ("GET", True, "/logstores/*?type=log"): Route(logs.get_logs, logs.PAGED, lane=Lane.SEARCHES),
    ("POST", True, "/logstores/*/logs"): Route(logs.get_logs_v2, lane=Lane.SEARCHES),
    ("GET", True, "/logstores/*?type=histogram"): _HISTOGRAM,
    ("GET", True, "/logstores/*/index?type=histogram"): _HISTOGRAM,
    ("GET", True, "/logstores/*/shards"): Route(shards.list_shards),
    ("GET", True, "/logstores/*/shards/*?type=cursor"): Route(shards.get_cursor, frozenset({"from"})),
    ("GET", True, "/logstores/*/shards/*?type=cursor_time"): Route(shards.get_cursor_time, frozenset({"cursor"})),
    ("GET", True, "/logstores/*/shards/*?type=log"): _PULL,
    ("GET", True, "/logstores/*/shards/*?type=logs"): _PULL,
    ("POST", True, "/logstores/*/shards/*?action=split"): Route(shards.split_shard, frozenset({"key", "shardCount"})),
    ("POST", True, "/logstores/*/shards/*?action=merge"): Route(shards.merge_shards),
    ("GET", True, "/logstores/*/consumergroups"): Route(consumers.list_consumer_groups),
    ("POST", True, "/logstores/*/consumergroups"): Route(consumers.create_consumer_group),
    ("PUT", True, "/logstores/*/consumergroups/*"): Route(consumers.update_consumer_group),
    ("DELETE", True, "/logstores/*/consumergroups/*"): Route(consumers.delete_consumer_group),
    ("GET", True, "/logstores/*/consumergroups/*"): Route(consumers.get_checkpoints, frozenset({"shard"})),
    ("POST", True, "/logstores/*/consumergroups/*?type=checkpoint"): Route(
        consumers.update_checkpoint, frozenset({"consumer", "forceSuccess"})
    ),
    ("POST", True, "/logstores/*/consumergroups/*?type=heartbeat"): Route(consumers.beat, frozenset({"consumer"})),
    **dict(_of_descriptions()),
}


def project_of(host: str, serves: Callable[[str], bool]) -> str:
    """Return the project that a host names; empty: none.

    Args:
        host: in lower case, without a port.
        serves: says whether a name is the service's.
    """
    project, _, endpoint = host.partition(".")
    return project if is_loopback(endpoint) or (serves(host) and serves(endpoint)) else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a request is about: its route, and the names in its path."""

    route: Route
    logstore: str  # empty: none
    shard: int | None
    group: str  # of consumers; empty: none
    item: str  # of the project, of another kind; empty: none
    applied: str  # a configuration of Logtail behind a machine group; empty: none


def find_route(method: str, path: str, query: Mapping[str, str], *, project: str) -> Target:
    """Return what a request is about.

    Raises:
        SlsError: NotImplemented, with the name of what is not.
    """
    wanted = f"{method} {path[:200]}{' of a project' if project else ''}"
    found = _PATH.fullmatch(path)
    if found is None:
        raise SlsError("NotImplemented", f"not implemented: {wanted}")
    names, shape = found.groupdict(""), _shape(found)
    for name in _SELECTORS & query.keys():
        shape += f"?{name}={query[name]}"
        wanted += f" with ?{name}={query[name][:80]}"
    route = ROUTES.get((method, bool(project), shape))
    if route is None:
        raise SlsError("NotImplemented", f"not implemented: {wanted}")
    if more := sorted(query.keys() - route.query - _SELECTORS):
        raise SlsError("NotImplemented", f"not implemented: {wanted} with ?{more[0][:80]}")
    shard = int(names["shard"]) if names["shard"] else None
    return Target(
        route=route,
        logstore=names["logstore"],
        shard=shard,
        group=names["group"],
        item=names["item"],
        applied=names["applied"],
    )


def _shape(found: re.Match[str]) -> str:
    """Return a path with stars for the names in it."""
    shape, place = "", 0
    for begin, end in sorted(found.span(name) for name in _PATH.groupindex):
        if begin >= 0:
            shape, place = f"{shape}{found.string[place:begin]}*", end
    return shape + found.string[place:]


def create_app(
    services: SlsServices,
    *,
    credentials: CredentialStore,
    authorizer: Authorizer,
    region: str,
    clock: Callable[[], float],
    machine_clock: Callable[[], float],
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves SLS.

    Args:
        services: the domain.
        credentials: whose keys sign.
        authorizer: what they may do.
        region: the region's id.
        clock: the embedded cloud's; seconds since the epoch.
        machine_clock: by which clients sign, likewise.
        serves: says whether a host name is SLS's.
    """
    gate = Gate(authorizer, refuse)
    lanes = {lane: _Threads(lane) for lane in Lane}

    async def serve(request: web.Request) -> web.Response:
        try:
            signed = await read_request(request)
            query = signed.query_parameters
        except AuthenticationError as error:
            raise SlsError("ParameterInvalid", error.message) from error
        project = project_of(request[HOST], serves)
        if project and (tracked := _TRACK.fullmatch(signed.path)) and signed.method in tracking.METHODS:
            return await _track(
                services, project, tracked["logstore"], signed, now=clock(), source=request.remote or ""
            )
        identity = await aside(
            signed, lambda: signing.authenticate(signed, credentials=credentials, region=region, now=machine_clock())
        )
        target = find_route(signed.method, signed.path, query, project=project)
        if len(signed.body) > target.route.max_body:
            raise SlsError("PostBodyTooLarge", f"the body has more than {target.route.max_body} bytes")
        sender = identity.account_id
        owner = sender if target.route.makes_project else services.owner_of(project) or sender
        call = Call(
            sls=services.of(owner),
            gate=gate,
            caller=Caller.of_request(identity, source_ip=request.remote, secure=request.secure),
            region=region,
            account_id=owner,
            project=project,
            logstore=target.logstore,
            shard=target.shard,
            group=target.group,
            item=target.item,
            applied=target.applied,
            query=query,
            headers=signed.headers,
            body=signed.body,
        )
        lane = target.route.lane
        if lane is None:
            return _respond(await asyncio.to_thread(target.route.run, call))  # it may wait for the disk
        if lane is Lane.SEARCHES and ("|" in query.get("query", "") or b"|" in signed.body):
            lane = Lane.ANALYSES  # or as good as one
        return _respond(await lanes[lane].run(identity.principal, target.route.run, call))

    application = open_door(
        _Sls(), serves=lambda host: serves(host) or bool(project_of(host, serves)), max_body=logs.MAX_RAW
    )
    application.router.add_route("*", EVERYTHING, serve)
    return application


async def _track(
    services: SlsServices, project: str, logstore: str, signed: SignedRequest, *, now: float, source: str
) -> web.Response:
    """Serve a request of web tracking; nobody signs these."""
    if signed.method != "OPTIONS":
        owner = services.owner_of(project)
        if owner is None:
            raise SlsError("ProjectNotExist", f"The Project does not exist: {project}")
        await asyncio.to_thread(
            tracking.track,
            services.of(owner),
            project,
            logstore,
            now=now,
            query=signed.query_parameters,
            headers=signed.headers,
            body=signed.body if signed.method == "POST" else None,
            source=source,
        )
    return web.Response(headers=tracking.HEADERS)


def _respond(answer: Answer) -> web.Response:
    if answer is None:
        return web.Response()
    if not isinstance(answer, Reply):
        return web.json_response(answer)
    if isinstance(answer.content, bytes):
        return web.Response(body=answer.content, headers=answer.headers)
    return web.json_response(answer.content, headers=answer.headers)


class _Sls:
    """The way in which SLS words ids and errors."""

    request_id_header = "x-log-requestid"

    def new_request_id(self) -> str:
        return secrets.token_hex(12).upper()

    def fault(self, status: int, message: str) -> ApiError:
        codes = {413: "PostBodyTooLarge", 421: "InvalidHost", 500: "InternalServerError", 503: "ServerBusy"}
        return SlsError(codes.get(status, "ParameterInvalid"), message, status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        body = {"errorCode": error.code, "errorMessage": error.message, "requestId": request[ID]}
        return web.json_response(body, status=error.status)
