"""The properties of functions that are about their instances: hooks, concurrency, and the program of a custom runtime.

Sources: ROS, the pages of ALIYUN::FC::Function and ALIYUN::FC3::Function; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from typing import Any

from localcloud.fc.platform import CHECK_DELAY, CHECK_PERIOD, CHECK_THRESHOLD, CHECK_TIMEOUT, CUSTOM_PORTS, RUNTIMES
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Property

HOOK = Property(kind="map", fields={"Handler": STRING, "Timeout": Property(kind="integer")})
COMMAND = dict.fromkeys(("Command", "Args"), Property(kind="list", items=STRING))
_HOOKS = {"Initializer": ("initializer", "initialization_timeout"), "PreFreeze": ("pre_freeze", "pre_freeze_timeout")}
_HOOKS |= {"PreStop": ("pre_stop", "pre_stop_timeout")}


def within(allowed: range) -> Property:
    """Return a whole number within the platform's bounds."""
    return Property(kind="integer", minimum=allowed[0], maximum=allowed[-1])


HEALTH_CHECK = {
    "HttpGetUrl": Property(kind="string", maximum=2048),
    "InitialDelaySeconds": within(CHECK_DELAY),
    "PeriodSeconds": within(CHECK_PERIOD),
    "TimeoutSeconds": within(CHECK_TIMEOUT),
    "FailureThreshold": within(CHECK_THRESHOLD),
    "SuccessThreshold": within(CHECK_THRESHOLD),
}
PROGRAM = {  # of a custom runtime in FC 3.0
    **dict.fromkeys(("Command", "Args"), Property(kind="list", items=STRING, minimum=1, maximum=100)),
    "Port": within(CUSTOM_PORTS),
    "HealthCheckConfig": Property(kind="map", fields={**HEALTH_CHECK, "TimeoutSeconds": Property(kind="integer")}),
}


def api_names(given: Given) -> dict[str, object]:
    """Return a map with the names that Function Compute's API uses: `logProject` for `LogProject`."""
    return {name[0].lower() + name[1:]: value for name, value in given.items()}


def instance_settings(properties: Given) -> dict[str, Any]:
    """Return what properties say of a function's instances, as fields of a `Function`; what they leave out is not among it.

    `CAPort` counts for custom runtimes alone: ros-cdk-fc gives it to every function.
    """
    config = properties.get("CustomRuntimeConfig", {})
    health = config.get("HealthCheckConfig") or properties.get("CustomHealthCheckConfig")
    runtime = RUNTIMES.get(properties["Runtime"])
    settings: dict[str, Any] = {
        "concurrency": properties.get("InstanceConcurrency"),
        "command": tuple(config.get("Command", ())),
        "arguments": tuple(config.get("Args", ())),
        "port": config.get("Port", properties.get("CAPort") if runtime and runtime.custom else None),
        "health_check": api_names(health) if health else None,
    }
    for name, hook in properties.get("InstanceLifecycleConfig", {}).items():
        handler, timeout = _HOOKS[name]
        settings |= {handler: hook.get("Handler"), timeout: hook.get("Timeout")}
    return {name: value for name, value in settings.items() if value not in (None, "")}
