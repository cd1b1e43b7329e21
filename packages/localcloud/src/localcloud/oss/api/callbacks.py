"""Callbacks of uploads: asked for in a request, sent when its object is stored, and their answer passed on.

A callback that fails does not undo the upload: the answer says 203 and CallbackFailed. They go to loopback only, are not
signed (the key that OSS signs with is its own), and are not tried again.

Source: OSS, "Callback"; "HTTP status code 203".
"""

from __future__ import annotations

import base64
from functools import partial

from aiohttp import web

from localcloud.kernel.door import ID
from localcloud.oss.api.call import Call
from localcloud.oss.callbacks import Callback, read_callback
from localcloud.oss.calling import call_back
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.callbackpolicy import find_callback


def asked_callback(call: Call) -> Callback | None:
    """Return the callback that a request asks for, in a header or in its query.

    Raises:
        OssError: InvalidArgument.
    """
    if "x-oss-callback" in call.headers and "callback" in call.query:
        raise OssError(
            "InvalidArgument",
            "Give the callback in the header x-oss-callback or in the query, not in both.",
            {"ArgumentName": "callback"},
            ec="0007-00000027",
        )
    return callback_of(
        call,
        call.headers.get("x-oss-callback") or call.query.get("callback", ""),
        call.headers.get("x-oss-callback-var") or call.query.get("callback-var", ""),
    )


def callback_of(call: Call, parameter: str, variables: str) -> Callback | None:
    """Return the callback that parameters describe, or name among those of the bucket; None: they are empty.

    Raises:
        OssError: InvalidArgument.
    """
    if not parameter:
        return None
    return read_callback(parameter, variables, find_kept=partial(find_callback, call.guard.find_bucket(call.bucket)))


async def answer_after(
    call: Call, callback: Callback | None, item: StoredObject, operation: str, answer: web.Response
) -> web.Response:
    """Return the answer to an upload: its own, or the one of the callback with its headers.

    Args:
        call: the request.
        callback: None: none was asked for.
        item: the object that was stored.
        operation: its name, for the callback.
        answer: the upload's own.

    Raises:
        OssError: CallbackFailed.
    """
    if callback is None:
        return answer
    kept = {
        name: value for name, value in answer.headers.items() if name.lower() not in {"content-type", "content-length"}
    }
    try:
        content = await call_back(
            callback,
            _values(call, item, operation),
            bucket=call.bucket,
            owner=call.owner,
            requester=call.requester,
            request_id=call.request[ID],
        )
    except OssError as error:
        error.headers.update(kept)
        raise
    return web.Response(body=content, content_type="application/json", headers=kept)


def _values(call: Call, item: StoredObject, operation: str) -> dict[str, str | int]:
    return {
        "bucket": item.bucket,
        "object": item.key,
        "etag": item.etag,
        "size": item.size,
        "mimeType": item.attributes.headers.get("content-type", "application/octet-stream"),
        "crc64": str(item.crc64),
        "contentMd5": base64.b64encode(bytes.fromhex(item.etag)).decode() if len(item.etag) == 32 else "",
        "clientIp": call.request.remote or "",
        "reqId": call.request[ID],
        "operation": operation,
        "vpcId": "",
    }
