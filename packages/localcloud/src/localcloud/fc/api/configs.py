"""Configurations of functions' releases on the wire: minimum instances, limits, and asynchronous invocations."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import Body, without_capitals
from localcloud.fc.api.calls import Call, page, page_of, shown
from localcloud.fc.api.properties import read_fields, read_member, write_fields
from localcloud.fc.configs import AsyncConfig, Limit, Minimum, ScheduledAction, qualified
from localcloud.fc.errors import FcError
from localcloud.fc.operations.destinations import read_destination
from localcloud.fc.operations.service import FcService
from localcloud.fc.releases import LATEST
from localcloud.kernel.times import to_seconds

ACTION = {
    "name": "name",
    "startTime": "start",
    "endTime": "end",
    "target": "target",
    "scheduleExpression": "expression",
    "timeZone": "zone",
}


def _arn(fc: FcService, function: str, qualifier: str = "") -> str:
    own = f"/{qualifier}" if qualifier not in {"", LATEST} and not function.startswith("services/") else ""
    path = qualified(function, "" if qualifier == LATEST else qualifier)
    return f"acs:fc:{fc.settings.region}:{fc.settings.account_id}:{path}{own}"


async def put_provision_config(fc: FcService, call: Call) -> web.Response:
    """Serve PutProvisionConfig."""
    known = {"target": "target", "defaultTarget": "default", "alwaysAllocateCPU": "awake"}
    fields = read_fields(call.body, known, frozenset({"scheduledActions"}))
    put = Minimum(
        function=call.target.path,
        qualifier=call.target.qualifier,
        target=fields.get("default", fields.get("target", 0)),
        actions=_read_actions(fc, call, "scheduledActions", scaling=False),
        awake=fields.get("awake", True),  # the default of the API
    )
    kept = fc.configs.put_minimum(put)
    return shown(_write_provision(fc, kept, kept.target))


async def get_provision_config(fc: FcService, call: Call) -> web.Response:
    """Serve GetProvisionConfig."""
    minimum = fc.configs.minimum(call.target.path, call.target.qualifier)
    return shown(_write_provision(fc, minimum, fc.configs.target(minimum)))


async def delete_provision_config(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteProvisionConfig."""
    fc.configs.put_minimum(Minimum(function=call.target.path, qualifier=call.target.qualifier, target=0))
    return web.Response(status=204)


async def list_provision_configs(fc: FcService, call: Call) -> web.Response:
    """Serve ListProvisionConfigs: of the account, of a service or a function, of a qualifier."""
    query, generation = call.query, call.target.generation
    owner = query.get("serviceName" if generation == 2 else "functionName", "")
    found = [
        each
        for each in fc.configs.minimums()
        if not each.scaling
        and each.function.startswith("services/") == (generation == 2)
        and owner in {"", each.function.split("/")[1]}
        and query.get("qualifier", "") in {"", each.qualifier}
    ]
    return _numbered(call, "provisionConfigs", found, lambda each: _write_provision(fc, each, fc.configs.target(each)))


def _read_actions(fc: FcService, call: Call, name: str, *, scaling: bool) -> tuple[ScheduledAction, ...]:
    """Read scheduled actions; those that were put before stay unless there is a list, as on the platform (fc-java-sdk's suite)."""
    given = read_member(call.body, name, list)
    if given is None:
        return tuple(fc.configs.minimum(call.target.path, call.target.qualifier, scaling=scaling).actions)
    actions = []
    for each in given:
        if not isinstance(each, dict):
            raise FcError("InvalidArgument", f"{name}: expected a list of objects")
        fields = read_fields(each, ACTION)
        for needed in ("name", "target", "scheduleExpression"):
            if ACTION[needed] not in fields:
                raise FcError("InvalidArgument", f"{name}: {needed} is missing")
        actions.append(ScheduledAction(**fields))
    return tuple(actions)


def _write_actions(minimum: Minimum) -> list[dict[str, Any]]:
    return [write_fields(each, ACTION) for each in minimum.actions]


def _write_provision(fc: FcService, minimum: Minimum, target: int) -> dict[str, Any]:
    """Return a provision configuration as the API shows it, with the number of instances that it asks for."""
    current, error = fc.provisioning.status(minimum.function, minimum.qualifier)
    document = {
        "target": target,
        "current": min(current, target),
        "alwaysAllocateCPU": minimum.awake,
        "scheduledActions": _write_actions(minimum),
        "targetTrackingPolicies": [],
        "currentError": error,
    }
    if minimum.function.startswith("services/"):
        _, service, _, function = minimum.function.split("/")
        return {"resource": f"{fc.settings.account_id}#{service}#{minimum.qualifier}#{function}", **document}
    more = {"defaultTarget": minimum.target, "alwaysAllocateGPU": False}
    return {"functionArn": _arn(fc, minimum.function, minimum.qualifier), **document, **more}


async def put_scaling_config(fc: FcService, call: Call) -> web.Response:
    """Serve PutScalingConfig."""
    fields = read_fields(call.body, {"minInstances": "target"}, frozenset({"scheduledPolicies"}))
    put = Minimum(
        function=call.target.path,
        qualifier=call.target.qualifier,
        target=fields.get("target", 0),
        actions=_read_actions(fc, call, "scheduledPolicies", scaling=True),
        scaling=True,
    )
    return shown(_write_scaling(fc, fc.configs.put_minimum(put)))


async def get_scaling_config(fc: FcService, call: Call) -> web.Response:
    """Serve GetScalingConfig."""
    return shown(_write_scaling(fc, fc.configs.minimum(call.target.path, call.target.qualifier, scaling=True)))


async def delete_scaling_config(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteScalingConfig."""
    fc.configs.put_minimum(Minimum(function=call.target.path, qualifier=call.target.qualifier, target=0, scaling=True))
    return web.Response(status=204)


async def list_scaling_configs(fc: FcService, call: Call) -> web.Response:
    """Serve ListScalingConfigs."""
    name, qualifier = call.query.get("functionName", ""), call.query.get("qualifier", "")
    found = [
        each
        for each in fc.configs.minimums()
        if each.scaling and name in {"", each.function.split("/")[1]} and qualifier in {"", each.qualifier}
    ]
    return _numbered(call, "scalingConfigs", found, lambda each: _write_scaling(fc, each))


def _write_scaling(fc: FcService, minimum: Minimum) -> dict[str, Any]:
    current, error = fc.provisioning.status(minimum.function, minimum.qualifier)
    target = fc.configs.target(minimum)
    return {
        "functionArn": _arn(fc, minimum.function, minimum.qualifier),
        "minInstances": minimum.target,
        "targetInstances": target,
        "currentInstances": min(current, target),
        "currentError": error,
        "horizontalScalingPolicies": [],
        "scheduledPolicies": _write_actions(minimum),
    }


def _numbered(call: Call, name: str, items: list[Minimum], write: Any) -> web.Response:  # noqa: ANN401 - as `page_of`
    """Return a page of a list whose `nextToken` is the place of the next item."""
    token = call.query.get("nextToken", "")
    if token and not (token.isdecimal() and len(token) < 10):
        raise FcError("InvalidArgument", f"nextToken is {token[:200]!r}; expected one that an answer had")
    start = int(token or 0)
    return page_of(call, name, items[start:], write, marker=("nextToken", lambda each: str(items.index(each))))


async def put_concurrency_config(fc: FcService, call: Call) -> web.Response:
    """Serve PutConcurrencyConfig."""
    return shown(_write_concurrency(fc, _put_limit(fc, call, "reservedConcurrency", "")))


async def get_concurrency_config(fc: FcService, call: Call) -> web.Response:
    """Serve GetConcurrencyConfig."""
    return shown(_write_concurrency(fc, fc.configs.limit(fc.functions.get(call.target.path).path)))


async def delete_concurrency_config(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteConcurrencyConfig."""
    fc.configs.delete_limit(fc.functions.get(call.target.path).path)
    return web.Response(status=204)


async def list_concurrency_configs(fc: FcService, call: Call) -> web.Response:
    """Serve ListConcurrencyConfigs."""
    name = call.query.get("functionName", "")
    found = [each for each in fc.configs.limits() if not each.qualifier and name in {"", each.function.split("/")[1]}]
    return page(call, "configs", found, lambda each: _write_concurrency(fc, each))


def _put_limit(fc: FcService, call: Call, member: str, qualifier: str) -> Limit:
    most = read_member(call.body, member, int)
    if most is None:
        raise FcError("InvalidArgument", f"{member} is missing")
    read_fields(call.body, {}, frozenset({member}))
    return fc.configs.put_limit(Limit(function=call.target.path, qualifier=qualifier, most=most))


def _write_concurrency(fc: FcService, limit: Limit) -> dict[str, Any]:
    return {"functionArn": _arn(fc, limit.function), "reservedConcurrency": limit.most}


async def put_on_demand_config(fc: FcService, call: Call) -> web.Response:
    """Serve PutFunctionOnDemandConfig."""
    return shown(_write_on_demand(_put_limit(fc, call, "maximumInstanceCount", call.target.qualifier or LATEST)))


async def get_on_demand_config(fc: FcService, call: Call) -> web.Response:
    """Serve GetFunctionOnDemandConfig."""
    return shown(_write_on_demand(fc.configs.limit(call.target.path, call.target.qualifier or LATEST)))


async def delete_on_demand_config(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteFunctionOnDemandConfig."""
    fc.configs.delete_limit(call.target.path, call.target.qualifier or LATEST)
    return web.Response(status=204)


async def list_on_demand_configs(fc: FcService, call: Call) -> web.Response:
    """Serve ListOnDemandConfigs; of an empty list the answer has nothing."""
    found = [each for each in fc.configs.limits() if each.qualifier]
    return page(call, "configs", found, _write_on_demand) if found else web.json_response({})


def _write_on_demand(limit: Limit) -> dict[str, Any]:
    return {"resource": limit.name, "maximumInstanceCount": limit.most}


_ASYNC = {
    "maxAsyncEventAgeInSeconds": "max_age",
    "maxAsyncRetryAttempts": "retries",
    "statefulInvocation": "stateful",
    "asyncTask": "stateful",
}


async def put_async_config(fc: FcService, call: Call) -> web.Response:
    """Serve PutAsyncInvokeConfig and PutFunctionAsyncInvokeConfig."""
    body: Body = without_capitals(call.body)
    fields = read_fields(body, _ASYNC, frozenset({"destinationConfig"}))
    ends = read_member(body, "destinationConfig", dict) or {}
    for member, field in (("onSuccess", "on_success"), ("onFailure", "on_failure")):
        end = read_member(ends, member, dict, "destinationConfig.") or {}
        fields[field] = read_member(end, "destination", str, f"destinationConfig.{member}.") or ""
        if fields[field]:
            call.permit(*read_destination(fields[field]).right)
    put = AsyncConfig(function=call.target.path, qualifier=call.target.qualifier, **fields)
    return shown(_write_async(fc, fc.configs.put_async(put)))


async def get_async_config(fc: FcService, call: Call) -> web.Response:
    """Serve GetAsyncInvokeConfig and GetFunctionAsyncInvokeConfig."""
    return shown(_write_async(fc, fc.configs.get_async(call.target.path, call.target.qualifier)))


async def delete_async_config(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteAsyncInvokeConfig and DeleteFunctionAsyncInvokeConfig."""
    fc.configs.delete_async(call.target.path, call.target.qualifier)
    return web.Response(status=204)


async def list_async_configs(fc: FcService, call: Call) -> web.Response:
    """Serve ListAsyncInvokeConfigs (of the account or a function) and ListFunctionAsyncInvokeConfigs."""
    name = call.query.get("functionName", "")
    path = fc.functions.get(call.target.path).path if call.target.generation == 2 else name and f"functions/{name}"
    found = [
        each for each in fc.configs.asyncs(path) if call.target.generation == 2 or not each.function.startswith("s")
    ]
    return page(call, "configs", found, lambda each: _write_async(fc, each), more={"nextToken": ""})


def _write_async(fc: FcService, config: AsyncConfig) -> dict[str, Any]:
    ends = {"onSuccess": config.on_success, "onFailure": config.on_failure}
    document = {
        "destinationConfig": {name: {"destination": arn} for name, arn in ends.items() if arn},
        "maxAsyncEventAgeInSeconds": config.max_age,
        "maxAsyncRetryAttempts": config.retries,
        "createdTime": to_seconds(config.created),
        "lastModifiedTime": to_seconds(config.modified),
    }
    if not config.function.startswith("services/"):
        return {
            **document,
            "functionArn": _arn(fc, config.function, config.qualifier),
            "asyncTask": config.stateful,
        }
    _, service, _, function = config.function.split("/")
    names = {"service": service, "qualifier": config.qualifier, "function": function}
    return {**names, **document, "statefulInvocation": config.stateful}
