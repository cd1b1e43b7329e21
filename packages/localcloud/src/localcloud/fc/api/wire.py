"""Between JSON bodies of the APIs and the domain's values: FC 2.0 (2016-08-15, 2021-04-06) and FC 3.0 (2023-03-30).

Properties that the embedded Function Compute does not act on are refused when they are set, never silently dropped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from localcloud.fc.api.bodies import Base64, Body, decode, parse_body
from localcloud.fc.errors import FcError
from localcloud.fc.model import Function, Service, Trigger, check_name
from localcloud.fc.service import Code

Kind = TypeVar("Kind")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
}

SERVICE_PROPERTIES = {
    "serviceName": "name",
    "role": "role",
    "description": "description",
    "internetAccess": "internet_access",
    "logConfig": "log_config",
}
SHARED_FUNCTION_PROPERTIES = {
    "runtime": "runtime",
    "handler": "handler",
    "timeout": "timeout",
    "memorySize": "memory",
    "cpu": "cpu",
    "diskSize": "disk",
    "environmentVariables": "environment",
    "description": "description",
}
FUNCTION_PROPERTIES = {
    2: {**SHARED_FUNCTION_PROPERTIES, "initializer": "initializer", "initializationTimeout": "initialization_timeout"},
    3: {**SHARED_FUNCTION_PROPERTIES, "role": "role", "logConfig": "log_config", "internetAccess": "internet_access"},
}
TRIGGER_PROPERTIES = {
    "triggerName": "name",
    "triggerType": "kind",
    "triggerConfig": "config",
    "sourceArn": "source_arn",
    "invocationRole": "invocation_role",
    "qualifier": "qualifier",
    "description": "description",
}
# Set to these values, a property asks for nothing that is missing here.
HARMLESS = {"instanceConcurrency": (1,), "instanceType": ("e1",), "disableOndemand": (False,), "gpuConfig": ({},)}
TYPES: Mapping[str, tuple[type, ...]] = {
    "timeout": (int,),
    "memorySize": (int,),
    "diskSize": (int,),
    "initializationTimeout": (int,),
    "cpu": (int, float),
    "environmentVariables": (dict,),
    "logConfig": (dict,),
    "triggerConfig": (dict, str),
    "internetAccess": (bool,),
}


def _fields(body: Body, known: Mapping[str, str], apart: frozenset[str] = frozenset()) -> dict[str, Any]:
    fields = {}
    for name, value in body.items():
        if name in apart or value is None:
            continue
        if name not in known:
            # Compared with their types: True is 1 in Python, and no number of concurrent requests.
            if any(type(value) is type(each) and value == each for each in ("", [], {}, *HARMLESS.get(name, ()))):
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


def read_service(body: Body, before: Service | None = None) -> Service:
    """Read a service, or what an update changes of one."""
    fields = _fields(body, SERVICE_PROPERTIES)
    if before is not None:
        return replace(before, **{**fields, "name": before.name})
    if "name" not in fields:
        raise FcError("InvalidArgument", "serviceName is missing")
    return Service(**fields)


def read_function(
    body: Body, *, generation: int, service: str, before: Function | None = None
) -> tuple[Function, Code | None]:
    """Read a function and its code, or what an update changes of them.

    Args:
        body: the request's body.
        generation: 2 or 3.
        service: the function's service; empty in FC 3.0.
        before: the function that is updated.
    """
    apart = frozenset({"functionName", "code", "instanceLifecycleConfig"})
    fields = _fields(body, FUNCTION_PROPERTIES[generation], apart)
    for name in fields.get("environment", {}):
        if _member(fields["environment"], name, str, "environmentVariables.") is None:
            raise FcError("InvalidArgument", f"environmentVariables.{name} is null; expected text")
    fields |= _lifecycle(_member(body, "instanceLifecycleConfig", dict) or {}, generation)
    code = _read_code(_member(body, "code", dict))
    if before is not None:
        return replace(before, **fields), code
    for name in ("functionName", "runtime", "handler"):
        if not body.get(name):
            raise FcError("InvalidArgument", f"{name} is missing")
    if code is None:
        raise FcError("InvalidArgument", "code is missing")
    return Function(service=service, name=check_name("functionName", body["functionName"]), **fields), code


def _member(values: Mapping[str, Any], name: str, kind: type[Kind], path: str = "") -> Kind | None:
    """Return a member of an object, None when it is not there; one of another type is refused."""
    value = values.get(name)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    raise FcError("InvalidArgument", f"{path}{name} is {_short(value)}; expected {_KINDS[kind]}")


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"


def _lifecycle(config: Body, generation: int) -> dict[str, Any]:
    hooks = {name: _member(config, name, dict, "instanceLifecycleConfig.") or {} for name in config}
    handlers = {
        name: handler
        for name, hook in hooks.items()
        if (handler := _member(hook, "handler", str, f"instanceLifecycleConfig.{name}."))
    }
    initializer = handlers.pop("initializer", "") if generation == 3 else ""
    if handlers:
        raise FcError("NotImplemented", f"not implemented: instanceLifecycleConfig.{min(handlers)}")
    if not config or generation != 3:
        return {}
    timeout = _member(hooks.get("initializer", {}), "timeout", int, "instanceLifecycleConfig.initializer.")
    return {"initializer": initializer, "initialization_timeout": (timeout if initializer else None) or 3}


def _read_code(code: Body | None) -> Code | None:
    if not code:
        return None
    package = code.get("zipFile")
    if content := package if isinstance(package, Base64) else _member(code, "zipFile", str, "code."):
        try:
            return Code(content=decode(content))
        except ValueError as error:
            raise FcError("InvalidArgument", f"code.zipFile is not base64: {error}") from error
    bucket, key = (_member(code, name, str, "code.") or "" for name in ("ossBucketName", "ossObjectName"))
    return Code(bucket=bucket, key=key)


def read_trigger(body: Body, *, function: str, before: Trigger | None = None) -> Trigger:
    """Read a trigger, or what an update changes of one."""
    fields = _fields(body, TRIGGER_PROPERTIES)
    if isinstance(fields.get("config"), str):  # FC 3.0 and aliyun-fc2 send it as JSON text
        fields["config"] = parse_body(fields["config"].encode())
    if before is not None:
        return replace(before, **{**fields, "name": before.name, "kind": before.kind})
    for name in ("triggerName", "triggerType"):
        if not body.get(name):
            raise FcError("InvalidArgument", f"{name} is missing")
    return Trigger(function=function, **{"config": {}, **fields})


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _write(value: object, properties: Mapping[str, str]) -> dict[str, Any]:
    return {name: getattr(value, attribute) for name, attribute in properties.items()}


def write_service(service: Service) -> dict[str, Any]:
    """Return a service as the API shows it."""
    return {
        **_write(service, SERVICE_PROPERTIES),
        "serviceId": service.name,
        "createdTime": _time(service.created),
        "lastModifiedTime": _time(service.modified),
    }


def write_function(function: Function, *, region: str, account_id: str) -> dict[str, Any]:
    """Return a function as the API shows it."""
    generation = 2 if function.service else 3
    shown = {
        **_write(function, FUNCTION_PROPERTIES[generation]),
        "functionName": function.name,
        "functionId": function.function_id,
        "codeSize": function.code_size,
        "codeChecksum": function.code_checksum,
        "createdTime": _time(function.created),
        "lastModifiedTime": _time(function.modified),
        "instanceConcurrency": 1,
    }
    if generation == 3:
        lifecycle = {"handler": function.initializer, "timeout": function.initialization_timeout}
        shown["instanceLifecycleConfig"] = {"initializer": lifecycle} if function.initializer else {}
        shown["functionArn"] = f"acs:fc:{region}:{account_id}:{function.path}"
        shown["state"] = "Active"
    else:
        shown["instanceType"] = "e1"
    return shown


def write_trigger(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger as the API shows it; FC 3.0 shows its configuration as text."""
    config = trigger.config if trigger.function.startswith("services/") else json.dumps(dict(trigger.config))
    return {
        **_write(trigger, TRIGGER_PROPERTIES),
        "triggerConfig": config,
        "triggerId": trigger.trigger_id,
        "createdTime": _time(trigger.created),
        "lastModifiedTime": _time(trigger.modified),
    }
