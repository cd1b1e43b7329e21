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
from localcloud.fc.model import WITHOUT_SOURCE, Trigger, http_urls
from localcloud.fc.operations.service import FcService
from localcloud.kernel.door import ADMINISTRATION
from localcloud.kernel.times import to_seconds

# Where HTTP triggers are reached on loopback, by their ids: as from the internet, and as from within the region.
HTTP_TRIGGERS = ADMINISTRATION + "http-triggers/"
HTTP_TRIGGERS_VPC = ADMINISTRATION + "http-triggers-vpc/"
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
    return _shown(fc, call, fc.triggers.create(read_trigger(call.body, function=call.target.path)))


async def get_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve GetTrigger."""
    return _shown(fc, call, fc.triggers.get(call.target.path, call.target.trigger))


async def list_triggers(fc: FcService, call: Call) -> web.Response:
    """Serve ListTriggers."""
    return page(call, "triggers", fc.triggers.all(call.target.path), lambda each: _write(fc, call, each))


async def update_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateTrigger."""
    before = fc.triggers.get(call.target.path, call.target.trigger)
    call.require_match(_write(fc, call, before))
    updated = fc.triggers.update(read_trigger(call.body, function=before.function, before=before))
    return _shown(fc, call, updated)


async def delete_trigger(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteTrigger."""
    call.require_match(_write(fc, call, fc.triggers.get(call.target.path, call.target.trigger)))
    fc.triggers.delete(call.target.path, call.target.trigger)
    return web.Response(status=204)


def _shown(fc: FcService, call: Call, trigger: Trigger) -> web.Response:
    return shown(_write(fc, call, trigger))


def _write(fc: FcService, call: Call, trigger: Trigger) -> dict[str, Any]:
    """Return a trigger with URLs that work where the client is: on loopback, or by names."""
    urls = http_urls(trigger, region=fc.settings.region, account_id=fc.settings.account_id)
    if call.endpoint and any(urls):
        internet, intranet = (
            f"{call.endpoint}{each}{trigger.trigger_id}" for each in (HTTP_TRIGGERS, HTTP_TRIGGERS_VPC)
        )
        urls = internet, intranet
    return write_trigger(trigger, urls)


def read_trigger(body: Body, *, function: str, before: Trigger | None = None) -> Trigger:
    """Read a trigger, or what an update changes of one."""
    fields = read_fields(body, PROPERTIES)
    if isinstance(fields.get("config"), str):  # FC 3.0 and aliyun-fc2 send it as JSON text
        fields["config"] = parse_body(fields["config"].encode())
    if before is not None:
        if before.kind in {"oss", "log"} and isinstance(config := fields.get("config"), dict):
            # What is not given stays (aliyun/fc-go-sdk, aliyun/fc-java-sdk).
            given = {name: value for name, value in config.items() if value is not None}
            fields["config"] = {**before.config, **given}
        return replace(before, **{**fields, "name": before.name, "kind": before.kind})
    for name in ("triggerName", "triggerType"):
        if not body.get(name):
            raise FcError("InvalidArgument", f"{name} is missing")
    return Trigger(function=function, **{"config": {}, **fields})


def write_trigger(trigger: Trigger, urls: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """Return a trigger as the API shows it; FC 3.0 shows its configuration as text.

    Args:
        trigger: the trigger.
        urls: of an HTTP trigger, on the internet and within the region.
    """
    shows_text = not trigger.function.startswith("services/")
    shown_urls = dict(zip(("urlInternet", "urlIntranet"), urls, strict=True)) if any(urls) else {}
    return {
        **write_fields(trigger, PROPERTIES),
        "sourceArn": None if trigger.kind in WITHOUT_SOURCE else trigger.source_arn,
        "triggerConfig": json.dumps(dict(trigger.config)) if shows_text else trigger.config,
        "triggerId": trigger.trigger_id,
        "createdTime": to_seconds(trigger.created),
        "lastModifiedTime": to_seconds(trigger.modified),
        **({"httpTrigger": shown_urls} if shown_urls and shows_text else shown_urls),
    }
