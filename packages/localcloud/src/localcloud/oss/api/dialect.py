"""Request ids and errors in OSS's form."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping

from aiohttp import web

from localcloud.kernel.door import ID, host_of
from localcloud.kernel.errors import ApiError
from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError

LONG = 256  # characters of an element that `x-oss-err` still holds; clients take 64 KB of a header at most


class OssDialect:
    """The `Dialect` of OSS."""

    request_id_header = "x-oss-request-id"

    def new_request_id(self) -> str:
        """Return 24 upper-case hexadecimal digits."""
        return f"{random.getrandbits(96):024X}"  # no secret: the kernel need not be asked for each

    def fault(self, status: int, message: str) -> ApiError:
        """Return the error for an HTTP status that no operation has given."""
        codes = {405: "MethodNotAllowed", 413: "EntityTooLarge", 500: "InternalError"}
        return ApiError(codes.get(status, "InvalidArgument"), message, status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        """Return the XML answer that tells an error; to HEAD, in a header."""
        detail, headers, ec = (
            (error.detail, dict(error.headers), error.ec) if isinstance(error, OssError) else ({}, {}, None)
        )
        if error.status == 304:
            return web.Response(status=304, headers=headers)
        record = {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request[ID],
            "HostId": host_of(request),
            **detail,
        }
        if ec:
            record |= {"EC": ec, "RecommendDoc": f"https://api.aliyun.com/troubleshoot?q={ec}"}
            headers["x-oss-ec"] = ec
        body = render("Error", record)
        if request.method == "HEAD":  # whose answer has no body
            headers["x-oss-err"], body = base64.b64encode(render("Error", _shorten(record))).decode(), b""
        return web.Response(status=error.status, body=body, content_type="application/xml", headers=headers)


def _shorten(record: Mapping[str, object]) -> dict[str, object]:
    """Return an error's elements without the long ones, such as StringToSign; a long message is cut."""
    shortened: dict[str, object] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            shortened[name] = _shorten(value)
        elif name == "Message" or len(str(value)) <= LONG:
            shortened[name] = str(value)[:LONG]
    return shortened
