"""Templates in the API: show, validate, summarize and preview them."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.ros.api.decoding import (
    decode_template,
    listed,
    read_request,
    required,
    switch,
    template_parameters,
)
from localcloud.ros.api.encoding import HIDDEN, shown_parameters, shown_tags, shown_time
from localcloud.ros.api.library import summarize_stored
from localcloud.ros.api.sources import PLACES, read_template, with_template
from localcloud.ros.errors import RosError
from localcloud.ros.operations.preview import Preview
from localcloud.ros.operations.service import RosService
from localcloud.ros.resources.provider import is_data_source
from localcloud.ros.template.summary import Summary


class TemplateCalls:
    """Actions on templates."""

    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    def get_template(self, call: Call) -> Answer:
        """Answer GetTemplate."""
        given = call.parameters
        if template_id := given.get("TemplateId"):
            return self._stored(template_id, given)
        if change_set_id := given.get("ChangeSetId"):
            change_set = self._ros.change_sets.get(change_set_id)
            body = change_set.source.template if change_set.source else change_set.request.get("TemplateBody", "")
            return {
                "TemplateBody": decode_template(body),
                "ChangeSetId": change_set.id,
                "RegionId": self._ros.owner.region,
            }
        stack = self._ros.stacks.get(required(call, "StackId"))
        return {
            "TemplateBody": stack.source.template,
            "StackId": stack.id,
            "Description": stack.source.description,
            "CreateTime": shown_time(stack.created),
            "UpdateTime": shown_time(stack.updated),
            "RegionId": self._ros.owner.region,
        }

    def _stored(self, template_id: str, given: Mapping[str, str]) -> Answer:
        template, version = self._ros.library.get(template_id, given.get("TemplateVersion", ""))
        answer = summarize_stored(self._ros.owner, template, version)
        if switch(given, "IncludeTags"):
            answer["Tags"] = shown_tags(template.tags)
        if switch(given, "IncludePermission"):
            answer["Permissions"] = []  # nobody else has an account here
        return answer | {"TemplateBody": version.body}

    async def validate_template(self, call: Call) -> Answer:
        """Answer ValidateTemplate."""
        summary = await self._ros.templates.summarize(await self._text(call), call.caller)
        return {
            "Description": summary.description,
            "Parameters": list(summary.parameters),
            "Outputs": list(summary.outputs),
            "ResourceTypes": {
                "Resources": [each for each in _types(summary) if not is_data_source(each)],
                "DataSources": [each for each in _types(summary) if is_data_source(each)],
            },
            "Resources": [
                {
                    "ResourcePath": each.name,
                    "LogicalResourceIdPattern": f"{each.name}[*]" if each.counted else each.name,
                    "ResourceType": each.type,
                }
                for each in summary.resources
            ],
        }

    async def summarize_template(self, call: Call) -> Answer:
        """Answer GetTemplateSummary."""
        text = await self._text(call)
        summary = await self._ros.templates.summarize(text, call.caller)
        return {
            "Description": summary.description,
            "Metadata": summary.metadata,
            "Parameters": list(summary.parameters),
            "ResourceIdentifierSummaries": [],  # of resources that can be imported: none
            "ResourceTypes": _types(summary),
            "Version": summary.version,
        }

    async def find_constraints(self, call: Call) -> Answer:
        """Answer GetTemplateParameterConstraints."""
        given = call.parameters
        text, wanted = await self._text(call), listed(given, "ParametersKeyFilter")
        found = await self._ros.templates.constraints(text, template_parameters(given), call.caller)
        shown = [each for each in found if not wanted or each["ParameterKey"] in wanted]
        return {"ParameterConstraints": shown}

    async def _text(self, call: Call) -> str:
        """Return the template that a call means: its own, or that of a stack or change set.

        Raises:
            RosError: there is none, or it is given twice.
        """
        given = call.parameters
        names = [name for name in (*PLACES, "StackId", "ChangeSetId") if given.get(name)]
        if len(names) > 1:
            raise RosError("InvalidParameter", f"Give only one of {', '.join(names)}.")
        if names in (["StackId"], ["ChangeSetId"]):
            return str(self.get_template(call)["TemplateBody"])
        if not names:
            required(call, "TemplateBody")
        return decode_template(await read_template(self._ros, given, call.caller))

    async def preview_stack(self, call: Call) -> Answer:
        """Answer PreviewStack."""
        given = call.parameters
        stack = self._ros.stacks.get(given["StackId"]) if "StackId" in given else None
        request = read_request(await with_template(self._ros, call), call.caller, updates=stack is not None)
        name = stack.name if stack else required(call, "StackName")
        found = await self._ros.stacks.preview_whole(request, stack, name, mask=HIDDEN)
        resolved = found.resolved
        return {
            "Stack": {
                "StackName": name,
                "RegionId": self._ros.owner.region,
                "Description": resolved.template.description,
                "TemplateDescription": resolved.template.description,
                "DisableRollback": bool(request.disable_rollback),
                "TimeoutInMinutes": request.timeout or (stack.timeout if stack else 60),
                "Parameters": shown_parameters(resolved.values, resolved.hidden),
                "Resources": _resources(found),
            }
        }


def _types(summary: Summary) -> list[str]:
    return sorted({each.type for each in summary.resources})


def _resources(preview: Preview) -> list[Answer]:
    """Return the resources of a preview: those that are wanted, then those that would go."""
    by_name = {change.logical_id: change for change in preview.changes}
    requires = preview.resolved.requires
    wanted: list[Answer] = []
    for logical_id, declaration in preview.resolved.template.resources.items():
        if logical_id in requires:
            change = by_name.get(logical_id)
            wanted.append(
                {
                    "LogicalResourceId": logical_id,
                    "ResourceType": declaration.type,
                    "Action": change.action if change else "None",
                    "Replacement": change.replacement if change else "",
                    "PhysicalResourceId": change.physical_id if change else "",
                    "RequiredBy": sorted(each for each, needs in requires.items() if logical_id in needs),
                    "Properties": preview.properties[logical_id],
                }
            )
    removed: list[Answer] = [
        {"LogicalResourceId": each.logical_id, "ResourceType": each.type, "Action": "Remove"}
        for each in by_name.values()
        if each.action == "Remove"
    ]
    return wanted + removed
