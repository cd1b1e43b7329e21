"""Connections on which the read timeout bounds an answer as a whole.

To urllib3 and `http.client` it is the longest wait for the next byte: a store that sends one header line in ten seconds, or one
byte of the body, never exceeds it.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

SILENCE = 10.0  # seconds without a byte, at most
_LEAST = 0.001  # seconds; 0 would mean not to wait at all


class _Receiver(io.RawIOBase):
    """The stream of a socket, until the time is up that its timeout gave when this was made."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._raw = connected.makefile("rb", buffering=0)
        self._end = time.monotonic() + (connected.gettimeout() or SILENCE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        left = self._end - time.monotonic()
        if left <= 0:  # also while bytes come without a pause
            raise TimeoutError("timed out")
        self._socket.settimeout(max(_LEAST, min(SILENCE, left)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed through
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Receiver(sock))


class _Http(HTTPConnection):
    response_class = _Answer


class _Https(HTTPSConnection):
    response_class = _Answer


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


def open_pool(*, size: int, authorities: str | None) -> urllib3.PoolManager:
    """Return a pool of connections that never asks twice by itself.

    Args:
        size: connections kept open to a host.
        authorities: the file with the certificates that are trusted; None where no connection is a secure one.
    """
    pool = urllib3.PoolManager(maxsize=size, ca_certs=authorities, retries=False)
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool
