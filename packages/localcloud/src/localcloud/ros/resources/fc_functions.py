"""Functions and triggers, for the resource types of both Function Compute 2.0 and 3.0: they are found by their paths.

A subclass declares the properties and says what the function or trigger is that they describe. A resource's physical id is its
names joined by slashes, from the service's (FC 2.0) to its own (assumed).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.model import TRIGGER_TYPES, WITHOUT_SOURCE, Function, FunctionCompute, Trigger
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING, TAGS
from localcloud.ros.resources.fc_attachments import attachments
from localcloud.ros.resources.fc_code import code_object, read_code
from localcloud.ros.resources.fc_runtime import api_names, instance_settings
from localcloud.ros.resources.fc_tags import retag, rights_to_tag
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_bucket, on_function, to_pass, verb

REQUIRED = Property(kind="string", required=True)
IDENTITY = Property(kind="string", required=True, replaces=True)
UNSUPPORTED = Property(kind="map", supported=())
LOG_CONFIG = {
    "Project": STRING,
    "Logstore": STRING,
    "EnableRequestMetrics": Property(kind="boolean"),
    "LogBeginRule": STRING,
}
FUNCTION = {
    "FunctionName": IDENTITY,
    "Handler": REQUIRED,
    "Runtime": REQUIRED,
    "EnvironmentVariables": Property(kind="map", items=STRING),
    "CustomContainerConfig": UNSUPPORTED,
}
SURROUNDINGS = {  # of a service in 2.0, of a function in 3.0
    "InternetAccess": Property(kind="boolean"),
    "OssMountConfig": UNSUPPORTED,
    "Role": STRING,
    "Tags": TAGS,
    "TracingConfig": UNSUPPORTED,
}
TRIGGER = {
    "FunctionName": IDENTITY,
    "TriggerName": IDENTITY,
    "TriggerType": Property(kind="string", required=True, replaces=True, supported=TRIGGER_TYPES),
    "TriggerConfig": Property(kind="map", required=True),
    "SourceArn": Property(kind="string", replaces=True),
    "InvocationRole": STRING,
    "Qualifier": STRING,
}


class FunctionType(ABC):
    """A function of either generation."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]
    default_memory: int | None = None  # MB; None: the platform's own

    def __init__(self, fc: FunctionCompute) -> None:
        self._fc = fc
        self._codes: dict[str, object] = {}  # physical id -> the `Code` that the function has

    @abstractmethod
    def path(self, physical_id: str) -> str:
        """Return the path of the function with a physical id."""

    @abstractmethod
    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""

    def describe(self, properties: Given) -> Function:
        """Return the function that properties describe, without its code."""
        default = Function(service="", name="", runtime="", handler="")
        return Function(
            service=properties.get("ServiceName", ""),
            name=properties["FunctionName"],
            runtime=properties["Runtime"],
            handler=properties["Handler"],
            timeout=properties.get("Timeout", default.timeout),
            memory=properties.get("MemorySize", self.default_memory or default.memory),
            cpu=properties.get("Cpu"),
            disk=properties.get("DiskSize", default.disk),
            environment=properties.get("EnvironmentVariables", {}),
            description=properties.get("Description", ""),
            role=properties.get("Role", ""),
            internet_access=properties.get("InternetAccess", True),
            log_config=api_names(properties.get("LogConfig", {})),
            layers=tuple(properties.get("Layers", ())),
            **attachments(properties),
            **instance_settings(properties),
        )

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. That whoever names a code package must be able to read it is assumed."""
        path = self.path(self.plan_id(context, after or before or {}))
        yield on_function(context, f"{verb(before, after)}Function", path)
        yield from rights_to_tag(context, path, before, after)
        if after and after.get("Role"):
            yield to_pass(after["Role"])
        if after and (package := code_object(after)):
            yield on_bucket(context, "GetObject", *package)

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._find(physical_id) is not None

    def _find(self, physical_id: str) -> Function | None:
        try:
            return self._fc.functions.get(self.path(physical_id))
        except FcError as error:
            if error.code in {"FunctionNotFound", "ServiceNotFound"}:
                return None
            raise

    def rights_to_read(self, context: Context, physical_id: str) -> Iterable[Right]:
        """See `Detectable`."""
        yield on_function(context, "GetFunction", self.path(physical_id))

    def present(self, context: Context, physical_id: str, properties: Given) -> Given | None:
        """See `Detectable`. The code is not compared."""
        function = self._find(physical_id)
        if function is None:
            return None
        return {
            "FunctionName": function.name,
            "Runtime": function.runtime,
            "Handler": function.handler,
            "Timeout": function.timeout,
            "MemorySize": function.memory,
            "Cpu": function.cpu,
            "DiskSize": function.disk,
            "EnvironmentVariables": dict(function.environment),
            "Description": function.description,
            "Layers": list(function.layers),
        }

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            function = await self._fc.functions.create(self.describe(properties), read_code(properties))
            retag(self._fc.tags, function.path, {}, properties)
            return self._outcome(context, properties, function)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`.

        The code is read again only when the function has another, for its object may be gone by then. `previous` does not say
        which it has: it may describe an update that failed.
        """
        with reasons():
            old = self._fc.functions.get(self.path(physical_id))
            function = replace(
                self.describe(properties),
                function_id=old.function_id,
                created=old.created,
                code=old.code,
                code_size=old.code_size,
                code_checksum=old.code_checksum,
            )
            retag(self._fc.tags, function.path, previous, properties)
            has = self._codes.get(physical_id, previous.get("Code"))
            code = None if properties.get("Code") == has else read_code(properties)
            return self._outcome(context, properties, await self._fc.functions.update(function, code))

    def _outcome(self, context: Context, properties: Given, function: Function) -> Outcome:
        attributes = {
            "FunctionName": function.name,
            "FunctionId": function.function_id,
            "ARN": f"acs:fc:{context.region}:{context.account_id}:{function.path}",
        }
        if function.service:
            attributes |= {"ServiceName": function.service, "ServiceId": function.service}
        physical_id = self.plan_id(context, properties)
        self._codes[physical_id] = properties.get("Code")
        return Outcome(physical_id=physical_id, attributes=attributes)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if self._find(physical_id):
                self._fc.functions.delete(self.path(physical_id))
        self._codes.pop(physical_id, None)


class TriggerType(ABC):
    """A trigger of a function of either generation."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]

    def __init__(self, fc: FunctionCompute) -> None:
        self._fc = fc

    @abstractmethod
    def function_path(self, function_id: str) -> str:
        """Return the path of the function with a physical id."""

    @abstractmethod
    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""

    @abstractmethod
    def attributes(self, context: Context, trigger: Trigger) -> dict[str, object]:
        """Return what the generation's triggers have beside their names and ids."""

    def _key(self, physical_id: str) -> tuple[str, str]:
        function_id, _, name = physical_id.rpartition("/")
        return self.function_path(function_id), name

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        path, name = self._key(self.plan_id(context, after or before or {}))
        yield on_function(context, f"{verb(before, after)}Trigger", f"{path}/triggers/{name}")
        if after and after.get("InvocationRole"):
            yield to_pass(after["InvocationRole"])

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._find(physical_id) is not None

    def _find(self, physical_id: str) -> Trigger | None:
        try:
            return self._fc.triggers.get(*self._key(physical_id))
        except FcError as error:
            if error.code in {"TriggerNotFound", "FunctionNotFound", "ServiceNotFound"}:
                return None
            raise

    def _describe(self, context: Context, properties: Given) -> Trigger:
        function, name = self._key(self.plan_id(context, properties))
        kind = properties["TriggerType"]
        missing = [each for each in ("SourceArn", "InvocationRole") if not properties.get(each)]
        if missing and kind not in WITHOUT_SOURCE:
            raise ResourceError(f"Property {missing[0]}: required for triggers of the type {kind}, but missing")
        return Trigger(
            function=function,
            name=name,
            kind=kind,
            config=properties["TriggerConfig"],
            source_arn=properties.get("SourceArn", ""),
            invocation_role=properties.get("InvocationRole", ""),
            qualifier=properties.get("Qualifier", ""),
            description=properties.get("Description", ""),
        )

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            return self._outcome(context, properties, self._fc.triggers.create(self._describe(context, properties)))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            old = self._fc.triggers.get(*self._key(physical_id))
            trigger = replace(self._describe(context, properties), trigger_id=old.trigger_id, created=old.created)
            return self._outcome(context, properties, self._fc.triggers.update(trigger))

    def _outcome(self, context: Context, properties: Given, trigger: Trigger) -> Outcome:
        attributes = {
            "FunctionName": properties["FunctionName"],
            "TriggerName": trigger.name,
            "TriggerId": trigger.trigger_id,
            **self.attributes(context, trigger),
        }
        return Outcome(physical_id=self.plan_id(context, properties), attributes=attributes)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if self._find(physical_id):
                self._fc.triggers.delete(*self._key(physical_id))
