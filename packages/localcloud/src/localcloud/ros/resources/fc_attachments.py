"""The properties `VpcConfig` and `NasConfig`, of a service in FC 2.0 and of a function in FC 3.0.

Sources: ROS, the pages of ALIYUN::FC::Service and ALIYUN::FC3::Function; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localcloud.fc.attachments import PLATFORM_ID, Mount, Nas, Vpc
from localcloud.fc.platform import MAX_MOUNTS, NAS_IDS
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.fc_runtime import within
from localcloud.ros.resources.provider import Property

_REQUIRED = Property(kind="string", required=True)
_ID = replace(within(NAS_IDS), required=True)
VPC = {
    "VpcId": _REQUIRED,
    "VSwitchIds": Property(kind="list", items=STRING, required=True),
    "SecurityGroupId": _REQUIRED,
}
VPC3 = {
    "VpcId": STRING,
    "VSwitchIds": Property(kind="list", items=STRING, minimum=1, maximum=100),
    "SecurityGroupId": STRING,
}
_MOUNT = {"ServerAddr": _REQUIRED, "MountDir": _REQUIRED}
_MOUNT3 = {"ServerAddr": STRING, "MountDir": STRING, "EnableTls": Property(kind="boolean")}
NAS = {
    "UserId": _ID,
    "GroupId": _ID,
    "MountPoints": Property(kind="list", items=Property(kind="map", fields=_MOUNT), required=True, maximum=MAX_MOUNTS),
}
NAS3 = {
    "UserId": Property(kind="integer"),
    "GroupId": Property(kind="integer"),
    "MountPoints": Property(kind="list", items=Property(kind="map", fields=_MOUNT3), minimum=1, maximum=100),
}


def attachments(properties: Given) -> dict[str, Any]:
    """Return the network and the file systems that properties name, as fields of a service or function."""
    nas = properties.get("NasConfig") or {}
    mounts = (
        Mount(server=each.get("ServerAddr", ""), folder=each.get("MountDir", ""), tls=each.get("EnableTls", False))
        for each in nas.get("MountPoints", ())
    )
    return {
        "vpc": _network(properties.get("VpcConfig") or {}),
        "nas": Nas(user=nas.get("UserId", PLATFORM_ID), group=nas.get("GroupId", PLATFORM_ID), mounts=tuple(mounts)),
    }


def _network(config: Given) -> Vpc | None:
    vpc = Vpc(
        id=config.get("VpcId", ""),
        switches=tuple(filter(None, config.get("VSwitchIds", ()))),
        security_group=config.get("SecurityGroupId", ""),
    )
    return vpc if vpc.id or vpc.switches or vpc.security_group else None
