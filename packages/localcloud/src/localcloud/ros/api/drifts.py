"""Drift in the API: look for it, and tell what was found."""

from __future__ import annotations

import json

from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import number, numbered, required
from localcloud.ros.api.encoding import Answer, shown_time
from localcloud.ros.model import Drift, DriftStatus, Stack
from localcloud.ros.operations.service import RosService

RESULTS, DEFAULT_RESULTS = range(1, 100 + 1), 50


class DriftActions:
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
        size = number(call.parameters, "MaxResults", RESULTS) or DEFAULT_RESULTS
        begin = number(call.parameters, "NextToken") or 0
        rest = {"NextToken": str(begin + size)} if begin + size < len(found) else {}
        return {"ResourceDrifts": [_shown(stack, *each) for each in found[begin : begin + size]], **rest}


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
