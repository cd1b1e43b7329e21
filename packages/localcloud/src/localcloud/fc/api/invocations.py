"""Invocations on the wire, the same in all versions."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from aiohttp import web

from localcloud.fc.api.calls import Call
from localcloud.fc.errors import FcError
from localcloud.fc.model import Invocation
from localcloud.fc.operations.service import FcService
from localcloud.fc.platform import ASYNC_DELAY, MB
from localcloud.fc.releases import LATEST
from localcloud.kernel.paging import read_number

EXPOSED = (
    "Date,x-fc-request-id,x-fc-error-type,x-fc-code-checksum,x-fc-invocation-duration,x-fc-max-memory-usage,"
    "x-fc-log-result,x-fc-invocation-code-version,x-fc-instance-id"
)
_TASK = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def read_delay(headers: Mapping[str, str]) -> int:
    """Return the seconds for which an asynchronous invocation is put off: `x-fc-async-delay`.

    Source: Function Compute, "Asynchronous invocation", "Deferred invocation of a function".

    Raises:
        FcError: InvalidArgument.
    """
    try:
        return read_number(headers.get("x-fc-async-delay") or None, default=0, allowed=ASYNC_DELAY)
    except ValueError as error:
        raise FcError("InvalidArgument", f"x-fc-async-delay: {error}") from error


def describe(done: Invocation, *, function: str, qualifier: str) -> dict[str, str]:
    """Return the headers that tell of an invocation.

    Sources: Function Compute, InvokeFunction (2021-04-06); answers of the platform to HTTP triggers that are public.

    Args:
        done: the invocation.
        function: the function's path.
        qualifier: by which it was invoked; empty: LATEST.
    """
    headers = {
        "Access-Control-Expose-Headers": EXPOSED,
        "X-Fc-Code-Checksum": done.code_checksum,
        "X-Fc-Instance-Id": done.instance_id,
        "X-Fc-Invocation-Duration": f"{done.answer.duration * 1000:.0f}",
        "X-Fc-Max-Memory-Usage": f"{done.answer.peak_memory / MB:.2f}",
    }
    if function.startswith("services/"):
        headers["X-Fc-Invocation-Service-Version"] = qualifier or LATEST
    if done.answer.error_type:
        headers["X-Fc-Error-Type"] = done.answer.error_type
    return headers


async def invoke_function(fc: FcService, call: Call) -> web.Response:
    """Serve InvokeFunction."""
    path, payload = call.target.path, call.payload
    if call.header("x-fc-invocation-type", ("Sync", "Async")) == "Async":
        task = call.headers.get("x-fc-async-task-id") or call.headers.get("x-fc-stateful-async-invocation-id") or ""
        # Nothing is logged yet when this is answered: no log may be asked for (a test of aliyun/fc-java-sdk; for FC 3.0 assumed).
        call.header("x-fc-log-type", ("None",))
        if task and not _TASK.fullmatch(task):
            raise FcError("InvalidArgument", f"the task's id is {task[:200]!r}; expected letters, digits, _ and -")
        fc.invocations.invoke_async(
            path,
            payload,
            request_id=call.request_id,
            qualifier=call.target.qualifier,
            task=task,
            delay=read_delay(call.headers),
        )
        return web.Response(status=202)
    wants_log = call.header("x-fc-log-type", ("None", "Tail")) == "Tail"
    done = await fc.invocations.invoke(path, payload, request_id=call.request_id, qualifier=call.target.qualifier)
    headers = describe(done, function=path, qualifier=call.target.qualifier)
    if wants_log and done.log_tail:
        headers["X-Fc-Log-Result"] = base64.b64encode(done.log_tail).decode()
    kind = "application/octet-stream" if done.answer.own_words else "application/json"
    return web.Response(body=done.answer.body, headers=headers, content_type=kind)
