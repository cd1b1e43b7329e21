"""The routes of the embedded ROS: its API's actions, each with the parameters it knows, and the URLs to which resources report.

Sources: ROS API reference 2019-09-10; the models of alibabacloud_ros20190910.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel import rpc
from localcloud.kernel.access import Gate
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.signatures import Authenticator
from localcloud.ros.api.actions import Handler, make_action
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.api.change_sets import ChangeSetCalls
from localcloud.ros.api.drifts import DriftCalls
from localcloud.ros.api.events import EventCalls
from localcloud.ros.api.labels import LabelCalls
from localcloud.ros.api.library import LibraryCalls
from localcloud.ros.api.resources import ResourceCalls
from localcloud.ros.api.signals import add_signals
from localcloud.ros.api.sources import SOURCE
from localcloud.ros.api.stacks import StackCalls
from localcloud.ros.api.templates import TemplateCalls
from localcloud.ros.api.types import TypeCalls
from localcloud.ros.errors import forbidden
from localcloud.ros.operations.service import RosService

VERSION = "2019-09-10"
MAX_BODY = 4 * 1024**2  # bytes: a template of 512 KiB in base64, form-encoded, and its parameters

_SOURCE = {*SOURCE, "Parameters", "TimeoutInMinutes", "DisableRollback", "Tags", "ResourceGroupId", "ClientToken"}
_POLICY = {"StackPolicyBody", "StackPolicyURL"}
_UPDATE = {"UsePreviousParameters", "ReplacementOption"}
_ONCE = {"StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL"}


def create_app(
    ros: RosService,
    *,
    authenticator: Authenticator,
    authorizer: Authorizer,
    callbacks: Callbacks,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves ROS."""
    application = rpc.create_app(
        version=VERSION,
        actions=_actions(ros, authorizer),
        authenticator=authenticator,
        serves=serves,
        max_body=MAX_BODY,
    )
    callbacks.add_routes(application)
    add_signals(application, ros.signals)
    return application


def _actions(ros: RosService, authorizer: Authorizer) -> dict[str, rpc.Action]:
    stacks, change_sets, templates = StackCalls(ros), ChangeSetCalls(ros), TemplateCalls(ros)
    events, resources, types, library = EventCalls(ros), ResourceCalls(ros), TypeCalls(ros), LibraryCalls(ros)
    drifts, labels = DriftCalls(ros), LabelCalls(ros)
    stack, page = {"StackId"}, {"PageNumber", "PageSize"}
    table: dict[str, tuple[Handler, set[str]]] = {
        "CreateStack": (stacks.create_stack, _SOURCE | _POLICY | {"StackName", "DeletionProtection"}),
        # ros-cdk sends the stack's name along, which UpdateStack has no use for: the id says which stack.
        "UpdateStack": (stacks.update_stack, _SOURCE | _UPDATE | _POLICY | _ONCE | stack | {"StackName"}),
        "ContinueCreateStack": (stacks.continue_creation, {*SOURCE, "StackId", "Parameters", "Mode", "DryRun"}),
        "CancelUpdateStack": (stacks.cancel_update, stack | {"CancelType"}),
        "CancelStackOperation": (stacks.cancel_operation, stack | {"CancelType", "AllowedStackOperations"}),
        "SetDeletionProtection": (stacks.set_protection, stack | {"DeletionProtection"}),
        "SetStackPolicy": (stacks.set_policy, stack | _POLICY),
        "GetStackPolicy": (stacks.get_policy, stack),
        "DeleteStack": (stacks.delete_stack, stack | {"RetainResources", "RetainAllResources"}),
        "GetStack": (stacks.get_stack, stack | {"OutputOption", "ShowResourceProgress", "LogOption", "ClientToken"}),
        "ListStacks": (
            stacks.list_stacks,
            page
            | stack
            | {"StackIds", "StackName", "Status", "Tag", "ShowNestedStack", "ParentStackId", "ResourceGroupId"},
        ),
        "GetTemplate": (
            templates.get_template,
            stack
            | {"ChangeSetId", "TemplateStage", "TemplateId", "TemplateVersion", "IncludeTags", "IncludePermission"},
        ),
        "ValidateTemplate": (
            templates.validate_template,
            {"TemplateBody", "TemplateURL", "ValidationOption", "ClientToken"},
        ),
        "GetTemplateSummary": (
            templates.summarize_template,
            {*SOURCE, "StackId", "ChangeSetId", "Parameters", "ClientToken"},
        ),
        "GetTemplateParameterConstraints": (
            templates.find_constraints,
            {*SOURCE, "StackId", "Parameters", "ParametersKeyFilter", "ParametersOrder", "ClientToken"},
        ),
        "CreateTemplate": (
            library.create,
            {"TemplateBody", "TemplateURL", "TemplateName", "Description", "Tags", "ResourceGroupId"},
        ),
        "UpdateTemplate": (
            library.update,
            {"TemplateId", "TemplateBody", "TemplateURL", "TemplateName", "Description", "RotateStrategy"},
        ),
        "DeleteTemplate": (library.delete, {"TemplateId"}),
        "ListTemplates": (
            library.list,
            page | {"ShareType", "TemplateName", "Tag", "IncludeTags", "ResourceGroupId"},
        ),
        "ListTemplateVersions": (library.list_versions, {"TemplateId", "MaxResults", "NextToken"}),
        "ListResourceTypes": (types.list_types, {"EntityType", "Provider", "ResourceType"}),
        "GetResourceType": (types.get_type, {"ResourceType"}),
        "GetResourceTypeTemplate": (types.get_template, {"ResourceType"}),
        "PreviewStack": (templates.preview_stack, _SOURCE | stack | {"StackName", "UsePreviousParameters"}),
        "DetectStackDrift": (drifts.detect, stack | {"LogicalResourceId", "ClientToken"}),
        "DetectStackResourceDrift": (drifts.detect_resource, stack | {"LogicalResourceId", "ClientToken"}),
        "GetStackDriftDetectionStatus": (drifts.get_status, {"DriftDetectionId"}),
        "ListStackResourceDrifts": (drifts.list, stack | {"ResourceDriftStatus", "MaxResults", "NextToken"}),
        "TagResources": (labels.tag, {"ResourceType", "ResourceId", "Tag"}),
        "UntagResources": (labels.untag, {"ResourceType", "ResourceId", "TagKey", "All"}),
        "ListTagResources": (labels.list_tags, {"ResourceType", "ResourceId", "Tag", "NextToken"}),
        "MoveResourceGroup": (labels.move, {"ResourceType", "ResourceId", "NewResourceGroupId"}),
        "ListStackEvents": (events.list_events, page | stack | {"Status", "ResourceType", "LogicalResourceId"}),
        "ListStackResources": (resources.list_resources, stack),
        "GetStackResource": (
            resources.get_resource,
            stack | {"LogicalResourceId", "ShowResourceAttributes", "ResourceAttributes", "ClientToken"},
        ),
        "CreateChangeSet": (
            change_sets.create_change_set,
            _SOURCE
            | _UPDATE
            | _POLICY
            | _ONCE
            | stack
            | {"ChangeSetName", "ChangeSetType", "StackName", "Description"},
        ),
        "GetChangeSet": (change_sets.get_change_set, {"ChangeSetId", "ShowTemplate"}),
        "ListChangeSets": (
            change_sets.list_change_sets,
            page | stack | {"ChangeSetId", "ChangeSetName", "Status", "ExecutionStatus"},
        ),
        "ExecuteChangeSet": (change_sets.execute_change_set, {"ChangeSetId", "ClientToken"}),
        "DeleteChangeSet": (change_sets.delete_change_set, {"ChangeSetId"}),
        "ListStackGroups": (stacks.list_groups, page | {"Status", "ResourceGroupId", "Tags"}),
        "DescribeRegions": (stacks.describe_regions, {"AcceptLanguage"}),
    }
    gate = Gate(authorizer, forbidden)
    return {name: make_action(ros.owner, gate, handler, known) for name, (handler, known) in table.items()}
