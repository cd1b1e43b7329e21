"""Asynchronous fetches: PutAsyncFetchTask, GetAsyncFetchTask.

That whoever asks for a fetch needs the right to put its object, beside that of the operation's name, is assumed.
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from localcloud.kernel.door import ID
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.api.callbacks import callback_of
from localcloud.oss.errors import OssError
from localcloud.oss.fetches import read_order


async def put_task(call: Call) -> web.StreamResponse:
    """PutAsyncFetchTask."""
    order = read_order(call.body)
    callback_of(call, order.callback, "")  # refuses one that can never be sent
    call.require("PutObject", target=replace(call.target, key=order.key, query={}))
    task = await call.run(
        call.oss.fetches.add,
        call.bucket,
        order,
        overwrites=not order.keeps and call.may_replace(order.key, {}, call.caller),
        requester=call.requester,
        request_id=call.request[ID],
    )
    call.oss.fetches.carry_out(task)
    return xml_response("AsyncFetchTaskResult", {"TaskId": task.id})


async def get_task(call: Call) -> web.StreamResponse:
    """GetAsyncFetchTask."""
    task_id = call.headers.get("x-oss-task-id")
    if not task_id:
        raise OssError("MissingArgument", "Missing Some Required Arguments.", {"ArgumentName": "x-oss-task-id"})
    task = await call.run(call.oss.fetches.get, call.bucket, task_id)
    return xml_response(
        "AsyncFetchTaskInfo",
        {
            "TaskId": task.id,
            "State": task.state.value,
            "ErrorMsg": task.message,
            "TaskInfo": task.order.describe(),
        },
    )
