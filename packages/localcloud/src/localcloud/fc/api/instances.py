"""The instances that run, shown to the administrator of the embedded cloud alone."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from localcloud.fc.instances.instance import Instance
from localcloud.fc.operations.service import FcService
from localcloud.kernel.door import is_administrator


async def list_instances(fc: FcService, request: web.Request, admin_token: str) -> web.Response:
    """Serve the list of running instances."""
    if not is_administrator(request, admin_token):
        return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
    return web.json_response({"instances": [_write(each) for each in fc.instances if each.alive]})


def _write(instance: Instance) -> dict[str, Any]:
    return {
        "function": instance.function.path,
        "id": instance.id,
        "pid": instance.pid,
        "state": instance.state.value,
        "initialized": instance.initialized,
        "requests": instance.requests,
        "initializer_seconds": instance.initializer_seconds,
        "peak_memory": instance.meter.peak_memory,
        "disk": instance.meter.disk,
        "peak_disk": instance.meter.peak_disk,
    }
