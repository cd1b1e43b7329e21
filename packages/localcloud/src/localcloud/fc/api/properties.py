"""Properties of JSON bodies, and the fields of the domain's values that they stand for.

Properties that the embedded Function Compute does not act on are refused when they are set, never silently dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from localcloud.fc.api.bodies import Body
from localcloud.fc.errors import FcError

Kind = TypeVar("Kind")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
# Members that no version of the API has; the Serverless Framework's plugin and the official client for Java (it writes down its
# whole request, with its headers and the names in its path) send them, and the platform looks at what it knows.
_FOREIGN = frozenset({"functionName", "headers", "name", "qualifier", "region", "resource", "service", "serviceName"})
# Set to these values, a property asks for nothing that is missing here.
HARMLESS = {
    "instanceType": ("e1",),
    "disableOndemand": (False,),
    "alwaysAllocateGPU": (False, True),  # there are none
    "enableLlmMetrics": (False,),
    "instanceIsolationMode": ("SHARE",),
    "sessionAffinity": ("NONE",),
}
TYPES: Mapping[str, tuple[type, ...]] = {
    "timeout": (int,),
    "memorySize": (int,),
    "caPort": (int,),
    "instanceConcurrency": (int,),
    "diskSize": (int,),
    "initializationTimeout": (int,),
    "cpu": (int, float),
    "environmentVariables": (dict,),
    "logConfig": (dict,),
    "layers": (list,),
    "compatibleRuntime": (list,),
    "target": (int,),
    "defaultTarget": (int,),
    "minInstances": (int,),
    "alwaysAllocateCPU": (bool,),
    "maxAsyncEventAgeInSeconds": (int,),
    "maxAsyncRetryAttempts": (int,),
    "statefulInvocation": (bool,),
    "asyncTask": (bool,),
    "abortOngoingRequest": (bool,),
    "tags": (dict,),
    "tagKeys": (list,),
    "all": (bool,),
    "triggerConfig": (dict, str),
    "internetAccess": (bool,),
    "additionalVersionWeight": (dict,),
    "enableRequestMetrics": (bool,),
    "enableInstanceMetrics": (bool,),
    "vSwitchIds": (list,),
    "userId": (int,),
    "groupId": (int,),
    "enableTLS": (bool,),
}
_LOG_CONFIG = ("project", "logstore", "logBeginRule", "enableRequestMetrics", "enableInstanceMetrics")


def read_fields(body: Body, known: Mapping[str, str], apart: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Read the properties of a body into fields.

    Args:
        body: the body.
        known: the field that each property stands for.
        apart: the properties that the caller reads by itself.

    Raises:
        FcError: InvalidArgument: a value of another type; NotImplemented: an unknown property that asks for something.
    """
    fields = {}
    for name, value in body.items():
        if name in apart or value is None:
            continue
        if name not in known:
            if name in _FOREIGN:
                continue
            # Compared with their types: True is 1 in Python, and no number of concurrent requests.
            if _is_blank(value) or any(type(value) is type(each) and value == each for each in HARMLESS.get(name, ())):
                continue
            raise FcError("NotImplemented", f"not implemented: {name}")
        expected = TYPES.get(name, (str,))
        if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
            raise FcError(
                "InvalidArgument",
                f"{name} is {_short(value)}; expected {' or '.join(_KINDS[each] for each in expected)}",
            )
        fields[known[name]] = value
    return fields


def read_log_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a `logConfig` that are given.

    Raises:
        FcError: as `read_fields`.
    """
    return read_fields(config, {name: name for name in _LOG_CONFIG})


def read_member(values: Mapping[str, Any], name: str, kind: type[Kind], path: str = "") -> Kind | None:
    """Return a member of an object, None when it is not there; one of another type is refused."""
    value = values.get(name)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    raise FcError("InvalidArgument", f"{path}{name} is {_short(value)}; expected {_KINDS[kind]}")


def write_fields(value: object, properties: Mapping[str, str]) -> dict[str, Any]:
    """Write the fields of a value as the properties that stand for them."""
    return {name: getattr(value, attribute) for name, attribute in properties.items()}


def _is_blank(value: object) -> bool:
    """Return True if a value says nothing, however many members it has, as `ossMountConfig` without mount points does."""
    if isinstance(value, dict):
        return all(map(_is_blank, value.values()))
    return all(map(_is_blank, value)) if isinstance(value, list) else value in (None, "")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
