"""Restoration of archived objects."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.call import Call
from localcloud.oss.arguments import read_number
from localcloud.oss.operations.restores import Wish
from localcloud.oss.xml import parse


async def restore_object(call: Call) -> web.StreamResponse:
    """RestoreObject."""
    wish = Wish()
    if call.body.strip():
        tree = parse(call.body, "RestoreRequest")
        tier = tree.findtext("JobParameters/Tier") or tree.findtext("Tier")
        wish = Wish(days=read_number("Days", tree.findtext("Days") or "1"), tier=tier)
    item, again = await call.run(call.oss.restores.restore, call.bucket, call.key, wish, call.version)
    headers = call.version_headers(item.version)
    if item.restoration and item.attributes.storage.storage_class != "Archive":  # whose restorations have no priorities
        headers["x-oss-object-restore-priority"] = item.restoration.tier
    return web.Response(status=200 if again else 202, headers=headers)


async def clean_restored_object(call: Call) -> web.StreamResponse:
    """CleanRestoredObject."""
    await call.run(call.oss.restores.clean, call.bucket, call.key)
    return web.Response()
