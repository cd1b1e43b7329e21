"""Triggers on the wire: FC 2.0 (2016-08-15 and 2021-04-06) and FC 3.0 (2023-03-30)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import Body, parse_body
from localcloud.fc.api.calls import Call, page, shown
from localcloud.fc.api.properties import read_fields, write_fields
from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.service import FcService
from localcloud.kernel.times import to_seconds

PROPERTIES = {
    "triggerName": "name",
    "triggerType": "kind",
    "triggerConfig": "config",
    "sourceArn": "source_arn",
    "invocationRole": "invocation_role",
    "qualifier": "qualifier",
    "description": "description",
}


async def create_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve CreateTrigger."""
    return shown(write_trigger(fc.triggers.create(read_trigger(call.body, function=call.target.path))))


async def get_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve GetTrigger."""
    return shown(write_trigger(fc.triggers.get(call.target.path, call.target.trigger)))


async def list_triggers(fc: FcService, call: Call) -> web.Response:
    """Serve ListTriggers."""
    return page(call, "triggers", fc.triggers.all(call.target.path), write_trigger)


async def update_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateTrigger."""
    before = fc.triggers.get(call.target.path, call.target.trigger)
    call.require_match(write_trigger(before))
    updated = fc.triggers.update(read_trigger(call.body, function=before.function, before=before))
    return shown(write_trigger(updated))


async def delete_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteTrigger."""
    call.require_match(write_trigger(fc.triggers.get(call.target.path, call.target.trigger)))
    fc.triggers.delete(call.target.path, call.target.trigger)
    return web.Response(status=204)


def read_trigger(body: Body, *, function: str, before: Trigger | None = None) -> Trigger:
    """Read a trigger, or what an update changes of one."""
    fields = read_fields(body, PROPERTIES)
    if isinstance(fields.get("config"), str):  # FC 3.0 and aliyun-fc2 send it as JSON text
        fields["config"] = parse_body(fields["config"].encode())
    if before is not None:
        return replace(before, **{**fields, "name": before.name, "kind": before.kind})
    for name in ("triggerName", "triggerType"):
        if not body.get(name):
            raise FcError("InvalidArgument", f"{name} is missing")
    return Trigger(function=function, **{"config": {}, **fields})


def write_trigger(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger as the API shows it; FC 3.0 shows its configuration as text."""
    config = trigger.config if trigger.function.startswith("services/") else json.dumps(dict(trigger.config))
    return {
        **write_fields(trigger, PROPERTIES),
        "triggerConfig": config,
        "triggerId": trigger.trigger_id,
        "createdTime": to_seconds(trigger.created),
        "lastModifiedTime": to_seconds(trigger.modified),
    }
