"""Connections to one host, over which an object is read in ranges: kept open, and each answer's time is bounded as a whole.

To `http.client`, as to urllib3, a timeout is the longest wait for the next byte: a store that sends one header line in ten seconds,
or one byte of the body, never exceeds it. And a start's first request waits for their import.
"""

from __future__ import annotations

import io
import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from heavylift.runtime.answers import HttpMessage, ProtocolError

if TYPE_CHECKING:
    import ssl

SILENCE = 10.0  # seconds without a byte, at most
_LEAST = 0.001  # seconds; 0 would mean not to wait at all
_PLAIN = re.compile(r"[\x21-\x7e]+")  # characters of a request's target
_BREAK = re.compile(r"[\r\n]")


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


def _is_usable(connected: socket.socket) -> bool:
    """Return whether the server has neither closed an idle connection nor sent what nobody asked for."""
    waiting = select.poll()
    waiting.register(connected, select.POLLIN)
    return not waiting.poll(0)


class Answer:
    """An answer. Read it to its end, or close it.

    Attributes:
        status: of HTTP.
        headers: looked up whatever their case.
    """

    def __init__(self, connected: socket.socket, connections: Connections) -> None:
        self._stream = io.BufferedReader(_Receiver(connected))
        self._message = HttpMessage(self._stream)
        self.status = self._message.status
        self.headers: Mapping[str, str] = self._message.headers
        self._connected: socket.socket | None = connected
        self._connections = connections

    def read1(self, size: int) -> bytes:
        """Return bytes of the body that have come, up to `size` of them; none at its end."""
        if self._connected is None:
            return b""
        found = self._message.read1(size)
        if self._message.is_read:
            self._finish(self._connected)
        return found

    def read(self, limit: int) -> bytes:
        """Return the body, up to `limit` bytes of it."""
        held = bytearray()
        while len(held) < limit and (found := self.read1(limit - len(held))):
            held += found
        return bytes(held)

    def close(self) -> None:
        """End the connection, unless the answer was read to its end."""
        if self._connected:
            self._stream.close()
            self._connected.close()
            self._connected = None

    def _finish(self, connected: socket.socket) -> None:
        if self._message.is_last:
            self.close()
            return
        self._stream.close()
        self._connected = None
        self._connections.keep(connected)


class Connections:
    """The connections to one host. Used by several threads at once.

    Args:
        host: its name or address.
        port: of TCP.
        size: connections that are kept open.
        authorities: the file with the certificates that are trusted; None where no connection is a secure one.
    """

    def __init__(self, host: str, port: int, *, size: int, authorities: str | None) -> None:
        self._idle: deque[socket.socket] = deque()
        self._host = host
        self._port = port
        self._size = size
        self._secure = _trusting(authorities) if authorities else None
        default = 443 if authorities else 80
        address = f"[{host}]" if ":" in host else host
        self._name = address if port == default else f"{address}:{port}"

    def ask(self, target: str, headers: Mapping[str, str], *, connect: float, seconds: float) -> Callable[[], Answer]:
        """Send a request, once.

        Args:
            target: path and query, encoded.
            headers: of the request.
            connect: seconds until there is a connection, at most.
            seconds: for the whole answer from when it is waited for, its body with it.

        Returns:
            What returns the answer when its head has come; call it once. It raises what the answer's methods raise.

        Raises:
            ConnectError: no connection came about in time.
            InsecureError: the host is not who it should be.
            TimeoutError: the time was up; so do the answer's methods.
            ProtocolError: the request cannot be sent; of the answer's methods: what came is no answer.
            OSError: the connection failed; so do the answer's methods.
        """
        request = self._request(target, headers)
        connected = self._connection(connect)
        try:
            connected.settimeout(max(_LEAST, seconds))
            connected.sendall(request)
        except BaseException:
            connected.close()
            raise
        return partial(self._answer, connected)

    def _answer(self, connected: socket.socket) -> Answer:
        try:
            return Answer(connected, self)
        except BaseException:
            connected.close()
            raise

    def keep(self, connected: socket.socket) -> None:
        """Take back a connection whose answer was read."""
        if len(self._idle) < self._size:
            self._idle.append(connected)
        else:
            connected.close()

    def _request(self, target: str, headers: Mapping[str, str]) -> bytes:
        lines = {"Host": self._name, "Accept-Encoding": "identity", **headers}
        if not _PLAIN.fullmatch(target) or any(_BREAK.search(f"{name}{value}") for name, value in lines.items()):
            raise ProtocolError("the request holds what would end one of its lines")
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"GET {target} HTTP/1.1\r\n{text}\r\n".encode("latin-1")

    def __del__(self) -> None:
        for each in self._idle:
            each.close()

    def _connection(self, seconds: float) -> socket.socket:
        while self._idle:
            try:
                connected = self._idle.pop()
            except IndexError:
                break  # another thread was faster
            if _is_usable(connected):
                return connected
            connected.close()
        return self._connect(seconds)

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
        except BaseException as error:
            connected.close()
            if self._secure and _is_of_tls(error):
                raise InsecureError(type(error).__name__) from error
            raise


def _trusting(authorities: str) -> ssl.SSLContext:
    import ssl  # an internal endpoint is reached without, and it takes time to import

    return ssl.create_default_context(cafile=authorities)


def _is_of_tls(error: BaseException) -> bool:
    import ssl

    return isinstance(error, ssl.SSLError)
