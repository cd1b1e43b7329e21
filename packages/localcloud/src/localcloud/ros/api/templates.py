"""Templates in the API: show, validate and preview them."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    decode_template,
    read_request,
    required,
)
from localcloud.ros.api.encoding import Answer, shown_parameters, shown_time
from localcloud.ros.model import Change
from localcloud.ros.operations.service import RosService
from localcloud.ros.template.resolved import ResolvedTemplate


class TemplateActions:
    """Actions on templates."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def get_template(self, call: Call) -> Answer:
        """Answer GetTemplate."""
        given = call.parameters
        if change_set_id := given.get("ChangeSetId"):
            change_set = self._ros.change_sets.get(change_set_id)
            body = decode_template(change_set.request.get("TemplateBody", ""))
            return {"TemplateBody": body, "ChangeSetId": change_set.id, "RegionId": self._ros.account.region}
        stack = self._ros.stacks.get(required(call, "StackId"))
        return {
            "TemplateBody": stack.source.template,
            "StackId": stack.id,
            "Description": stack.description,
            "CreateTime": shown_time(stack.created),
            "UpdateTime": shown_time(stack.updated),
            "RegionId": self._ros.account.region,
        }

    async def validate_template(self, call: Call) -> Answer:
        """Answer ValidateTemplate."""
        text = decode_template(required(call, "TemplateBody"))
        resolved = await self._ros.templates.check(text, call.caller)
        template = resolved.template
        return {
            "Description": template.description,
            "Parameters": [{"ParameterKey": name, **each.record} for name, each in template.parameters.items()],
            "Outputs": [
                {"OutputKey": name, "Description": each.description} for name, each in template.outputs.items()
            ],
            "ResourceTypes": {
                "Resources": sorted({each.type for each in template.resources.values()}),
                "DataSources": [],
            },
        }

    async def preview_stack(self, call: Call) -> Answer:
        """Answer PreviewStack."""
        given = call.parameters
        stack = self._ros.stacks.get(given["StackId"]) if "StackId" in given else None
        request = read_request(given, call.caller, updates=stack is not None)
        name = stack.name if stack else required(call, "StackName")
        resolved, changes = await self._ros.stacks.preview(request, stack, name)
        return {
            "Stack": {
                "StackName": name,
                "RegionId": self._ros.account.region,
                "Description": resolved.template.description,
                "TemplateDescription": resolved.template.description,
                "DisableRollback": bool(request.disable_rollback),
                "TimeoutInMinutes": request.timeout or (stack.timeout if stack else 60),
                "Parameters": shown_parameters(resolved.values, resolved.hidden),
                "Resources": _resources(resolved, changes),
            }
        }


def _resources(resolved: ResolvedTemplate, changes: Iterable[Change]) -> list[Answer]:
    """Return the resources of a preview: those that are wanted, then those that would go."""
    by_name = {change.logical_id: change for change in changes}
    wanted: list[Answer] = []
    for logical_id, declaration in resolved.template.resources.items():
        if logical_id in resolved.requires:
            change = by_name.get(logical_id)
            wanted.append(
                {
                    "LogicalResourceId": logical_id,
                    "ResourceType": declaration.type,
                    "Action": change.action if change else "None",
                    "Replacement": change.replacement if change else "",
                    "PhysicalResourceId": change.physical_id if change else "",
                    "RequiredBy": sorted(each for each, needs in resolved.requires.items() if logical_id in needs),
                    "Properties": declaration.properties,
                }
            )
    removed: list[Answer] = [
        {"LogicalResourceId": each.logical_id, "ResourceType": each.type, "Action": "Remove"}
        for each in by_name.values()
        if each.action == "Remove"
    ]
    return wanted + removed
