"""The rules that services, functions and triggers are held to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcloud.fc.errors import FcError
from localcloud.fc.model import Function
from localcloud.fc.operations.attachments import check_attachments
from localcloud.fc.platform import (
    CHECK_DELAY,
    CHECK_PERIOD,
    CHECK_THRESHOLD,
    CHECK_TIMEOUT,
    CPU_SHARE,
    CPU_SHARES,
    CUSTOM_PORTS,
    DISKS,
    HOOK_TIMEOUT,
    INITIALIZATION_TIMEOUT,
    MAX_ENVIRONMENT,
    MB_PER_CPU,
    MEMORY,
    NOT_SERVED,
    RESERVED_VARIABLES,
    RUNTIMES,
    TIMEOUT,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
MAX_FUNCTION_NAME = 64  # characters; FC, CreateFunction, functionName, in all versions of the API
_HANDLER = re.compile(r"[^\s.\0]+(\.[^\s.\0]+)+", re.ASCII)
_PATH = re.compile(r"/[!-~]{0,2047}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_name(what: str, name: object) -> str:
    """Return a service's, function's or trigger's name; what cannot be one is refused.

    Raises:
        FcError: InvalidArgument.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FcError(
            "InvalidArgument",
            f"{what} {name!r} is not valid: 1 to 128 letters, digits, underscores and hyphens, beginning with a letter or an "
            "underscore",
        )
    return name


def check_function(function: Function) -> None:
    """Hold a function to the platform's limits.

    Raises:
        FcError: InvalidArgument, naming the property, its value and what is allowed; NotImplemented: a runtime that is not here.
    """
    if len(check_name("functionName", function.name)) > MAX_FUNCTION_NAME:
        raise FcError(
            "InvalidArgument", f"functionName {function.name!r} is not valid: at most {MAX_FUNCTION_NAME} characters"
        )
    if function.runtime in NOT_SERVED:
        raise FcError("NotImplemented", f"not implemented: runtime {function.runtime}; here are {', '.join(RUNTIMES)}")
    if function.runtime not in RUNTIMES:
        raise FcError(
            "InvalidArgument",
            f"Runtime is set to an invalid value {function.runtime[:200]!r} (allowed: {', '.join(RUNTIMES)})",
        )
    for rule in _rules(function):
        if not rule.good:
            raise FcError("InvalidArgument", f"{rule.name} is {repr(rule.value)[:200]}; expected {rule.allowed}")
    _check_environment(function.environment)
    _check_health_check(function.health_check)
    check_attachments(function.vpc, function.nas, generation=3)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A property, its value, whether it is allowed, and what is."""

    name: str
    value: object
    good: bool
    allowed: str


def _rules(function: Function) -> Iterator[_Rule]:
    runtime = RUNTIMES[function.runtime]

    def handler(name: str, value: str, *, optional: bool) -> _Rule:
        # Those of a custom runtime mean nothing.
        good = runtime.custom or (optional and not value) or bool(_HANDLER.fullmatch(value))
        return _Rule(name, value, good, "MODULE.FUNCTION")

    def bounded(name: str, value: int, allowed: range, unit: str = "") -> _Rule:
        return _Rule(name, value, value in allowed, f"{_bounds(allowed)}{unit}")

    yield handler("handler", function.handler, optional=False)
    yield handler("initializer", function.initializer, optional=True)
    yield handler("preFreeze", function.pre_freeze, optional=True)
    yield handler("preStop", function.pre_stop, optional=True)
    yield bounded("preFreeze.timeout", function.pre_freeze_timeout, HOOK_TIMEOUT, " seconds")
    yield bounded("preStop.timeout", function.pre_stop_timeout, HOOK_TIMEOUT, " seconds")
    yield bounded("instanceConcurrency", function.concurrency, runtime.concurrency, f" for {function.runtime}")
    yield bounded("port", function.port, CUSTOM_PORTS)
    yield bounded("timeout", function.timeout, TIMEOUT, " seconds")
    yield bounded("initializationTimeout", function.initialization_timeout, INITIALIZATION_TIMEOUT, " seconds")
    yield bounded("memorySize", function.memory, MEMORY, f" MB in steps of {MEMORY.step}")
    yield _Rule("diskSize", function.disk, function.disk in DISKS, f"{' or '.join(map(str, DISKS))} MB")
    low, high = (mb // 1024 for mb in MB_PER_CPU)
    yield _Rule(
        "cpu",
        function.cpu,
        function.cpu is None or _cpu_fits(function.cpu, function.memory),
        f"{CPU_SHARE} to {CPU_SHARES[-1] * CPU_SHARE:g} vCPU in steps of {CPU_SHARE}, with {low} to {high} GB of memory for "
        "each vCPU",
    )


def _bounds(allowed: range) -> str:
    return f"{allowed[0]} to {allowed[-1]}" if len(allowed) > 1 else str(allowed[0])


def _cpu_fits(cpu: float, memory: int) -> bool:
    if not 0 < cpu <= CPU_SHARES[-1] * CPU_SHARE:
        return False
    shares = round(cpu / CPU_SHARE)
    low, high = MB_PER_CPU
    return shares in CPU_SHARES and abs(cpu / CPU_SHARE - shares) < 1e-6 and low * cpu <= memory <= high * cpu


_OF_CHECK = {
    "initialDelaySeconds": CHECK_DELAY,
    "periodSeconds": CHECK_PERIOD,
    "timeoutSeconds": CHECK_TIMEOUT,
    "failureThreshold": CHECK_THRESHOLD,
    "successThreshold": CHECK_THRESHOLD,
}


def _check_health_check(config: Mapping[str, object]) -> None:
    for name, value in config.items():
        if name == "httpGetUrl":
            good = isinstance(value, str) and bool(_PATH.fullmatch(value))
            allowed = "a path of at most 2048 characters, /healthz"
        elif name in _OF_CHECK:
            good = isinstance(value, int) and not isinstance(value, bool) and value in _OF_CHECK[name]
            allowed = _bounds(_OF_CHECK[name])
        else:
            raise FcError("NotImplemented", f"not implemented: healthCheckConfig.{name[:100]}")
        if not good:
            raise FcError("InvalidArgument", f"healthCheckConfig.{name} is {repr(value)[:200]}; expected {allowed}")


def _check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in name + value):
            raise FcError(
                "InvalidArgument", f"environmentVariables: {name!r} holds what no process can be given, such as NUL"
            )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > MAX_ENVIRONMENT:
        raise FcError(
            "InvalidArgument", f"environmentVariables take {size} bytes; at most {MAX_ENVIRONMENT} are allowed"
        )
    for name in environment:
        if not _VARIABLE.fullmatch(name) or name.upper().startswith(RESERVED_VARIABLES):
            raise FcError(
                "InvalidArgument",
                f"environmentVariables: {name!r} is not allowed; letters, digits and underscores, and not {RESERVED_VARIABLES}*, "
                "which is reserved",
            )
