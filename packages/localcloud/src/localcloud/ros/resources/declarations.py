"""Properties that several services have: their declarations, and how they are read."""

from __future__ import annotations

from dataclasses import replace

from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.provider import Property

STRING = Property(kind="string")
TAGS = Property(
    kind="list",
    maximum=20,
    items=Property(kind="map", fields={"Key": Property(kind="string", required=True), "Value": STRING}),
)
STACK_TAGS = replace(TAGS, inherits=True)


def tags_in(properties: Given) -> dict[str, str]:
    """Return the tags that properties give.

    Raises:
        ResourceError: one of them has an empty key.
    """
    tags = {each["Key"]: each.get("Value", "") for each in properties.get("Tags", [])}
    if "" in tags:
        raise ResourceError("Property Tags: a tag has no Key")
    return tags
