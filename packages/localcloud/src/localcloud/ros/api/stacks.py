"""The actions of the ROS API: parse parameters, ask the service, render the answer.

Each action checks that the caller may do it, on the stack that it names. Sources: ROS API reference 2019-09-10; the models of
alibabacloud_ros20190910.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from localcloud.kernel.identity import Authorizer
from localcloud.kernel.rpc import Action, Call
from localcloud.ros.errors import RosError
from localcloud.ros.model import Caller, Change, ChangeSet, Event, Resource, Source, Stack, format_time
from localcloud.ros.operations.stacks import Request, RosService
from localcloud.ros.template.bounds import MAX_SIZE

Answer = dict[str, object]
Handler = Callable[[Call], Answer | Awaitable[Answer]]
_Item = TypeVar("_Item")
ENCODED = re.compile(r"@Base64Encoded:\s*")  # a template may come so, which keeps firewalls from misreading it
PAGE_SIZES = range(1, 50 + 1)
DEFAULT_PAGE = 10
MAX_PARAMETERS = 200
HIDDEN = "******"  # the value of a NoEcho parameter
NUMBERED = re.compile(r"([A-Za-z]+)\.([0-9]{1,9})(?:\.([A-Za-z]+))?")

_SOURCE = {"TemplateBody", "Parameters", "TimeoutInMinutes", "DisableRollback", "Tags", "ClientToken"}
_UPDATE = {"UsePreviousParameters", "ReplacementOption"}


def ros_actions(ros: RosService, authorizer: Authorizer) -> dict[str, Action]:
    """Return the actions of the ROS API, by name."""
    handlers = _Handlers(ros)
    stack, page = {"StackId"}, {"PageNumber", "PageSize"}
    table: dict[str, tuple[Handler, set[str]]] = {
        "CreateStack": (handlers.create_stack, _SOURCE | {"StackName", "DeletionProtection"}),
        # ros-cdk sends the stack's name along, which UpdateStack has no use for: the id says which stack.
        "UpdateStack": (handlers.update_stack, _SOURCE | _UPDATE | stack | {"StackName"}),
        "DeleteStack": (handlers.delete_stack, stack | {"RetainResources", "RetainAllResources"}),
        "GetStack": (handlers.get_stack, stack | {"OutputOption", "ShowResourceProgress", "LogOption", "ClientToken"}),
        "ListStacks": (
            handlers.list_stacks,
            page | stack | {"StackIds", "StackName", "Status", "Tag", "ShowNestedStack"},
        ),
        "GetTemplate": (handlers.get_template, stack | {"ChangeSetId", "TemplateStage"}),
        "ValidateTemplate": (handlers.validate_template, {"TemplateBody", "ValidationOption", "ClientToken"}),
        "PreviewStack": (handlers.preview_stack, _SOURCE | stack | {"StackName", "UsePreviousParameters"}),
        "ListStackEvents": (handlers.list_events, page | stack | {"Status", "ResourceType", "LogicalResourceId"}),
        "ListStackResources": (handlers.list_resources, stack),
        "GetStackResource": (
            handlers.get_resource,
            stack | {"LogicalResourceId", "ShowResourceAttributes", "ResourceAttributes", "ClientToken"},
        ),
        "CreateChangeSet": (
            handlers.create_change_set,
            _SOURCE | _UPDATE | stack | {"ChangeSetName", "ChangeSetType", "StackName", "Description"},
        ),
        "GetChangeSet": (handlers.get_change_set, {"ChangeSetId", "ShowTemplate"}),
        "ListChangeSets": (
            handlers.list_change_sets,
            page | stack | {"ChangeSetId", "ChangeSetName", "Status", "ExecutionStatus"},
        ),
        "ExecuteChangeSet": (handlers.execute_change_set, {"ChangeSetId", "ClientToken"}),
        "DeleteChangeSet": (handlers.delete_change_set, {"ChangeSetId"}),
        "DescribeRegions": (handlers.describe_regions, {"AcceptLanguage"}),
    }
    return {name: _action(ros, authorizer, handler, known) for name, (handler, known) in table.items()}


def _action(ros: RosService, authorizer: Authorizer, handler: Handler, parameters: set[str]) -> Action:
    """Check what every action checks; a parameter that it would ignore is refused."""
    account = ros.account

    async def run(call: Call) -> Mapping[str, object]:
        if odd := [name for name in call.parameters if "." in name and not NUMBERED.fullmatch(name)]:
            raise RosError("InvalidParameter", f"{min(odd)[:80]}: not a name such as Tags.1.Key.")
        ignored = {name.partition(".")[0] for name in call.parameters} - parameters - {"RegionId"}
        if ignored:
            name = min(ignored)
            raise RosError("InvalidParameter", f"not implemented: the parameter {name} of {call.action}.")
        region = call.parameters.get("RegionId", account.region)
        if region != account.region:
            raise RosError(
                "InvalidRegionId", f"not implemented: the region {region}; this embedded cloud is {account.region}."
            )
        target = call.parameters.get("StackId", "*")
        resource = f"acs:ros:{account.region}:{account.account_id}:stack/{target}"
        if not authorizer.is_allowed(
            call.identity, action=f"ros:{call.action}", resource=resource, conditions=_caller(call).conditions
        ):
            raise RosError("Forbidden.RAM", f"You are not authorized to do ros:{call.action} on {resource}.", 403)
        answer = handler(call)
        return await answer if isinstance(answer, Awaitable) else answer

    return run


def _caller(call: Call) -> Caller:
    conditions = {"acs:SourceIp": call.source_ip, "acs:SecureTransport": str(call.secure).lower()}
    return Caller(identity=call.identity, conditions=conditions)


class _Handlers:
    def __init__(self, ros: RosService) -> None:
        self._ros = ros

    # Stacks

    async def create_stack(self, call: Call) -> Answer:
        request = _request(call.parameters, _caller(call))
        return {"StackId": (await self._ros.create_stack(_required(call, "StackName"), request)).id}

    async def update_stack(self, call: Call) -> Answer:
        request = _request(call.parameters, _caller(call), updates=True)
        return {"StackId": (await self._ros.update_stack(_required(call, "StackId"), request)).id}

    def delete_stack(self, call: Call) -> Answer:
        retain = tuple(_numbered(call.parameters, "RetainResources"))
        self._ros.delete_stack(
            _required(call, "StackId"),
            _caller(call),
            retain=retain,
            retain_all=_flag(call.parameters, "RetainAllResources"),
        )
        return {}

    def get_stack(self, call: Call) -> Answer:
        stack = self._ros.stack(_required(call, "StackId"))
        outline = stack.source.outline
        hidden = outline.hidden if outline else tuple(stack.values)
        described = outline.outputs if outline else {}
        answer = self._summary(stack) | {
            "Description": stack.description,
            "TemplateDescription": stack.description,
            "NotificationURLs": [],
            "Parameters": _parameters(stack, hidden),
            "Outputs": [
                {"OutputKey": key, "OutputValue": value, "Description": described.get(key, "")}
                for key, value in stack.outputs.items()
                if call.parameters.get("OutputOption", "Enabled") != "Disabled"
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
            "RegionId": self._ros.account.region,
            "Status": stack.status,
            "StatusReason": stack.reason,
            "CreateTime": format_time(stack.created),
            "UpdateTime": format_time(stack.updated),
            "TimeoutInMinutes": stack.timeout,
            "DisableRollback": stack.disable_rollback,
            "DeletionProtection": "Enabled" if stack.protected else "Disabled",
            "StackDriftStatus": "NOT_CHECKED",
            "ServiceManaged": False,
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        }

    def list_stacks(self, call: Call) -> Answer:
        given = call.parameters
        names, states = _numbered(given, "StackName"), _numbered(given, "Status")
        ids = [*_numbered(given, "StackIds"), *([given["StackId"]] if "StackId" in given else [])]
        tags = [(each.get("Key", ""), each.get("Value")) for each in _records(given, "Tag")]
        found = [
            stack
            for stack in self._ros.stacks()
            if (not names or stack.name in names)
            and (not ids or stack.id in ids)
            and (stack.status in states if states else stack.status != "DELETE_COMPLETE")
            and all(key in stack.tags and value in (None, stack.tags[key]) for key, value in tags)
        ]
        return _page(call, "Stacks", found, self._summary)

    def get_template(self, call: Call) -> Answer:
        given = call.parameters
        if change_set_id := given.get("ChangeSetId"):
            change_set = self._ros.change_set(change_set_id)
            body = _decode(change_set.request.get("TemplateBody", ""))
            return {"TemplateBody": body, "ChangeSetId": change_set.id, "RegionId": self._ros.account.region}
        stack = self._ros.stack(_required(call, "StackId"))
        return {
            "TemplateBody": stack.source.template,
            "StackId": stack.id,
            "Description": stack.description,
            "CreateTime": format_time(stack.created),
            "UpdateTime": format_time(stack.updated),
            "RegionId": self._ros.account.region,
        }

    async def validate_template(self, call: Call) -> Answer:
        blueprint = await self._ros.validate(_decode(_required(call, "TemplateBody")))
        template = blueprint.template
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
        given = call.parameters
        stack = self._ros.stack(given["StackId"]) if "StackId" in given else None
        request = _request(given, _caller(call), updates=stack is not None)
        name = stack.name if stack else _required(call, "StackName")
        blueprint, changes = await self._ros.preview(request, stack, name)
        by_name = {change.logical_id: change for change in changes}
        resources = []
        for logical_id, declaration in blueprint.template.resources.items():
            if logical_id in blueprint.requires:
                change = by_name.get(logical_id)
                resources.append(
                    {
                        "LogicalResourceId": logical_id,
                        "ResourceType": declaration.type,
                        "Action": change.action if change else "None",
                        "Replacement": change.replacement if change else "",
                        "PhysicalResourceId": change.physical_id if change else "",
                        "RequiredBy": sorted(each for each, needs in blueprint.requires.items() if logical_id in needs),
                        "Properties": declaration.properties,
                    }
                )
        removed = [change for change in changes if change.action == "Remove"]
        resources += [
            {"LogicalResourceId": each.logical_id, "ResourceType": each.type, "Action": "Remove"} for each in removed
        ]
        return {
            "Stack": {
                "StackName": name,
                "RegionId": self._ros.account.region,
                "Description": blueprint.template.description,
                "TemplateDescription": blueprint.template.description,
                "DisableRollback": bool(request.disable_rollback),
                "TimeoutInMinutes": request.timeout or (stack.timeout if stack else 60),
                "Parameters": [
                    {"ParameterKey": key, "ParameterValue": HIDDEN if key in blueprint.hidden else _text(value)}
                    for key, value in blueprint.values.items()
                ],
                "Resources": resources,
            }
        }

    # Events and resources

    def list_events(self, call: Call) -> Answer:
        given = call.parameters
        stack = self._ros.stack(_required(call, "StackId"))
        states, kinds = _numbered(given, "Status"), _numbered(given, "ResourceType")
        logical_ids = _numbered(given, "LogicalResourceId")
        found = [
            event
            for event in reversed(stack.events)
            if (not states or event.status in states)
            and (not kinds or event.type in kinds)
            and (not logical_ids or event.logical_id in logical_ids)
        ]

        def render(event: Event) -> Answer:
            return {
                "EventId": event.event_id,
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": event.logical_id,
                "PhysicalResourceId": event.physical_id,
                "ResourceType": event.type,
                "Status": event.status,
                "StatusReason": event.reason,
                "CreateTime": format_time(event.created),
            }

        return _page(call, "Events", found, render)

    def list_resources(self, call: Call) -> Answer:
        stack = self._ros.stack(_required(call, "StackId"))
        return {"Resources": [_resource(stack, each) for each in stack.resources.values()]}

    def get_resource(self, call: Call) -> Answer:
        stack, name = self._ros.stack(_required(call, "StackId")), _required(call, "LogicalResourceId")
        if name not in stack.resources:
            raise RosError("ResourceNotFound", f"The Resource ({name}) could not be found in Stack {stack.name}.", 404)
        resource = stack.resources[name]
        answer = _resource(stack, resource) | {"Description": "", "Metadata": {}}
        if _flag(call.parameters, "ShowResourceAttributes") or _numbered(call.parameters, "ResourceAttributes"):
            wanted = _numbered(call.parameters, "ResourceAttributes") or list(resource.attributes)
            answer["ResourceAttributes"] = [
                {"ResourceAttributeKey": key, "ResourceAttributeValue": resource.attributes.get(key)} for key in wanted
            ]
        return answer

    # Change sets

    async def create_change_set(self, call: Call) -> Answer:
        given = call.parameters
        kind = given.get("ChangeSetType", "UPDATE")
        stack = self._ros.stack(given["StackId"]) if kind == "UPDATE" and "StackId" in given else None
        change_set = await self._ros.create_change_set(
            _required(call, "ChangeSetName"),
            kind,
            stack,
            given.get("StackName", ""),
            _request(given, _caller(call), updates=kind == "UPDATE"),
            given.get("Description", ""),
        )
        return {"ChangeSetId": change_set.id, "StackId": change_set.stack_id}

    def get_change_set(self, call: Call) -> Answer:
        change_set = self._ros.change_set(_required(call, "ChangeSetId"))
        request = _request(change_set.request, _caller(call), updates=change_set.kind == "UPDATE")
        answer = self._change_set(change_set) | {
            "Changes": [_change(each) for each in change_set.changes],
            "DisableRollback": bool(request.disable_rollback),
            "TimeoutInMinutes": request.timeout or 60,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in request.source.parameters.items()
            ],
        }
        if _flag(call.parameters, "ShowTemplate"):
            answer["TemplateBody"] = request.source.template
        return answer

    def _change_set(self, change_set: ChangeSet) -> Answer:
        return {
            "ChangeSetId": change_set.id,
            "ChangeSetName": change_set.name,
            "ChangeSetType": change_set.kind,
            "StackId": change_set.stack_id,
            "StackName": change_set.stack_name,
            "Description": change_set.description,
            "RegionId": self._ros.account.region,
            "CreateTime": format_time(change_set.created),
            "Status": "CREATE_COMPLETE",
            "StatusReason": "",
            "ExecutionStatus": "EXECUTE_COMPLETE" if change_set.executed else "AVAILABLE",
            "Tags": [],
        }

    def list_change_sets(self, call: Call) -> Answer:
        given = call.parameters
        stack = self._ros.stack(_required(call, "StackId"))
        names, ids = _numbered(given, "ChangeSetName"), _numbered(given, "ChangeSetId")
        states, executions = _numbered(given, "Status"), _numbered(given, "ExecutionStatus")
        found = [
            each
            for each in self._ros.change_sets(stack.id)
            if (not names or each.name in names)
            and (not ids or each.id in ids)
            and (not states or "CREATE_COMPLETE" in states)
            and (not executions or ("EXECUTE_COMPLETE" if each.executed else "AVAILABLE") in executions)
        ]
        return _page(call, "ChangeSets", found, self._change_set)

    async def execute_change_set(self, call: Call) -> Answer:
        change_set = self._ros.change_set(_required(call, "ChangeSetId"))
        request = _request(change_set.request, _caller(call), updates=change_set.kind == "UPDATE")
        await self._ros.execute_change_set(change_set, request)
        return {}

    def delete_change_set(self, call: Call) -> Answer:
        self._ros.delete_change_set(self._ros.change_set(_required(call, "ChangeSetId")))
        return {}

    def describe_regions(self, _call: Call) -> Answer:
        region = self._ros.account.region
        return {"Regions": [{"RegionId": region, "LocalName": region, "RegionEndpoint": "ros.aliyuncs.com"}]}


# Requests


def _request(given: Mapping[str, str], caller: Caller, *, updates: bool = False) -> Request:
    """Read what CreateStack, UpdateStack, PreviewStack and CreateChangeSet have in common."""
    template = _decode(given.get("TemplateBody", ""))
    if not template and not updates:
        raise RosError("InvalidParameter", "TemplateBody is required: a template as JSON or YAML.")
    parameters = {}
    for each in _records(given, "Parameters"):
        if "ParameterKey" not in each or "ParameterValue" not in each:
            raise RosError("InvalidParameter", "Parameters: each needs ParameterKey and ParameterValue.")
        parameters[each["ParameterKey"]] = each["ParameterValue"]
    if len(parameters) > MAX_PARAMETERS:
        raise RosError("InvalidParameter", f"Parameters: {len(parameters)} are more than {MAX_PARAMETERS}.")
    if (size := sum(map(len, parameters.values()))) > MAX_SIZE:  # assumed: as large as a template
        raise RosError("InvalidParameter", f"Parameters: {size:,} characters in all, at most {MAX_SIZE:,} are allowed.")
    tags = {each.get("Key", ""): each.get("Value", "") for each in _records(given, "Tags")}
    return Request(
        source=Source(template=template, parameters=parameters),
        caller=caller,
        use_previous=_flag(given, "UsePreviousParameters"),
        timeout=_number(given, "TimeoutInMinutes"),
        disable_rollback=_flag(given, "DisableRollback") if "DisableRollback" in given else None,
        replacement=given.get("ReplacementOption") == "Enabled",
        protected=given["DeletionProtection"] == "Enabled" if "DeletionProtection" in given else None,
        tags=tags or None,
        token=given.get("ClientToken", ""),
        raw=given,
    )


def _decode(body: str) -> str:
    match = ENCODED.match(body)
    if not match:
        return body
    try:
        return base64.b64decode(body[match.end() :], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RosError("InvalidParameter", "TemplateBody begins with @Base64Encoded: and is not base64.") from error


def _required(call: Call, name: str) -> str:
    value = call.parameters.get(name, "")
    if not value:
        raise RosError(f"Missing{name}", f"{name} is mandatory for {call.action}.")
    return value


def _flag(given: Mapping[str, str], name: str) -> bool:
    value = given.get(name, "false").lower()
    if value not in {"true", "false"}:
        raise RosError("InvalidParameter", f"{name}: `{given[name]}` is neither true nor false.")
    return value == "true"


def _number(given: Mapping[str, str], name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal()) or len(value) > 9:
        raise RosError("InvalidParameter", f"{name}: `{value[:40]}` is not a number of up to 9 digits.")
    return int(value)


def _numbered(given: Mapping[str, str], name: str) -> list[str]:
    """Return the values of `Name.1`, `Name.2`, …, in their order."""
    found = [(match, value) for key, value in given.items() if (match := NUMBERED.fullmatch(key)) and match[1] == name]
    return [value for match, value in sorted(found, key=lambda each: int(each[0][2])) if not match[3]]


def _records(given: Mapping[str, str], name: str) -> Iterable[dict[str, str]]:
    """Return the records of `Name.1.Field`, `Name.2.Field`, …, in their order."""
    records: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        match = NUMBERED.fullmatch(key)
        if match and match[1] == name and match[3]:
            records.setdefault(int(match[2]), {})[match[3]] = value
    return [records[number] for number in sorted(records)]


# Answers


def _page(call: Call, name: str, items: Sequence[_Item], render: Callable[[_Item], Answer]) -> Answer:
    number, size = _number(call.parameters, "PageNumber"), _number(call.parameters, "PageSize")
    number, size = 1 if number is None else number, DEFAULT_PAGE if size is None else size
    if number < 1:
        raise RosError("InvalidParameter", f"PageNumber: {number} is less than 1.")
    if size not in PAGE_SIZES:
        raise RosError("InvalidParameter", f"PageSize: {size} is not within 1 and 50.")
    page = items[(number - 1) * size : number * size]
    return {
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": len(items),
        name: [render(each) for each in page],
    }


def _resource(stack: Stack, resource: Resource) -> Answer:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "Status": resource.status,
        "StatusReason": resource.reason,
        "CreateTime": format_time(resource.created),
        "UpdateTime": format_time(resource.updated),
        "ResourceDriftStatus": "NOT_CHECKED",
    }


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


def _parameters(stack: Stack, hidden: Collection[str]) -> list[Answer]:
    return [
        {"ParameterKey": key, "ParameterValue": HIDDEN if key in hidden else _text(value)}
        for key, value in stack.values.items()
    ]


def _progress(stack: Stack, total: int) -> Answer:
    states = [each.status for each in stack.resources.values()]
    done, failed = (sum(each.endswith(suffix) for each in states) for suffix in ("_COMPLETE", "_FAILED"))
    return {
        "TotalResourceCount": total,
        "SuccessResourceCount": done,
        "FailedResourceCount": failed,
        "InProgressResourceCount": len(states) - done - failed,
        "PendingResourceCount": max(total - len(states), 0),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
