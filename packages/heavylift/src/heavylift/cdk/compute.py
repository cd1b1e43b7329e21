"""The function, in Function Compute 2.0 (service and function) or 3.0 (function alone), and its trigger, from the same settings."""

from __future__ import annotations

from collections.abc import Mapping

import ros_cdk_fc as fc2
import ros_cdk_fc3 as fc3
from ros_cdk_core import Construct, Resource
from ros_cdk_oss import Bucket
from ros_cdk_ossassets import Asset
from ros_cdk_ram import Role

from heavylift.cdk.logs import FunctionLogs
from heavylift.cdk.names import account, region
from heavylift.cdk.settings import Settings

HANDLER, INITIALIZER = "loader.handler", "loader.initializer"
DESCRIPTION = "Loads its libraries and its model from OSS when an instance starts"
TRIGGER = "incoming"
EVENTS = ["oss:ObjectCreated:*"]


def make_function(
    scope: Construct,
    *,
    settings: Settings,
    code: Asset,
    role: Role,
    environment: Mapping[str, str],
    logs: FunctionLogs | None,
) -> fc2.Function | fc3.Function:
    """Return the function; its name is the stack's, as is its service's.

    Args:
        scope: where it is made.
        settings: memory, cpu, disk, timeouts, runtime.
        code: the code package.
        role: whose credentials it gets.
        environment: its variables.
        logs: where it logs to, or None.
    """
    make = _fc2_function if settings.generation == "2.0" else _fc3_function
    return make(scope, settings, code, role, environment, logs)


def make_trigger(
    scope: Construct, *, settings: Settings, function: fc2.Function | fc3.Function, bucket: Bucket, role: Role
) -> fc2.Trigger | fc3.Trigger:
    """Return the trigger that invokes the function for each new object under the events' prefix.

    Args:
        scope: where it is made.
        settings: name the prefix.
        function: what is invoked.
        bucket: whose objects.
        role: with which OSS invokes it.
    """
    config = {"events": EVENTS, "filter": {"key": {"prefix": settings.events_prefix, "suffix": ""}}}
    source = f"acs:oss:{region()}:{account()}:{bucket.props.bucket_name}"
    if isinstance(function, fc2.Function):
        props = fc2.TriggerProps(
            service_name=function.attr_service_name,
            function_name=function.attr_function_name,
            trigger_name=TRIGGER,
            trigger_type="oss",
            trigger_config=config,
            source_arn=source,
            invocation_role=role.attr_arn,
        )
        trigger: fc2.Trigger | fc3.Trigger = fc2.Trigger(scope, "Trigger", props)
    else:
        trigger = fc3.Trigger(
            scope,
            "Trigger",
            fc3.TriggerProps(
                function_name=function.attr_function_name,
                trigger_name=TRIGGER,
                trigger_type="oss",
                trigger_config=config,
                source_arn=source,
                invocation_role=role.attr_arn,
            ),
        )
    trigger.add_dependency(bucket)
    return trigger


def _fc2_function(
    scope: Construct,
    settings: Settings,
    code: Asset,
    role: Role,
    environment: Mapping[str, str],
    logs: FunctionLogs | None,
) -> fc2.Function:
    service = fc2.Service(
        scope,
        "Service",
        fc2.ServiceProps(
            service_name=settings.stack_name,
            description=DESCRIPTION,
            role=role.attr_arn,
            internet_access=True,
            log_config=None
            if logs is None
            else fc2.RosService.LogConfigProperty(
                project=logs.project, logstore=logs.logstore, enable_request_metrics=True
            ),
        ),
    )
    _wait_for(logs, service)
    props = fc2.FunctionProps(
        service_name=service.attr_service_name,
        function_name=settings.stack_name,
        description=DESCRIPTION,
        runtime=settings.runtime,
        handler=HANDLER,
        initializer=INITIALIZER if settings.initializer else None,
        initialization_timeout=settings.initialization_timeout if settings.initializer else None,
        timeout=settings.timeout,
        memory_size=settings.memory,
        cpu=settings.cpu,
        disk_size=settings.disk,
        environment_variables=dict(environment),
        code=fc2.RosFunction.CodeProperty(oss_bucket_name=code.bucket_name, oss_object_name=code.object_key),
    )
    return fc2.Function(scope, "Function", props)


def _fc3_function(
    scope: Construct,
    settings: Settings,
    code: Asset,
    role: Role,
    environment: Mapping[str, str],
    logs: FunctionLogs | None,
) -> fc3.Function:
    initializer = fc3.RosFunction.InitializerProperty(handler=INITIALIZER, timeout=settings.initialization_timeout)
    lifecycle = fc3.RosFunction.InstanceLifecycleConfigProperty(initializer=initializer)
    props = fc3.FunctionProps(
        function_name=settings.stack_name,
        description=DESCRIPTION,
        runtime=settings.runtime,
        handler=HANDLER,
        instance_lifecycle_config=lifecycle if settings.initializer else None,
        timeout=settings.timeout,
        memory_size=settings.memory,
        cpu=settings.cpu,
        disk_size=settings.disk,
        environment_variables=dict(environment),
        role=role.attr_arn,
        internet_access=True,
        log_config=None
        if logs is None
        else fc3.RosFunction.LogConfigProperty(
            project=logs.project, logstore=logs.logstore, enable_request_metrics=True
        ),
        code=fc3.RosFunction.CodeProperty(oss_bucket_name=code.bucket_name, oss_object_name=code.object_key),
    )
    function = fc3.Function(scope, "Function", props)
    _wait_for(logs, function)
    return function


def _wait_for(logs: FunctionLogs | None, resource: Resource) -> None:
    if logs is not None:
        resource.add_dependency(logs.index)  # a log store without an index cannot be searched
