"""One port through which every name under aliyuncs.com is reached, as a server and as a proxy; it never decrypts.

What comes first on a connection tells what it is:

- a TLS ClientHello: its server name chooses the service, which gets the connection as it is, for TLS;
- `CONNECT HOST:PORT` (a proxy's client): likewise, by HOST, for TLS when the port is 443 and for plain HTTP when it is 80;
- any other HTTP request, for a server (`GET /path`) or a proxy (`GET http://HOST/path`): by Host, for plain HTTP.

A service's users may give it names of their own, with certificates: these are found likewise. The service gets the connection
itself: nothing is relayed. A name that is not served is refused; nothing is ever resolved, and nothing connected to.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from localcloud.gateway.names import find_service, is_cloud_name
from localcloud.kernel.acceptor import BACKLOG, PATIENCE, Acceptor, Server, readable
from localcloud.kernel.places import Places
from localcloud.kernel.service import Names

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
    """The servers of the connections to a service's names."""

    plain: Server
    tls: Server | None  # None: it takes no TLS
    names: Names | None = None  # that its users give it
    limited: Callable[[str], Server | None] = lambda _: None  # the server of the TLS to a name that takes less of it

    def over_tls(self, host: str) -> Server | None:
        """Return the server of the TLS connections to a name; None: it takes no TLS."""
        return self.limited(host) or self.tls


class _RefusedError(Exception):
    """Nobody serves what was asked for.

    Attributes:
        answer: what the client gets.
    """

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self.answer = answer


class Gateway:
    """The port. Connections wait while there is nothing behind it.

    Args:
        port: the port on loopback; 0: the kernel chooses.
        places: of the connections to this port.
        patience: seconds without progress after which a client is cut off.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, *, places: Places, patience: float = PATIENCE) -> None:
        listening = socket.create_server((HOST, port), backlog=BACKLOG)
        self.port: int = listening.getsockname()[1]
        self._opened = asyncio.Event()
        self._names: Mapping[str, str] = {}
        self._backends: Mapping[str, Backend] = {}
        self._head_time = min(HEAD_TIME, patience)
        self._acceptor = Acceptor(listening, self.serve, places=places, patience=patience)

    def open(self, *, names: Mapping[str, str], backends: Mapping[str, Backend]) -> None:
        """Begin to serve.

        Args:
            names: the known names, `*.` for one label, and the service behind each.
            backends: what serves each service.
        """
        self._names, self._backends = names, backends
        self._opened.set()

    def leave(self) -> None:
        """Serve nothing until it is opened again; connections that were passed on are the services'."""
        self._opened.clear()
        self._names, self._backends = {}, {}

    def close(self) -> None:
        """Accept no further connection; those passed on are the services'."""
        self._acceptor.close()

    def knows(self, host: str) -> bool:
        """Return True if a host name, in lower case, is one that a service's users have given it."""
        return any(each.names is not None and each.names.serves(host) for each in self._backends.values())

    async def serve(self, connection: socket.socket) -> None:
        """Pass a connection on to the service that it asks for, or refuse it.

        Raises:
            OSError: the client has gone, or speaks no TLS.
        """
        head = answer = b""
        try:
            async with asyncio.timeout(self._head_time):
                head = await _peek(connection, head)
                route = self._route_tls if head[:1] == HANDSHAKE else self._route_http
                service, received = await route(connection, head)
        except _RefusedError as refused:
            answer = refused.answer
        except OSError:
            pass  # the client went away, or sent nothing that can be answered
        except Exception:
            request_id = str(uuid.uuid4()).upper()
            logger.exception("a connection to the gateway failed (request %s)", request_id)
            answer = INTERNAL_ERROR if head[:1] == HANDSHAKE else _failure(request_id)
        else:
            await service.serve(connection, received)
            return
        await _refuse(connection, answer)

    async def _find(self, host: str) -> Backend | None:
        """Return what serves a host name; None: nothing does."""
        await self._opened.wait()
        service = find_service(host, self._names)
        if service is None and not is_cloud_name(host):
            return next(filter(None, (_with_name(each, host) for each in self._backends.values())), None)
        return self._backends.get(service or "")

    async def _route_tls(self, connection: socket.socket, head: bytes) -> tuple[Server, bytes]:
        while (name := server_name(head)) is None:
            head = await _peek(connection, head)
        backend = await self._find(name)
        server = None if backend is None else backend.over_tls(name)
        if server is None:
            raise _RefusedError(UNRECOGNIZED_NAME)
        _peek_no_more(connection)
        return server, b""

    async def _route_http(self, connection: socket.socket, head: bytes) -> tuple[Server, bytes]:
        while (end := head.find(b"\r\n\r\n")) < 0:
            head = await _peek(connection, head)
        head = head[: end + 4]
        request = read_head(head)
        backend = await self._find(request.host)
        over_tls = request.tunnel and request.port == 443
        server = None if backend is None else backend.over_tls(request.host) if over_tls else backend.plain
        if server is None or (request.tunnel and request.port not in (80, 443)):
            raise _RefusedError(_refusal(f"{request.host}:{request.port}"))
        _peek_no_more(connection)
        connection.recv(len(head))  # a service gets it as a server expects it
        if request.tunnel:
            await asyncio.get_running_loop().sock_sendall(connection, b"HTTP/1.1 200 Connection established\r\n\r\n")
            return server, b""
        return server, request.forward


def _with_name(backend: Backend, host: str) -> Backend | None:
    """Return a backend as it serves a name that a user has given it; None: it does not."""
    name = host.lower().rstrip(".")
    if backend.names is None or not backend.names.serves(name):
        return None
    context = backend.names.tls(name)
    return replace(backend, tls=replace(backend.plain, tls=context) if context else None)


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
    """The head of an HTTP request, and the target that it asks for."""

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
        named = re.search(rb"^host:([^\r\n]*)\r$", rest, re.IGNORECASE | re.MULTILINE)
        host, port = _split("//" + named[1].strip(b" \t").decode("latin-1") if named else "", 80)
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


async def _peek(connection: socket.socket, seen: bytes) -> bytes:
    """Return all that has come on a connection as soon as it is more than was seen, and leave it there.

    Raises:
        OSError: it ends there, or that is more than a head has.
    """
    # Until then the kernel says that there is nothing to read (socket(7), SO_RCVLOWAT).
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(seen) + 1)
    await readable(connection)
    received = connection.recv(MAX_HEAD, socket.MSG_PEEK)
    if len(received) <= len(seen):
        raise ConnectionError("the head of a request or the ClientHello is incomplete or too long")
    return received


def _peek_no_more(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


async def _refuse(connection: socket.socket, answer: bytes) -> None:
    """Answer, and read what the client still sends: a connection closed before that is reset, and the answer lost."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        async with asyncio.timeout(DRAIN_TIME):
            _peek_no_more(connection)
            await loop.sock_sendall(connection, answer)
            connection.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(connection, MAX_HEAD):
                pass
    connection.close()
