"""Change sets in the API: create, show, list, execute and delete them."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    flag,
    numbered,
    read_request,
    required,
)
from localcloud.ros.api.encoding import page, parameters_of, shown_tags, shown_time
from localcloud.ros.api.sources import with_template
from localcloud.ros.model import Change, ChangeSet
from localcloud.ros.operations.service import RosService


class ChangeSetCalls:
    """Actions on change sets."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    async def create_change_set(self, call: Call) -> Answer:
        """Answer CreateChangeSet."""
        given = await with_template(self._ros, call)
        kind = given.get("ChangeSetType", "UPDATE")
        stack = self._ros.stacks.get(given["StackId"]) if kind == "UPDATE" and "StackId" in given else None
        change_set = await self._ros.change_sets.create(
            required(call, "ChangeSetName"),
            kind,
            stack,
            given.get("StackName", ""),
            read_request(given, call.caller, updates=kind == "UPDATE"),
            given.get("Description", ""),
        )
        return {"ChangeSetId": change_set.id, "StackId": change_set.stack_id}

    def get_change_set(self, call: Call) -> Answer:
        """Answer GetChangeSet."""
        change_set = self._ros.change_sets.get(required(call, "ChangeSetId"))
        request = read_request(change_set.request, call.caller, updates=change_set.kind == "UPDATE")
        source = change_set.source or request.source
        answer = self._summary(change_set) | {
            "Changes": [_change(each) for each in change_set.changes],
            "DisableRollback": bool(request.disable_rollback),
            "TimeoutInMinutes": request.timeout or 60,
            "Parameters": parameters_of(source),
            "Tags": shown_tags(request.tags or {}),
        }
        if flag(call.parameters, "ShowTemplate"):
            answer["TemplateBody"] = source.template
        return answer

    def _summary(self, change_set: ChangeSet) -> Answer:
        return {
            "ChangeSetId": change_set.id,
            "ChangeSetName": change_set.name,
            "ChangeSetType": change_set.kind,
            "StackId": change_set.stack_id,
            "StackName": change_set.stack_name,
            "Description": change_set.description,
            "RegionId": self._ros.owner.region,
            "CreateTime": shown_time(change_set.created),
            "Status": "CREATE_COMPLETE",
            "StatusReason": "",
            "ExecutionStatus": "EXECUTE_COMPLETE" if change_set.executed else "AVAILABLE",
        }

    def list_change_sets(self, call: Call) -> Answer:
        """Answer ListChangeSets."""
        given = call.parameters
        stack = self._ros.stacks.get(required(call, "StackId"))
        names, ids = numbered(given, "ChangeSetName"), numbered(given, "ChangeSetId")
        states, executions = numbered(given, "Status"), numbered(given, "ExecutionStatus")
        found = [
            each
            for each in self._ros.change_sets.of(stack.id)
            if (not names or each.name in names)
            and (not ids or each.id in ids)
            and (not states or "CREATE_COMPLETE" in states)
            and (not executions or ("EXECUTE_COMPLETE" if each.executed else "AVAILABLE") in executions)
        ]
        return page(call, "ChangeSets", found, self._summary)

    async def execute_change_set(self, call: Call) -> Answer:
        """Answer ExecuteChangeSet."""
        change_set = self._ros.change_sets.get(required(call, "ChangeSetId"))
        request = read_request(change_set.request, call.caller, updates=change_set.kind == "UPDATE")
        await self._ros.change_sets.execute(change_set, request)
        return {}

    def delete_change_set(self, call: Call) -> Answer:
        """Answer DeleteChangeSet."""
        self._ros.change_sets.delete(self._ros.change_sets.get(required(call, "ChangeSetId")))
        return {}


def _change(change: Change) -> Answer:
    answer: Answer = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "Replacement": change.replacement,
        "Details": [{"Target": {"Attribute": "Properties", "Name": name}} for name in change.properties],
    }
    return {"Type": "Resource", "ResourceChange": answer}
