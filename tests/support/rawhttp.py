"""HTTP requests as bytes, for what clients would not send: the same header twice, any Host, any path."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

Headers = Sequence[tuple[str, str | bytes]]


class _Received(io.BytesIO):
    """What http.client takes for a socket."""

    def makefile(self, *_: Any) -> io.BytesIO:
        return self


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def talk(endpoint: str, sent: bytes, *, seconds: float = 30, half_close: bool = False) -> bytes:
    """Send bytes to a service and return all that comes until it closes the connection, which may be done on this side at once."""
    parts = urlsplit(endpoint)
    assert parts.hostname
    received = b""
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=seconds) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            received += part
    return received


def send(endpoint: str, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Reply:
    """Send a request with these headers in this order, and Host, Content-Length and Connection unless they are among them."""
    lines = list(headers)
    names = {name.lower() for name, _ in lines}
    own = {"Host": urlsplit(endpoint).netloc, "Content-Length": str(len(body)), "Connection": "close"}
    lines += [(name, value) for name, value in own.items() if name.lower() not in names]
    head = f"{method} {target} HTTP/1.1\r\n".encode()
    for name, value in lines:
        head += name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("latin-1")) + b"\r\n"
    answer = http.client.HTTPResponse(_Received(talk(endpoint, head + b"\r\n" + body)), method=method)  # type: ignore[arg-type]
    answer.begin()
    return Reply(status=answer.status, headers=answer.headers, body=answer.read())


def send_prepared(
    endpoint: str, request: requests.PreparedRequest, *more: tuple[str, str], before: bool = True
) -> Reply:
    """Send a signed request with more header lines, before or after its own."""
    assert request.url
    assert request.method
    own = [
        (name, value if isinstance(value, str) else value.decode("latin-1"))
        for name, value in request.headers.items()
        if name.lower() not in ("connection", "content-length", "transfer-encoding")
    ]
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    content: Any = request.body or b""
    body = content.encode() if isinstance(content, str) else content.read() if hasattr(content, "read") else content
    return send(endpoint, request.method, target, [*more, *own] if before else [*own, *more], body)
