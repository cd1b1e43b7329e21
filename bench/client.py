"""A client that costs little: requests that oss2 has signed before, sent as bytes over plain sockets, answers read and dropped."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn
from urllib.parse import urlencode

import oss2

Address = tuple[str, int]
_HEAD = 64 * 1024  # bytes, more than any answer's head has
_BUFFER = 1024 * 1024  # bytes received at a time


class _SignedRequest(Exception):  # noqa: N818 - no error: what oss2 would have sent
    def __init__(self, request: Any) -> None:  # noqa: ANN401 - oss2 has no types
        self.request = request


class _Recorder:
    """An `oss2.Session` that sends nothing."""

    def do_request(self, request: Any, timeout: object) -> NoReturn:  # noqa: ANN401 - likewise
        raise _SignedRequest(request)


def signed(bucket: oss2.Bucket, call: Callable[[oss2.Bucket], object]) -> bytes:
    """Return the bytes of the request that a call of oss2 would send, signed as the bucket's requests are."""
    recording = oss2.Bucket(bucket.auth, bucket.endpoint, bucket.bucket_name, session=_Recorder(), region=bucket.region)
    try:
        call(recording)
    except _SignedRequest as caught:
        request = caught.request
    target = request.url.partition("://")[2]
    host, _, path = target.partition("/")
    query = urlencode(request.params)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "accept-encoding"}
    head = [f"{request.method} /{path}{'?' + query if query else ''} HTTP/1.1", f"Host: {host}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode()


def answers(address: Address) -> bool:
    """Return True if something accepts connections there."""
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def send_all(address: Address, requests: Sequence[bytes], *, connections: int) -> float:
    """Send requests in order over some connections at once, each waiting for its answer, and return the seconds that it took.

    Raises:
        RuntimeError: an answer was no success.
    """
    shares = [requests[index::connections] for index in range(connections)]
    begin = time.perf_counter()
    if connections == 1:
        _send(address, requests)
    else:
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda share: _send(address, share), shares))
    return time.perf_counter() - begin


def _send(address: Address, requests: Sequence[bytes]) -> None:
    buffer = bytearray(_BUFFER)
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            connection.sendall(request)
            _read_answer(connection, buffer)


def _read_answer(connection: socket.socket, buffer: bytearray) -> None:
    got = 0
    while (end := buffer.find(b"\r\n\r\n", 0, got)) < 0:
        more = connection.recv_into(memoryview(buffer)[got:_HEAD])
        if not more:
            raise RuntimeError(f"the connection ended within an answer: {bytes(buffer[:got])!r}")
        got += more
    head = bytes(buffer[:end]).lower()
    if not head.startswith((b"http/1.1 200", b"http/1.1 206")):
        raise RuntimeError(f"not the answer that was expected: {bytes(buffer[:got])!r}")
    left = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]) - (got - end - 4)
    while left:
        more = connection.recv_into(buffer, min(left, _BUFFER))
        if not more:
            raise RuntimeError("the connection ended within a body")
        left -= more
