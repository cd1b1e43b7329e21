"""Stacks in the API: create, update, delete, show and list them."""

from __future__ import annotations

import json
from dataclasses import replace

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    choice,
    flag,
    numbered,
    read_request,
    required,
    switch,
    tag_filter,
)
from localcloud.ros.api.encoding import HIDDEN, page, parameters_of, shown_tags, shown_time
from localcloud.ros.api.sources import read_policy, with_template
from localcloud.ros.model import DriftStatus, Stack, StackStatus
from localcloud.ros.operations.service import RosService


class StackCalls:
    """Actions on stacks."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    async def create_stack(self, call: Call) -> Answer:
        """Answer CreateStack."""
        request = read_request(await with_template(self._ros, call), call.caller)
        return {"StackId": (await self._ros.stacks.create(required(call, "StackName"), request)).id}

    async def update_stack(self, call: Call) -> Answer:
        """Answer UpdateStack."""
        request = read_request(await with_template(self._ros, call), call.caller, updates=True)
        return {"StackId": (await self._ros.stacks.update(required(call, "StackId"), request)).id}

    def delete_stack(self, call: Call) -> Answer:
        """Answer DeleteStack."""
        retain = tuple(numbered(call.parameters, "RetainResources"))
        self._ros.stacks.delete(
            required(call, "StackId"),
            call.caller,
            retain=retain,
            retain_all=flag(call.parameters, "RetainAllResources"),
        )
        return {}

    async def set_policy(self, call: Call) -> Answer:
        """Answer SetStackPolicy."""
        required(call, "StackId")
        policy = await read_policy(self._ros, call, "StackPolicy") or required(call, "StackPolicyBody")
        self._ros.stacks.set_policy(self._ros.stacks.get(call.parameters["StackId"]), policy)
        return {}

    def get_policy(self, call: Call) -> Answer:
        """Answer GetStackPolicy."""
        policy = self._ros.stacks.get(required(call, "StackId")).policy
        return {"StackPolicyBody": json.loads(policy)} if policy else {}

    def set_protection(self, call: Call) -> Answer:
        """Answer SetDeletionProtection."""
        stack = self._ros.stacks.get(required(call, "StackId"))
        required(call, "DeletionProtection")
        self._ros.stacks.protect(stack, bool(switch(call.parameters, "DeletionProtection")))
        return {}

    async def continue_creation(self, call: Call) -> Answer:
        """Answer ContinueCreateStack."""
        stack = self._ros.stacks.get(required(call, "StackId"))
        choice("Mode", call.parameters.get("Mode", "Recreate"), "Recreate")
        request = read_request(await with_template(self._ros, call), call.caller, updates=True)
        request = replace(request, use_previous=True)
        if flag(call.parameters, "DryRun"):
            await self._ros.stacks.preview(request, stack)
        else:
            await self._ros.stacks.continue_creation(stack, request)
        return {"StackId": stack.id}

    def cancel_update(self, call: Call) -> Answer:
        """Answer CancelUpdateStack. Resources that are being changed are cut short, in either way of cancelling."""
        choice("CancelType", call.parameters.get("CancelType", "Safe"), "Safe", "Quick")
        self._ros.stacks.cancel(self._ros.stacks.get(required(call, "StackId")), "UPDATE")
        return {}

    def cancel_operation(self, call: Call) -> Answer:
        """Answer CancelStackOperation."""
        choice("CancelType", call.parameters.get("CancelType", "Safe"), "Safe", "Quick")
        wanted = numbered(call.parameters, "AllowedStackOperations") or ["CREATE", "UPDATE"]
        self._ros.stacks.cancel(self._ros.stacks.get(required(call, "StackId")), *wanted)
        return {}

    def get_stack(self, call: Call) -> Answer:
        """Answer GetStack."""
        stack = self._ros.stacks.get(required(call, "StackId"))
        outline = stack.source.outline
        described = outline.outputs if outline else {}
        answer = self._summary(stack) | {
            "RootStackId": self._ros.stacks.root(stack),
            "Description": stack.source.description,
            "TemplateDescription": stack.source.description,
            "NotificationURLs": [],
            "Parameters": parameters_of(stack.source),
            "Outputs": [
                {
                    "OutputKey": key,
                    "OutputValue": HIDDEN if outline and key in outline.masked else value,
                    "Description": described.get(key, ""),
                }
                for key, value in stack.outputs.items()
                if switch(call.parameters, "OutputOption") is not False
            ],
        }
        if call.parameters.get("ShowResourceProgress") == "EnabledIfCreateStack":
            answer["ResourceProgress"] = _progress(stack, outline.resources if outline else 0)
        return answer

    def _summary(self, stack: Stack) -> Answer:
        return {
            "StackId": stack.id,
            "StackName": stack.name,
            "StackType": "ROS",
            "RegionId": self._ros.owner.region,
            "Status": stack.status,
            "StatusReason": stack.reason,
            "CreateTime": shown_time(stack.created),
            "UpdateTime": shown_time(stack.updated),
            "TimeoutInMinutes": stack.timeout,
            "DisableRollback": stack.disable_rollback,
            "DeletionProtection": "Enabled" if stack.protected else "Disabled",
            **({"ParentStackId": stack.parent} if stack.parent else {}),
            "StackDriftStatus": stack.detection.status if stack.detection else DriftStatus.NOT_CHECKED,
            "DriftDetectionTime": shown_time(stack.detection.begun if stack.detection else None),
            "ServiceManaged": False,
            "ResourceGroupId": stack.resource_group,
            "Tags": shown_tags(stack.tags),
        }

    def list_stacks(self, call: Call) -> Answer:
        """Answer ListStacks."""
        given = call.parameters
        names, states = numbered(given, "StackName"), numbered(given, "Status")
        ids = [*numbered(given, "StackIds"), *([given["StackId"]] if "StackId" in given else [])]
        is_wanted = tag_filter(given)
        parent, nested = given.get("ParentStackId"), flag(given, "ShowNestedStack")
        found = [
            stack
            for stack in self._ros.stacks.all()
            if (stack.parent == parent if parent else nested or not stack.parent or stack.id in ids)
            and (not names or stack.name in names)
            and (not ids or stack.id in ids)
            and given.get("ResourceGroupId", stack.resource_group) == stack.resource_group
            and (stack.status in states if states else stack.status is not StackStatus.DELETE_COMPLETE)
            and is_wanted(stack.tags)
        ]
        return page(call, "Stacks", found, self._summary)

    def list_groups(self, call: Call) -> Answer:
        """Answer ListStackGroups: there are none, for they deploy to other accounts and regions."""
        groups: list[Answer] = []
        return page(call, "StackGroups", groups, dict)

    def describe_regions(self, _call: Call) -> Answer:
        """Answer DescribeRegions."""
        region = self._ros.owner.region
        return {"Regions": [{"RegionId": region, "LocalName": region, "RegionEndpoint": "ros.aliyuncs.com"}]}


def _progress(stack: Stack, total: int) -> Answer:
    states = [each.status for each in stack.resources.values()]
    failed = sum(each.is_failed for each in states)
    working = sum(each.is_in_progress for each in states)
    return {
        "TotalResourceCount": total,
        "SuccessResourceCount": len(states) - failed - working,
        "FailedResourceCount": failed,
        "InProgressResourceCount": working,
        "PendingResourceCount": max(total - len(states), 0),
    }
