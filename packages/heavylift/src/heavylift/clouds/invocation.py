"""Finds a stack's function and invokes it, in Function Compute 2.0 and 3.0.

Sources: "InvokeFunction" of API versions 2021-04-06 and 2023-03-30; attributes of ALIYUN::FC::Function and ALIYUN::FC3::Function.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heavylift.clouds.ros import Ros, Stack
from heavylift.clouds.session import Session
from heavylift.errors import HeavyliftError

TYPES = ("ALIYUN::FC::Function", "ALIYUN::FC3::Function")
CUSTOM = ("ALIYUN::ROS::CustomResource", "Custom::")  # ROS, "Custom resources"
ARN = re.compile(r"^acs:fc:[^:]*:[^:]*:(?:services/(?P<service>[^/.]+)(?:\.[^/]*)?/)?functions/(?P<function>[^/]+)$")
CONNECT_TIMEOUT = 5_000  # milliseconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """The answer of a function."""

    body: bytes
    headers: Mapping[str, str]  # names in lower case
    log_tail: str  # the last 4 KB of the invocation's log
    seconds: float  # as the caller saw it

    @property
    def error_type(self) -> str | None:
        """The platform's type of the error, or None when the function answered."""
        return self.headers.get("x-fc-error-type")


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionName:
    """The name of a function: within a service in Function Compute 2.0, of its own in 3.0."""

    service: str | None
    name: str


def parse_arn(text: str) -> FunctionName | None:
    """Return the name of the function in an ARN; None when it is of something else."""
    match = ARN.match(text)
    return FunctionName(service=match["service"], name=match["function"]) if match else None


def find_function(ros: Ros, stack: Stack, wanted: str | None) -> FunctionName:
    """Return the name of the function that a user means.

    Args:
        ros: the stacks of the region.
        stack: the stack with the function.
        wanted: its logical id or name; None: the one whose ARN is an output, else the only one there is.

    Raises:
        HeavyliftError: there is none, or it is not clear which; the message names them.
    """
    if wanted is None:
        named = {function for value in stack.outputs.values() if (function := parse_arn(str(value)))}
        if len(named) == 1:
            return named.pop()
    kinds = {each.logical_id: each.resource_type for each in ros.resources(stack.id) if each.resource_type in TYPES}
    found = {name: _name(ros, stack, name, kind) for name, kind in kinds.items()}
    own = _without_called(ros, stack, found)
    meant = [found[name] for name in found if wanted in (name, found[name].name)] if wanted else list(own.values())
    if len(meant) == 1:
        return meant[0]
    if not found:
        raise HeavyliftError(
            f"stack {stack.name} has no function: name a stack that has one; `heavylift status` lists them"
        )
    choices = " or ".join(f"--function {name}" for name in sorted(own))
    if wanted is None:
        raise HeavyliftError(f"stack {stack.name} has {len(own)} functions: say which one is meant, with {choices}")
    raise HeavyliftError(f"stack {stack.name} has no function {wanted!r}: say {choices}")


def _name(ros: Ros, stack: Stack, logical_id: str, kind: str) -> FunctionName:
    attributes = ros.attributes(stack.id, logical_id)
    service = attributes.get("ServiceName") if kind == TYPES[0] else None
    return FunctionName(service=str(service) if service else None, name=str(attributes.get("FunctionName", "")))


def _without_called(ros: Ros, stack: Stack, functions: Mapping[str, FunctionName]) -> Mapping[str, FunctionName]:
    """Return a stack's functions without those that ROS calls for its custom resources, if there are others."""
    if len(functions) < 2:
        return functions
    from heavylift.clouds.difference import parse_template  # with YAML, which a stack with one function does not need

    called = set(_find_called(parse_template(ros.template(stack.id)).get("Resources")))
    return {name: function for name, function in functions.items() if name not in called} or functions


def _find_called(resources: object) -> Iterator[str]:
    """Yield the logical id of each resource whose ARN is the service token of a custom resource."""
    for resource in resources.values() if isinstance(resources, dict) else ():
        match resource:
            case {"Type": str(kind), "Properties": {"ServiceToken": {"Fn::GetAtt": [str(name), *_]}}}:
                if kind.startswith(CUSTOM):
                    yield name


def invoke(session: Session, function: FunctionName, payload: bytes, *, timeout: int) -> Invocation:
    """Invoke a function and wait for its answer.

    Args:
        session: where it is.
        function: the function.
        payload: the event, up to 32 MB.
        timeout: seconds to wait for the answer.
    """
    if function.service is not None:
        return invoke_fc2(session.fc2_client(), function.service, function.name, payload, timeout=timeout)
    return invoke_fc3(session.fc3_client(), function.name, payload, timeout=timeout)


# The clients' own retries would run a function twice: both calls have exactly one attempt. Each imports the models of its version
# alone, whose time would else be every command's.


def invoke_fc2(client: Any, service: str, function: str, payload: bytes, *, timeout: int) -> Invocation:  # noqa: ANN401
    """Invoke a function of Function Compute 2.0.

    Args:
        client: the official client (untyped).
        service: the service's name.
        function: the function's name.
        payload: the event, up to 32 MB.
        timeout: seconds to wait for the answer.
    """
    from alibabacloud_fc_open20210406 import models
    from alibabacloud_tea_util.models import RuntimeOptions

    begin = time.perf_counter()
    response = client.invoke_function_with_options(
        service,
        function,
        models.InvokeFunctionRequest(body=payload),
        models.InvokeFunctionHeaders(common_headers={"X-Fc-Log-Type": "Tail"}),
        RuntimeOptions(read_timeout=timeout * 1000, connect_timeout=CONNECT_TIMEOUT, autoretry=False, max_attempts=1),
    )
    return _invocation(response.body, response.headers, begin)


def invoke_fc3(client: Any, function: str, payload: bytes, *, timeout: int) -> Invocation:  # noqa: ANN401
    """Invoke a function of Function Compute 3.0.

    Args:
        client: the official client (untyped).
        function: the function's name.
        payload: the event, up to 32 MB.
        timeout: seconds to wait for the answer.
    """
    from alibabacloud_fc20230330 import models
    from darabonba.runtime import RuntimeOptions

    begin = time.perf_counter()
    response = client.invoke_function_with_options(
        function,
        # Not a stream, which its model asks for: the client would read that by the kilobyte, and copy all of it each time.
        models.InvokeFunctionRequest(body=payload),
        models.InvokeFunctionHeaders(x_fc_log_type="Tail"),
        RuntimeOptions(read_timeout=timeout * 1000, connect_timeout=CONNECT_TIMEOUT, autoretry=False, max_attempts=1),
    )
    return _invocation(response.body.read(), response.headers, begin)


def _invocation(body: bytes, headers: Mapping[str, str], begin: float) -> Invocation:
    answered = {key.lower(): value for key, value in headers.items()}
    return Invocation(
        body=body,
        headers=answered,
        log_tail=base64.b64decode(answered.get("x-fc-log-result", "")).decode(errors="replace"),
        seconds=time.perf_counter() - begin,
    )
