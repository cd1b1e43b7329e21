"""Tags and resource groups in the API."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import flag, numbered, read_tags, required, tag_filter
from localcloud.ros.api.encoding import page_by_token
from localcloud.ros.errors import RosError
from localcloud.ros.operations.labels import Labelled
from localcloud.ros.operations.service import RosService

MAX_RESOURCES = 50


class LabelCalls:
    """Actions on the tags and resource groups of stacks and templates."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def tag(self, call: Call) -> Answer:
        """Answer TagResources."""
        tags = read_tags(call.parameters, "Tag")
        if not tags:
            raise RosError("InvalidParameter", "Tag: give at least one.")
        self._ros.labels.tag(self._named(call), lambda old: {**old, **tags})
        return {}

    def untag(self, call: Call) -> Answer:
        """Answer UntagResources."""
        keys, everything = set(numbered(call.parameters, "TagKey")), flag(call.parameters, "All")
        if not keys and not everything:
            raise RosError("InvalidParameter", "Give TagKey, or All.")
        self._ros.labels.tag(
            self._named(call),
            lambda old: {key: value for key, value in old.items() if keys and key not in keys},
        )
        return {}

    def list_tags(self, call: Call) -> Answer:
        """Answer ListTagResources."""
        kind, ids = required(call, "ResourceType"), numbered(call.parameters, "ResourceId")
        is_wanted, labels = tag_filter(call.parameters), self._ros.labels
        found = [
            {"ResourceId": each.id, "ResourceType": kind, "TagKey": key, "TagValue": value}
            for each in (labels.find(kind, ids) if ids else labels.all(kind))
            if is_wanted(each.tags)
            for key, value in each.tags.items()
        ]
        return page_by_token(call, "TagResources", found, dict)

    def move(self, call: Call) -> Answer:
        """Answer MoveResourceGroup."""
        kind, resource_id = required(call, "ResourceType"), required(call, "ResourceId")
        (labelled,) = self._ros.labels.find(kind, [resource_id])
        self._ros.labels.move(labelled, required(call, "NewResourceGroupId"))
        return {}

    def _named(self, call: Call) -> list[Labelled]:
        kind, ids = required(call, "ResourceType"), numbered(call.parameters, "ResourceId")
        if not 0 < len(ids) <= MAX_RESOURCES:
            raise RosError("InvalidParameter", f"ResourceId: 1 to {MAX_RESOURCES} ids.")
        return self._ros.labels.find(kind, ids)
