"""ALIYUN::FC::ProvisionConfig, ALIYUN::FC3::ProvisionConfig, ::ConcurrencyConfig and ::AsyncInvokeConfig.

A resource's physical id is the function's names and the qualifier, if there is one, joined by slashes (assumed). A configuration
that a stack has not made is not taken over.

Sources: ROS, the page of each type; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from localcloud.fc.configs import AsyncConfig, Limit, Minimum, ScheduledAction, qualified
from localcloud.fc.errors import FcError
from localcloud.fc.interface import Releases
from localcloud.fc.operations.destinations import read_destination
from localcloud.fc.platform import ASYNC_AGE, ASYNC_RETRIES, MAX_SCHEDULED_ACTIONS
from localcloud.fc.releases import LATEST
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.fc import SERVICE_NAME
from localcloud.ros.resources.fc_functions import IDENTITY
from localcloud.ros.resources.fc_runtime import within
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_function, on_resource

_GONE = frozenset(
    {"FunctionNotFound", "ServiceNotFound", "VersionNotFound", "AliasNotFound"}
    | {"OnDemandConfigNotFound", "AsyncConfigNotExists"}
)


class ConfigType(ABC):
    """A configuration of which a function's release has one."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]
    removal = "Delete"  # the verb of the operation that takes it away

    def __init__(self, fc: Releases) -> None:
        self._fc = fc

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["FunctionName"])

    def locate(self, physical_id: str) -> tuple[str, str]:
        """Return the function's path and the qualifier; empty: what is not published."""
        return f"functions/{physical_id}", ""

    @abstractmethod
    def find(self, path: str, qualifier: str) -> object | None:
        """Return the configuration; None: there is none, which can be updated nevertheless.

        Raises:
            FcError: there is none, or not what it belongs to.
        """

    @abstractmethod
    def put(self, properties: Given, path: str, qualifier: str) -> object:
        """Put the configuration that properties describe."""

    @abstractmethod
    def remove(self, path: str, qualifier: str) -> None:
        """Take the configuration away."""

    def attributes(self, context: Context, properties: Given) -> dict[str, object]:
        """Return what Fn::GetAtt can ask for."""
        return {}

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        path, qualifier = self.locate(self.plan_id(context, after or before or {}))
        action = ("Put" if after else self.removal) + self.name.rpartition("::")[2]
        yield on_function(context, action, qualified(path, "" if qualifier == LATEST else qualifier))

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        try:
            return self.find(*self.locate(physical_id)) is not None
        except FcError as error:
            if error.code in _GONE:
                return False
            raise

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        physical_id = self.plan_id(context, properties)
        with reasons():
            if await self.exists(context, physical_id):
                raise ResourceError(f"{physical_id} has its {self.name.rpartition('::')[2]} already; delete it first")
            return self._outcome(context, physical_id, properties)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            self.find(*self.locate(physical_id))
            return self._outcome(context, physical_id, properties)

    def _outcome(self, context: Context, physical_id: str, properties: Given) -> Outcome:
        self.put(properties, *self.locate(physical_id))
        return Outcome(physical_id=physical_id, attributes=self.attributes(context, properties))

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if await self.exists(context, physical_id):
                self.remove(*self.locate(physical_id))


_ACTION = {
    "Name": Property(kind="string", required=True),
    "Target": Property(kind="integer", required=True, maximum=299),
    "ScheduleExpression": Property(kind="string"),
    "StartTime": Property(kind="string"),
    "EndTime": Property(kind="string"),
    "TimeZone": Property(kind="string"),
}


class Fc3ProvisionConfig(ConfigType):
    """The minimum instances of a function, which are started ahead and kept."""

    name = "ALIYUN::FC3::ProvisionConfig"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {
        "FunctionName": IDENTITY,
        "DefaultTarget": Property(kind="integer", required=True, maximum=299),
        "Qualifier": Property(kind="string", replaces=True),
        "AlwaysAllocateCPU": Property(kind="boolean"),
        "AlwaysAllocateGPU": Property(kind="boolean"),
        "ScheduledActions": Property(
            kind="list", maximum=MAX_SCHEDULED_ACTIONS, items=Property(kind="map", fields=_ACTION)
        ),
        "TargetTrackingPolicies": Property(kind="list", supported=()),
    }
    target = "DefaultTarget"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['FunctionName']}/{properties.get('Qualifier') or LATEST}"

    def locate(self, physical_id: str) -> tuple[str, str]:
        """See `ConfigType`."""
        function, _, qualifier = physical_id.partition("/")
        return f"functions/{function}", qualifier

    def find(self, path: str, qualifier: str) -> object | None:
        """See `ConfigType`. One of no instances is as good as none."""
        minimum = self._fc.configs.minimum(path, qualifier)
        return minimum if minimum.target or minimum.actions else None

    def put(self, properties: Given, path: str, qualifier: str) -> object:
        """See `ConfigType`."""
        actions = [
            ScheduledAction(
                name=each["Name"],
                target=each["Target"],
                expression=each.get("ScheduleExpression", ""),
                start=each.get("StartTime", ""),
                end=each.get("EndTime", ""),
                zone=each.get("TimeZone", ""),
            )
            for each in properties.get("ScheduledActions", [])
        ]
        minimum = Minimum(
            function=path,
            qualifier=qualifier,
            target=properties[self.target],
            actions=tuple(actions),
            awake=properties.get("AlwaysAllocateCPU", True),  # the default of Function Compute's API
        )
        return self._fc.configs.put_minimum(minimum)

    def remove(self, path: str, qualifier: str) -> None:
        """See `ConfigType`."""
        self._fc.configs.put_minimum(Minimum(function=path, qualifier=qualifier, target=0))


class FcProvisionConfig(Fc3ProvisionConfig):
    """The minimum instances of a service's function; FC 2.0 takes them away by putting none."""

    name = "ALIYUN::FC::ProvisionConfig"
    returns: Sequence[str] = ("ServiceName", "FunctionName", "Qualifier", "Target", "Resource")
    properties: Mapping[str, Property] = {
        "ServiceName": SERVICE_NAME,
        "FunctionName": IDENTITY,
        "Qualifier": IDENTITY,
        "Target": Property(kind="integer", required=True),
    }
    target = "Target"
    removal = "Put"

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['ServiceName']}/{super().plan_id(context, properties)}"

    def locate(self, physical_id: str) -> tuple[str, str]:
        """See `ConfigType`."""
        service, _, rest = physical_id.partition("/")
        path, qualifier = super().locate(rest)
        return f"services/{service}/{path}", qualifier

    def attributes(self, context: Context, properties: Given) -> dict[str, object]:
        """See `ConfigType`."""
        names = (properties["ServiceName"], properties["Qualifier"], properties["FunctionName"])
        return {**properties, "Resource": "#".join((context.account_id, *names))}


class Fc3ConcurrencyConfig(ConfigType):
    """The most requests that a function may serve at a time."""

    name = "ALIYUN::FC3::ConcurrencyConfig"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {
        "FunctionName": IDENTITY,
        "ReservedConcurrency": Property(kind="integer", required=True, maximum=300),
    }

    def find(self, path: str, qualifier: str) -> object | None:
        """See `ConfigType`."""
        return self._fc.configs.limit(path)

    def put(self, properties: Given, path: str, qualifier: str) -> object:
        """See `ConfigType`."""
        return self._fc.configs.put_limit(Limit(function=path, qualifier="", most=properties["ReservedConcurrency"]))

    def remove(self, path: str, qualifier: str) -> None:
        """See `ConfigType`."""
        self._fc.configs.delete_limit(path)


_DESTINATION = Property(kind="map", fields={"Destination": Property(kind="string", required=True, maximum=512)})


class Fc3AsyncInvokeConfig(ConfigType):
    """The configuration of a function's asynchronous invocations."""

    name = "ALIYUN::FC3::AsyncInvokeConfig"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {
        "FunctionName": IDENTITY,
        "AsyncTask": Property(kind="boolean"),
        "DestinationConfig": Property(kind="map", fields={"OnSuccess": _DESTINATION, "OnFailure": _DESTINATION}),
        "MaxAsyncEventAgeInSeconds": within(ASYNC_AGE),
        "MaxAsyncRetryAttempts": within(ASYNC_RETRIES),
    }

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. Whoever names a destination needs a right on it."""
        yield from super().rights(context, before, after)
        for arn in filter(None, _destinations(after or {})):
            yield on_resource(context, *read_destination(arn).right)

    def find(self, path: str, qualifier: str) -> object | None:
        """See `ConfigType`."""
        return self._fc.configs.get_async(path, qualifier)

    def put(self, properties: Given, path: str, qualifier: str) -> object:
        """See `ConfigType`."""
        on_success, on_failure = _destinations(properties)
        config = AsyncConfig(
            function=path,
            qualifier=qualifier,
            retries=properties.get("MaxAsyncRetryAttempts"),
            max_age=properties.get("MaxAsyncEventAgeInSeconds"),
            on_success=on_success,
            on_failure=on_failure,
            stateful=properties.get("AsyncTask", False),
        )
        return self._fc.configs.put_async(config)

    def remove(self, path: str, qualifier: str) -> None:
        """See `ConfigType`."""
        self._fc.configs.delete_async(path, qualifier)


def _destinations(properties: Given) -> tuple[str, str]:
    """Return the ARNs of what gets the results of successes and of failures; empty: nothing does."""
    given = properties.get("DestinationConfig", {})
    on_success, on_failure = (given.get(end, {}).get("Destination", "") for end in ("OnSuccess", "OnFailure"))
    return on_success, on_failure
