"""The checksums that S3's clients send with a body (`x-amz-checksum-*`).

Source: Amazon S3 user guide, "Checking object integrity".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from fastcrc import crc32

from localcloud.oss.errors import OssError

PREFIX = "x-amz-checksum-"


class _Crc:
    def __init__(self, update: Callable[[bytes, int], int]) -> None:
        self._update = update
        self._value = 0

    def update(self, content: bytes) -> None:
        self._value = self._update(content, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4)


class _Digest:
    def __init__(self, name: str) -> None:
        self._hash = hashlib.new(name, usedforsecurity=False)

    def update(self, content: bytes) -> None:
        self._hash.update(content)

    def digest(self) -> bytes:
        return self._hash.digest()


_ALGORITHMS: Mapping[str, Callable[[], _Crc | _Digest]] = {
    "crc32": lambda: _Crc(crc32.iso_hdlc),
    "crc32c": lambda: _Crc(crc32.iscsi),
    "sha1": lambda: _Digest("sha1"),
    "sha256": lambda: _Digest("sha256"),
}


class Checksums:
    """Compares a body with the checksums that its headers give; those of other algorithms (crc64nvme) are passed over.

    OSS's documents name none of these headers: that it compares what it knows, and takes the rest, is assumed.

    Args:
        headers: the request's, by lower-case name.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._expected = {
            name.removeprefix(PREFIX): value
            for name, value in headers.items()
            if name.startswith(PREFIX) and name.removeprefix(PREFIX) in _ALGORITHMS
        }
        self._computed = {name: _ALGORITHMS[name]() for name in self._expected}

    def update(self, content: bytes) -> None:
        """Take the next bytes in."""
        for each in self._computed.values():
            each.update(content)

    def check(self) -> None:
        """Compare, when all bytes have come.

        Raises:
            OssError: BadDigest.
        """
        for name, computed in self._computed.items():
            calculated = base64.b64encode(computed.digest()).decode()
            expected = self._expected[name]
            if calculated != expected:
                raise OssError(
                    "BadDigest",
                    f"The {PREFIX}{name} you specified did not match what we received.",
                    {PREFIX + name: expected, "Calculated": calculated},
                )
