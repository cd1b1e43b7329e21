"""ALIYUN::FC3::Function and ::Trigger: Function Compute 3.0, in which functions have no service.

Sources: ROS, the page of each type; ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.fc.model import Trigger, http_urls
from localcloud.fc.platform import CPU_SHARE, CPU_SHARES, MEMORY, TIMEOUT
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.fc_attachments import NAS3, VPC3
from localcloud.ros.resources.fc_code import CODE
from localcloud.ros.resources.fc_functions import (
    FUNCTION,
    LOG_CONFIG,
    SURROUNDINGS,
    TRIGGER,
    UNSUPPORTED,
    FunctionType,
    TriggerType,
)
from localcloud.ros.resources.fc_runtime import HOOK, PROGRAM, within
from localcloud.ros.resources.provider import Context, Property


class Fc3Function(FunctionType):
    """A function; its physical id is its name."""

    name = "ALIYUN::FC3::Function"
    returns: Sequence[str] = ("FunctionName", "FunctionId", "ARN")
    properties: Mapping[str, Property] = {
        **FUNCTION,
        **SURROUNDINGS,
        "Code": Property(kind="map", fields={**CODE, "Checksum": Property(kind="string", supported=())}),
        "Cpu": Property(kind="number", minimum=CPU_SHARE, maximum=CPU_SHARES[-1] * CPU_SHARE),
        "Description": Property(kind="string", maximum=256),
        "DiskSize": Property(kind="integer"),
        "CustomRuntimeConfig": Property(kind="map", fields=PROGRAM),
        "InstanceLifecycleConfig": Property(kind="map", fields={"Initializer": HOOK, "PreStop": HOOK}),
        "LogConfig": Property(kind="map", fields={**LOG_CONFIG, "EnableInstanceMetrics": Property(kind="boolean")}),
        "MemorySize": Property(kind="integer", minimum=MEMORY[0], maximum=65536),  # ros-cdk-fc3; the platform has less
        "NasConfig": Property(kind="map", fields=NAS3),
        "Timeout": within(TIMEOUT),
        "VpcConfig": Property(kind="map", fields=VPC3),
        "CustomDns": UNSUPPORTED,
        "DisableOndemand": Property(kind="boolean", supported=()),
        "GpuConfig": UNSUPPORTED,
        "InstanceConcurrency": Property(kind="integer", minimum=1, maximum=200),
        "InstanceIsolationMode": Property(
            kind="string", choices=("SHARE", "SESSION_EXCLUSIVE", "REQUEST_EXCLUSIVE"), supported=("SHARE",)
        ),
        "Layers": Property(kind="list", items=STRING, minimum=1, maximum=100),
        "SessionAffinity": Property(
            kind="string", choices=("MCP_SSE", "GENERATED_COOKIE", "HEADER_FIELD", "NONE"), supported=("NONE",)
        ),
        "SessionAffinityConfig": UNSUPPORTED,
    }

    def path(self, physical_id: str) -> str:
        """See `FunctionType`."""
        return f"functions/{physical_id}"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["FunctionName"])


class Fc3Trigger(TriggerType):
    """A trigger; its physical id is `FUNCTION/TRIGGER`."""

    name = "ALIYUN::FC3::Trigger"
    returns: Sequence[str] = ("FunctionName", "TriggerName", "TriggerId", "UrlInternet", "UrlIntranet")
    properties: Mapping[str, Property] = {**TRIGGER, "Description": STRING}

    def function_path(self, function_id: str) -> str:
        """See `TriggerType`."""
        return f"functions/{function_id}"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['FunctionName']}/{properties['TriggerName']}"

    def attributes(self, context: Context, trigger: Trigger) -> dict[str, object]:
        """See `TriggerType`."""
        internet, intranet = http_urls(trigger, region=context.region, account_id=context.account_id)
        return {"UrlInternet": internet, "UrlIntranet": intranet}
