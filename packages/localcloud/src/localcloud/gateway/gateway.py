"""One port through which every name under aliyuncs.com is reached, as a server and as a proxy; it never decrypts.

What comes first on a connection tells what it is:

- a TLS ClientHello: its server name chooses the service, whose own TLS listener gets the connection as it is;
- `CONNECT HOST:PORT` (a proxy's client): likewise, by HOST, to the TLS listener for port 443 and the plain one for 80;
- any other HTTP request, for a server (`GET /path`) or a proxy (`GET http://HOST/path`): by Host, to the plain listener.

A name that is not served is refused; nothing is ever resolved and nothing but the embedded cloud's own listeners connected to.

Sources: RFC 9112 section 3.2 (forms of the request target), RFC 9110 section 9.3.6 (CONNECT), RFC 8446 section 6 (alerts).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.gateway.names import find_service

HOST = "127.0.0.1"
MAX_HEAD = 64 * 1024  # bytes of a request's head, or of a ClientHello
HEAD_TIME = 30.0  # seconds in which it must come
DRAIN_TIME = 2.0  # seconds that a refused client may go on sending
HANDSHAKE = b"\x16"  # TLS record type
UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"  # TLS alert record: fatal, unrecognized_name
INTERNAL_ERROR = b"\x15\x03\x03\x00\x02\x02\x50"  # likewise, internal_error

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """The ports of a service on loopback."""

    plain: int
    tls: int


class _RefusedError(Exception):
    """Nobody serves what was asked for.

    Attributes:
        answer: what the client gets.
    """

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer = answer


class Gateway:
    """The port. It accepts connections as soon as it exists, and serves them once it was opened.

    Args:
        port: the port on loopback; 0: the kernel chooses.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server((HOST, port), backlog=512)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._names: Mapping[str, str] = {}
        self._backends: Mapping[str, Backend] = {}

    @property
    def port(self) -> int:
        """The port on loopback."""
        port: int = self._socket.getsockname()[1]
        return port

    async def open(self, *, names: Mapping[str, str], backends: Mapping[str, Backend]) -> None:
        """Begin to serve.

        Args:
            names: the served names, `*.` for one label, and the service behind each.
            backends: where the services listen.
        """
        self._names, self._backends = names, backends
        self._server = await asyncio.start_server(self._accept, sock=self._socket, limit=MAX_HEAD)

    def make_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of a connection to this port that was accepted elsewhere."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=MAX_HEAD), self._accept)

    async def close(self) -> None:
        """Stop serving and cut all connections."""
        if self._server is None:
            self._socket.close()
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, begun = b"", False
        try:
            async with asyncio.timeout(HEAD_TIME):
                first = await reader.readexactly(1)
                route = self._route_tls if first == HANDSHAKE else self._route_http
                port, head, answer = await route(first, reader)
            begun = True
            writer.write(answer)
            await _relay(reader, writer, port, head)
        except _RefusedError as refused:
            writer.write(refused.answer)
            writer.write_eof()
            await _drain(reader)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or sent nothing that can be answered
        except Exception:
            request_id = str(uuid.uuid4()).upper()
            logger.exception("a connection to the gateway failed (request %s)", request_id)
            if begun:
                writer.transport.abort()  # nobody may take a part of an answer for the whole
            else:
                writer.write(INTERNAL_ERROR if first == HANDSHAKE else _failure(request_id))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _backend(self, host: str) -> Backend | None:
        return self._backends.get(find_service(host, self._names) or "")

    async def _route_tls(self, first: bytes, reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
        head = first
        while (name := server_name(head)) is None:
            part = await reader.read(MAX_HEAD)
            if not part or len(head) > MAX_HEAD:
                raise ConnectionError("the ClientHello is incomplete or too long")
            head += part
        backend = self._backend(name)
        if backend is None:
            raise _RefusedError(UNRECOGNIZED_NAME)
        return backend.tls, head, b""

    async def _route_http(self, first: bytes, reader: asyncio.StreamReader) -> tuple[int, bytes, bytes]:
        head = first + await reader.readuntil(b"\r\n\r\n")
        request = read_head(head)
        backend = self._backend(request.host)
        if backend is None or (request.tunnel and request.port not in (80, 443)):
            raise _RefusedError(_refusal(f"{request.host}:{request.port}"))
        if request.tunnel:
            port = backend.tls if request.port == 443 else backend.plain
            return port, b"", b"HTTP/1.1 200 Connection established\r\n\r\n"
        return backend.plain, request.forward, b""


def _refusal(target: str) -> bytes:
    return _answer("403 Forbidden", f"{target} is not served by the embedded cloud, and it connects to nothing else")


def _failure(request_id: str) -> bytes:
    return _answer(
        "500 Internal Server Error",
        f"InternalError: the embedded cloud failed; its log says how (request {request_id})",
    )


def _answer(status: str, text: str) -> bytes:
    body = text.encode() + b"\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the head of an HTTP request asks for."""

    host: str
    port: int
    tunnel: bool  # CONNECT
    forward: bytes  # the head as a server expects it


def read_head(head: bytes) -> Head:
    """Read the head of an HTTP request.

    A proxy's client may send its next request, for another host, on the same connection; so a request in a proxy's form is
    forwarded as the last one of its connection.

    Raises:
        ConnectionError: it is no HTTP request.
    """
    line, _, rest = head.partition(b"\r\n")
    parts = line.decode("latin-1").split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise ConnectionError("not an HTTP/1 request")
    method, target, version = parts
    if method == "CONNECT":
        host, port = _split(f"//{target}", 443)
        return Head(host=host, port=port, tunnel=True, forward=b"")
    if target.startswith("/") or target == "*":
        named = re.search(rb"^host:[ \t]*([^\r\n]*?)[ \t]*\r$", rest, re.IGNORECASE | re.MULTILINE)
        host, port = _split(f"//{named[1].decode('latin-1')}" if named else "", 80)
        return Head(host=host, port=port, tunnel=False, forward=head)
    host, port = _split(target, 80)
    url = urlsplit(target)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [
        each for each in rest.split(b"\r\n") if not re.match(rb"(proxy-[a-z-]+|connection|keep-alive):", each, re.I)
    ]
    first = f"{method} {path} {version}\r\nConnection: close\r\n".encode("latin-1")
    return Head(host=host, port=port, tunnel=False, forward=first + b"\r\n".join(kept))


def _split(url: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or port
    except ValueError as error:
        raise ConnectionError("not a host and port") from error


def server_name(received: bytes) -> str | None:
    """Return the server name in a ClientHello; empty when it has none, None when more bytes are needed.

    Raises:
        ConnectionError: it is no ClientHello.
    """
    found: list[str] = []

    def note(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, __: ssl.SSLContext) -> int:
        found.append(name or "")
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME  # the handshake itself is the service's

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = note
    incoming = ssl.MemoryBIO()
    incoming.write(received)
    try:
        context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True).do_handshake()
    except ssl.SSLWantReadError:
        return None
    except ssl.SSLError as error:
        if not found:
            raise ConnectionError("not a ClientHello") from error
    return found[0] if found else ""


async def _drain(reader: asyncio.StreamReader) -> None:
    """Read what a refused client still sends: a connection closed before that is reset, and the answer lost."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(DRAIN_TIME):
            while await reader.read(MAX_HEAD):
                pass


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, head: bytes) -> None:
    """Carry bytes both ways until the service ends the connection, which it also does when the client has gone."""
    back_reader, back_writer = await asyncio.open_connection(HOST, port)
    back_writer.write(head)
    upwards = asyncio.create_task(_pump(reader, back_writer))
    try:
        await _pump(back_reader, writer)
    finally:
        upwards.cancel()
        await asyncio.gather(upwards, return_exceptions=True)
        back_writer.close()
        with contextlib.suppress(ConnectionError):
            await back_writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(MAX_HEAD):
            writer.write(part)
            await writer.drain()
    with contextlib.suppress(OSError):  # the other side may have gone already
        writer.write_eof()
