"""Callbacks sent: to the first of their URLs that answers. They go to loopback only, and are not tried again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from localcloud.kernel.outgoing import is_near, send
from localcloud.kernel.values import read_json
from localcloud.oss.callbacks import Callback
from localcloud.oss.errors import OssError

PATIENCE = 5.0  # seconds for an answer
MAX_ANSWER = 1024 * 1024  # bytes
_STATUS = "0007-00000203"  # the finer code of an answer with another status than 200


async def call_back(
    callback: Callback, values: Mapping[str, str | int], *, bucket: str, owner: str, requester: str, request_id: str
) -> bytes:
    """Return the answer to a callback, which is JSON.

    Args:
        callback: what is sent.
        values: of OSS's variables, by name.
        bucket: the bucket's name.
        owner: the id of the bucket's account.
        requester: the id of the account that asked for the callback.
        request_id: the id of its request.

    Raises:
        OssError: CallbackFailed.
    """
    body = callback.render(values)
    headers = {
        "Content-Type": callback.body_type,
        "Content-MD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "User-Agent": "aliyun-oss-callback",
        "x-oss-bucket": bucket,
        "x-oss-owner": owner,
        "x-oss-request-id": request_id,
        "x-oss-requester": requester,
        "x-oss-tag": "CALLBACK",
    }
    if callback.host:
        headers["Host"] = callback.host
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
