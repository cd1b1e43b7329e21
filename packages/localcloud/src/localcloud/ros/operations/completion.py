"""The properties that a resource type gets: those that a template gives, and what ROS adds to them. Pure.

Sources: ROS, "Pseudo parameters" (`ALIYUN::NoValue`) and "Tag propagation". That NoValue within a property leaves out what it
stands for, required or not, is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.ros.resources.provider import Declared
from localcloud.ros.template.functions.scope import Resources
from localcloud.ros.template.resolved import ResolvedTemplate

BLANKS: Mapping[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "map": {}, "list": []}


def complete_properties(
    resolved: ResolvedTemplate, logical_id: str, lookup: Resources, declared: Declared
) -> dict[str, object]:
    """Return the properties of a resource; one that depends on what is not known yet is `UNKNOWN`.

    A required one that is NoValue is blank. One that inherits has the tags of the stack, too, but those whose keys it has itself.

    Args:
        resolved: the template.
        logical_id: of the resource.
        lookup: what functions can ask of resources and other stacks.
        declared: what the resource's type declares.

    Raises:
        TemplateError: a function in them cannot be evaluated.
    """
    properties = resolved.properties(logical_id, lookup)
    left_out = resolved.template.resources[logical_id].properties.keys() - properties.keys()
    for name, each in declared.items():
        if each.required and name in left_out and each.kind in BLANKS:
            properties[name] = BLANKS[each.kind]
        if each.inherits and resolved.tags:
            properties[name] = _with_tags(properties.get(name), each.kind, resolved.tags)
    return properties


def _with_tags(own: object, kind: str, tags: Mapping[str, str]) -> object:
    """Return a resource's tags, a map or a list of keys and values, with those of its stack; what is neither stays as it is."""
    if kind == "map" and isinstance(own, Mapping | None):
        return {**tags, **(own or {})}
    if kind == "list" and isinstance(own, list | None):
        keys = [each.get("Key") for each in own or [] if isinstance(each, Mapping)]
        return [*(own or []), *({"Key": key, "Value": value} for key, value in tags.items() if key not in keys)]
    return own
