"""Drift in the API: look for it, and tell what was found."""

from __future__ import annotations

import json

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import numbered, required
from localcloud.ros.api.encoding import page_by_token, shown_time
from localcloud.ros.model import Drift, DriftStatus, Stack
from localcloud.ros.operations.service import RosService


class DriftCalls:
    """Actions on drift."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    async def detect(self, call: Call) -> Answer:
        """Answer DetectStackDrift; the detection is complete then."""
        names = numbered(call.parameters, "LogicalResourceId")
        return {"DriftDetectionId": (await self._ros.drifts.detect(required(call, "StackId"), call.caller, names)).id}

    async def detect_resource(self, call: Call) -> Answer:
        """Answer DetectStackResourceDrift."""
        stack_id, name = required(call, "StackId"), required(call, "LogicalResourceId")
        drift = await self._ros.drifts.detect_resource(stack_id, name, call.caller)
        return _shown(self._ros.stacks.get(stack_id), name, drift)

    def get_status(self, call: Call) -> Answer:
        """Answer GetStackDriftDetectionStatus."""
        stack, detection = self._ros.drifts.find(required(call, "DriftDetectionId"))
        return {
            "DriftDetectionId": detection.id,
            "DriftDetectionStatus": "DETECTION_COMPLETE",
            "DriftDetectionStatusReason": "",
            "DriftDetectionTime": shown_time(detection.begun),
            "DriftedStackResourceCount": detection.drifted,
            "StackDriftStatus": detection.status,
            "StackId": stack.id,
        }

    def list(self, call: Call) -> Answer:
        """Answer ListStackResourceDrifts: of the resources that were looked at."""
        stack = self._ros.stacks.get(required(call, "StackId"))
        wanted = numbered(call.parameters, "ResourceDriftStatus")
        found = [
            (name, each)
            for name, each in stack.drifts.items()
            if name in stack.resources
            and (each.status in wanted if wanted else each.status is not DriftStatus.NOT_CHECKED)
        ]
        return page_by_token(call, "ResourceDrifts", found, lambda each: _shown(stack, *each))


def _shown(stack: Stack, name: str, drift: Drift) -> Answer:
    resource = stack.resources[name]
    return {
        "StackId": stack.id,
        "LogicalResourceId": name,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ResourceDriftStatus": drift.status,
        "DriftDetectionTime": shown_time(drift.checked),
        "ExpectedProperties": json.dumps(drift.expected),
        "ActualProperties": json.dumps(drift.actual),
        "PropertyDifferences": [
            {
                "PropertyPath": each.path,
                "DifferenceType": each.kind,
                "ExpectedValue": each.expected,
                "ActualValue": each.actual,
            }
            for each in drift.differences
        ],
    }
