"""A function in Function Compute 2.0 (service and function) or 3.0 (function alone), from the same settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import ros_cdk_fc as fc2
import ros_cdk_fc3 as fc3
from ros_cdk_core import Construct, Resource
from ros_cdk_ossassets import Asset
from ros_cdk_ram import Role

from heavylift.cdk.arguments import FunctionSettings
from heavylift.cdk.logs import FunctionLogs
from heavylift.cdk.names import logical_id

HANDLER, INITIALIZER = "loader.handler", "loader.initializer"
DESCRIPTION = "Loads its libraries and its model from OSS when an instance starts"
LATEST = "LATEST"  # the qualifier of what is not published
Function = fc2.Function | fc3.Function
Config = TypeVar("Config")


def make_function(
    scope: Construct,
    id_: str,
    *,
    name: str,
    settings: FunctionSettings,
    role: Role,
    logs: FunctionLogs | None,
) -> Function:
    """Return the function, which has no code yet.

    Args:
        scope: where it is made.
        id_: its logical id.
        name: of it, and of its service.
        settings: memory, cpu, disk, timeouts, runtime.
        role: whose credentials it gets.
        logs: where it logs to, or None.
    """
    shared = {  # properties that both generations have, under the same names
        "function_name": name,
        "description": DESCRIPTION,
        "runtime": settings.runtime,
        "handler": HANDLER,
        "timeout": settings.timeout,
        "memory_size": settings.memory,
        "cpu": settings.cpu,
        "disk_size": settings.disk,
    }
    make = _fc2_function if settings.generation == "2.0" else _fc3_function
    return make(scope, id_, shared, settings, role, logs)


def set_code(function: Function, code: Asset, environment: Mapping[str, str]) -> None:
    """Give a function its code.

    Args:
        function: which gets it.
        code: the code package.
        environment: all variables.
    """
    resource = function.node.find_child(function.node.id)
    if isinstance(resource, fc2.RosFunction):
        resource.code = fc2.RosFunction.CodeProperty(oss_bucket_name=code.bucket_name, oss_object_name=code.object_key)
    else:
        assert isinstance(resource, fc3.RosFunction)
        resource.code = fc3.RosFunction.CodeProperty(oss_bucket_name=code.bucket_name, oss_object_name=code.object_key)
    resource.environment_variables = dict(environment)


def keep_instances(scope: Construct, id_: str, function: Function, number: int) -> None:
    """Have instances of what is not published started ahead and kept.

    Args:
        scope: where it is made.
        id_: the function's logical id.
        function: whose instances they are.
        number: of them.
    """
    name = logical_id(id_, "MinimumInstances")
    if isinstance(function, fc2.Function):
        props = fc2.ProvisionConfigProps(
            service_name=function.attr_service_name,
            function_name=function.attr_function_name,
            qualifier=LATEST,
            target=number,
        )
        fc2.ProvisionConfig(scope, name, props)
    else:
        props3 = fc3.ProvisionConfigProps(
            function_name=function.attr_function_name, qualifier=LATEST, default_target=number
        )
        fc3.ProvisionConfig(scope, name, props3)


def _fc2_function(
    scope: Construct,
    id_: str,
    shared: Mapping[str, Any],
    settings: FunctionSettings,
    role: Role,
    logs: FunctionLogs | None,
) -> fc2.Function:
    service = fc2.Service(
        scope,
        logical_id(id_, "Service"),
        fc2.ServiceProps(
            service_name=shared["function_name"],
            description=DESCRIPTION,
            role=role.attr_arn,
            internet_access=True,
            log_config=_log_config(fc2.RosService.LogConfigProperty, logs),
        ),
    )
    _wait_for(logs, service)
    props = fc2.FunctionProps(
        service_name=service.attr_service_name,
        **shared,
        initializer=INITIALIZER if settings.initializer else None,
        initialization_timeout=settings.initialization_timeout if settings.initializer else None,
    )
    return fc2.Function(scope, id_, props)


def _fc3_function(
    scope: Construct,
    id_: str,
    shared: Mapping[str, Any],
    settings: FunctionSettings,
    role: Role,
    logs: FunctionLogs | None,
) -> fc3.Function:
    initializer = fc3.RosFunction.InitializerProperty(handler=INITIALIZER, timeout=settings.initialization_timeout)
    lifecycle = fc3.RosFunction.InstanceLifecycleConfigProperty(initializer=initializer)
    props = fc3.FunctionProps(
        **shared,
        instance_lifecycle_config=lifecycle if settings.initializer else None,
        role=role.attr_arn,
        internet_access=True,
        log_config=_log_config(fc3.RosFunction.LogConfigProperty, logs),
    )
    function = fc3.Function(scope, id_, props)
    _wait_for(logs, function)
    return function


def _log_config(make: Callable[..., Config], logs: FunctionLogs | None) -> Config | None:
    return None if logs is None else make(project=logs.project, logstore=logs.logstore, enable_request_metrics=True)


def _wait_for(logs: FunctionLogs | None, resource: Resource) -> None:
    if logs is not None:
        resource.add_dependency(logs.index)  # a log store without an index cannot be searched
