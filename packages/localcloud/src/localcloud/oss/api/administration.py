"""The embedded cloud's own endpoints at OSS: the link's speed and faults, runs of what it does by itself, the clock, the reset."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

from aiohttp import web

from localcloud.kernel.clock import Clock
from localcloud.kernel.door import ADMINISTRATION, is_administrator, read_body
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.service import Reset
from localcloud.kernel.values import read_json
from localcloud.oss.link import Link, parse_fault, parse_shape
from localcloud.oss.operations.service import OssService

LINK = ADMINISTRATION + "link"  # no bucket's name begins with a hyphen
CLOCK = ADMINISTRATION + "clock"
RESET = ADMINISTRATION + "reset"
MAX_BODY = 65536  # bytes of a description
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


async def administer(
    request: web.Request, oss: OssService, link: Link, clock: Clock, reset: Reset, token: str
) -> web.Response:
    """Answer a request to one of the endpoints."""
    if not is_administrator(request, token):
        return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
    if request.raw_path == LINK and request.method in {"GET", "PUT"}:
        return await _administer_link(request, link)
    if request.method == "POST" and (run := _runs(oss).get(request.raw_path.removeprefix(ADMINISTRATION))):
        return await _run(request, *run)
    if request.raw_path == CLOCK and request.method in {"GET", "POST"}:
        return await _administer_clock(request, clock)
    if request.raw_path == RESET and request.method == "POST":
        return await _reset(request, reset)
    return web.json_response({"error": f"not implemented: {request.method} {request.raw_path}"}, status=404)


def _runs(oss: OssService) -> dict[str, tuple[str, Callable[[float | None], int]]]:
    """Return what OSS does by itself: by the name of the endpoint, the name of the number that it answers, and the run."""
    return {
        "lifecycle": ("removed", oss.lifecycle.apply),
        "logging": ("written", oss.logs.deliver),
        "inventory": ("written", oss.inventories.make),
        "replication": ("copied", oss.replication.run),
    }


async def _run(request: web.Request, name: str, run: Callable[[float | None], int]) -> web.Response:
    """Do a run as if it were a moment: `POST /-/localcloud/lifecycle` with `{"time": SECONDS}`; without: now."""
    try:
        time = await _read_seconds(request, "time")
    except MALFORMED as error:
        return _refuse(error)
    return web.json_response({name: await asyncio.to_thread(run, time)})


async def _administer_clock(request: web.Request, clock: Clock) -> web.Response:
    """Read and move the clock: `GET|POST /-/localcloud/clock`, the latter with `{"advance": SECONDS}`."""
    if request.method == "POST":
        try:
            seconds = await _read_seconds(request, "advance")
            if seconds is None:
                raise ValueError('send {"advance": SECONDS}')
            clock.advance(seconds)
        except LocalCloudError as error:
            return web.json_response({"error": str(error)}, status=400)
        except MALFORMED as error:
            return _refuse(error)
    return web.json_response({"time": clock(), "ahead": clock.ahead})


async def _read_seconds(request: web.Request, name: str) -> float | None:
    """Return the number that a request's document gives; None: it gives none.

    Raises:
        ValueError: the document is another one.
    """
    record = read_json(await read_body(request, MAX_BODY) or b"{}")
    if not isinstance(record, dict) or record.keys() - {name}:
        raise ValueError(f'send {{"{name}": SECONDS}}, and nothing else')
    seconds = record.get(name)
    if seconds is not None and type(seconds) not in {int, float}:
        raise ValueError(f"{name} is a number of seconds, not {str(seconds)[:40]!r}")
    return None if seconds is None else float(seconds)


async def _reset(request: web.Request, reset: Reset) -> web.Response:
    """Have the embedded cloud emptied: `POST /-/localcloud/reset`. The connection, which would end with OSS, is handed over."""
    if request.secure or request.transport is None:
        return web.json_response({"error": "ask for it by plain HTTP"}, status=400)
    await read_body(request, MAX_BODY)  # what is not read of a request would break the answer off
    connection = socket.socket(fileno=os.dup(request.transport.get_extra_info("socket").fileno()))
    request.transport.abort()
    reset(connection)
    return web.Response()  # which nobody receives


async def _administer_link(request: web.Request, link: Link) -> web.Response:
    """Read and change the link: `GET|PUT /-/localcloud/link` with `{"shape": {…}, "faults": [{…}]}`."""
    if request.method == "PUT":
        try:
            record = read_json(await read_body(request, MAX_BODY) or b"")
            if missing := {"shape", "faults"} - record.keys():
                raise ValueError(f"{' and '.join(sorted(missing))} missing; send both, as GET answers them")
            shape, faults = parse_shape(record["shape"]), [parse_fault(fault) for fault in record["faults"]]
        except MALFORMED as error:
            return _refuse(error)
        link.set_shape(shape)
        link.set_faults(faults)
    return web.json_response(
        {
            "shape": {"bandwidth": link.shape.bandwidth, "latency": link.shape.latency},
            "faults": [{name: getattr(fault, name) for name in fault.__dataclass_fields__} for fault in link.faults],
        }
    )


def _refuse(error: Exception) -> web.Response:
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return web.json_response({"error": words}, status=400)
