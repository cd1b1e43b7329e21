"""The operations on indexes. Source: SLS API reference, "Index"."""

from __future__ import annotations

from localcloud.sls.api.calls import Answer, Call


def create_index(call: Call) -> Answer:
    """CreateIndex."""
    call.allow_on_logstore("CreateIndex")
    call.sls.create_index(call.project, call.logstore, call.read_body())
    return None


def get_index(call: Call) -> Answer:
    """GetIndex."""
    call.allow_on_logstore("GetIndex")
    index = call.sls.index(call.project, call.logstore)
    ttl = call.sls.logstore(call.project, call.logstore).settings.ttl
    return {"index_mode": "v2", "ttl": ttl, **index.document, "lastModifyTime": int(index.modified)}


def update_index(call: Call) -> Answer:
    """UpdateIndex."""
    call.allow_on_logstore("UpdateIndex")
    call.sls.update_index(call.project, call.logstore, call.read_body())
    return None


def delete_index(call: Call) -> Answer:
    """DeleteIndex."""
    call.allow_on_logstore("DeleteIndex")
    call.sls.delete_index(call.project, call.logstore)
    return None
