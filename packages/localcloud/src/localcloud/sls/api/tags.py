"""The operations on tags. Sources: SLS API reference, "Tag"; TagResourcesTest of aliyun-log-java-sdk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from localcloud.kernel.values import read_json
from localcloud.sls.api.calls import Answer, Call, only, read_element
from localcloud.sls.errors import SlsError
from localcloud.sls.operations.tags import MAX_TAGS

INVALID = "PostBodyInvalid"
_Place = tuple[str, str]  # a project and a logstore of it; empty: the project itself


def tag_resources(call: Call) -> Answer:
    """TagResources."""
    body = call.read_body()
    only(body, {"resourceType", "resourceId", "tags"}, INVALID)
    places = _read_places(call, body, "TagResources")
    tags = _read_tags(body.get("tags"))
    if len(tags) not in range(1, MAX_TAGS + 1):
        raise SlsError(INVALID, f"request tag key value pair size must little than {MAX_TAGS}")
    for place in places:
        call.sls.put_tags(tags, *place)
    return None


def untag_resources(call: Call) -> Answer:
    """UntagResources."""
    body = call.read_body()
    only(body, {"resourceType", "resourceId", "tags", "all"}, INVALID)
    places = _read_places(call, body, "UntagResources")
    keys = _read_texts(body.get("tags", []), "tags")
    if len(keys) > MAX_TAGS:
        raise SlsError(INVALID, "tag key value pair count exceed")
    every = read_element(body, "all", bool, INVALID)
    for place in places:
        call.sls.remove_tags(None if every and not keys else keys, *place)
    return None


def list_tags(call: Call) -> Answer:
    """ListTagResources; an answer has all of them."""
    query = {name: _read_query(call, name) for name in ("resourceId", "tags")}
    kind = call.query.get("resourceType", "")
    body = {"resourceType": kind, "resourceId": query["resourceId"] or _all_ids(call, kind)}
    places = _read_places(call, body, "ListTagResources")
    wanted = _read_tags(query["tags"] or [])
    found = [
        {"resourceType": kind, "resourceId": "#".join(filter(None, place)), "tagKey": key, "tagValue": value}
        for place in places
        for key, value in call.sls.tags(*place).items()
        if not wanted or wanted.get(key) in ("", value)
    ]
    return {"nextToken": "", "tagResources": found}


def _all_ids(call: Call, kind: str) -> list[str]:
    """Return the ids of all resources of a kind: those of the project that the host names, if it names one."""
    projects = [call.project] if call.project else [project.name for project in call.sls.projects()]
    if kind.lower() == "project":
        return projects
    return [f"{project}#{logstore.name}" for project in projects for logstore in call.sls.logstores(project)]


def _read_places(call: Call, body: dict[str, Any], action: str) -> list[_Place]:
    """Return the resources that a body names, all of which are there and for which the caller has the right."""
    kind = read_element(body, "resourceType", str, INVALID) or ""
    if kind.lower() not in ("project", "logstore"):
        raise SlsError("ParameterInvalid", f"The resource type is not supported: {kind[:80]}")
    places: list[_Place] = []
    for identifier in _read_texts(body.get("resourceId"), "resourceId"):
        project, _, logstore = identifier.partition("#")
        if bool(logstore) is not (kind.lower() == "logstore"):
            raise SlsError("ParameterInvalid", f"{identifier[:80]!r} is no id of a {kind.lower()}")
        call.allow(action, f"project/{project}" + (f"/logstore/{logstore}" if logstore else ""))
        call.sls.tags(project, logstore)
        places.append((project, logstore))
    return places


def _read_query(call: Call, name: str) -> object:
    text = call.query.get(name)
    if not text:
        return None
    try:
        return read_json(text.encode())
    except ValueError as error:
        raise SlsError("ParameterInvalid", f"{name} is not valid JSON: {error}") from error


def _read_tags(given: object) -> dict[str, str]:
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise SlsError(INVALID, "tags must be a list of objects")
    tags = {each.get("key"): each.get("value", "") for each in given}
    if not _are_texts([*tags, *tags.values()]):
        raise SlsError(INVALID, "a tag has a key and a value, which are texts")
    return tags


def _read_texts(given: object, name: str) -> list[str]:
    if not isinstance(given, list) or not _are_texts(given):
        raise SlsError(INVALID, f"{name} must be a list of texts")
    return given


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
