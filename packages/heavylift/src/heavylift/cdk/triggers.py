"""Triggers of a function, in Function Compute 2.0 or 3.0: for objects, for HTTP, and by the clock.

Sources: Function Compute, "Configure an OSS trigger", "What do I do if a function is executed multiple times when a
file is uploaded to OSS?", "Configure an HTTP trigger", "Configure a time trigger".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import ros_cdk_fc as fc2
import ros_cdk_fc3 as fc3
from ros_cdk_core import Construct, IResolvable
from ros_cdk_oss import Bucket
from ros_cdk_ram import Role

from heavylift.cdk.compute import Function
from heavylift.cdk.names import account, region
from heavylift.cdk.values import shown

Trigger = fc2.Trigger | fc3.Trigger

# Those after which there is an object: with `oss:ObjectCreated:*`, each step of a multipart upload would invoke.
CREATED = [
    f"oss:ObjectCreated:{name}"
    for name in ("PutObject", "PostObject", "CopyObject", "AppendObject", "CompleteMultipartUpload", "PutSymlink")
]
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
AUTHENTICATIONS = ("function", "anonymous")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_SCHEDULE = re.compile(r"@every (\d+(\.\d+)?[hm])+|(CRON_TZ=\S+ )?\S+( \S+){5}")


def check_http(generation: str, methods: object, authentication: object) -> Iterator[str]:
    """Yield a sentence for each problem of an HTTP trigger."""
    if generation == "2.0":
        yield (
            "http: functions of Function Compute 2.0 get requests in a form of their own, which the loader does not serve: set "
            "generation 3.0"
        )
    if (
        not isinstance(methods, Sequence)
        or isinstance(methods, str)
        or not set(methods) & set(METHODS) >= set(methods) != set()
    ):
        yield f"http: methods: {shown(methods)} is not allowed; set a list of some of {', '.join(METHODS)}"
    if authentication not in AUTHENTICATIONS:
        yield f"http: authentication: {shown(authentication)} is not allowed; set {' or '.join(AUTHENTICATIONS)}"


def check_timer(schedule: object, payload: object) -> Iterator[str]:
    """Yield a sentence for each problem of a time trigger."""
    if not isinstance(schedule, str) or not _SCHEDULE.fullmatch(schedule):
        yield (
            f"every: {shown(schedule)} is not allowed; set `@every 5m`, or six fields of cron, seconds first, in UTC: `0 0 4 * * *`"
        )
    if not isinstance(payload, str):
        yield f"every: payload: {shown(payload)} is no text"


def check_name(name: object, taken: Collection[str]) -> list[str]:
    """Return a sentence for each problem of a trigger's name; `taken` are those of the function's other triggers."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return [
            f"the trigger name {shown(name)} is not allowed; set letters, digits and hyphens, beginning with a letter"
        ]
    return [f"there is a trigger {name} already; give this one another name"] if name in taken else []


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
    """
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
    """
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
