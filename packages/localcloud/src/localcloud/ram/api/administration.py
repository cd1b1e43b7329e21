"""The embedded cloud's own endpoint at RAM: accounts beside the first one."""

from __future__ import annotations

import asyncio

from aiohttp import web

from localcloud.kernel.door import ADMINISTRATION, is_administrator
from localcloud.kernel.errors import LocalCloudError
from localcloud.ram.operations.directory import Directory

ACCOUNTS = ADMINISTRATION + "accounts/{name:.*}"


async def make_account(directory: Directory, admin_token: str, request: web.Request) -> web.Response:
    """Answer `PUT /-/localcloud/accounts/NAME` with the account of that name and its key; the first request makes it."""
    if not is_administrator(request, admin_token):
        return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
    try:
        account = await asyncio.to_thread(directory.make, request.match_info["name"])
    except LocalCloudError as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response(account.document())
