"""Services on the wire: FC 2.0 (2016-08-15 and 2021-04-06)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.fc.api.attachments import NAMES, read_attachments, write_attachments
from localcloud.fc.api.bodies import Body
from localcloud.fc.api.calls import Call, page, shown
from localcloud.fc.api.properties import read_fields, read_log_config, write_fields
from localcloud.fc.api.tags import has_tags
from localcloud.fc.errors import FcError
from localcloud.fc.model import Service
from localcloud.fc.operations.service import FcService
from localcloud.kernel.times import to_seconds

PROPERTIES = {
    "serviceName": "name",
    "role": "role",
    "description": "description",
    "internetAccess": "internet_access",
    "logConfig": "log_config",
}
# Of what is not here; whoever writes back what was read asks for nothing.
ABSENT: Mapping[str, object] = {
    "ossMountConfig": {"mountPoints": []},
    "tracingConfig": {"type": None, "params": None},
}
LOG_CONFIG = {"project": "", "logstore": "", "enableRequestMetrics": False, "enableInstanceMetrics": False}  # of none


async def create_service(fc: FcService, call: Call) -> web.Response:
    """Serve CreateService."""
    return shown(write_service(fc.services.create(read_service(call.body))))


async def get_service(fc: FcService, call: Call) -> web.Response:
    """Serve GetService."""
    service, _ = fc.aliases.service(call.target.owner, call.target.qualifier)
    return shown(write_service(service))


async def list_services(fc: FcService, call: Call) -> web.Response:
    """Serve ListServices."""
    wanted = {name.removeprefix("tag_"): value for name, value in call.query.items() if name.startswith("tag_")}
    found = [each for each in fc.services.all() if has_tags(fc.tags.get(f"services/{each.name}"), wanted)]
    return page(call, "services", found, write_service)


async def update_service(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateService."""
    before = fc.services.get(call.target.service)
    call.require_match(write_service(before))
    return shown(write_service(fc.services.update(read_service(call.body, before))))


async def delete_service(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteService."""
    call.require_match(write_service(fc.services.get(call.target.service)))
    fc.services.delete(call.target.service)
    return web.Response(status=204)


def read_service(body: Body, before: Service | None = None) -> Service:
    """Read a service, or what an update changes of one."""
    fields = read_fields(body, PROPERTIES, NAMES) | read_attachments(body)
    if "log_config" in fields:
        fields["log_config"] = read_log_config(fields["log_config"])
    if before is not None:
        return replace(before, **{**fields, "name": before.name})
    if "name" not in fields:
        raise FcError("InvalidArgument", "serviceName is missing")
    return Service(**fields)


def write_service(service: Service) -> dict[str, Any]:
    """Return a service as the API shows it."""
    return {
        **write_fields(service, PROPERTIES),
        "logConfig": {**LOG_CONFIG, **service.log_config},
        **write_attachments(service.vpc, service.nas, generation=2),
        **ABSENT,
        "serviceId": service.name,
        "createdTime": to_seconds(service.created),
        "lastModifiedTime": to_seconds(service.modified),
    }
