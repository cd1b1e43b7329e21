"""Versions on the wire: of services (FC 2.0) and of functions (FC 3.0)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from localcloud.fc.api.calls import Call, page_of, shown
from localcloud.fc.api.properties import read_fields
from localcloud.fc.errors import FcError
from localcloud.fc.operations.service import FcService
from localcloud.fc.releases import Version
from localcloud.kernel.times import to_seconds

DIRECTIONS = ("BACKWARD", "FORWARD")  # from the last version to the first, or the other way round


async def publish_version(fc: FcService, call: Call) -> web.Response:
    """Serve PublishServiceVersion and PublishFunctionVersion."""
    fields = read_fields(call.body, {"description": "description"})
    return shown(write_version(fc.versions.publish(call.target.owner, description=fields.get("description", ""))))


async def list_versions(fc: FcService, call: Call) -> web.Response:
    """Serve ListServiceVersions and ListFunctionVersions: from the last to the first, or as `direction` says."""
    direction = (call.query.get("direction") or DIRECTIONS[0]).upper()
    if direction not in DIRECTIONS:
        raise FcError("InvalidArgument", f"direction is {direction[:200]!r}; expected one of {', '.join(DIRECTIONS)}")
    found = fc.versions.all(call.target.owner)
    start = call.query.get("nextToken") or call.query.get("startKey") or ""
    if start:
        if not start.isdecimal():
            raise FcError("InvalidArgument", f"startKey is {start[:200]!r}; expected a version's id")
        forward = direction == "FORWARD"
        found = [each for each in found if each.id == start or (int(each.id) > int(start)) == forward]
    if direction == "BACKWARD":
        found.reverse()
    return page_of(call, "versions", found, write_version, more={"direction": direction})


async def delete_version(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteServiceVersion and DeleteFunctionVersion."""
    fc.versions.delete(call.target.owner, call.target.names["versions"])
    return web.Response(status=204)


def write_version(version: Version) -> dict[str, Any]:
    """Return a version as the API shows it."""
    return {
        "versionId": version.id,
        "description": version.description,
        "createdTime": to_seconds(version.created),
        "lastModifiedTime": to_seconds(version.modified),
    }
