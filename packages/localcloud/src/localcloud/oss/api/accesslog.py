"""Access logs: which requests are logged, and what of them."""

from __future__ import annotations

import re
import time

from aiohttp import web

from localcloud.kernel.door import HEADERS, HOST, ID
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential
from localcloud.oss.accesslog import NONE, LoggedRequest, operation_of, write_line
from localcloud.oss.api.call import COPY_SOURCE
from localcloud.oss.api.dialect import OssDialect
from localcloud.oss.api.guard import Guard
from localcloud.oss.api.url import URL
from localcloud.oss.model import Bucket
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings.logging import SETTING, target_of

BEGAN = web.RequestKey("began", float)  # when a request came, in seconds of the monotonic clock
SIGNER = web.RequestKey("signer", Credential)  # whose key signed it; there is none when nobody did
_WHOLE = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]+)")


def log_request(request: web.Request, answer: web.StreamResponse | ApiError, oss: OssService, guard: Guard) -> None:
    """Log a request that was answered, if its bucket asks for that.

    Args:
        request: that it was.
        answer: what it got.
        oss: the domain.
        guard: tells the time, and finds the bucket.
    """
    bucket = oss.find_bucket(request[URL].bucket)
    if bucket is None or SETTING.parameter not in bucket.settings or target_of(bucket) is None:
        return
    oss.logs.add(bucket, write_line(_entry(request, answer, bucket, guard)))


def _entry(request: web.Request, answer: web.StreamResponse | ApiError, bucket: Bucket, guard: Guard) -> LoggedRequest:
    target, headers = request[URL], request[HEADERS]
    error = answer.code if isinstance(answer, ApiError) else NONE
    response = OssDialect().render(request, answer) if isinstance(answer, ApiError) else answer
    copies = COPY_SOURCE in headers
    operation = operation_of(request.method, target.level, target.query, copies=copies)
    body = request.content_length or 0
    took = time.monotonic() - request[BEGAN]
    size, storage_class = None, NONE
    if error == NONE and operation in {"GetObject", "HeadObject"}:
        size = _size(response)
        storage_class = response.headers.get("x-oss-storage-class", "Standard")
    elif error == NONE and operation == "PutObject":
        size, storage_class = body, headers.get("x-oss-storage-class", bucket.storage_class)
    signer = request.get(SIGNER)
    identity = signer.identity if signer else None
    version = request.version
    return LoggedRequest(
        address=request.remote or NONE,
        time=guard.clock() - took,
        method=request.method,
        uri=request.raw_path,
        protocol=f"HTTP/{version.major}.{version.minor}",
        status=response.status,
        sent=0 if request.method == "HEAD" else response.content_length or 0,
        took=int(took * 1000),
        referer=headers.get("referer", NONE),
        agent=headers.get("user-agent", NONE),
        host=request[HOST],
        request_id=request[ID],
        requester=(identity.user_id or identity.account_id) if identity else NONE,
        operation=operation,
        bucket=bucket.name,
        key=target.key,
        size=size,
        error=error,
        length=body + sum(len(name) + len(value) + 4 for name, value in headers.items()) + len(request.raw_path) + 14,
        owner=bucket.owner,
        storage_class=storage_class,
        access_key_id=signer.access_key_id if signer else NONE,
        arn=f"acs:oss:{bucket.region}:{bucket.owner}:{bucket.name}",
    )


def _size(response: web.StreamResponse) -> int | None:
    part = _WHOLE.fullmatch(response.headers.get("Content-Range", ""))
    return int(part[1]) if part else response.content_length
