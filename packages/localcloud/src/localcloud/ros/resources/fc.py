"""ALIYUN::FC::Service, ::Function and ::Trigger: Function Compute 2.0.

Sources: ROS, the page of each type; ros-cdk-fc 1.15.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.model import Function, FunctionCompute, Service, Trigger, http_urls
from localcloud.fc.platform import CONCURRENCY, DEFAULT_MEMORY_ROS, DISKS, INITIALIZATION_TIMEOUT, MEMORY, TIMEOUT
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STACK_TAGS, STRING
from localcloud.ros.resources.fc_attachments import NAS, VPC, attachments
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
from localcloud.ros.resources.fc_runtime import COMMAND, HEALTH_CHECK, HOOK, api_names, within
from localcloud.ros.resources.fc_tags import retag, rights_to_tag
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_function, to_pass, verb

SERVICE_NAME = Property(kind="string", required=True, replaces=True, minimum=1, maximum=128)


class FcServiceType:
    """A service; its physical id is its name."""

    name = "ALIYUN::FC::Service"
    returns: Sequence[str] = (
        "ServiceName",
        "ServiceId",
        "Role",
        "InternetAccess",
        "LogProject",
        "Logstore",
        "Tags",
        "VpcId",
    )
    properties: Mapping[str, Property] = {
        **SURROUNDINGS,
        "NasConfig": Property(kind="map", fields=NAS),
        "Tags": STACK_TAGS,
        "VpcConfig": Property(kind="map", fields={**VPC, "ZoneId": STRING}),  # there is one zone
        "ServiceName": SERVICE_NAME,
        "Description": STRING,
        "LogConfig": Property(kind="map", fields=LOG_CONFIG),
        "DeletionForce": Property(kind="boolean"),  # of network interfaces alone, which are not here
        "VpcBindings": Property(kind="list", supported=()),
    }

    def __init__(self, fc: FunctionCompute) -> None:
        self._fc = fc

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["ServiceName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        path = f"services/{self.plan_id(context, after or before or {})}"
        yield on_function(context, f"{verb(before, after)}Service", path)
        yield from rights_to_tag(context, path, before, after)
        if after and after.get("Role"):
            yield to_pass(after["Role"])

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return any(service.name == physical_id for service in self._fc.services.all())

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            service = self._fc.services.create(_describe(properties))
            retag(self._fc.tags, f"services/{service.name}", {}, properties)
            return _outcome(properties, service)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            created = self._fc.services.get(physical_id).created
            retag(self._fc.tags, f"services/{physical_id}", previous, properties)
            return _outcome(properties, self._fc.services.update(replace(_describe(properties), created=created)))

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            try:
                self._fc.services.delete(physical_id)
            except FcError as error:
                if error.code != "ServiceNotFound":
                    raise


def _describe(properties: Given) -> Service:
    return Service(
        name=properties["ServiceName"],
        role=properties.get("Role", ""),
        description=properties.get("Description", ""),
        internet_access=properties.get("InternetAccess", True),
        log_config=api_names(properties.get("LogConfig", {})),
        **attachments(properties),
    )


def _outcome(properties: Given, service: Service) -> Outcome:
    attributes = {
        "ServiceName": service.name,
        "ServiceId": service.name,
        "Role": service.role,
        "InternetAccess": service.internet_access,
        "LogProject": service.log_config.get("project", ""),
        "Logstore": service.log_config.get("logstore", ""),
        "Tags": properties.get("Tags", []),
        "VpcId": service.vpc.id if service.vpc else "",
    }
    return Outcome(physical_id=service.name, attributes=attributes)


class FcFunction(FunctionType):
    """A function of a service; its physical id is `SERVICE/FUNCTION`."""

    name = "ALIYUN::FC::Function"
    returns: Sequence[str] = ("FunctionName", "FunctionId", "ARN", "ServiceName", "ServiceId")
    default_memory = DEFAULT_MEMORY_ROS
    properties: Mapping[str, Property] = {
        **FUNCTION,
        "ServiceName": SERVICE_NAME,
        "Code": Property(kind="map", fields=CODE),
        "Initializer": STRING,
        "InitializationTimeout": within(INITIALIZATION_TIMEOUT),
        "Timeout": within(TIMEOUT),
        "MemorySize": within(MEMORY),
        "Cpu": Property(kind="number"),
        "DiskSize": Property(kind="integer", choices=DISKS),
        "Description": STRING,
        "InstanceConcurrency": Property(kind="integer", minimum=1, maximum=100),
        "InstanceSoftConcurrency": Property(kind="integer", minimum=1, maximum=100, supported=(CONCURRENCY,)),
        "InstanceType": Property(
            kind="string",
            choices=("e1", "c1", "fc.gpu.tesla.1", "fc.gpu.ampere.1", "fc.gpu.ada.1", "g1"),
            supported=("e1", "c1"),
        ),
        "AsyncConfiguration": UNSUPPORTED,
        "CAPort": Property(kind="integer"),  # of custom runtimes; ros-cdk-fc gives it to every function
        "CustomDNS": UNSUPPORTED,
        "CustomHealthCheckConfig": Property(kind="map", fields=HEALTH_CHECK),
        "CustomRuntimeConfig": Property(kind="map", fields=COMMAND),
        "GpuMemorySize": Property(kind="integer", supported=()),
        "InstanceLifecycleConfig": Property(kind="map", fields={"PreFreeze": HOOK, "PreStop": HOOK}),
    }

    def path(self, physical_id: str) -> str:
        """See `FunctionType`."""
        return _function_path(physical_id)

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['ServiceName']}/{properties['FunctionName']}"

    def describe(self, properties: Given) -> Function:
        """See `FunctionType`."""
        described = super().describe(properties)
        timeout = properties.get("InitializationTimeout") or described.initialization_timeout
        return replace(described, initializer=properties.get("Initializer", ""), initialization_timeout=timeout)


class FcTrigger(TriggerType):
    """A trigger; its physical id is `SERVICE/FUNCTION/TRIGGER`."""

    name = "ALIYUN::FC::Trigger"
    returns: Sequence[str] = ("FunctionName", "TriggerName", "TriggerId", "ServiceName", "UrlInternet", "UrlIntranet")
    properties: Mapping[str, Property] = {**TRIGGER, "ServiceName": SERVICE_NAME}

    def function_path(self, function_id: str) -> str:
        """See `TriggerType`."""
        return _function_path(function_id)

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['ServiceName']}/{properties['FunctionName']}/{properties['TriggerName']}"

    def attributes(self, context: Context, trigger: Trigger) -> dict[str, object]:
        """See `TriggerType`."""
        internet, intranet = http_urls(trigger, region=context.region, account_id=context.account_id)
        return {"ServiceName": trigger.function.split("/")[1], "UrlInternet": internet, "UrlIntranet": intranet}


def _function_path(physical_id: str) -> str:
    service, _, function = physical_id.partition("/")
    return f"services/{service}/functions/{function}"
