"""The dialect of a service that is not there: what the kernel's door needs of one."""

from __future__ import annotations

from aiohttp import web

from localcloud.kernel.door import ID
from localcloud.kernel.errors import ApiError


class Dialect:
    """Errors as plain text; each request has the id `ID-1`."""

    request_id_header = "x-test-id"

    def new_request_id(self) -> str:
        return "ID-1"

    def fault(self, status: int, message: str) -> ApiError:
        return ApiError(f"Fault{status}", message, status)

    def render(self, request: web.Request, error: ApiError) -> web.Response:
        return web.Response(status=error.status, text=f"{error.code} {request[ID]} {error.message}")
