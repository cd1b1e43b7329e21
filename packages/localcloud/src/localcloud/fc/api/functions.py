"""Functions on the wire: FC 2.0 (2016-08-15 and 2021-04-06) and FC 3.0 (2023-03-30)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.fc.api.attachments import NAMES, read_attachments, write_attachments
from localcloud.fc.api.bodies import Base64, Body, decode
from localcloud.fc.api.calls import Call, page, shown
from localcloud.fc.api.properties import read_fields, read_log_config, read_member, write_fields
from localcloud.fc.api.tags import has_tags, json_list, read_tags
from localcloud.fc.errors import FcError
from localcloud.fc.model import Code, Function
from localcloud.fc.operations.rules import check_name
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import DEFAULT_HOOK_TIMEOUT, DEFAULT_INITIALIZATION_TIMEOUT, RUNTIMES
from localcloud.kernel.times import to_seconds

_SHARED = {
    "runtime": "runtime",
    "handler": "handler",
    "timeout": "timeout",
    "memorySize": "memory",
    "cpu": "cpu",
    "diskSize": "disk",
    "environmentVariables": "environment",
    "description": "description",
    "layers": "layers",
    "instanceConcurrency": "concurrency",
}
HOOKS = {  # of an instance's life, by generation; each has a handler and a timeout
    2: {"preFreeze": "pre_freeze", "preStop": "pre_stop"},
    3: {"initializer": "initializer", "preStop": "pre_stop"},
}
PROPERTIES = {
    2: {**_SHARED, "initializer": "initializer", "initializationTimeout": "initialization_timeout", "caPort": "port"},
    3: {**_SHARED, "role": "role", "logConfig": "log_config", "internetAccess": "internet_access"},
}
ABSENT: Mapping[str, object] = {  # how a function of FC 3.0 shows what is not here; its clients send that, too
    "instanceIsolationMode": "SHARE",
    "sessionAffinity": "NONE",
    "disableOndemand": False,
}


async def create_function(fc: FcService, call: Call) -> web.Response:
    """Serve CreateFunction."""
    target = call.target
    function, code = await asyncio.to_thread(
        read_function, call.body, generation=target.generation, service=target.service
    )
    assert code is not None
    tags = read_tags(call.body["tags"]) if target.generation == 3 and call.body.get("tags") else {}
    created = await fc.functions.create(function, code, permit=call.permit_code)
    if tags:
        fc.tags.add(created.path, tags)
    return _shown(fc, created)


async def get_function(fc: FcService, call: Call) -> web.Response:
    """Serve GetFunction."""
    return _shown(fc, fc.aliases.shown(call.target.path, call.target.qualifier))


async def list_functions(fc: FcService, call: Call) -> web.Response:
    """Serve ListFunctions."""
    target = call.target
    if target.generation == 2:
        found = fc.aliases.service(target.owner, target.qualifier)[1]
    else:
        wanted = read_tags(json_list(call.query["tags"], "tags")) if call.query.get("tags") else {}
        found = [each for each in fc.functions.all("") if has_tags(fc.tags.get(each.path), wanted)]
    return page(call, "functions", found, lambda each: _write(fc, each))


async def update_function(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateFunction."""
    before = fc.functions.get(call.target.path)
    call.require_match(_write(fc, before))
    function, code = await asyncio.to_thread(
        read_function, call.body, generation=call.target.generation, service=before.service, before=before
    )
    return _shown(fc, await fc.functions.update(function, code, permit=call.permit_code))


async def delete_function(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteFunction."""
    call.require_match(_write(fc, fc.functions.get(call.target.path)))
    fc.functions.delete(call.target.path)
    return web.Response(status=204)


def _shown(fc: FcService, function: Function) -> web.Response:
    return shown(_write(fc, function))


def _write(fc: FcService, function: Function) -> dict[str, Any]:
    document = write_function(function, region=fc.settings.region, account_id=fc.settings.account_id)
    if function.service:
        return {**document, "layersArnV2": list(function.layers)}
    sizes = fc.layers.sizes(function.layers)
    tags = [{"Key": key, "Value": value} for key, value in fc.tags.get(function.path).items()]
    return {**document, "tags": tags, "layers": [{"arn": arn, "size": sizes[arn]} for arn in function.layers]}


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
    # alibabacloud-fc-open20210406 writes `InstanceConcurrency` in updates.
    body = {name[:1].lower() + name[1:]: value for name, value in body.items()}
    apart = frozenset(
        {
            "functionName",
            "code",
            "instanceLifecycleConfig",
            "customRuntimeConfig",
            *({"tags", *NAMES} if generation == 3 else {"customHealthCheckConfig"}),
        }
    )
    fields = read_fields(body, PROPERTIES[generation], apart)
    for name in fields.get("environment", {}):
        if read_member(fields["environment"], name, str, "environmentVariables.") is None:
            raise FcError("InvalidArgument", f"environmentVariables.{name} is null; expected text")
    if not all(isinstance(arn, str) for arn in fields.get("layers", [])):
        raise FcError("InvalidArgument", "layers: expected a list of ARNs")
    if "log_config" in fields:
        fields["log_config"] = read_log_config(fields["log_config"])
    if "layers" in fields:
        fields["layers"] = tuple(fields["layers"])
    fields |= _lifecycle(read_member(body, "instanceLifecycleConfig", dict) or {}, generation)
    fields |= _custom_runtime(read_member(body, "customRuntimeConfig", dict) or {}, generation)
    if generation == 3:
        fields |= read_attachments(body)
    if (check := read_member(body, "customHealthCheckConfig", dict)) is not None and generation == 2:
        fields["health_check"] = _health_check(check)
    code = read_code(read_member(body, "code", dict))
    if before is not None:
        return replace(before, **fields), code
    for name in ("functionName", "runtime", "handler"):
        if not body.get(name):
            raise FcError("InvalidArgument", f"{name} is missing")
    if code is None:
        raise FcError("InvalidArgument", "code is missing")
    return Function(service=service, name=check_name("functionName", body["functionName"]), **fields), code


def _custom_runtime(config: Body, generation: int) -> dict[str, Any]:
    known = {"command": "command", "args": "arguments", **({"port": "port"} if generation == 3 else {})}
    fields: dict[str, Any] = {}
    for name, value in config.items():
        if name == "healthCheckConfig" and generation == 3:
            fields["health_check"] = _health_check(read_member(config, name, dict, "customRuntimeConfig.") or {})
            continue
        if name not in known and value not in (None, {}):
            raise FcError("NotImplemented", f"not implemented: customRuntimeConfig.{name}")
        kind = int if name == "port" else list
        if name in known and (given := read_member(config, name, kind, "customRuntimeConfig.")) is not None:
            if isinstance(given, list) and not all(isinstance(each, str) and "\0" not in each for each in given):
                raise FcError("InvalidArgument", f"customRuntimeConfig.{name}: expected a list of texts")
            fields[known[name]] = tuple(given) if isinstance(given, list) else given
    return fields


def _health_check(config: Body) -> dict[str, Any]:
    return {name: value for name, value in config.items() if value is not None}


def _lifecycle(config: Body, generation: int) -> dict[str, Any]:
    """Read the hooks of an instance's life; those that a configuration leaves out are none."""
    known, path = HOOKS[generation], "instanceLifecycleConfig."
    fields: dict[str, Any] = {}
    for name in {**config, **(known if config else {})}:
        hook = read_member(config, name, dict, path) or {}
        handler = read_member(hook, "handler", str, f"{path}{name}.") or ""
        if name not in known:
            if handler:
                raise FcError("NotImplemented", f"not implemented: {path}{name}")
            continue
        if hook.get("command"):
            raise FcError("NotImplemented", f"not implemented: {path}{name}.command")
        timeout = read_member(hook, "timeout", int, f"{path}{name}.") if handler else None
        fields[known[name]] = handler
        if name == "initializer":
            fields["initialization_timeout"] = timeout or DEFAULT_INITIALIZATION_TIMEOUT
        else:
            fields[f"{known[name]}_timeout"] = timeout or DEFAULT_HOOK_TIMEOUT
    return fields


def read_code(code: Body | None) -> Code | None:
    """Read the code package that a body gives."""
    if not code:
        return None
    package, checksum = code.get("zipFile"), read_member(code, "checksum", str, "code.") or ""
    if content := package if isinstance(package, Base64) else read_member(code, "zipFile", str, "code."):
        try:
            return Code(content=decode(content), checksum=checksum)
        except ValueError as error:
            raise FcError("InvalidArgument", f"code.zipFile is not base64: {error}") from error
    bucket, key = (read_member(code, name, str, "code.") or "" for name in ("ossBucketName", "ossObjectName"))
    return Code(bucket=bucket, key=key, checksum=checksum)


def write_function(function: Function, *, region: str, account_id: str) -> dict[str, Any]:
    """Return a function as the API shows it."""
    generation = 2 if function.service else 3
    custom = RUNTIMES[function.runtime].custom
    document = {
        **write_fields(function, PROPERTIES[generation]),
        "layers": list(function.layers),
        "functionName": function.name,
        "functionId": function.function_id,
        "codeSize": function.code_size,
        "codeChecksum": function.code_checksum,
        "createdTime": to_seconds(function.created),
        "lastModifiedTime": to_seconds(function.modified),
        "instanceLifecycleConfig": _write_hooks(function, generation),
    }
    if custom:
        config: dict[str, Any] = {"command": list(function.command), "args": list(function.arguments)}
        if generation == 3:
            config["port"] = function.port
        check = config if generation == 3 else document
        if function.health_check:
            check["healthCheckConfig" if generation == 3 else "customHealthCheckConfig"] = function.health_check
        document["customRuntimeConfig"] = config
    if generation == 3:
        document["functionArn"] = f"acs:fc:{region}:{account_id}:{function.path}"
        document |= {**ABSENT, **write_attachments(function.vpc, function.nas, generation=3)}
        document["state"] = "Active"
        document["lastUpdateStatus"] = "Successful"
        if function.disabled is not None:
            document["invocationRestriction"] = {"disable": True, "reason": function.disabled}
    else:
        document["instanceType"] = "e1"
    return document


def _write_hooks(function: Function, generation: int) -> dict[str, Any]:
    shown = {}
    for name, attribute in HOOKS[generation].items():
        timeout = "initialization_timeout" if name == "initializer" else f"{attribute}_timeout"
        if handler := getattr(function, attribute):
            shown[name] = {"handler": handler, "timeout": getattr(function, timeout)}
    return shown
