"""Callbacks of uploads: asked for in a request, sent when its object is stored, and their answer passed on.

A callback that fails does not undo the upload: the answer says 203 and CallbackFailed. They go to loopback only, are not
signed (the key that OSS signs with is its own), and are not tried again.

Source: OSS, "Callback"; "HTTP status code 203".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from localcloud.kernel.door import ID
from localcloud.kernel.outgoing import is_near, send
from localcloud.kernel.values import read_json
from localcloud.oss.api.call import Call
from localcloud.oss.callbacks import Callback, read_callback
from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.callbackpolicy import find_callback

PATIENCE = 5.0  # seconds for an answer
MAX_ANSWER = 1024 * 1024  # bytes
_STATUS = "0007-00000203"  # the finer code of an answer with another status than 200


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
    body = callback.render(_values(call, item, operation))
    headers = {
        "Content-Type": callback.body_type,
        "Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "User-Agent": "aliyun-oss-callback",
        "x-oss-bucket": call.bucket,
        "x-oss-owner": call.owner,
        "x-oss-request-id": call.request[ID],
        "x-oss-requester": call.requester,
        "x-oss-tag": "CALLBACK",
    }
    if callback.host:
        headers["Host"] = callback.host
    kept = {
        name: value for name, value in answer.headers.items() if name.lower() not in {"content-type", "content-length"}
    }
    try:
        content = await _first(callback, body, headers)
    except OssError as error:
        error.headers.update(kept)
        raise
    return web.Response(body=content, content_type="application/json", headers=kept)


async def _first(callback: Callback, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the answer of the first URL that gives one."""
    failure = _failed("no URL was called")
    for url in callback.urls:
        try:
            return await _post(url, body, headers)
        except OssError as error:
            failure = error
    raise failure


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    if not is_near(url):
        raise _failed(
            "Error status : 502.", f"{url} is not on loopback, and the embedded cloud calls no other address."
        )
    try:
        status, content = await send("POST", url, body=body, headers=headers, limit=MAX_ANSWER, patience=PATIENCE)
    except TimeoutError as error:
        raise _failed(f"Cost too long time: no answer came within {PATIENCE:g} seconds.") from error
    except ConnectionError as error:
        raise _failed("Error status : 502.", f"{url} cannot be reached.") from error
    if len(content) > MAX_ANSWER:
        raise _failed("Error status : 400. User server return too long content-length value.")
    if status != 200:
        raise _failed(f"Error status : {status}.")
    try:
        read_json(content)
    except ValueError as error:
        raise _failed("Response body is not valid json format.") from error
    return content


def _failed(why: str, cause: str = "") -> OssError:
    """Return the error of a callback, in OSS's words; what OSS does not say stands in an element of its own."""
    ec = _STATUS if why.startswith("Error status") else None
    return OssError("CallbackFailed", why, {"Cause": cause} if cause else {}, ec=ec)


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
