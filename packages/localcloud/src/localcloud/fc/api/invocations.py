"""Invocations on the wire, the same in all versions."""

from __future__ import annotations

import base64

from aiohttp import web

from localcloud.fc.api.calls import Call
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import MB


async def invoke_function(fc: FcService, call: Call) -> web.Response:
    """Serve InvokeFunction."""
    path, payload = call.target.path, call.payload
    if call.header("x-fc-invocation-type", ("Sync", "Async")) == "Async":
        fc.invocations.invoke_async(path, payload, request_id=call.request_id, qualifier=call.target.qualifier)
        return web.Response(status=202)
    wants_log = call.header("x-fc-log-type", ("None", "Tail")) == "Tail"
    done = await fc.invocations.invoke(path, payload, request_id=call.request_id, qualifier=call.target.qualifier)
    headers = {
        "x-fc-code-checksum": done.code_checksum,
        "x-fc-instance-id": done.instance_id,
        "x-fc-invocation-duration": f"{done.answer.duration * 1000:.0f}",
        "x-fc-max-memory-usage": f"{done.answer.peak_memory / MB:.2f}",
    }
    if done.answer.error_type:
        headers["x-fc-error-type"] = done.answer.error_type
    if wants_log:
        headers["x-fc-log-result"] = base64.b64encode(done.log_tail).decode()
    kind = "application/json" if done.answer.error_type else "application/octet-stream"
    return web.Response(body=done.answer.body, headers=headers, content_type=kind)
