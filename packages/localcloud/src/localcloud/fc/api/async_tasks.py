"""Asynchronous tasks on the wire: stateful asynchronous invocations (FC 2.0), async tasks (FC 3.0)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from localcloud.fc.api.calls import Call, page, page_of
from localcloud.fc.configs import Task
from localcloud.fc.errors import FcError
from localcloud.fc.operations.service import FcService

ORDERS = ("desc", "asc")  # of the times at which tasks began


async def get_task(fc: FcService, call: Call) -> web.Response:
    """Serve GetAsyncTask and GetStatefulAsyncInvocation."""
    return web.json_response(_write(fc, fc.async_tasks.get(call.target.path, _id(call))))


async def list_tasks(fc: FcService, call: Call) -> web.Response:
    """Serve ListAsyncTasks and ListStatefulAsyncInvocations."""
    fc.functions.get(call.target.path)
    query = call.query
    prefix = query.get("prefix") or query.get("invocationIdPrefix") or ""
    begin, end = _milliseconds(query, "startedTimeBegin", 0), _milliseconds(query, "startedTimeEnd", math.inf)
    found = [
        each
        for each in fc.async_tasks.all(call.target.path)
        if each.id.startswith(prefix)
        and query.get("status", "") in {"", each.state.value}
        and call.target.qualifier in {"", each.qualifier}
        and begin <= int(each.started * 1000) <= end  # as a task is shown
    ]
    order = query.get("sortOrderByTime") or ORDERS[0]
    if order not in ORDERS:
        raise FcError("InvalidArgument", f"sortOrderByTime is {order[:200]!r}; expected one of {', '.join(ORDERS)}")
    if order == "desc":
        found.reverse()
    if token := query.get("nextToken"):
        places = [place for place, each in enumerate(found) if each.id == token]
        found = found[places[0] :] if places else []
    if query.get("includePayload", "").lower() == "true":
        found = [fc.async_tasks.get(each.function, each.id) for each in found]
    name = "tasks" if call.target.generation == 3 else "invocations"
    return page_of(call, name, found, lambda each: _write(fc, each))


async def stop_task(fc: FcService, call: Call) -> web.Response:
    """Serve StopAsyncTask and StopStatefulAsyncInvocation."""
    await fc.invocations.stop(fc.async_tasks.get(call.target.path, _id(call)))
    return web.Response(status=204)


async def list_functions_with_tasks(fc: FcService, call: Call) -> web.Response:
    """Serve ListStatefulAsyncInvocationFunctions."""
    found = [each for each in fc.configs.asyncs() if each.stateful and each.function.startswith("services/")]

    def write(each: Any) -> dict[str, Any]:  # noqa: ANN401 - a configuration
        _, service, _, function = each.function.split("/")
        return {"serviceName": service, "qualifier": each.qualifier, "functionName": function}

    return page(call, "data", found, write)


def _id(call: Call) -> str:
    names = call.target.names
    return names.get("async-tasks") or names["stateful-async-invocations"]


def _milliseconds(query: Mapping[str, str], name: str, default: float) -> float:
    text = query.get(name)
    if not text:
        return default
    if not text.isdecimal() or len(text) > 18:
        raise FcError("InvalidArgument", f"{name} is {text[:200]!r}; expected milliseconds since the epoch")
    return int(text)


def _write(fc: FcService, task: Task) -> dict[str, Any]:
    document = {
        "status": task.state.value,
        "qualifier": task.qualifier,
        "requestId": task.request_id,
        "startedTime": int(task.started * 1000),
        "endTime": int(task.ended * 1000),
        "durationMs": int((task.ended - task.started) * 1000) if task.ended else 0,
        "alreadyRetriedTimes": task.retried,
        "instanceId": task.instance,
        "returnPayload": task.result,
        "events": [
            {"eventId": place, "status": state, "timestamp": int(time * 1000), "eventDetail": detail}
            for place, (state, time, detail) in enumerate(task.events, start=1)
        ],
    }
    if not task.function.startswith("services/"):
        arn = f"acs:fc:{fc.settings.region}:{fc.settings.account_id}:{task.function}"
        own = {"taskId": task.id, "functionArn": arn, "taskPayload": task.payload, "taskErrorMessage": task.error}
        return {**own, **document}
    _, service, _, function = task.function.split("/")
    own = {"invocationId": task.id, "serviceName": service, "functionName": function}
    return {**own, "invocationPayload": task.payload, "invocationErrorMessage": task.error, **document}
