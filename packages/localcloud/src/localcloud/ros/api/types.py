"""Resource types in the API: list and describe those that are served."""

from __future__ import annotations

import json

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.wildcard import wildcard_matches
from localcloud.ros.api.decoding import required
from localcloud.ros.errors import RosError
from localcloud.ros.operations.service import RosService
from localcloud.ros.resources.description import describe_attributes, describe_properties, example_template
from localcloud.ros.resources.provider import Detectable, ResourceType, is_data_source

RESOURCE, DATA_SOURCE, PROVIDER = "Resource", "DataSource", "ROS"  # there are no modules, and no types of users


class TypeCalls:
    """Actions on resource types."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def list_types(self, call: Call) -> Answer:
        """Answer ListResourceTypes."""
        given = call.parameters
        entity, provider, pattern = (
            given.get(name, default)
            for name, default in (("EntityType", RESOURCE), ("Provider", PROVIDER), ("ResourceType", "*"))
        )
        found = sorted(
            name
            for name in self._ros.types
            if entity in {_entity(name), "All"} and provider == PROVIDER and wildcard_matches(pattern, name)
        )
        summaries = [{"ResourceType": name, "EntityType": _entity(name), "Provider": PROVIDER} for name in found]
        return {"ResourceTypes": found, "ResourceTypeSummaries": summaries}

    def get_type(self, call: Call) -> Answer:
        """Answer GetResourceType."""
        kind = self._find(call)
        return {
            "ResourceType": kind.name,
            "EntityType": _entity(kind.name),
            "Provider": PROVIDER,
            "Description": "",
            "Properties": describe_properties(kind.properties),
            "Attributes": describe_attributes(kind),
            "SupportDriftDetection": isinstance(kind, Detectable),
            "SupportScratchDetection": False,
        }

    def get_template(self, call: Call) -> Answer:
        """Answer GetResourceTypeTemplate."""
        template = example_template(self._find(call))
        return {"TemplateBody": template, "TemplateContent": json.dumps(template)}

    def _find(self, call: Call) -> ResourceType:
        name = required(call, "ResourceType")
        if name not in self._ros.types:
            raise RosError("ResourceTypeNotFound", f"The Resource Type ({name}) could not be found: not implemented.")
        return self._ros.types[name]


def _entity(name: str) -> str:
    return DATA_SOURCE if is_data_source(name) else RESOURCE
