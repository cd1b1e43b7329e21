"""The operations on logstores. Source: SLS API reference, "Logstore"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localcloud.sls.api.calls import Answer, Call, cut_page, only, read_element
from localcloud.sls.errors import SlsError
from localcloud.sls.model import Logstore, LogstoreSettings

INVALID = "LogStoreInfoInvalid"
# The settings as bodies have them: name, field, and the kind of the value.
_SETTINGS: tuple[tuple[str, str, type], ...] = (
    ("ttl", "ttl", int),
    ("shardCount", "shard_count", int),
    ("mode", "mode", str),
    ("autoSplit", "auto_split", bool),
    ("maxSplitShard", "max_split_shard", int),
    ("appendMeta", "append_meta", bool),
    ("enable_tracking", "enable_tracking", bool),
    ("telemetryType", "telemetry_type", str),
    ("hot_ttl", "hot_ttl", int),
    ("infrequentAccessTTL", "infrequent_access_ttl", int),
    ("encrypt_conf", "encrypt_conf", dict),
)
# What an answer adds, which clients that change an answer send back.
_TOLD = frozenset({"createTime", "lastModifyTime"})


def create_logstore(call: Call) -> Answer:
    """CreateLogStore."""
    body = call.read_body()
    name = read_element(body, "logstoreName", str, INVALID) or ""
    call.allow("CreateLogStore", f"project/{call.project}/logstore/{name}")
    given = _read(body)
    if missing := {"ttl", "shard_count"} - given.keys():
        raise SlsError(INVALID, f"the body has no {' and no '.join(sorted(missing))}")
    call.sls.create_logstore(call.project, name, LogstoreSettings(**given))
    return None


def get_logstore(call: Call) -> Answer:
    """GetLogStore."""
    call.allow_on_logstore("GetLogStore")
    return _write(call.sls.logstore(call.project, call.logstore))


def list_logstores(call: Call) -> Answer:
    """ListLogStores."""
    call.allow("ListLogStores", f"project/{call.project}/logstore/*")
    part, mode, kind = (call.query.get(name, "") for name in ("logstoreName", "mode", "telemetryType"))
    names = [
        logstore.name
        for logstore in call.sls.logstores(call.project)
        if part in logstore.name
        and mode in ("", logstore.settings.mode)
        and kind in ("", "None", logstore.settings.telemetry_type)
    ]
    return cut_page(call, "logstores", names, str)


def update_logstore(call: Call) -> Answer:
    """UpdateLogStore."""
    call.allow_on_logstore("UpdateLogStore")
    body = call.read_body()
    if read_element(body, "logstoreName", str, INVALID) not in (None, call.logstore):
        raise SlsError(INVALID, f"logstoreName is not the logstore of the path, {call.logstore}")
    before = call.sls.logstore(call.project, call.logstore).settings
    call.sls.update_logstore(call.project, call.logstore, replace(before, **_read(body)))
    return None


def list_substores(call: Call) -> Answer:
    """ListSubStore; none can be made."""
    call.allow_on_logstore("ListSubStore")
    call.sls.logstore(call.project, call.logstore)
    return {"substores": []}


def get_metering_mode(call: Call) -> Answer:
    """GetLogStoreMeteringMode."""
    call.allow_on_logstore("GetLogStoreMeteringMode")
    return {"meteringMode": call.sls.logstore(call.project, call.logstore).settings.metering_mode}


def update_metering_mode(call: Call) -> Answer:
    """UpdateLogStoreMeteringMode."""
    call.allow_on_logstore("UpdateLogStoreMeteringMode")
    body = call.read_body()
    only(body, {"meteringMode"}, "ParameterInvalid")
    mode = read_element(body, "meteringMode", str, "ParameterInvalid")
    before = call.sls.logstore(call.project, call.logstore).settings
    call.sls.update_logstore(call.project, call.logstore, replace(before, metering_mode=mode or ""))
    return None


def delete_logstore(call: Call) -> Answer:
    """DeleteLogStore."""
    call.allow_on_logstore("DeleteLogStore")
    call.sls.delete_logstore(call.project, call.logstore)
    return None


def _read(body: dict[str, Any]) -> dict[str, Any]:
    only(body, {"logstoreName", *_TOLD, *(name for name, _, _ in _SETTINGS)}, INVALID)
    values = {field: read_element(body, name, kind, INVALID) for name, field, kind in _SETTINGS}
    return {field: value for field, value in values.items() if value is not None}


def _write(logstore: Logstore) -> dict[str, object]:
    settings = {name: getattr(logstore.settings, field) for name, field, _ in _SETTINGS}
    settings["shardCount"] = len(logstore.open_shards)
    return {
        "logstoreName": logstore.name,
        **{name: value for name, value in settings.items() if value is not None},
        "createTime": int(logstore.created),
        "lastModifyTime": int(logstore.modified),
    }
