"""ALIYUN::FC::Version and ::Alias, ALIYUN::FC3::FunctionVersion.

The physical id is the names joined by slashes, from the service's or function's to the version's or alias's own (assumed). A
version's id is known once it is published: one that was published when the embedded cloud was killed stays.

Sources: ROS, the page of each type; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from localcloud.fc.errors import FcError
from localcloud.fc.interface import Releases
from localcloud.fc.releases import Alias, Version
from localcloud.kernel.times import to_seconds
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.fc import SERVICE_NAME
from localcloud.ros.resources.fc_functions import IDENTITY
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_function, verb

_DESCRIPTION = Property(kind="string", replaces=True)


class VersionType(ABC):
    """A version, in which nothing changes."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]
    noun: str  # in the names of operations
    kind: str  # the plural of what is published
    owner: str  # the property that names it

    def __init__(self, fc: Releases) -> None:
        self._fc = fc

    @abstractmethod
    def attributes(self, properties: Given, version: Version) -> dict[str, object]:
        """Return what Fn::GetAtt can ask for."""

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties[self.owner]}/"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. That of a deletion is about all versions, as its properties do not say which it is."""
        path = f"{self.kind}/{(after or before or {})[self.owner]}/versions"
        if after:
            yield on_function(context, f"Publish{self.noun}", path)
        else:
            yield on_function(context, f"Delete{self.noun}", f"{path}/*")

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        owner, _, version = physical_id.partition("/")
        try:
            return bool(self._fc.versions.get(f"{self.kind}/{owner}", version))
        except FcError as error:
            if error.code == "VersionNotFound":
                return False
            raise

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        owner = f"{self.kind}/{properties[self.owner]}"
        with reasons():
            version = self._fc.versions.publish(owner, description=properties.get("Description", ""))
        return Outcome(
            physical_id=self.plan_id(context, properties) + version.id, attributes=self.attributes(properties, version)
        )

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`. Every property replaces."""
        raise NotImplementedError(f"no property of {self.name} changes in place")

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if await self.exists(context, physical_id):
                owner, _, version = physical_id.partition("/")
                self._fc.versions.delete(f"{self.kind}/{owner}", version)


class FcVersion(VersionType):
    """A version of a service with its functions."""

    name = "ALIYUN::FC::Version"
    returns: Sequence[str] = ("ServiceName", "VersionId")
    properties: Mapping[str, Property] = {"ServiceName": SERVICE_NAME, "Description": _DESCRIPTION}
    noun, kind, owner = "ServiceVersion", "services", "ServiceName"

    def attributes(self, properties: Given, version: Version) -> dict[str, object]:
        """See `VersionType`."""
        return {"ServiceName": properties["ServiceName"], "VersionId": version.id}


class Fc3FunctionVersion(VersionType):
    """A version of a function."""

    name = "ALIYUN::FC3::FunctionVersion"
    returns: Sequence[str] = ("FunctionName", "Description", "CreateTime", "LastModifiedTime")
    properties: Mapping[str, Property] = {"FunctionName": IDENTITY, "Description": _DESCRIPTION}
    noun, kind, owner = "FunctionVersion", "functions", "FunctionName"

    def attributes(self, properties: Given, version: Version) -> dict[str, object]:
        """See `VersionType`."""
        return {
            "FunctionName": properties["FunctionName"],
            "Description": version.description,
            "CreateTime": to_seconds(version.created),
            "LastModifiedTime": to_seconds(version.modified),
        }


class FcAlias:
    """An alias of a service's version, which may share its invocations with another."""

    name = "ALIYUN::FC::Alias"
    returns: Sequence[str] = ("ServiceName", "AliasName", "VersionId")
    properties: Mapping[str, Property] = {
        "ServiceName": SERVICE_NAME,
        "AliasName": IDENTITY,
        "VersionId": STRING,
        "AdditionalVersion": STRING,
        "AdditionalWeight": Property(kind="number", minimum=0, maximum=100),  # in percent
        "Description": STRING,
    }

    def __init__(self, fc: Releases) -> None:
        self._fc = fc

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['ServiceName']}/{properties['AliasName']}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        service, _, name = self.plan_id(context, after or before or {}).partition("/")
        yield on_function(context, f"{verb(before, after)}Alias", f"services/{service}/aliases/{name}")

    def _find(self, physical_id: str) -> Alias | None:
        service, _, name = physical_id.partition("/")
        try:
            return self._fc.aliases.get(f"services/{service}", name)
        except FcError as error:
            if error.code == "AliasNotFound":
                return None
            raise

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._find(physical_id) is not None

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            return self._outcome(context, properties, self._fc.aliases.create(_describe(properties)))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        described = _describe(properties)
        with reasons():
            created = self._fc.aliases.get(described.owner, described.name).created
            return self._outcome(context, properties, self._fc.aliases.update(replace(described, created=created)))

    def _outcome(self, context: Context, properties: Given, alias: Alias) -> Outcome:
        attributes = {"ServiceName": properties["ServiceName"], "AliasName": alias.name, "VersionId": alias.version}
        return Outcome(physical_id=self.plan_id(context, properties), attributes=attributes)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if alias := self._find(physical_id):
                self._fc.aliases.delete(alias.owner, alias.name)


def _describe(properties: Given) -> Alias:
    further = properties.get("AdditionalVersion", "")
    return Alias(
        owner=f"services/{properties['ServiceName']}",
        name=properties["AliasName"],
        version=properties.get("VersionId", ""),
        weights={further: properties.get("AdditionalWeight", 0) / 100} if further else {},
        description=properties.get("Description", ""),
    )
