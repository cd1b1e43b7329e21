"""Resources of stacks in the API."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    flag,
    numbered,
    required,
)
from localcloud.ros.api.encoding import shown_time
from localcloud.ros.errors import RosError
from localcloud.ros.model import DriftStatus, Resource, Stack
from localcloud.ros.operations.service import RosService


class ResourceCalls:
    """Actions on resources."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def list_resources(self, call: Call) -> Answer:
        """Answer ListStackResources."""
        stack = self._ros.stacks.get(required(call, "StackId"))
        return {"Resources": [_resource(stack, each) for each in stack.resources.values()]}

    def get_resource(self, call: Call) -> Answer:
        """Answer GetStackResource."""
        stack, name = self._ros.stacks.get(required(call, "StackId")), required(call, "LogicalResourceId")
        if name not in stack.resources:
            raise RosError("ResourceNotFound", f"The Resource ({name}) could not be found in Stack {stack.name}.")
        resource = stack.resources[name]
        outline = stack.source.outline
        remarks = outline.remarks.get(name, {}) if outline else {}
        answer = _resource(stack, resource) | {"Description": "", "Metadata": {}} | dict(remarks)
        if flag(call.parameters, "ShowResourceAttributes") or numbered(call.parameters, "ResourceAttributes"):
            wanted = numbered(call.parameters, "ResourceAttributes") or list(resource.attributes)
            answer["ResourceAttributes"] = [
                {"ResourceAttributeKey": key, "ResourceAttributeValue": resource.attributes.get(key)} for key in wanted
            ]
        return answer


def _resource(stack: Stack, resource: Resource) -> Answer:
    drift = stack.drifts.get(resource.logical_id)
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "Status": resource.status,
        "StatusReason": resource.reason,
        "CreateTime": shown_time(resource.created),
        "UpdateTime": shown_time(resource.updated),
        "ResourceDriftStatus": drift.status if drift else DriftStatus.NOT_CHECKED,
        "DriftDetectionTime": shown_time(drift.checked if drift else None),
    }
