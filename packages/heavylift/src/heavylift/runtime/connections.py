"""A client of HTTP/1.1 (RFC 9112), as far as ranged reads need one: GET, connections that are kept, a time limit of each answer.

`http.client` and urllib3 do more, and a start waits for their import longer than for the store's first answer. To both, a timeout
is the longest wait for the next byte, too: a store that sends one header line in ten seconds, or one byte of the body, never
exceeds it.
"""

from __future__ import annotations

import io
import select
import socket
import time
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SILENCE = 10.0  # seconds without a byte, at most
MAX_LINE = 65536  # bytes of a line of an answer's head, at most; as in http.client
MAX_HEADERS = 100  # of an answer, at most; as in http.client
_LEAST = 0.001  # seconds; 0 would mean not to wait at all
_BODILESS = (204, 304)  # RFC 9112, section 6.3


class ConnectError(Exception):
    """No connection came about in time."""


class InsecureError(Exception):
    """The host is not who it should be, or speaks no TLS."""


class ProtocolError(Exception):
    """What came is no answer of HTTP/1.1."""


class _Receiver(io.RawIOBase):
    """The stream of a socket. Set `end` before each answer."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._raw = connected.makefile("rb", buffering=0)
        self.end = 0.0  # when the time is up, on the monotonic clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        left = self.end - time.monotonic()
        if left <= 0:  # also while bytes come without a pause
            raise TimeoutError("timed out")
        self._socket.settimeout(max(_LEAST, min(SILENCE, left)))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.receiver = _Receiver(connected)
        self.stream = io.BufferedReader(self.receiver)

    def is_usable(self) -> bool:
        """Return whether the server has neither closed an idle connection nor sent what nobody asked for."""
        waiting = select.poll()
        waiting.register(self.socket, select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class Answer:
    """An answer. Read it to its end, or close it.

    Attributes:
        status: of HTTP.
        headers: by their names in small letters; of several of one name, the last.
    """

    def __init__(self, connection: _Connection, connections: Connections) -> None:
        self._connection: _Connection | None = connection
        self._connections = connections
        version, self.status = _read_status(connection.stream)
        headers = _read_headers(connection.stream)
        while 100 <= self.status < 200:  # RFC 9110, section 15.2: interim
            version, self.status = _read_status(connection.stream)
            headers = _read_headers(connection.stream)
        self.headers: Mapping[str, str] = MappingProxyType(headers)
        self._keeps = version != "HTTP/1.0" and "close" not in headers.get("connection", "").lower()
        self._chunked = "transfer-encoding" in headers and self.status not in _BODILESS
        self._left = _length(
            headers, self.status
        )  # bytes of the body, or of the chunk; None: up to the connection's end
        if self._left == 0 and not self._chunked:
            self._finish()

    def read1(self, size: int) -> bytes:
        """Return bytes of the body that have come, up to `size` of them; none at its end."""
        if self._connection is None:
            return b""
        stream = self._connection.stream
        if self._chunked and self._left == 0 and not self._next_chunk(stream):
            return b""
        found = stream.read1(size if self._left is None else min(size, self._left))
        if not found and self._left is not None:
            raise ProtocolError("the connection ended before the answer")
        if self._left is None:
            if not found:
                self.close()
            return found
        self._left -= len(found)
        if self._chunked and self._left == 0:
            _expect_line(stream, b"")
        elif self._left == 0:
            self._finish()
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
            self._connection.close()
            self._connection = None

    def _next_chunk(self, stream: io.BufferedReader[_Receiver]) -> bool:  # RFC 9112, section 7.1
        digits = _read_line(stream).partition(b";")[0].strip()
        try:
            self._left = int(digits, 16)
        except ValueError:
            raise ProtocolError("a chunk has no size") from None
        if self._left:
            return True
        _read_headers(stream)
        self._finish()
        return False

    def _finish(self) -> None:
        if self._connection and self._keeps:
            self._connections.keep(self._connection)
        elif self._connection:
            self._connection.close()
        self._connection = None


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
        self._secure = _secure_context(authorities) if authorities else None
        self._default = port == (443 if authorities else 80)

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
            ProtocolError: what came is no answer; so do the answer's methods.
            OSError: the connection failed; so do the answer's methods.
        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        fields = {"Host": host if self._default else f"{host}:{self._port}", "Accept-Encoding": "identity", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        if any(each in f"{target}{''.join(fields.values())}" for each in "\r\n"):
            raise ProtocolError("a request holds a line end where none may be")
        connection = self._connection(connect)
        try:
            connection.receiver.end = time.monotonic() + seconds
            connection.socket.settimeout(max(_LEAST, min(SILENCE, seconds)))
            connection.socket.sendall(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
            return Answer(connection, self)
        except BaseException:
            connection.close()
            raise

    def __del__(self) -> None:
        for each in self._idle:
            each.close()

    def keep(self, connection: _Connection) -> None:
        """Take back a connection whose answer was read."""
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def _connection(self, seconds: float) -> _Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_usable():
                return connection
            connection.close()
        try:
            # Of bytes, no international name is made: what makes one takes time to import.
            host = self._host.encode() if self._host.isascii() else self._host
            connected = socket.create_connection((host, self._port), max(_LEAST, seconds))  # type: ignore[arg-type]
        except TimeoutError as error:
            raise ConnectError from error
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Connection(_secured(connected, self._secure, self._host) if self._secure else connected)
        except BaseException:
            connected.close()
            raise


def _secure_context(authorities: str) -> Any:  # noqa: ANN401 - an SSLContext; ssl is imported only where it is needed
    import ssl

    return ssl.create_default_context(cafile=authorities)


def _secured(connected: socket.socket, context: Any, host: str) -> socket.socket:  # noqa: ANN401 - see above
    import ssl

    try:
        secured: socket.socket = context.wrap_socket(connected, server_hostname=host)
    except ssl.SSLError as error:
        raise InsecureError(type(error).__name__) from error
    return secured


def _read_line(stream: io.BufferedReader[_Receiver]) -> bytes:
    line = stream.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        raise ProtocolError("the connection ended before the answer" if len(line) < MAX_LINE else "a line has no end")
    return line.rstrip(b"\r\n")


def _expect_line(stream: io.BufferedReader[_Receiver], wanted: bytes) -> None:
    if _read_line(stream) != wanted:
        raise ProtocolError("a chunk is longer than it says")


def _read_status(stream: io.BufferedReader[_Receiver]) -> tuple[str, int]:
    version, _, rest = _read_line(stream).decode("latin-1").partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit() and len(status) == 3):
        raise ProtocolError("the answer does not begin with a status")
    return version, int(status)


def _read_headers(stream: io.BufferedReader[_Receiver]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = _read_line(stream).decode("latin-1")
        if not line:
            return found
        name, _, value = line.partition(":")
        found[name.lower()] = value.strip()
    raise ProtocolError(f"an answer has more than {MAX_HEADERS} headers")


def _length(headers: Mapping[str, str], status: int) -> int | None:
    if status in _BODILESS:
        return 0
    coding = headers.get("transfer-encoding", "").lower()
    if coding:
        if coding != "chunked":
            raise ProtocolError(f"the answer comes in an unknown coding, {coding[:20]!r}")
        return 0  # of the chunk before the first one
    length = headers.get("content-length")
    if length is None:
        return None
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise ProtocolError("the answer's length is no number")
    return int(length)
