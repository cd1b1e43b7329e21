"""The routes of the embedded ROS: its API's actions, each with the parameters it knows, and the URLs to which resources report.

Sources: ROS API reference 2019-09-10; the models of alibabacloud_ros20190910.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel.access import Gate
from localcloud.kernel.identity import Authorizer
from localcloud.kernel.rpc import Action, create_app
from localcloud.kernel.signatures import Authenticator
from localcloud.ros.api.actions import Handler, make_action, refuse
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.api.change_sets import ChangeSetActions
from localcloud.ros.api.events import EventActions
from localcloud.ros.api.resources import ResourceActions
from localcloud.ros.api.stacks import StackActions
from localcloud.ros.api.templates import TemplateActions
from localcloud.ros.operations.service import RosService

VERSION = "2019-09-10"
MAX_BODY = 4 * 1024**2  # bytes: a template of 512 KiB in base64, form-encoded, and its parameters

_SOURCE = {"TemplateBody", "Parameters", "TimeoutInMinutes", "DisableRollback", "Tags", "ClientToken"}
_UPDATE = {"UsePreviousParameters", "ReplacementOption"}


def create_ros_app(
    ros: RosService,
    *,
    authenticator: Authenticator,
    authorizer: Authorizer,
    callbacks: Callbacks,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves ROS."""
    application = create_app(
        version=VERSION,
        actions=_actions(ros, authorizer),
        authenticator=authenticator,
        serves=serves,
        max_body=MAX_BODY,
    )
    callbacks.add_routes(application)
    return application


def _actions(ros: RosService, authorizer: Authorizer) -> dict[str, Action]:
    stacks, change_sets, templates = StackActions(ros), ChangeSetActions(ros), TemplateActions(ros)
    events, resources = EventActions(ros), ResourceActions(ros)
    stack, page = {"StackId"}, {"PageNumber", "PageSize"}
    table: dict[str, tuple[Handler, set[str]]] = {
        "CreateStack": (stacks.create_stack, _SOURCE | {"StackName", "DeletionProtection"}),
        # ros-cdk sends the stack's name along, which UpdateStack has no use for: the id says which stack.
        "UpdateStack": (stacks.update_stack, _SOURCE | _UPDATE | stack | {"StackName"}),
        "DeleteStack": (stacks.delete_stack, stack | {"RetainResources", "RetainAllResources"}),
        "GetStack": (stacks.get_stack, stack | {"OutputOption", "ShowResourceProgress", "LogOption", "ClientToken"}),
        "ListStacks": (
            stacks.list_stacks,
            page | stack | {"StackIds", "StackName", "Status", "Tag", "ShowNestedStack"},
        ),
        "GetTemplate": (templates.get_template, stack | {"ChangeSetId", "TemplateStage"}),
        "ValidateTemplate": (templates.validate_template, {"TemplateBody", "ValidationOption", "ClientToken"}),
        "PreviewStack": (templates.preview_stack, _SOURCE | stack | {"StackName", "UsePreviousParameters"}),
        "ListStackEvents": (events.list_events, page | stack | {"Status", "ResourceType", "LogicalResourceId"}),
        "ListStackResources": (resources.list_resources, stack),
        "GetStackResource": (
            resources.get_resource,
            stack | {"LogicalResourceId", "ShowResourceAttributes", "ResourceAttributes", "ClientToken"},
        ),
        "CreateChangeSet": (
            change_sets.create_change_set,
            _SOURCE | _UPDATE | stack | {"ChangeSetName", "ChangeSetType", "StackName", "Description"},
        ),
        "GetChangeSet": (change_sets.get_change_set, {"ChangeSetId", "ShowTemplate"}),
        "ListChangeSets": (
            change_sets.list_change_sets,
            page | stack | {"ChangeSetId", "ChangeSetName", "Status", "ExecutionStatus"},
        ),
        "ExecuteChangeSet": (change_sets.execute_change_set, {"ChangeSetId", "ClientToken"}),
        "DeleteChangeSet": (change_sets.delete_change_set, {"ChangeSetId"}),
        "DescribeRegions": (stacks.describe_regions, {"AcceptLanguage"}),
    }
    gate = Gate(authorizer, refuse)
    return {name: make_action(ros.account, gate, handler, known) for name, (handler, known) in table.items()}
