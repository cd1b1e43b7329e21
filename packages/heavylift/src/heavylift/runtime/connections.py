"""Connections to one host, over which an object is read in ranges: kept open, and each answer's time is bounded as a whole.

To `http.client`, as to urllib3, a timeout is the longest wait for the next byte: a store that sends one header line in ten seconds,
or one byte of the body, never exceeds it. urllib3 takes three times as long to import, and a start's first request waits for that.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, cast

SILENCE = 10.0  # seconds without a byte, at most
_LEAST = 0.001  # seconds; 0 would mean not to wait at all


class ConnectError(Exception):
    """No connection came about in time."""


class InsecureError(Exception):
    """The host is not who it should be, or speaks no TLS."""


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


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - handed through
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Receiver(sock))


class _Connection(HTTPConnection):
    response_class = _Response
    sock: socket.socket

    def is_usable(self) -> bool:
        """Return whether the server has neither closed an idle connection nor sent what nobody asked for."""
        waiting = select.poll()
        waiting.register(self.sock, select.POLLIN)
        return not waiting.poll(0)


class Answer:
    """An answer. Read it to its end, or close it.

    Attributes:
        status: of HTTP.
        headers: looked up whatever their case.
    """

    def __init__(self, connection: _Connection, connections: Connections) -> None:
        response = connection.getresponse()
        self.status = response.status
        self.headers = cast("Mapping[str, str]", response.headers)
        self._response = response
        self._left = (
            response.length
        )  # bytes; None: the answer shows its end. `read1` counts them only since Python 3.12.2
        self._connection: _Connection | None = connection
        self._connections = connections

    def read1(self, size: int) -> bytes:
        """Return bytes of the body that have come, up to `size` of them; none at its end."""
        if self._connection is None:
            return b""
        found = b"" if self._left == 0 else self._response.read1(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(found)
            if self._left and not found:
                raise HTTPException("the connection ended before the answer")
        if self._left == 0 or not found:
            self._finish(self._connection)
        return found

    def read(self, limit: int) -> bytes:
        """Return the body, up to `limit` bytes of it."""
        held = bytearray()
        while len(held) < limit and (found := self.read1(limit - len(held))):
            held += found
        return bytes(held)

    def close(self) -> None:
        """End the connection, unless the answer was read to its end."""
        if self._connection:
            self._response.close()
            self._connection.close()
            self._connection = None

    def _finish(self, connection: _Connection) -> None:
        if self._response.will_close:
            self.close()
            return
        self._response.close()
        self._connection = None
        self._connections.keep(connection)


class Connections:
    """The connections to one host. Used by several threads at once.

    Args:
        host: its name or address.
        port: of TCP.
        size: connections that are kept open.
        authorities: the file with the certificates that are trusted; None where no connection is a secure one.
    """

    def __init__(self, host: str, port: int, *, size: int, authorities: str | None) -> None:
        self._idle: deque[_Connection] = deque()
        self._host = host
        self._port = port
        self._size = size
        self._secure = ssl.create_default_context(cafile=authorities) if authorities else None
        default = 443 if authorities else 80
        address = f"[{host}]" if ":" in host else host
        self._name = address if port == default else f"{address}:{port}"

    def get(self, target: str, headers: Mapping[str, str], *, connect: float, seconds: float) -> Answer:
        """Send a request, once, and return its answer when its head has come.

        Args:
            target: path and query, encoded.
            headers: of the request.
            connect: seconds until there is a connection, at most.
            seconds: for the whole answer from then on, its body with it.

        Raises:
            ConnectError: no connection came about in time.
            InsecureError: the host is not who it should be.
            TimeoutError: the time was up; so do the answer's methods.
            HTTPException: what came is no answer; so do the answer's methods.
            OSError: the connection failed; so do the answer's methods.
        """
        connection = self._connection(connect)
        try:
            connection.sock.settimeout(max(_LEAST, seconds))
            connection.request("GET", target, headers={"Host": self._name, **headers})
            return Answer(connection, self)
        except BaseException:
            connection.close()
            raise

    def keep(self, connection: _Connection) -> None:
        """Take back a connection whose answer was read."""
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def __del__(self) -> None:
        for each in self._idle:
            each.close()

    def _connection(self, seconds: float) -> _Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_usable():
                return connection
            connection.close()
        connection = _Connection(self._host, self._port)
        connection.sock = self._connect(seconds)
        return connection

    def _connect(self, seconds: float) -> socket.socket:
        try:
            # Of bytes, no international name is made: what makes one takes time to import.
            host = self._host.encode() if self._host.isascii() else self._host
            connected = socket.create_connection((host, self._port), max(_LEAST, seconds))  # type: ignore[arg-type]
        except TimeoutError as error:
            raise ConnectError from error
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._secure.wrap_socket(connected, server_hostname=self._host) if self._secure else connected
        except ssl.SSLError as error:
            connected.close()
            raise InsecureError(type(error).__name__) from error
        except BaseException:
            connected.close()
            raise
