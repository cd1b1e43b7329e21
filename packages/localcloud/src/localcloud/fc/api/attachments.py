"""Networks and file systems on the wire: `vpcConfig` and `nasConfig`, of a service in FC 2.0 and of a function in FC 3.0."""

from __future__ import annotations

from typing import Any

from localcloud.fc.api.bodies import Body, without_capitals
from localcloud.fc.api.properties import read_fields, read_member, write_fields
from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.errors import FcError

NAMES = frozenset({"vpcConfig", "nasConfig"})
_VPC = {"vpcId": "id", "vSwitchIds": "switches", "securityGroupId": "security_group"}
_NAS = {"userId": "user", "groupId": "group"}
_MOUNT = {"serverAddr": "server", "mountDir": "folder"}
_MOUNT3 = {**_MOUNT, "enableTLS": "tls"}  # of FC 3.0


def read_attachments(body: Body) -> dict[str, Any]:
    """Read the network and the file systems that a body gives, as fields of a service or function.

    Raises:
        FcError: as `read_fields`.
    """
    fields: dict[str, Any] = {}
    if (vpc := read_member(body, "vpcConfig", dict)) is not None:
        fields["vpc"] = _read_vpc(without_capitals(vpc))
    if (nas := read_member(body, "nasConfig", dict)) is not None:
        fields["nas"] = _read_nas(without_capitals(nas))
    return fields


def write_attachments(vpc: Vpc | None, nas: Nas, *, generation: int) -> dict[str, Any]:
    """Return a network and file systems as the API of a generation shows them; of none, too."""
    mounts = [write_fields(each, _MOUNT3 if generation == 3 else _MOUNT) for each in nas.mounts]
    shown = write_fields(vpc or Vpc(id="", switches=(), security_group=""), _VPC)
    return {
        "vpcConfig": {**shown, "vSwitchIds": [*shown["vSwitchIds"]], "role": ""},
        "nasConfig": {**write_fields(nas, _NAS), "mountPoints": mounts},
    }


def _read_vpc(config: Body) -> Vpc | None:
    fields = read_fields(config, _VPC)
    if not all(isinstance(each, str) for each in fields.get("switches", ())):
        raise FcError("InvalidArgument", "vpcConfig.vSwitchIds: expected a list of ids")
    fields["switches"] = tuple(filter(None, fields.get("switches", ())))
    return Vpc(**{"id": "", "security_group": "", **fields}) if any(fields.values()) else None


def _read_nas(config: Body) -> Nas:
    fields = read_fields(config, _NAS, frozenset({"mountPoints"}))
    points = read_member(config, "mountPoints", list, "nasConfig.") or []
    return Nas(**fields, mounts=tuple(map(_read_mount, points)))


def _read_mount(point: object) -> Mount:
    if not isinstance(point, dict):
        raise FcError("InvalidArgument", "nasConfig.mountPoints: expected a list of objects")
    return Mount(**{"server": "", "folder": "", **read_fields(point, _MOUNT3)})
