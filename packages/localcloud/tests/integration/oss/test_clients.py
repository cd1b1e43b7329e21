"""Clients that are slow, silent or too many: the others are served, and nothing burns."""

from __future__ import annotations

import asyncio
import http.client
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcloud.gateway.certificates import make_authority
from localcloud.gateway.gateway import Backend, Gateway
from localcloud.gateway.tls import ServerTls
from localcloud.kernel.clock import Clock
from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places
from localcloud.oss.api.application import create_app
from localcloud.oss.link import Link, Shape
from localcloud.oss.operations.service import OssService
from localcloud.ram import RamService
from tests.support import cloud as conftest
from tests.support.cloud import Cloud
from tests.support.waiting import wait_for

PATIENCE = 1.0  # seconds
HOST = "127.0.0.1"
DOMAIN = "oss-cn-hangzhou.aliyuncs.com"
NAME = f"open.{DOMAIN}"  # of the bucket
ASK = b"GET /large HTTP/1.1\r\nHost: %s\r\n\r\n" % NAME.encode()
LARGE = 64 * 1024 * 1024  # bytes: more than the kernel holds for a client that takes nothing


@dataclass
class Served:
    """An OSS in this process, with a public bucket, and a gateway to it."""

    service: OssService
    link: Link
    places: Places
    plain: int
    gateway: int

    def connect(self, port: int | None = None) -> socket.socket:
        return socket.create_connection((HOST, port or self.plain), timeout=20)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    account = Credential(
        access_key_id="id", access_key_secret="secret", identity=Identity(account_id="1111111111111111")
    )
    ram = RamService(tmp_path / "ram", account=account, clock=time.time)
    service = OssService(tmp_path / "oss", account_id="1111111111111111", region="cn-hangzhou", clock=time.time)
    service.buckets.create("open", acl="public-read-write")
    link = Link(Shape())
    authority = make_authority(tmp_path / "gateway", now=datetime.now(UTC))
    loop = asyncio.new_event_loop()
    places = Places(8)

    async def open_listeners() -> tuple[int, int, Callable[[], Coroutine[Any, Any, None]]]:
        application = create_app(
            service,
            credentials=ram,
            authorizer=ram,
            admin_token="secret",
            region="cn-hangzhou",
            link=link,
            clock=Clock(tmp_path / "clock.json"),
            machine_clock=time.time,
            reset=lambda _: None,
            serves=lambda host: host.endswith(DOMAIN),
        )
        listener = Listener(HOST, 0, places=places, patience=PATIENCE)
        await listener.open(application)
        server = listener.server
        backends = {"oss": Backend(plain=server, tls=replace(server, tls=ServerTls(authority, [NAME])))}
        gateway = Gateway(0, places=places, patience=PATIENCE)
        gateway.open(names={NAME: "oss"}, backends=backends)

        async def close() -> None:
            gateway.close()
            await listener.close()

        return listener.port, gateway.port, close

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    plain, through_gateway, close = asyncio.run_coroutine_threadsafe(open_listeners(), loop).result()
    yield Served(service, link, places, plain, through_gateway)
    asyncio.run_coroutine_threadsafe(close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    service.close()


def is_cut(connection: socket.socket, trickle: bytes = b"") -> bool:
    """Return True if the server ends the connection soon, although a byte of `trickle` goes out again and again."""
    deadline = time.monotonic() + 5 * PATIENCE
    while time.monotonic() < deadline:
        readable, _, _ = select.select([connection], [], [], PATIENCE / 4)
        try:
            if readable and not connection.recv(65536):
                return True
            if trickle:
                connection.sendall(trickle[:1])
                trickle = trickle[1:]
        except ConnectionError:
            return True
    return False


def test_a_client_that_says_nothing_is_cut(served: Served) -> None:
    with served.connect() as connection:
        assert is_cut(connection)


def test_a_store_that_is_held_holds_up_no_other_request(served: Served) -> None:
    served.service.objects.put("open", "small", b"content")
    ask = b"GET /small HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
    with served.connect() as waiting, served.connect() as other:
        with served.service.lock:  # as a change does while it is being made durable
            waiting.sendall(ask % NAME.encode())
            assert not select.select([waiting], [], [], 0.2)[0]
            other.sendall(ask % f"none.{DOMAIN}".encode())
            with other.makefile("rb") as answer:
                assert b" 404 " in answer.readline()
        with waiting.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\ncontent")


def client_hello() -> bytes:
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname=NAME).do_handshake()
    return sent.read()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        client_hello()[:50],
        client_hello(),
        b"CONNECT %s:443 HTTP/1.1\r\n\r\n" % NAME.encode(),
    ],
    ids=["nothing", "half a head", "half a ClientHello", "half a handshake", "no handshake"],
)
def test_a_client_of_the_gateway_that_stops_is_cut(served: Served, sent: bytes) -> None:
    with served.connect(served.gateway) as connection:
        connection.sendall(sent)
        assert is_cut(connection)


@pytest.mark.parametrize("sent", [ASK, client_hello()], ids=["http", "tls"])
def test_what_begins_a_connection_to_the_gateway_may_come_byte_by_byte(served: Served, sent: bytes) -> None:
    with served.connect(served.gateway) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(sent)):
            connection.sendall(sent[place : place + 1])
        assert connection.recv(4) in (b"HTTP", b"\x16\x03\x03\x00")


def test_a_head_that_comes_byte_by_byte_is_cut(served: Served) -> None:
    with served.connect() as connection:
        assert is_cut(connection, b"GET /open/a HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_a_body_that_stops_is_cut_and_leaves_nothing(served: Served, tmp_path: Path) -> None:
    with served.connect() as connection:
        connection.sendall(b"PUT /open/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n0123456789")
        assert is_cut(connection)
    wait_for(lambda: not list((tmp_path / "oss" / "data").iterdir()))


def take_all(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize("port", ["plain", "gateway"])
def test_an_answer_that_is_not_taken_is_cut(served: Served, port: str) -> None:
    served.service.objects.put("open", "large", b"x" * LARGE)
    with served.connect(getattr(served, port)) as connection:
        connection.sendall(ASK)
        select.select([], [], [], 4 * PATIENCE)  # a client that does something else
        with pytest.raises(ConnectionResetError):
            take_all(connection)


def test_slow_uploads_and_downloads_that_progress_are_served(served: Served) -> None:
    size = int(4 * PATIENCE / 0.2)
    connection = http.client.HTTPConnection(HOST, served.plain, timeout=20)
    connection.putrequest("PUT", "/open/a")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    for _ in range(size):
        select.select([connection.sock], [], [], 0.2)
        connection.send(b"x")
    assert connection.getresponse().status == 200
    connection.close()
    served.service.objects.put("open", "large", b"x" * LARGE)
    connection = http.client.HTTPConnection(HOST, served.plain, timeout=20)
    connection.request("GET", "/open/large")
    answer, received, begin = connection.getresponse(), 0, time.monotonic()
    while chunk := answer.read(LARGE // 20):
        received += len(chunk)
        select.select([], [], [], 0.15)  # a client that is busy with what it got
    assert (received, time.monotonic() - begin > 2 * PATIENCE) == (LARGE, True)
    connection.close()


def test_a_service_that_takes_its_time_is_waited_for(served: Served) -> None:
    served.service.objects.put("open", "a", b"1")
    served.link.set_shape(Shape(latency=3 * PATIENCE))
    connection = http.client.HTTPConnection(HOST, served.plain, timeout=20)
    connection.request("GET", "/open/a")
    assert connection.getresponse().read() == b"1"
    connection.close()


def test_more_clients_than_places_are_served_one_after_the_other(served: Served) -> None:
    served.service.objects.put("open", "a", b"1")
    answers: list[bytes] = []

    def work() -> None:
        connection = http.client.HTTPConnection(HOST, served.plain, timeout=20)
        for _ in range(3):
            connection.request("GET", "/open/a")
            answers.append(connection.getresponse().read())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"1"] * 120


@pytest.fixture
def confined(tmp_path: Path) -> Iterator[Cloud]:
    """An embedded cloud with 64 descriptors."""
    with conftest.few_descriptors(64):
        cloud = conftest.launch(tmp_path)
    yield cloud
    cloud.stop(signal.SIGTERM)


@pytest.mark.parametrize("name", ["oss", "gateway"])
def test_few_descriptors_serve_fewer_at_a_time_and_burn_nothing(confined: Cloud, name: str) -> None:
    bucket = confined.bucket("few")
    bucket.create_bucket()
    bucket.put_object("a", b"x" * 1000)
    log = confined.data / "stderr.log"
    address = urlsplit(confined.endpoints[name])
    before, size = confined.cpu_seconds, log.stat().st_size
    idle = [socket.create_connection((address.hostname, address.port)) for _ in range(200)]
    select.select([], [], [], 2)
    assert confined.cpu_seconds - before < 1
    for connection in idle:
        connection.close()
    answers: list[bytes] = []

    def work() -> None:
        own = confined.bucket("few")
        answers.extend(own.get_object("a").read() for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"x" * 1000] * 150
    assert log.stat().st_size - size < 10_000


def test_clients_that_stay_connected_through_the_gateway_leave_places(confined: Cloud) -> None:
    address = urlsplit(confined.endpoints["gateway"])
    kept = [socket.create_connection((address.hostname, address.port), timeout=20) for _ in range(100)]
    for connection in kept:
        connection.sendall(ASK)
    for connection in kept:
        with connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 404 Not Found\r\n"
    assert confined.bucket("few").create_bucket().status == 200
    for connection in kept:
        connection.close()
