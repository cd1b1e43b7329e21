"""Packages of functions and layers on the wire: the address of one, and the package itself at that address.

In the cloud the address is a signed one of OSS; here it is one of this service, for an hour, that nobody else can make.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urlencode

from aiohttp import web

from localcloud.fc.api.calls import Call, PackageKind, shown
from localcloud.fc.operations.service import FcService
from localcloud.kernel.crc64 import update_crc64
from localcloud.kernel.door import ADMINISTRATION
from localcloud.kernel.files import send_file
from localcloud.kernel.values import same_secret

LIFE = 3600  # seconds
_CHUNK = 1024 * 1024  # bytes


class PackageLinks:
    """Makes addresses of packages, and sends these.

    Args:
        fc: has the packages.
        secret: signs the addresses.
        clock: seconds since the epoch.
    """

    path = ADMINISTRATION + f"{{kind:{'|'.join(PackageKind)}}}/{{name:[0-9a-f]+}}"

    def __init__(self, fc: FcService, *, secret: str, clock: Callable[[], float]) -> None:
        self._files = {PackageKind.FUNCTION: fc.functions.package, PackageKind.LAYER: fc.layers.package}
        self._secret = secret.encode()
        self._clock = clock

    def address(self, base: str, kind: PackageKind, name: str) -> str:
        """Return the address of a package.

        Args:
            base: the address of the service, as the client knows it.
            kind: the kind of thing that it is of.
            name: the package's name in the store.
        """
        expires = str(int(self._clock()) + LIFE)
        query = urlencode({"Expires": expires, "Signature": self._sign(kind, name, expires)})
        return f"{base}{ADMINISTRATION}{kind}/{name}?{query}"

    def _sign(self, kind: PackageKind, name: str, expires: str) -> str:
        return hmac.digest(self._secret, f"{kind} {name} {expires}".encode(), "sha256").hex()

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send a package to whoever has its address."""
        kind, name = PackageKind(request.match_info["kind"]), request.match_info["name"]
        expires = request.query.get("Expires", "")
        lives = expires.isdecimal() and len(expires) < 12 and int(expires) >= self._clock()
        if not lives or not same_secret(self._sign(kind, name, expires), request.query.get("Signature", "")):
            body = {
                "error": "the address is wrong or has expired; ask for another one (GetFunctionCode, GetLayerVersion)"
            }
            return web.json_response(body, status=403)
        try:
            file = self._files[kind](name).open("rb")
        except FileNotFoundError:
            return web.json_response({"error": "there is no such package any more"}, status=404)
        with file:
            size = os.fstat(file.fileno()).st_size
            checksum = str(await asyncio.to_thread(_checksum, file))  # as OSS's answer has it
            headers = {"Content-Type": "application/zip", "Content-Length": str(size), "x-oss-hash-crc64ecma": checksum}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            if request.method != "HEAD":
                await send_file(request, response, file, 0, size)
            await response.write_eof()
        return response


def _checksum(file: BinaryIO) -> int:
    """Return the CRC-64 of a file, which stands at its beginning again afterwards."""
    found = 0
    while chunk := file.read(_CHUNK):
        found = update_crc64(chunk, found)
    file.seek(0)
    return found


async def get_function_code(fc: FcService, call: Call) -> web.Response:
    """Serve GetFunctionCode."""
    function = fc.aliases.shown(call.target.path, call.target.qualifier)
    return shown({"checksum": function.code_checksum, "url": call.package_address(PackageKind.FUNCTION, function.code)})
