"""The operations of the official clients that are not served, with the reason: an answer names both."""

from __future__ import annotations

from collections.abc import Mapping

_VPC = "in the embedded cloud nobody calls from a VPC"
_GPU = "the embedded cloud has no GPU"
_SESSIONS = "the embedded cloud has no sessions"

REFUSED: Mapping[str, str] = {
    "ChangeResourceGroup": "the embedded cloud has no resource groups",
    "ClaimGPUInstance": _GPU,
    "CreateSession": _SESSIONS,
    "CreateSnapshot": "the embedded cloud takes no snapshots of instances",
    "CreateVpcBinding": _VPC,
    "DeleteSession": _SESSIONS,
    "DeleteSnapshot": "the embedded cloud takes no snapshots of instances",
    "DeleteVpcBinding": _VPC,
    "DeregisterEventSource": "the embedded cloud has no EventBridge",
    "GetAccountConfigs": "no page documents what it tells",
    "GetSession": _SESSIONS,
    "GetSnapshot": "the embedded cloud takes no snapshots of instances",
    "InstanceExec": "a terminal in an instance; print what you want to know, or use the log",
    "PauseSession": _SESSIONS,
    "RegisterEventSource": "the embedded cloud has no EventBridge",
    "ReleaseGPUInstance": _GPU,
    "ResumeSession": _SESSIONS,
    "UpdateSession": _SESSIONS,
}
