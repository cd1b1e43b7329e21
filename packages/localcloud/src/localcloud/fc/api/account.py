"""The account, the region, and what cannot exist here and is truthfully empty when it is listed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from localcloud.fc.api.calls import Call
from localcloud.fc.api.properties import read_fields
from localcloud.fc.operations.service import FcService


async def get_account_settings(fc: FcService, call: Call) -> web.Response:
    """Serve GetAccountSettings."""
    return web.json_response({"availableAZs": [f"{fc.settings.region}-a"], "defaultRole": ""})


async def describe_regions(fc: FcService, call: Call) -> web.Response:
    """Serve DescribeRegions."""
    region = {"RegionId": fc.settings.region, "LocalName": fc.settings.region}
    return web.json_response({"Regions": {"Region": [region]}})


async def list_instances(fc: FcService, call: Call) -> web.Response:
    """Serve ListInstances."""
    path, qualifier = call.target.path, call.target.qualifier
    fc.aliases.shares(path, qualifier)
    found = [
        {
            "instanceId": each.id,
            "versionId": each.release.version or "0",
            "qualifier": each.release.qualifier,
            "status": "Running",
            "createdTimeMs": int(each.created * 1000),
            "resourceType": "Elastic",
        }
        for each in fc.instances
        if each.alive and each.function.path == path and qualifier in {"", each.release.qualifier}
    ]
    return web.json_response({"instances": found, "requestId": call.request_id})


async def enable_invocation(fc: FcService, call: Call) -> web.Response:
    """Serve EnableFunctionInvocation."""
    fc.functions.enable(call.target.path)
    return web.json_response({"success": True, "requestId": call.request_id})


async def disable_invocation(fc: FcService, call: Call) -> web.Response:
    """Serve DisableFunctionInvocation."""
    fields = read_fields(call.body, {"reason": "reason", "abortOngoingRequest": "abort"})
    fc.functions.disable(call.target.path, reason=fields.get("reason", ""), abort=fields.get("abort", False))
    return web.json_response({"success": True, "requestId": call.request_id})


def empty(name: str) -> Callable[[FcService, Call], Awaitable[web.Response]]:
    """Return the way to serve a list of what cannot exist here."""

    async def serve(fc: FcService, call: Call) -> web.Response:
        return web.json_response({name: []})

    return serve


EMPTY: Mapping[str, Callable[[FcService, Call], Awaitable[web.Response]]] = {
    "ListEventSources": empty("eventSources"),
    "ListReservedCapacities": empty("reservedCapacities"),
    "ListSessions": empty("sessions"),
    "ListSnapshots": empty("snapshots"),
    "ListVpcBindings": empty("vpcIds"),
}
