"""The loader's HTTP client, against a server that says what a test wants."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

import certifi
import pytest

from heavylift.runtime.answers import ProtocolError
from heavylift.runtime.connections import Answer, Connections, InsecureError
from localcloud.gateway.certificates import make_authority, make_server_context

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "e"\r\n\r\nbody'
CHUNKED = b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nbod\r\n1\r\ny\r\n0\r\nTrailer: t\r\n\r\n"


class Served:
    """What a server was asked on each of its connections, and where it listens."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[list[bytes]] = []
        self.closed = threading.Semaphore(0)  # once for each connection


@contextmanager
def serving(*connections: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Answer the requests of each connection with its answers, in turn, and then close it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(listener.getsockname()[1])

        def serve() -> None:
            for answers in connections:
                connection = listener.accept()[0]
                served.asked.append([])
                with suppress(OSError), tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
                    for answer in answers:
                        served.asked[-1].append(stream.recv(65536))
                        stream.sendall(answer)
                served.closed.release()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield served
        thread.join(5)


def ask(connections: Connections, path: str = "/key") -> Answer:
    return connections.ask(path, {"Range": "bytes=0-3"}, connect=5, seconds=5)()


def to(served: Served) -> Connections:
    return Connections("127.0.0.1", served.port, size=4, authorities=None)


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["of a length", "in chunks"])
@pytest.mark.parametrize("size", [1, 3, 65536])
def test_a_connection_whose_answer_was_read_is_used_again(answer: bytes, size: int) -> None:
    with serving([answer, answer]) as served:
        connections = to(served)
        for _ in range(2):
            found = ask(connections)
            body = b""
            while part := found.read1(size):
                body += part
            assert body == b"body"
        assert len(served.asked) == 1
        lines = served.asked[0][0].split(b"\r\n")
        assert lines[0] == b"GET /key HTTP/1.1"
        assert {f"Host: 127.0.0.1:{served.port}".encode(), b"Accept-Encoding: identity", b"Range: bytes=0-3"} <= {
            *lines
        }


def test_a_connection_that_the_server_closed_or_will_close_is_not_used_again() -> None:
    last = PLAIN.replace(b"ETag", b"Connection: close\r\nETag")
    endless = b"HTTP/1.1 206 Partial\r\n\r\nbody"
    old = PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0")
    with serving([PLAIN], [last], [endless], [old], [PLAIN]) as served:
        connections = to(served)
        for _ in range(5):
            assert ask(connections).read(100) == b"body"
            assert served.closed.acquire(timeout=5)
    assert [len(each) for each in served.asked] == [1, 1, 1, 1, 1]


def test_an_answer_that_is_not_read_ends_its_connection() -> None:
    with serving([PLAIN], [PLAIN]) as served:
        connections = to(served)
        ask(connections).close()
        found = ask(connections)
        assert found.read(2) == b"bo"
        found.close()
    assert [len(each) for each in served.asked] == [1, 1]


def test_headers_are_found_whatever_their_case_and_interim_answers_are_passed_over() -> None:
    with serving([b"HTTP/1.1 100 Continue\r\nLink: x\r\n\r\n" + PLAIN]) as served:
        found = ask(to(served))
        assert (found.status, found.headers["etag"], "link" in found.headers) == (200, '"e"', False)
        found.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 2\xb2\xb2 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 65536 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (101) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nno name\r\n\r\n",
        PLAIN.replace(b"4", b"9"),
        PLAIN.replace(b"4", b"four"),
        CHUNKED.replace(b"3;", b"q;"),
        CHUNKED.replace(b"3;", b"2;"),
        CHUNKED.partition(b"0\r\n")[0],
    ],
)
def test_what_is_no_answer_is_refused(answer: bytes) -> None:
    with serving([answer]) as served, pytest.raises(ProtocolError), closing(ask(to(served))) as found:
        found.read(100)


def test_an_answer_without_a_body_ends_with_its_head() -> None:
    with serving([b"HTTP/1.1 204 No Content\r\n\r\n", PLAIN]) as served:
        connections = to(served)
        assert [ask(connections).read(100) for _ in range(2)] == [b"", b"body"]
    assert [len(each) for each in served.asked] == [2]


def test_a_line_end_in_a_request_is_refused() -> None:
    with serving() as served, pytest.raises(ProtocolError):
        ask(to(served), "/key HTTP/1.1\r\nX: y")


def test_a_host_without_tls_is_not_spoken_to_in_the_clear() -> None:
    with serving([PLAIN]) as served, pytest.raises(InsecureError):
        ask(Connections("127.0.0.1", served.port, size=1, authorities=certifi.where()))


def test_over_tls_an_answer_comes_from_the_host_that_the_certificate_names_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(timezone.utc)
    authority = make_authority(tmp_path, now=now)
    context = make_server_context(authority, ["bucket.oss-cn-hangzhou.aliyuncs.com"], now=now)
    connect = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda to, seconds: connect(("127.0.0.1", to[1]), seconds))

    def secure(bucket: str, authorities: Path | str) -> Connections:
        host = f"{bucket}.oss-cn-hangzhou.aliyuncs.com"
        return Connections(host, served.port, size=1, authorities=str(authorities))

    with serving([PLAIN, PLAIN], [PLAIN], [PLAIN], tls=context) as served:
        connections = secure("bucket", authority.path)
        assert [ask(connections).read(100) for _ in range(2)] == [b"body", b"body"]
        for connections in (secure("other", authority.path), secure("bucket", certifi.where())):
            with pytest.raises(InsecureError):
                ask(connections)
    assert [len(each) for each in served.asked] == [2, 0, 0]
