"""The operations on indexes. Source: SLS API reference, "Index"."""

from __future__ import annotations

from localcloud.sls.api.calls import Answer, Call


def create_index(call: Call) -> Answer:
    """CreateIndex."""
    _allow(call, "CreateIndex")
    call.sls.create_index(call.project, call.logstore, call.read_body())
    return None


def get_index(call: Call) -> Answer:
    """GetIndex."""
    _allow(call, "GetIndex")
    index = call.sls.index(call.project, call.logstore)
    ttl = call.sls.logstore(call.project, call.logstore).settings.ttl
    return {"index_mode": "v2", "ttl": ttl, **index.document, "lastModifyTime": int(index.modified)}


def update_index(call: Call) -> Answer:
    """UpdateIndex."""
    _allow(call, "UpdateIndex")
    call.sls.update_index(call.project, call.logstore, call.read_body())
    return None


def delete_index(call: Call) -> Answer:
    """DeleteIndex."""
    _allow(call, "DeleteIndex")
    call.sls.delete_index(call.project, call.logstore)
    return None


def _allow(call: Call, action: str) -> None:
    call.allow(action, f"project/{call.project}/logstore/{call.logstore}")
