"""HTTP/1.1 as bytes on a socket: a request is sent exactly as it is written, however wrong it is."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from typing import TypeAlias
from urllib.parse import urlsplit

Query: TypeAlias = tuple[tuple[str, str | None], ...]  # as sent; None: a name alone
PATIENCE = 15.0  # seconds that an answer may take


class UnansweredError(Exception):
    """The connection ended without an answer."""


class HungError(Exception):
    """No answer came in time."""


@dataclass(frozen=True)
class Request:
    """An HTTP request. Text is sent as UTF-8; surrogates as the bytes that they stand for."""

    method: str
    path: str  # as sent, without the query
    query: Query = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def target(self) -> str:
        """The path and the query."""
        pairs = [name if value is None else f"{name}={value}" for name, value in self.query]
        return self.path + (f"?{'&'.join(pairs)}" if pairs else "")

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def with_headers(self, *headers: tuple[str, str]) -> Request:
        """Return the request with further headers."""
        return replace(self, headers=(*self.headers, *headers))

    def encode(self) -> bytes:
        """Return the bytes; Content-Length is added unless the request says how long it is."""
        headers = list(self.headers)
        said = {name.lower() for name, _ in headers}
        if not said & {"content-length", "transfer-encoding"} and (self.body or self.method in {"PUT", "POST"}):
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    def __str__(self) -> str:
        """Return the request as a fault shows it."""
        headers = "; ".join(f"{name}: {value[:120]}" for name, value in self.headers)
        return f"{self.method} {self.target[:300]} [{headers}] {self.body[:120]!r}"


@dataclass(frozen=True)
class Answer:
    """The answer that was received."""

    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def __str__(self) -> str:
        """Return the answer as a fault shows it."""
        return f"{self.status} {self.body[:300]!r}"


class Connection:
    """One connection, for one request after the other.

    Args:
        address: host and port.
        patience: seconds.
    """

    def __init__(self, address: tuple[str, int], patience: float = PATIENCE) -> None:
        self._address, self._patience = address, patience
        self._socket: socket.socket | None = None

    def connect(self) -> socket.socket:
        """Return the socket, connected."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._patience)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exchange(self, request: Request) -> Answer:
        """Send a request and return its answer.

        Raises:
            UnansweredError: the connection ended first.
            HungError: nothing came in time.
        """
        try:
            answer, kept = self._exchange(request)
        except TimeoutError as error:
            self.close()
            raise HungError(f"no answer within {self._patience:.0f} s") from error
        except (OSError, HTTPException) as error:
            self.close()
            raise UnansweredError(f"{type(error).__name__}: {error}") from error
        if not kept:
            self.close()
        return answer

    def __del__(self) -> None:
        """Close it when nobody uses it any more."""
        self.close()

    def _exchange(self, request: Request) -> tuple[Answer, bool]:
        connected = self.connect()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a refusal may come before all was sent
            connected.sendall(request.encode())
        with HTTPResponse(connected, method=request.method) as response:
            response.begin()
            body = response.read()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, body), not response.will_close


def exchange(address: tuple[str, int], request: Request, patience: float = PATIENCE) -> Answer:
    """Send one request on a connection of its own; see `Connection.exchange`."""
    connection = Connection(address, patience)
    try:
        return connection.exchange(request)
    finally:
        connection.close()


def address(endpoint: str) -> tuple[str, int]:
    """Return host and port of an endpoint's URL."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or 80


def send(endpoint: str, request: Request, patience: float = 30.0) -> Answer:
    """Send one request to an endpoint, with its name as Host unless the request names one; see `Connection.exchange`."""
    host = () if request.header("Host") is not None else (("Host", urlsplit(endpoint).netloc),)
    return exchange(address(endpoint), request.with_headers(*host, ("Connection", "close")), patience)


def talk(endpoint: str, sent: bytes, *, seconds: float = 30, half_close: bool = False) -> bytes:
    """Send bytes to an endpoint and return all that comes until it closes the connection.

    Args:
        endpoint: its URL.
        sent: the bytes.
        seconds: that any wait may take.
        half_close: whether to say at once that nothing more comes.
    """
    received = b""
    with socket.create_connection(address(endpoint), timeout=seconds) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            received += part
    return received
