"""The embedded cloud's own endpoint at OSS: the link's speed and faults."""

from __future__ import annotations

from aiohttp import web

from localcloud.kernel.door import ADMINISTRATION, is_administrator, read_body
from localcloud.kernel.values import read_json
from localcloud.oss.link import Link, parse_fault, parse_shape

PATH = ADMINISTRATION + "link"  # no bucket's name begins with a hyphen
MAX_LINK = 65536  # bytes of its description


async def administer(request: web.Request, link: Link, token: str) -> web.Response:
    """Read and change the link: `GET|PUT /-/localcloud/link` with `{"shape": {…}, "faults": [{…}]}`."""
    if not is_administrator(request, token):
        return web.json_response({"error": "send `Authorization: Bearer ACCESS_KEY_SECRET`"}, status=401)
    if request.raw_path != PATH or request.method not in {"GET", "PUT"}:
        return web.json_response({"error": f"not implemented: {request.method} {request.raw_path}"}, status=404)
    if request.method == "PUT":
        try:
            record = read_json(await read_body(request, MAX_LINK) or b"")
            shape, faults = parse_shape(record["shape"]), [parse_fault(fault) for fault in record["faults"]]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        link.shape = shape
        link.set_faults(faults)
    return web.json_response(
        {
            "shape": {"bandwidth": link.shape.bandwidth, "latency": link.shape.latency},
            "faults": [{name: getattr(fault, name) for name in fault.__dataclass_fields__} for fault in link.faults],
        }
    )
