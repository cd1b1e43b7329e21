"""The URL at which wait conditions are signalled.

Source: ROS, "ALIYUN::ROS::WaitConditionHandle": JSON, sent by POST. The bound is that of custom resources' answers (assumed).
"""

from __future__ import annotations

import json

from aiohttp import web

from localcloud.kernel.door import read_body
from localcloud.ros.errors import RosError
from localcloud.ros.operations.signals import Signals
from localcloud.ros.resources.waiting import PATH
from localcloud.ros.template.bounds import check_value

MAX_SIGNAL = 4096  # bytes


def add_signals(application: web.Application, signals: Signals) -> None:
    """Serve the URL of every handle."""

    async def receive(request: web.Request) -> web.Response:
        secret = request.query.get("signature", "")
        if signals.opened_by(secret) is None:
            return _refuse(403, "no handle has this signature")
        body = await read_body(request, MAX_SIGNAL)
        if body is None:
            return _refuse(413, f"the signal has more than {MAX_SIGNAL} bytes")
        try:
            record = json.loads(body or b"{}")
            check_value(record, "the signal")
        except (ValueError, RecursionError):
            return _refuse(400, "the signal is not JSON")
        except RosError as error:
            return _refuse(400, error.message)
        handle = signals.opened_by(secret)
        if not isinstance(record, dict) or handle is None:
            return _refuse(400, "the signal is not a JSON object")
        try:
            name = signals.receive(handle, record)
        except RosError as error:
            return _refuse(400, error.message)
        return web.json_response({"Message": f"Signal {name} received"})

    application.router.add_post(PATH, receive)


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"Code": "InvalidSignal", "Message": message}, status=status)
