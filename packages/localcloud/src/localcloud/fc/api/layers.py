"""Layers on the wire, the same in both generations but for a few names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import without_capitals
from localcloud.fc.api.calls import Call, PackageKind, page, page_of
from localcloud.fc.api.functions import read_code
from localcloud.fc.api.properties import read_fields, read_member
from localcloud.fc.errors import FcError
from localcloud.fc.layers import LayerVersion
from localcloud.fc.operations.service import FcService
from localcloud.kernel.times import to_seconds

PROPERTIES = {"compatibleRuntime": "runtimes", "description": "description", "license": "license"}
PUBLIC = {"1": True, "true": True, "0": False, "false": False}  # as the clients write an ACL


async def create_layer_version(fc: FcService, call: Call) -> web.Response:
    """Serve CreateLayerVersion."""
    body = without_capitals(call.body)
    code = await asyncio.to_thread(read_code, read_member(body, "code", dict))
    if code is None:
        raise FcError("InvalidArgument", "code is missing")
    fields = read_fields(body, PROPERTIES, frozenset({"code", "layerName"}))
    fields["runtimes"] = _texts(fields.get("runtimes", []))
    layer = LayerVersion(
        arn="", layer=call.target.names["layers"], version=0, code="", code_size=0, code_checksum="", **fields
    )
    return _shown(call, await fc.layers.create(layer, code, permit=call.permit_code))


async def get_layer_version(fc: FcService, call: Call) -> web.Response:
    """Serve GetLayerVersion."""
    return _shown(call, fc.layers.get(call.target.names["layers"], _version(call.target.names["versions"])))


async def get_layer_version_by_arn(fc: FcService, call: Call) -> web.Response:
    """Serve GetLayerVersionByArn."""
    return _shown(call, fc.layers.find(call.target.names["layerarn"]))


async def list_layers(fc: FcService, call: Call) -> web.Response:
    """Serve ListLayers; of the platform's own there are none."""
    wanted = {name: call.query.get(name, "").lower() == "true" for name in ("official", "public")}
    found = [] if wanted["official"] else fc.layers.latest()
    return page(call, "layers", [each for each in found if each.public or not wanted["public"]], _writer(call))


async def list_layer_versions(fc: FcService, call: Call) -> web.Response:
    """Serve ListLayerVersions."""
    found = fc.layers.all(call.target.names["layers"])
    if start := call.query.get("startVersion"):
        found = [each for each in found if each.version <= _version(start)]
    return page_of(call, "layers", found, _writer(call), marker=("nextVersion", lambda each: each.version))


async def delete_layer_version(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteLayerVersion."""
    fc.layers.delete(call.target.names["layers"], _version(call.target.names["versions"]))
    return web.Response(status=204)


async def put_layer_acl(fc: FcService, call: Call) -> web.Response:
    """Serve PutLayerACL."""
    given = (call.query.get("acl") or call.query.get("public") or "").lower()
    if given not in PUBLIC:
        raise FcError("InvalidArgument", f"acl is {given[:200]!r}; expected one of {', '.join(PUBLIC)}")
    fc.layers.publish(call.target.names["layers"], public=PUBLIC[given])
    return web.Response(status=200)


def _version(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise FcError("InvalidArgument", f"version is {text[:200]!r}; expected a whole number")
    return int(text)


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise FcError("InvalidArgument", "compatibleRuntime: expected a list of texts")
    return tuple(values)


def _shown(call: Call, layer: LayerVersion) -> web.Response:
    return web.json_response(_write(call, layer))


def _writer(call: Call) -> Callable[[LayerVersion], dict[str, Any]]:
    return lambda layer: _write(call, layer)


def _write(call: Call, layer: LayerVersion) -> dict[str, Any]:
    """Return a version of a layer as the API shows it."""
    return {
        "layerName": layer.layer,
        "version": layer.version,
        "arn": layer.arn,
        "arnV2": layer.arn,
        "layerVersionArn": layer.arn,
        "description": layer.description,
        "license": layer.license,
        "compatibleRuntime": list(layer.runtimes),
        "codeSize": layer.code_size,
        "codesize": layer.code_size,  # as alibabacloud-fc-open20210406 reads it
        "codeChecksum": layer.code_checksum,
        "code": {"repositoryType": "OSS", "location": call.package_address(PackageKind.LAYER, layer.code)},
        "acl": "1" if layer.public else "0",
        "createTime": to_seconds(layer.created),
    }
