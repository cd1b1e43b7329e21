"""Logtail's machine groups and configurations, of which there are none: it collects logs of machines."""

from __future__ import annotations

from localcloud.sls.api.calls import Answer, Call
from localcloud.sls.errors import SlsError


def list_machine_groups(call: Call) -> Answer:
    """ListMachineGroup."""
    return _none(call, "ListMachineGroup", "machinegroup", "machinegroups")


def list_configs(call: Call) -> Answer:
    """ListConfig."""
    return _none(call, "ListConfig", "logtailconfig", "configs")


def get_machine_group(call: Call) -> Answer:
    """GetMachineGroup."""
    raise _absent(call, "GetMachineGroup", "machinegroup", "MachineGroupNotExist")


def get_config(call: Call) -> Answer:
    """GetConfig."""
    raise _absent(call, "GetConfig", "logtailconfig", "ConfigNotExist")


def _none(call: Call, action: str, kind: str, key: str) -> Answer:
    call.allow(action, f"project/{call.project}/{kind}/*")
    call.sls.project(call.project)
    return {"count": 0, "total": 0, key: []}


def _absent(call: Call, action: str, kind: str, code: str) -> SlsError:
    call.allow(action, f"project/{call.project}/{kind}/{call.item}")
    call.sls.project(call.project)
    return SlsError(code, f"{kind} {call.item[:80]} does not exist")
