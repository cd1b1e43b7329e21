"""Tags on the wire: of services (FC 2.0), and of functions (FC 3.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import Body, parse_body
from localcloud.fc.api.calls import PAGE_SIZES, Call
from localcloud.fc.api.properties import read_fields, read_member
from localcloud.fc.errors import FcError
from localcloud.fc.operations.service import FcService
from localcloud.kernel.paging import read_number


async def tag_resource(fc: FcService, call: Call) -> web.Response:
    """Serve TagResource."""
    fields = read_fields(call.body, {"resourceArn": "arn", "tags": "tags"})
    fc.tags.add(fc.tags.resource(fields.get("arn", "")), _texts(fields.get("tags", {})))
    return web.json_response({"requestId": call.request_id})


async def get_resource_tags(fc: FcService, call: Call) -> web.Response:
    """Serve GetResourceTags."""
    path = fc.tags.resource(call.query.get("resourceArn", ""))
    return web.json_response({"resourceArn": fc.tags.arn(path), "tags": fc.tags.get(path)})


async def untag_resource(fc: FcService, call: Call) -> web.Response:
    """Serve UntagResource."""
    fields = read_fields(call.body, {"resourceArn": "arn", "tagKeys": "keys", "all": "all"})
    fc.tags.remove(
        fc.tags.resource(fields.get("arn", "")), None if fields.get("all") else _keys(fields.get("keys", []))
    )
    return web.json_response({"requestId": call.request_id})


async def list_tagged_resources(fc: FcService, call: Call) -> web.Response:
    """Serve ListTaggedResources."""
    resources = [{"resourceArn": fc.tags.arn(path), "tags": tags} for path, tags in fc.tags.all().items()]
    return web.json_response({"resources": resources})


async def tag_resources(fc: FcService, call: Call) -> web.Response:
    """Serve TagResources."""
    tags = read_tags(call.body.get("Tag") or call.body.get("tag") or [])
    for arn in _keys(call.body.get("ResourceId") or call.body.get("resourceId") or []):
        fc.tags.add(fc.tags.resource(arn), tags)
    return web.json_response({"RequestId": call.request_id})


async def untag_resources(fc: FcService, call: Call) -> web.Response:
    """Serve UntagResources."""
    everything = call.query.get("All", "").lower() == "true"
    for arn in _listed(call, "ResourceId"):
        fc.tags.remove(fc.tags.resource(arn), None if everything else _listed(call, "TagKey"))
    return web.json_response({"RequestId": call.request_id})


async def list_tag_resources(fc: FcService, call: Call) -> web.Response:
    """Serve ListTagResources: the tags of some resources, or of those that have certain tags; all, unless there is a `Limit`."""
    arns = _listed(call, "ResourceId")
    paths = [fc.tags.resource(arn) for arn in arns] if arns else list(fc.tags.all())
    wanted = _wanted(call)
    found = [
        {"ResourceId": fc.tags.arn(path), "ResourceType": "ALIYUN::FC::FUNCTION", "TagKey": key, "TagValue": value}
        for path in paths
        if has_tags(fc.tags.get(path), wanted)
        for key, value in fc.tags.get(path).items()
    ]
    try:
        begin = read_number(call.query.get("NextToken") or None, default=0, allowed=range(len(found) + 1))
        limit = read_number(call.query.get("Limit") or None, default=len(found), allowed=PAGE_SIZES)
    except ValueError as error:
        raise FcError("InvalidArgument", f"Limit or NextToken: {error}") from error
    body = {"RequestId": call.request_id, "TagResources": found[begin : begin + limit]}
    if begin + limit < len(found):
        body["NextToken"] = str(begin + limit)
    return web.json_response(body)


def has_tags(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether tags are among those wanted; a wanted one without a value may have any."""
    return all(key in tags and value in {"", tags[key]} for key, value in wanted.items())


def read_tags(given: object) -> dict[str, str]:
    """Read tags that are written as a list of keys and values."""
    tags = {}
    for each in given if isinstance(given, list) else [None]:
        members = {name.lower(): value for name, value in each.items()} if isinstance(each, dict) else {}
        key, value = read_member(members, "key", str, "tag."), read_member(members, "value", str, "tag.")
        if not key:
            raise FcError("InvalidArgument", "tags: expected a list of objects with key and value")
        tags[key] = value or ""
    return tags


def _wanted(call: Call) -> dict[str, str]:
    text = call.query.get("Tag", "")
    tags = read_tags(json_list(text, "Tag")) if text else {}
    return {**tags, call.query["Key"]: call.query.get("Value", "")} if call.query.get("Key") else tags


def _listed(call: Call, name: str) -> list[str]:
    """Return the texts that a parameter lists: as JSON, or separated by commas."""
    text = call.query.get(name, "")
    return _keys(json_list(text, name)) if text.startswith("[") else [each for each in text.split(",") if each]


def json_list(text: str, name: str) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Read a list that a parameter holds as JSON."""
    parsed: Body = parse_body(b'{"list":' + text.encode() + b"}")
    if not isinstance(parsed["list"], list):
        raise FcError("InvalidArgument", f"{name}: expected a list")
    return parsed["list"]


def _keys(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise FcError("InvalidArgument", "expected a list of texts")
    return values


def _texts(values: Mapping[str, Any]) -> Mapping[str, str]:
    for key in values:
        if read_member(values, key, str, "tags.") is None:
            raise FcError("InvalidArgument", f"tags.{key} is null; expected text")
    return values
