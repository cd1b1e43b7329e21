"""ALIYUN::FC::Layer and ALIYUN::FC3::LayerVersion: a version of a layer.

The physical id is `LAYER/VERSION` (assumed). The version's number is known once it is made: one that was made when the embedded
cloud was killed stays.

Sources: ROS, the page of each type; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from localcloud.fc.errors import FcError
from localcloud.fc.interface import Releases
from localcloud.fc.layers import LayerVersion
from localcloud.kernel.times import to_seconds
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.fc_code import CODE, code_object, read_code
from localcloud.ros.resources.fc_functions import IDENTITY
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_bucket, on_function

_CODE = {name: each for name, each in CODE.items() if name != "SourceCode"}
_DESCRIPTION = Property(kind="string", replaces=True)


class LayerType(ABC):
    """A version of a layer, in which nothing changes but who may use it."""

    name: str
    properties: Mapping[str, Property]
    returns: Sequence[str]

    def __init__(self, fc: Releases) -> None:
        self._fc = fc

    @abstractmethod
    def attributes(self, layer: LayerVersion) -> dict[str, object]:
        """Return what Fn::GetAtt can ask for."""

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['LayerName']}/"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. That of a deletion is about all versions, as its properties do not say which it is."""
        path = f"layers/{(after or before or {})['LayerName']}"
        if after is None:
            yield on_function(context, "DeleteLayerVersion", f"{path}/versions/*")
            return
        if before is None:
            yield on_function(context, "CreateLayerVersion", f"{path}/versions/*")
            if package := code_object(after):
                yield on_bucket(context, "GetObject", *package)
        if before or "Acl" in after:
            yield on_function(context, "PutLayerACL", path)

    def _find(self, physical_id: str) -> LayerVersion | None:
        name, _, version = physical_id.partition("/")
        try:
            return self._fc.layers.get(name, int(version)) if version else None
        except FcError as error:
            if error.code in {"LayerNotFound", "LayerVersionNotFound"}:
                return None
            raise

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._find(physical_id) is not None

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        described = LayerVersion(
            arn="",
            layer=properties["LayerName"],
            version=0,
            code="",
            code_size=0,
            code_checksum="",
            runtimes=tuple(properties.get("CompatibleRuntime", ())),
            description=properties.get("Description", ""),
            license=properties.get("License", ""),
        )
        with reasons():
            made = await self._fc.layers.create(described, read_code(properties))
            if "Acl" in properties:
                self._fc.layers.publish(made.layer, public=properties["Acl"] == "1")
            return self._outcome(made.layer, made.version)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        name, _, version = physical_id.partition("/")
        with reasons():
            self._fc.layers.publish(name, public=properties.get("Acl") == "1")
            return self._outcome(name, int(version))

    def _outcome(self, name: str, version: int) -> Outcome:
        return Outcome(physical_id=f"{name}/{version}", attributes=self.attributes(self._fc.layers.get(name, version)))

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if layer := self._find(physical_id):
                self._fc.layers.delete(layer.layer, layer.version)


class FcLayer(LayerType):
    """A version of a layer, made by FC 2.0."""

    name = "ALIYUN::FC::Layer"
    returns: Sequence[str] = ("Arn", "LayerName", "Version")
    properties: Mapping[str, Property] = {
        "LayerName": Property(kind="string", required=True, replaces=True, minimum=1, maximum=64),
        "Code": Property(kind="map", required=True, replaces=True, fields=_CODE),
        "CompatibleRuntime": Property(kind="list", required=True, replaces=True, minimum=1, items=STRING),
        "Description": _DESCRIPTION,
    }

    def attributes(self, layer: LayerVersion) -> dict[str, object]:
        """See `LayerType`."""
        return {"Arn": layer.arn, "LayerName": layer.layer, "Version": layer.version}


class Fc3LayerVersion(LayerType):
    """A version of a layer, made by FC 3.0."""

    name = "ALIYUN::FC3::LayerVersion"
    returns: Sequence[str] = (
        "Acl",
        "CodeSize",
        "CompatibleRuntime",
        "CreateTime",
        "Description",
        "LayerName",
        "LayerVersionArn",
        "License",
        "Version",
    )
    properties: Mapping[str, Property] = {
        "LayerName": IDENTITY,
        "Acl": Property(kind="string", choices=("1", "0")),
        "Code": Property(
            kind="map", replaces=True, fields={**_CODE, "Checksum": Property(kind="string", supported=())}
        ),
        "CompatibleRuntime": Property(kind="list", replaces=True, minimum=0, maximum=20, items=STRING),
        "Description": _DESCRIPTION,
        "License": Property(kind="string", replaces=True),
    }

    def attributes(self, layer: LayerVersion) -> dict[str, object]:
        """See `LayerType`."""
        return {
            "Acl": "1" if layer.public else "0",
            "CodeSize": layer.code_size,
            "CompatibleRuntime": list(layer.runtimes),
            "CreateTime": to_seconds(layer.created),
            "Description": layer.description,
            "LayerName": layer.layer,
            "LayerVersionArn": layer.arn,
            "License": layer.license,
            "Version": layer.version,
        }
