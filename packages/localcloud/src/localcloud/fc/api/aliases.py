"""Aliases on the wire: of services' versions (FC 2.0) and of functions' (FC 3.0)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import Body
from localcloud.fc.api.calls import Call, page, shown
from localcloud.fc.api.properties import read_fields, write_fields
from localcloud.fc.errors import FcError
from localcloud.fc.operations.service import FcService
from localcloud.fc.releases import Alias
from localcloud.kernel.times import to_seconds

PROPERTIES = {
    "aliasName": "name",
    "versionId": "version",
    "description": "description",
    "additionalVersionWeight": "weights",
}


async def create_alias(fc: FcService, call: Call) -> web.Response:
    """Serve CreateAlias."""
    fields = _read(call.body)
    if not fields.get("version"):
        raise FcError("InvalidArgument", "versionId is missing")
    return shown(write_alias(fc.aliases.create(Alias(owner=call.target.owner, **fields))))


async def get_alias(fc: FcService, call: Call) -> web.Response:
    """Serve GetAlias."""
    return shown(write_alias(_named(fc, call)))


async def list_aliases(fc: FcService, call: Call) -> web.Response:
    """Serve ListAliases."""
    return page(call, "aliases", fc.aliases.all(call.target.owner), write_alias)


async def update_alias(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateAlias."""
    before = _named(fc, call)
    call.require_match(write_alias(before))
    return shown(write_alias(fc.aliases.update(replace(before, **{**_read(call.body), "name": before.name}))))


async def delete_alias(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteAlias."""
    alias = _named(fc, call)
    call.require_match(write_alias(alias))
    fc.aliases.delete(alias.owner, alias.name)
    return web.Response(status=204)


def _named(fc: FcService, call: Call) -> Alias:
    return fc.aliases.get(call.target.owner, call.target.names["aliases"])


def _read(body: Body) -> dict[str, Any]:
    fields = read_fields(body, PROPERTIES)
    for version, share in fields.get("weights", {}).items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise FcError("InvalidArgument", f"additionalVersionWeight.{version[:200]} is no number")
    return fields


def write_alias(alias: Alias) -> dict[str, Any]:
    """Return an alias as the API shows it."""
    return {
        **write_fields(alias, PROPERTIES),
        "additionalVersionWeight": alias.weights or None,
        "createdTime": to_seconds(alias.created),
        "lastModifiedTime": to_seconds(alias.modified),
    }
