"""Triggers of a function, in Function Compute 2.0 or 3.0: for objects, for HTTP, and by the clock.

Sources: Function Compute, "Configure an OSS trigger", "Configure an HTTP trigger", "Configure a time trigger".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ros_cdk_fc as fc2
import ros_cdk_fc3 as fc3
from ros_cdk_core import Construct, IResolvable
from ros_cdk_oss import Bucket
from ros_cdk_ram import Role

from heavylift.cdk.compute import Function
from heavylift.cdk.errors import InfraError
from heavylift.cdk.names import account, region

Trigger = fc2.Trigger | fc3.Trigger

CREATED = ["oss:ObjectCreated:*"]
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
AUTHENTICATIONS = ("function", "anonymous")
_SCHEDULE = re.compile(r"@every (\d+(\.\d+)?[hm])+|(CRON_TZ=\S+ )?\S+( \S+){5}")


def object_trigger(
    scope: Construct, id_: str, *, name: str, function: Function, bucket: Bucket, prefix: str, role: Role
) -> Trigger:
    """Return a trigger that invokes a function for each new object whose key begins with a prefix.

    Args:
        scope: where it is made.
        id_: its logical id.
        name: of the trigger.
        function: what is invoked.
        bucket: whose objects.
        prefix: of their keys.
        role: with which OSS invokes it.
    """
    config = {"events": CREATED, "filter": {"key": {"prefix": prefix, "suffix": ""}}}
    source = f"acs:oss:{region()}:{account()}:{bucket.props.bucket_name}"
    trigger = _trigger(scope, id_, "oss", name, function, config, source, role.attr_arn)
    trigger.add_dependency(bucket)
    return trigger


def http_trigger(
    scope: Construct, id_: str, *, name: str, function: Function, methods: Sequence[str], authentication: str
) -> Trigger:
    """Return a trigger that invokes a function of Function Compute 3.0 for each HTTP request to its URL.

    Args:
        scope: where it is made.
        id_: its logical id.
        name: of the trigger.
        function: what is invoked.
        methods: that it answers.
        authentication: `function` (requests are signed) or `anonymous`.

    Raises:
        InfraError: a method or the kind of authentication does not exist, or the function is one of 2.0.
    """
    if isinstance(function, fc2.Function):
        raise InfraError(
            "http: functions of Function Compute 2.0 get requests in a form of their own, which the loader does not serve: set "
            "generation 3.0"
        )
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise InfraError(f"http: methods: {list(methods)!r} is not allowed; set some of {', '.join(METHODS)}")
    if authentication not in AUTHENTICATIONS:
        raise InfraError(f"http: authentication: {authentication!r} is not allowed; set {' or '.join(AUTHENTICATIONS)}")
    config = {"authType": authentication, "methods": list(methods), "disableURLInternet": False}
    return _trigger(scope, id_, "http", name, function, config)


def timer_trigger(scope: Construct, id_: str, *, name: str, function: Function, schedule: str, payload: str) -> Trigger:
    """Return a trigger that invokes a function by the clock.

    Args:
        scope: where it is made.
        id_: its logical id.
        name: of the trigger.
        function: what is invoked.
        schedule: `@every 5m`, or the six fields of cron, seconds first, in UTC unless `CRON_TZ=…` stands before them.
        payload: what the event's `payload` holds.

    Raises:
        InfraError: it is no such schedule.
    """
    if not _SCHEDULE.fullmatch(schedule):
        raise InfraError(
            f"every: {schedule!r} is not allowed; set `@every 5m`, or six fields of cron, seconds first, in UTC: `0 0 4 * * *`"
        )
    return _trigger(
        scope, id_, "timer", name, function, {"cronExpression": schedule, "payload": payload, "enable": True}
    )


def _trigger(
    scope: Construct,
    id_: str,
    kind: str,
    name: str,
    function: Function,
    config: Mapping[str, object],
    source: str | None = None,
    role: str | IResolvable | None = None,
) -> Trigger:
    if isinstance(function, fc2.Function):
        return fc2.Trigger(
            scope,
            id_,
            fc2.TriggerProps(
                service_name=function.attr_service_name,
                function_name=function.attr_function_name,
                trigger_name=name,
                trigger_type=kind,
                trigger_config=dict(config),
                source_arn=source,
                invocation_role=role,
            ),
        )
    return fc3.Trigger(
        scope,
        id_,
        fc3.TriggerProps(
            function_name=function.attr_function_name,
            trigger_name=name,
            trigger_type=kind,
            trigger_config=dict(config),
            source_arn=source,
            invocation_role=role,
        ),
    )
